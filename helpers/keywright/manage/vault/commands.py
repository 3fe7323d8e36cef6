"""`keywright vault …`: the table of its commands."""

import os
from typing import Final

import click

from keywright.manage.completion.offers import vault_names
from keywright.manage.terminal import Asking, show_line, show_secret

_KINDS: Final = click.Choice(["file", "passphrase", "keyring"])
_KEY: Final = "Where the key comes from: a file beside the vault, a passphrase, or the OS keyring."
_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group()
def vault() -> None:
    """Keep long-lived secrets encrypted. Secrets are read from a prompt or standard input, never from arguments."""


@vault.command()
@_JSON
def status(as_json: bool) -> None:  # noqa: FBT001 - click passes flags by name
    """Show where the vault is, what its key is, and whether it is locked."""
    from keywright.manage.vault.status import show

    show_line(show(os.environ, as_json=as_json))


@vault.command()
@click.option("--key", "kind", type=_KINDS, default="file", show_default=True, help=_KEY)
def init(kind: str) -> None:
    """Make an empty vault."""
    from keywright.manage.vault.key import init

    show_line(init(kind, os.environ, Asking()))


@vault.command("change-password")
@click.option("--key", "kind", type=_KINDS, help=f"{_KEY} Without it: as it is.")
def change_password(kind: str | None) -> None:
    """Encrypt everything anew, under a new key. The vault's passphrase and the new one are asked for, in this order."""
    from keywright.manage.vault.key import change

    show_line(change(kind, os.environ, Asking()))


@vault.command()
@click.option("--idle", default="15m", show_default=True, help="Lock it again when it was not used for so long.")
@click.option("--for", "total", default="8h", show_default=True, help="Lock it again after so long in any case.")
def unlock(idle: str, total: str) -> None:
    """Hold the vault's key in memory for a while."""
    from keywright.manage.vault.key import unlock

    show_line(unlock(idle, total, os.environ, Asking()))


@vault.command()
def lock() -> None:
    """Hold the vault's key no longer."""
    from keywright.manage.vault.key import lock

    show_line(lock(os.environ))


@vault.command("list")
@_JSON
def list_(as_json: bool) -> None:  # noqa: FBT001 - click passes flags by name
    """List the names of what is in the vault. Never a secret."""
    from keywright.manage.vault.secrets import listed

    for line in listed(os.environ, as_json=as_json):
        show_line(line)


@vault.command()
@click.argument("name", shell_complete=vault_names)
@click.option("--reveal", is_flag=True, help="Print it even on a terminal.")
def get(name: str, reveal: bool) -> None:  # noqa: FBT001 - click passes flags by name
    """Print one secret."""
    from keywright.manage.vault.secrets import get

    show_secret(get(name, os.environ), is_revealed=reveal)


@vault.command("set")
@click.argument("name", shell_complete=vault_names)
def set_(name: str) -> None:
    """Keep a secret under a name, in place of one that may be there."""
    from keywright.manage.vault.secrets import put

    put(name, os.environ, Asking())


@vault.command()
@click.argument("name", shell_complete=vault_names)
def remove(name: str) -> None:
    """Forget one secret."""
    from keywright.manage.vault.secrets import remove

    remove(name, os.environ)
