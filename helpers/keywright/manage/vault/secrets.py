"""A person's own secrets in the vault: named, put, given back and removed."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

from keywright.errors import CredentialNotFound, UsageError
from keywright.log import one_line
from keywright.manage.terminal import Asking
from keywright.secret import Secret
from keywright.vault.vault import open_vault

SCHEMA: Final = 1
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_OTHERS: Final = {
    "git ": "git keeps it here: `git credential fill` gives it back",
    "docker ": "docker keeps it here: `docker-credential-keywright get` gives it back",
    "install ": "`keywright uninstall` gives it back",
    "profiles ": "`keywright profile export` gives one back",
}
"""Whose the other records are, by the beginning of their names, and how to get at them."""


def listed(env: Mapping[str, str], *, as_json: bool) -> Iterator[str]:
    """Yield the names in the vault, one line each; or one JSON document, with where each belongs.

    Raises:
        VaultLocked: it is locked.
        VaultUnusable: it is damaged or cannot be trusted.
    """
    records = open_vault(env).open()
    if as_json:
        rows = [{"name": name, "place": records.place(name)} for name in records.names()]
        yield json.dumps({"schema": SCHEMA, "records": rows}, indent=2)
    else:
        yield from map(one_line, records.names())


def get(name: str, env: Mapping[str, str]) -> Secret:
    """Return a secret of the person's own.

    Raises:
        UsageError: the name is none of a person's own.
        CredentialNotFound: there is none of that name.
        VaultLocked: the vault is locked.
        VaultUnusable: it is damaged or cannot be trusted.
    """
    _check(name)
    record = open_vault(env).open().get(name)
    if record is None:
        raise _missing(name, f"`keywright vault set {name}` puts one there")
    return record.secret


def put(name: str, env: Mapping[str, str], asking: Asking) -> None:
    """Ask for a secret and keep it under the name.

    Raises:
        UsageError: the name is none of a person's own, or the secret is empty or too long.
        VaultLocked: the vault is locked.
        VaultUnusable: it is damaged, cannot be trusted or cannot be written.
        Busy: other processes kept the vault locked for too long.
    """
    _check(name)
    vault = open_vault(env)
    if asking.is_on_terminal:
        vault.open()  # nobody should type a secret for nothing
    secret = asking.new(f"Secret {name}: ")
    if not secret:
        raise UsageError("an empty secret is none", mend=f"`keywright vault remove {name}` forgets one")
    with vault.edit() as records:
        records.put(name, secret)


def remove(name: str, env: Mapping[str, str]) -> None:
    """Forget what has this name, whosever it is.

    Raises:
        CredentialNotFound: nothing has.
        VaultLocked: the vault is locked.
        VaultUnusable: it is damaged, cannot be trusted or cannot be written.
        Busy: other processes kept the vault locked for too long.
    """
    with open_vault(env).edit() as records:
        if not records.remove(name):
            raise _missing(name, "`keywright vault list` shows what there is")


def _check(name: str) -> None:
    for beginning, how in _OTHERS.items():
        if name.startswith(beginning):
            raise UsageError(f"`{name}` is no secret of your own", mend=how)
    if not _NAME.fullmatch(name):
        raise UsageError("a secret's name has at most 128 letters, digits, `.`, `_` and `-`, the first no sign")


def _missing(name: str, mend: str) -> CredentialNotFound:
    return CredentialNotFound(f"the vault has nothing named `{name}`", mend=mend)
