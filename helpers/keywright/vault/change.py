"""A vault's keys: made, changed, and taken out to be held.

Whatever happens on the way, there is one vault and the key that opens it: first the new key is put where it belongs,
then the vault is replaced, in one step, and only then what opened the old one is removed.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, NamedTuple, assert_never

from keywright.cache.folder import PrivateFolder
from keywright.errors import Busy, KeywrightError, UsageError
from keywright.secret import Secret
from keywright.vault import held, keys, os_keyring
from keywright.vault.document import Document
from keywright.vault.keys import Kind
from keywright.vault.limits import Left
from keywright.vault.records import Records
from keywright.vault.rekey import create
from keywright.vault.seal import KEY_BYTES
from keywright.vault.unlocking import data_key
from keywright.vault.vault import KIND_MARK, Vault, as_vault

NO_PASSPHRASE: Final = Secret("")


class Key(NamedTuple):
    """What wraps a data key.

    Attributes:
        kind: where it comes from.
        passphrase: the passphrase, where it is one.
        keyring_wait_s: how long the OS keyring may take, which may have to ask a person.
    """

    kind: Kind
    passphrase: Secret = NO_PASSPHRASE
    keyring_wait_s: float = os_keyring.DEADLINE_S


def no_vault() -> UsageError:
    """Return the failure of a command that needs a vault where there is none."""
    return UsageError("there is no vault yet", mend="make one with `keywright vault init`")


def make(vault: Vault, new: Key, env: Mapping[str, str]) -> None:
    """Make an empty vault.

    Raises:
        UsageError: there is one, or the passphrase is empty.
        VaultUnusable: it cannot be made.
        VaultLocked: the OS keyring is locked.
        Unavailable: the OS keyring cannot be asked.
        Busy: other processes kept the vault locked for too long.
    """
    with as_vault(), vault.locked() as folder:
        if vault.read() is not None:
            raise UsageError(
                f"there is a vault already, {vault.path}", mend="`keywright vault change-password` gives it another key"
            )
        _put(vault, folder, Records(vault.path), new, 0, env=env)


def change(vault: Vault, vault_id: str, old: Key, new: Key, env: Mapping[str, str]) -> None:
    """Seal everything in the vault of that id anew, and end whoever holds its old key.

    Raises:
        WrongPassphrase: nothing was changed; so with all others.
        UsageError: the new passphrase is empty.
        VaultUnusable: the vault is damaged, cannot be trusted or cannot be written.
        VaultLocked: the OS keyring is locked.
        Unavailable: the OS keyring cannot be asked.
        Busy: other processes kept the vault locked for too long, or changed its key meanwhile.
    """
    with as_vault(), vault.locked() as folder:
        document = _document(vault, vault_id)
        records = Records(vault.path, document, _open(vault, folder, document, old, env))
        _put(vault, folder, records, new, document.generation, env=env)
        with suppress(KeywrightError):
            _remove(folder, keys.kind_of(vault.path, document), document.id, env)
        held.let_go(folder)


def unlock(vault: Vault, vault_id: str, key: Key, left: Left, env: Mapping[str, str]) -> None:
    """Have the data key of the vault of that id held, in place of what may be held.

    Raises:
        WrongPassphrase: what was held still is.
        VaultUnusable: the vault is damaged or cannot be trusted, or no process could be started.
        VaultLocked: the OS keyring is locked.
        Unavailable: the OS keyring cannot be asked.
        Busy: other processes kept the vault locked for too long, or changed its key meanwhile.
    """
    with as_vault(), vault.locked() as folder:
        document = _document(vault, vault_id)
        opened = _open(vault, folder, document, key, env)
        Records(vault.path, document, opened)  # a damaged vault is not worth holding a key for
        held.hold(folder, document.id, opened, left, env)


def _document(vault: Vault, vault_id: str) -> Document:
    document = vault.read()
    if document is None:
        raise no_vault()
    if document.id != vault_id:
        raise Busy("the vault's key was changed meanwhile", mend="try again")
    return document


def _open(vault: Vault, folder: PrivateFolder, document: Document, key: Key, env: Mapping[str, str]) -> bytes:
    """Return the document's data key, taken from where its key belongs: nobody's who holds it."""
    match key.kind:
        case Kind.FILE:
            return data_key(vault.path, folder, document, env)
        case Kind.PASSPHRASE:
            wrapping = keys.key_of_passphrase(vault.path, document, key.passphrase)
        case Kind.KEYRING:
            wrapping = os_keyring.read(document.id, env, key.keyring_wait_s)
        case _:
            assert_never(key.kind)
    return keys.unwrap(vault.path, document, wrapping)


def _put(
    vault: Vault, folder: PrivateFolder, records: Records, new: Key, generation: int, *, env: Mapping[str, str]
) -> None:
    """Put the records in place under a new key; `generation` is that of the vault they come from."""
    vault_id = keys.new_id()
    try:
        header: dict[str, object] = {"kind": new.kind.value}
        match new.kind:
            case Kind.FILE:
                wrapping = keys.make_key_file(folder, vault_id)
            case Kind.PASSPHRASE:
                wrapping, header = keys.passphrase_header(new.passphrase)
            case Kind.KEYRING:
                wrapping = os.urandom(KEY_BYTES)
                os_keyring.write(vault_id, wrapping, env, new.keyring_wait_s)
            case _:
                assert_never(new.kind)
        made = create(vault_id, wrapping, header, generation)
        if new.kind is not Kind.FILE:
            folder.replace(KIND_MARK, b"")
        vault.write(folder, records.moved_to(made.document, made.data_key).sealed())
        if new.kind is Kind.FILE:
            with suppress(KeywrightError):  # left behind, it only makes a new vault wait for `init`
                folder.remove(KIND_MARK)
    except BaseException:
        with suppress(KeywrightError):
            there = vault.read()
            if there is None or there.id != vault_id:  # an interrupt may come when the vault is in its place already
                _remove(folder, new.kind, vault_id, env)
        raise


def _remove(folder: PrivateFolder, kind: Kind, vault_id: str, env: Mapping[str, str]) -> None:
    match kind:
        case Kind.FILE:
            folder.remove(keys.key_file(vault_id))
        case Kind.KEYRING:
            os_keyring.forget(vault_id, env)
        case Kind.PASSPHRASE:
            pass
