"""The vault, its key, the OS keyring, and whether anybody can be asked."""

import os
from collections.abc import Iterator
from typing import assert_never

from keywright.cache.folder import PrivateFolder
from keywright.errors import KeywrightError, Unavailable, VaultLocked
from keywright.manage.doctor.finding import Finding, error, note, ok, warning
from keywright.manage.doctor.scene import Scene
from keywright.prompt import find_ask
from keywright.vault.keys import Kind, kind_of
from keywright.vault.vault import Vault, as_vault, open_vault


def look_at_vault(scene: Scene) -> Iterator[Finding]:
    """Read the vault, and see whether its key is at hand."""
    vault = open_vault(scene.env)
    try:
        document = vault.read()
        if document is None:
            yield from _look_at_none(vault)
            return
        kind = kind_of(vault.path, document)
    except KeywrightError as failure:
        yield error("vault-unusable", failure.what, failure.mend or "keywright vault status")
        return
    try:
        match kind:
            case Kind.FILE:
                vault.open(document)
                yield ok("vault-open", f"{vault.path} opens with the key file beside it")
                what = "whoever reads the vault's folder reads the vault"
                yield note("vault-in-clear", what, "keywright vault change-password --key passphrase")
            case Kind.PASSPHRASE:
                yield from _look_whether_held(vault, document.id)
            case Kind.KEYRING:
                vault.open(document)
                yield ok("vault-open", f"{vault.path} opens with the key in the OS keyring")
            case _:
                assert_never(kind)
    except VaultLocked as failure:
        yield warning("vault-locked", failure.what, failure.mend)
    except Unavailable as failure:
        yield error("keyring-unavailable", failure.what, failure.mend or "try again")
    except KeywrightError as failure:
        yield error("vault-unusable", failure.what, failure.mend or "keywright vault status")


def _look_at_none(vault: Vault) -> Iterator[Finding]:
    from keywright.vault.vault import KIND_MARK

    if os.path.exists(f"{vault.folder}/{KIND_MARK}"):
        what = f"the vault {vault.path} is missing, which was not under a key file"
        yield error("vault-lost", what, "restore it, or `keywright vault init --key passphrase`")
    else:
        yield ok("vault-absent", "there is no vault yet; the first secret makes one")


def _look_whether_held(vault: Vault, vault_id: str) -> Iterator[Finding]:
    """Ask how long the key is held, which is no use of it: a look must not keep a vault open."""
    from keywright.vault.held import time_left

    with as_vault():
        left = time_left(PrivateFolder.open(vault.folder), vault_id)
    if left is None:
        yield warning("vault-locked", f"{vault.path} is locked: its passphrase is wanted", "keywright vault unlock")
    else:
        yield ok("vault-open", f"{vault.path} is unlocked")


def look_at_keyring(scene: Scene) -> Iterator[Finding]:
    """See whether the OS keyring answers, where the library for it is installed."""
    from importlib.util import find_spec

    if find_spec("keyring") is None:
        return
    from keywright.vault import os_keyring

    try:
        os_keyring.read("0" * 32, scene.env)
    except VaultLocked as failure:
        yield note("keyring-locked", failure.what.removesuffix(", and with it the vault"), failure.mend)
    except Unavailable as failure:
        yield note("keyring-silent", failure.what, failure.mend)
    except KeywrightError:  # it has no key of that name
        yield ok("keyring-answers", "the OS keyring answers")


def look_for_person(scene: Scene) -> Iterator[Finding]:
    """Say whether a person could be asked for a code or a passphrase from here."""
    if find_ask(scene.env) is not None:
        yield ok("person-there", "you can be asked here, for a code or a passphrase")
    elif scene.env.get("CI"):
        yield note("person-absent", "nobody is asked anything here: CI is set")
    else:
        yield note("person-absent", "nobody can be asked here: there is no terminal of your own")
