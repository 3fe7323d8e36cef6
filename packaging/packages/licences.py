"""The licences of what others made and the bundle holds, in one text."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from components import Component

_RULE: Final = "=" * 78
_HEAD: Final = """\
keywright itself is licensed under the Apache License 2.0 (LICENSE). This bundle also holds what follows, each under its
own licence: its SPDX expression, and its text where it came with one.
"""


def write_licences(components: Sequence[Component], into: Path) -> None:
    """Write it."""
    into.write_text("\n".join(_parts(components)), encoding="utf-8")


def _parts(components: Sequence[Component]) -> Iterator[str]:
    yield _HEAD
    for component in components:
        inside = f", compiled into {component.part_of}" if component.part_of else ""
        about = f"{component.name} {component.version}".rstrip()
        yield f"{_RULE}\n{about}{inside}\n{component.licence}\n{component.purl}\n"
        for text in component.texts:
            yield f"{text.strip()}\n"
