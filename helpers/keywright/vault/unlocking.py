"""Where the data key of a vault is at hand: its key file, whoever holds it unlocked, or the OS keyring."""

from collections.abc import Mapping
from typing import Final, assert_never

from keywright.cache.folder import PrivateFolder
from keywright.errors import VaultLocked
from keywright.hit import stamp
from keywright.vault.document import Document
from keywright.vault.keys import Kind, kind_of, read_key_file, unwrap

SOCKET: Final = "vault.sock"


def data_key(path: str, folder: PrivateFolder, document: Document, env: Mapping[str, str]) -> bytes:  # noqa: ARG001 - the keyring's
    """Return the data key of the document in `path`, a file of `folder`; `env` is the caller's environment.

    Raises:
        VaultLocked: a passphrase is wanted first.
        VaultUnusable: the key file is missing, damaged or another vault's.
        CacheUnusable: the key file cannot be trusted.
    """
    kind = kind_of(path, document)
    match kind:
        case Kind.FILE:
            return unwrap(path, document, read_key_file(folder, document.id))
        case Kind.PASSPHRASE | Kind.KEYRING:
            raise locked(folder)
    assert_never(kind)


def locked(folder: PrivateFolder) -> VaultLocked:
    """Return the failure of a vault whose key is not at hand; unlocking it mends what failed for it."""
    error = VaultLocked("the vault is locked", mend="run `keywright vault unlock`")
    where = f"{folder.path}/{SOCKET}"
    error.inputs = {where: stamp(where)}
    return error
