"""The words that schemas are written in.

A published schema allows fields that it does not name: a later keywright may print more of them under the same version.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

Schema = dict[str, Any]
_NONE: Final[Mapping[str, Schema]] = MappingProxyType({})


def text(what: str = "") -> Schema:
    """Return the schema of a string."""
    return _about({"type": "string"}, what)


def whole(what: str = "", *, at_least: int | None = None) -> Schema:
    """Return the schema of a whole number."""
    bound = {} if at_least is None else {"minimum": at_least}
    return _about({"type": "integer", **bound}, what)


def flag(what: str = "") -> Schema:
    """Return the schema of true or false."""
    return _about({"type": "boolean"}, what)


def always(value: object) -> Schema:
    """Return the schema of one value."""
    return {"const": value}


def instant(what: str = "") -> Schema:
    """Return the schema of an instant, RFC 3339 in UTC."""
    return _about({"type": "string", "format": "date-time", "pattern": "Z$"}, what)


def one_of(words: Iterable[str], what: str = "") -> Schema:
    """Return the schema of one of some words."""
    return _about({"enum": list(words)}, what)


def maybe(schema: Schema) -> Schema:
    """Return the schema of the same, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def each(schema: Schema, what: str = "") -> Schema:
    """Return the schema of an array."""
    return _about({"type": "array", "items": schema}, what)


def by_name(schema: Schema, names: Iterable[str] | None = None, what: str = "") -> Schema:
    """Return the schema of an object that has such a value for each of any names, or of these."""
    named = {} if names is None else {"propertyNames": {"enum": list(names)}}
    return _about({"type": "object", "additionalProperties": schema, **named}, what)


def record(fields: Mapping[str, Schema], optional: Mapping[str, Schema] = _NONE, what: str = "") -> Schema:
    """Return the schema of an object that has all of the fields, and may have the optional ones."""
    properties = {**fields, **optional}
    return _about({"type": "object", "properties": properties, "required": list(fields)}, what)


def _about(schema: Schema, what: str) -> Schema:
    return {**schema, "description": what} if what else schema
