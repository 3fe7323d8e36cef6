"""The `keywright schema` command."""

import json

import click

from keywright.manage.completion.offers import document_names
from keywright.manage.terminal import show_line


@click.command(short_help="Print the JSON Schema of a --json document.")
@click.argument("command", nargs=-1, metavar="[COMMAND]", shell_complete=document_names)
def schema(command: tuple[str, ...]) -> None:
    """Print the JSON Schema of what a COMMAND prints with --json, such as `profile show`; without one, their names."""
    from keywright.manage.schema.documents import DOCUMENTS, schema_of

    if not command:
        for name in sorted(DOCUMENTS):
            show_line(name)
        return
    show_line(json.dumps(schema_of("-".join(command)), indent=2))
