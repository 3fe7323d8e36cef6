"""What `--json` prints, held against the schema that is published of it; in tests no field may be there unannounced."""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

import click
from jsonschema import Draft202012Validator, FormatChecker

from keywright.manage.cli import keywright
from keywright.manage.schema.documents import schema_of

FORMATS = FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)
def _is_instant(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def name_of(args: Sequence[str]) -> str:
    """Return the document's name, from the words of a command line."""
    words: list[str] = []
    command: click.Command = keywright
    for arg in args:
        if not isinstance(command, click.Group) or arg not in command.commands:
            break
        command = command.commands[arg]
        words.append(arg)
    return "-".join(words)


def is_document(args: Sequence[str]) -> bool:
    """Whether the command line asks for one."""
    return "--json" in args or (args[:1] == ("resolve",) and "--all" in args)


def check_document(args: Sequence[str], stdout: str) -> None:
    """Fail unless what a command printed is of its schema, and nothing else is in it."""
    if is_document(args) and stdout:
        errors = [
            f"{error.json_path}: {error.message}" for error in validator(name_of(args)).iter_errors(json.loads(stdout))
        ]
        assert not errors, f"{args} printed {stdout}, which its schema does not know: {errors}"


@cache
def validator(name: str) -> Draft202012Validator:
    """Return what checks documents of the name, every object closed."""
    schema = schema_of(name)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(closed(schema), format_checker=FORMATS)


def closed(schema: Any) -> Any:
    """Return the schema with no room for a field that it does not name."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(value) for key, value in schema.items()}
    is_record = isinstance(schema.get("properties"), dict) and schema.get("type") == "object"
    return inner | {"additionalProperties": False} if is_record else inner
