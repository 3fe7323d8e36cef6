"""YAML for a person to read, in kubectl's layout. Nothing ever reads it back."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

_BARE: Final = re.compile(r"[A-Za-z0-9<./][A-Za-z0-9 <>…,@:/._=+-]*")
_NOT_TEXT: Final = re.compile(r"(?i:null|true|false|yes|no|on|off|[0-9.]+)|.*: .*|.*[ :]")


def as_yaml(value: Mapping[str, object]) -> list[str]:
    """Return the lines of a mapping, its keys sorted."""
    return list(_lines(value))


def _lines(value: Mapping[str, object]) -> Iterator[str]:
    for key, member in sorted(value.items()):
        if isinstance(member, Mapping) and member:
            yield f"{_text(key)}:"
            yield from (f"  {line}" for line in _lines(member))
        elif isinstance(member, list) and member:
            yield f"{_text(key)}:"
            for item in member:
                rows = list(_lines(item)) if isinstance(item, Mapping) and item else [_text(item)]
                yield f"- {rows[0]}"
                yield from (f"  {row}" for row in rows[1:])
        else:
            yield f"{_text(key)}: {_text(member)}"


def _text(value: object) -> str:
    if isinstance(value, str) and _BARE.fullmatch(value) and not _NOT_TEXT.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=False)
