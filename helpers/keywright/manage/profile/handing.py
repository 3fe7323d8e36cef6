"""The `keywright profile` commands through which secrets come in and go out."""

import os
from datetime import UTC, datetime
from typing import Final

import click

from keywright.manage.completion.offers import known_ids, modes, possible_ids, secret_references
from keywright.manage.profile.told import done, failing
from keywright.manage.terminal import Asking, show_line

_NEW_ID: Final = click.argument("id_", metavar="ID", shell_complete=possible_ids)
_PRIORITY: Final = click.option("--priority", type=int, metavar="N", help="Higher is offered first.")
_FORCE: Final = click.option("--force", is_flag=True, help="Replace what is there.")
_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.command()
@_NEW_ID
@click.option("--mode", shell_complete=modes, help="How it proves who it is: api_key, oauth, token, minted or static.")
@_PRIORITY
@click.option("--expires-at", default="", metavar="RFC3339", help="When a token expires.")
@click.option(
    "--key-ref",
    default="",
    metavar="vault://NAME",
    shell_complete=secret_references,
    help="Where the vault has the secret already.",
)
@click.option("--username", default="", help="The user name that goes with it.")
@click.option("--host", "hosts", multiple=True, metavar="HOST", help="The only host it may be sent to; repeatable.")
@click.option(
    "--fallback",
    multiple=True,
    metavar="ID",
    shell_complete=known_ids,
    help="A profile that may stand in for it; repeatable.",
)
@click.option(
    "--set", "options", multiple=True, metavar="KEY=VALUE", help="One that config.toml is to hold; repeatable."
)
@click.option("--disabled", is_flag=True, help="Do not use it yet.")
@_FORCE
@_JSON
def add(  # noqa: PLR0917 - click passes them by name
    id_: str,
    mode: str | None,
    priority: int | None,
    expires_at: str,
    key_ref: str,
    username: str,
    hosts: tuple[str, ...],
    fallback: tuple[str, ...],
    options: tuple[str, ...],
    disabled: bool,  # noqa: FBT001 - the same
    force: bool,  # noqa: FBT001 - the same
    as_json: bool,  # noqa: FBT001 - the same
) -> None:
    """Add a profile. Its secret is read from a prompt or standard input, never from arguments."""
    from keywright.manage.profile.adding import add
    from keywright.manage.profile.wish import Wish

    wish = Wish(
        id=id_,
        mode=mode,
        priority=priority,
        expires_at=expires_at,
        key_ref=key_ref,
        username=username,
        hosts=hosts,
        fallback=fallback,
        options=options,
        is_disabled=disabled,
        is_forced=force,
    )
    with failing(as_json=as_json):
        added = add(wish, os.environ, datetime.now(UTC), Asking())
        show_line(done(added, f"added {added}", as_json=as_json))


@click.command()
@click.argument("id_", metavar="ID", shell_complete=known_ids)
@click.option("--reveal", is_flag=True, help="Write the secrets too.")
@click.option("--output", type=click.Path(), metavar="FILE", help="Write to a file, readable by you alone.")
@_FORCE
@_JSON
def export(id_: str, reveal: bool, output: str | None, force: bool, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by name
    """Write what a profile holds as JSON, without its secrets unless they are asked for."""
    from keywright.manage.profile.transfer import export

    with failing(as_json=as_json):
        now = datetime.now(UTC)
        export(id_, output, os.environ, now, is_revealed=reveal, is_forced=force, as_json=as_json)


@click.command("import")
@_NEW_ID
@click.argument("file", type=click.Path(), required=False)
@click.option(
    "--mode", default="", shell_complete=modes, help="How it proves who it is: api_key, oauth, token, minted or static."
)
@_PRIORITY
@_FORCE
@_JSON
def import_(  # noqa: PLR0917 - click passes them by name
    id_: str,
    file: str | None,
    mode: str,
    priority: int | None,
    force: bool,  # noqa: FBT001 - the same
    as_json: bool,  # noqa: FBT001 - the same
) -> None:
    """Add a profile that `export --reveal` wrote, from FILE or standard input."""
    from keywright.manage.profile.transfer import import_

    with failing(as_json=as_json):
        now = datetime.now(UTC)
        added = import_(id_, mode, file, os.environ, now, priority=priority, is_forced=force)
        show_line(done(added, f"added {added}", as_json=as_json))
