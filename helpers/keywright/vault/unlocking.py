"""Where the data key of a vault is at hand: its key file, whoever holds it unlocked, or the OS keyring."""

from collections.abc import Mapping
from typing import assert_never

from keywright.cache.folder import PrivateFolder
from keywright.errors import VaultLocked
from keywright.hit import stamp
from keywright.vault.document import Document
from keywright.vault.keys import SOCKET, Kind, kind_of, read_key_file, unwrap


def data_key(path: str, folder: PrivateFolder, document: Document, env: Mapping[str, str]) -> bytes:
    """Return the data key of the document in `path`, a file of `folder`; `env` is the caller's environment.

    Raises:
        VaultLocked: a passphrase is wanted first, or the OS keyring is locked.
        VaultUnusable: the key is missing where it belongs, damaged or another vault's.
        Unavailable: the OS keyring cannot be asked.
        CacheUnusable: the key file cannot be trusted.
    """
    kind = kind_of(path, document)
    match kind:
        case Kind.FILE:
            return unwrap(path, document, read_key_file(folder, document.id))
        case Kind.PASSPHRASE:
            from keywright.vault.held import held_key

            key = held_key(folder, document.id)
            if key is None:
                raise locked(folder)
            return key
        case Kind.KEYRING:
            from keywright.vault.held import held_key
            from keywright.vault.os_keyring import read

            return held_key(folder, document.id) or unwrap(path, document, read(document.id, env))
    assert_never(kind)


def locked(folder: PrivateFolder) -> VaultLocked:
    """Return the failure of a vault whose key is not at hand; unlocking it mends what failed for it."""
    error = VaultLocked("the vault is locked", mend="run `keywright vault unlock`")
    where = f"{folder.path}/{SOCKET}"
    error.inputs = {where: stamp(where)}
    return error
