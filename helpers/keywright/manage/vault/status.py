"""`keywright vault status`: where the vault is, what opens it, and whether it is open.

    $ keywright vault status
    vault    /home/ann/.local/share/keywright/vault
    key      passphrase
    state    unlocked, for 7h 59m, or until it is not used for 14m 3s

With `--json` the same facts in one object; spans are whole seconds, and what is not known is null.
"""

import json
from collections.abc import Mapping
from typing import Final, NamedTuple

from keywright.cache.folder import PrivateFolder
from keywright.errors import Unavailable, VaultLocked
from keywright.log import one_line
from keywright.manage.span import span
from keywright.vault.keys import Kind, kind_of
from keywright.vault.limits import Left
from keywright.vault.vault import Vault, as_vault, open_vault

SCHEMA: Final = 1


class _State(NamedTuple):
    """What there is to say; `kind` is None where there is no vault, `records` and `left` where nobody knows."""

    path: str
    kind: Kind | None
    word: str
    why: str = ""
    records: int | None = None
    left: Left | None = None


def show(env: Mapping[str, str], *, as_json: bool) -> str:
    """Return the few lines, or the JSON document.

    Raises:
        VaultUnusable: the vault is damaged, a newer keywright's, or cannot be trusted.
    """
    state = _look(open_vault(env))
    left = state.left
    if as_json:
        facts = {
            "schema": SCHEMA,
            "path": state.path,
            "key": state.kind.value if state.kind else None,
            "state": state.word,
            "why": state.why or None,
            "locks_in_s": int(left.total_s) if left else None,
            "locks_idle_in_s": int(left.idle_s) if left else None,
            "records": state.records,
        }
        return json.dumps(facts, indent=2)
    if state.kind is None:
        return f"there is no vault at {one_line(state.path)}; the first secret makes one, or `keywright vault init`"
    until = f", for {span(left.total_s)}, or until it is not used for {span(left.idle_s)}" if left else ""
    why = f" ({state.why})" if state.why else ""
    lines = [("vault", state.path), ("key", state.kind.value), ("state", f"{state.word}{until}{why}")]
    if state.records is not None:
        lines.append(("records", str(state.records)))
    return "\n".join(f"{head:<7}  {one_line(text)}" for head, text in lines)


def _look(vault: Vault) -> _State:
    document = vault.read()
    if document is None:
        return _State(vault.path, None, "none")
    kind, left = kind_of(vault.path, document), None
    try:
        if kind is not Kind.FILE:
            from keywright.vault.held import time_left

            with as_vault():
                left = time_left(PrivateFolder.open(vault.folder), document.id)
            if left is None and kind is Kind.PASSPHRASE:
                return _State(vault.path, kind, "locked")
        # To open it would be use of a held key, and whoever looks on every prompt would keep it from being locked.
        records = None if left else len(vault.open().names())
        return _State(vault.path, kind, "unlocked", records=records, left=left)
    except (VaultLocked, Unavailable) as error:
        return _State(vault.path, kind, "locked", why=str(error))
