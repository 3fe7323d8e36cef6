"""The tables of `config.toml` as text: one put in or taken out, and no comment lost that is about something else.

A parser takes what stands between two tables for the end of the first:

    [profiles."aws-ecr:a"]
    region = "eu-central-1"
    # of a itself, because no blank line parts them

    # ---- and this is what follows ----
    [[routes]]
"""

import secrets
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

import tomlkit
from tomlkit.items import Item, Key, Table, Whitespace

_PROFILES: Final = "profiles"

Body = list[tuple[Key | None, Item]]
"""What a table holds: its keys with their values, and comments and blank lines without keys."""


def place_in(profiles: MutableMapping[str, Any], name: str, content: Mapping[str, Any]) -> None:
    """Put a table among the profiles: in the place of the one of its name, else as the last."""
    made = _as_toml(content)
    found = profiles.get(name)
    if isinstance(found, Table):
        _refill(found, made, _take_end(found, is_all=True))
        return
    if found is not None:
        del profiles[name]
    elif isinstance(profiles, Table) and profiles:
        made.value.body.extend(_take_end(list(profiles.values())[-1], is_all=False))
    profiles[name] = made


def text_without(document: tomlkit.TOMLDocument, name: str) -> str:
    """Return the document without one profile."""
    profiles: Any = document[_PROFILES]
    end = _take_end(profiles[name], is_all=True)
    if not end:
        del profiles[name]
        if not profiles and getattr(profiles, "is_super_table", bool)():
            del document[_PROFILES]
        return tomlkit.dumps(document)
    mark = f"# {secrets.token_hex(16)}"
    _refill(profiles[name], {}, end)
    profiles[name].trivia.comment_ws, profiles[name].trivia.comment = " ", mark
    return "".join(line for line in tomlkit.dumps(document).splitlines(keepends=True) if mark not in line)


def _take_end(table: object, *, is_all: bool) -> Body:
    """Take from a table what is about what follows: all from its first blank line after its last key on.

    Without such a line nobody can tell, and nothing is taken, unless all of it is to be kept.
    """
    if not isinstance(table, Table):
        return []
    body = table.value.body
    last = max((index for index, (key, _) in enumerate(body) if key is not None), default=-1)
    if last >= 0 and isinstance(body[last][1], Table):
        return _take_end(body[last][1], is_all=is_all)
    blank = (index for index in range(last + 1, len(body)) if _is_blank(body[index][1]))
    start = next(blank, last + 1 if is_all else len(body))
    end = body[start:]
    del body[start:]
    return end


def _refill(table: Table, content: Mapping[str, Any], end: Body) -> None:
    """Change what a table holds where it stands: one that takes another's place gets blank lines around it."""
    for key in list(table):
        table.remove(key)
    table.value.body.clear()
    for key, value in content.items():
        table.add(key, value)
    table.value.body.extend(end)


def _is_blank(item: Item) -> bool:
    return isinstance(item, Whitespace) and "\n" in item.as_string()


def _as_toml(content: Mapping[str, Any]) -> Table:
    made = tomlkit.table()
    for key, value in content.items():
        if isinstance(value, Mapping):
            inline = tomlkit.inline_table()
            inline.update(value)
            made[key] = inline
        else:
            made[key] = value
    return made
