"""New data keys: of a new vault, and of one that is sealed anew."""

import os
from typing import NamedTuple

from keywright.cache.folder import PrivateFolder
from keywright.vault import keys
from keywright.vault.document import Document
from keywright.vault.seal import KEY_BYTES


class Made(NamedTuple):
    """An empty document and the data key that its records are to be sealed with."""

    document: Document
    data_key: bytes


def create(vault_id: str, wrapping: bytes, header: dict[str, object], generation: int = 0) -> Made:
    """Return an empty document under a new data key, itself wrapped with `wrapping` as `header` says.

    `generation` is that of the vault it takes the place of.
    """
    data_key = os.urandom(KEY_BYTES)
    key = keys.wrap(wrapping, header, vault_id, data_key)
    return Made(
        Document(id=vault_id, generation=generation, key=key, places=(), sealed_index=b"", records={}), data_key
    )


def create_with_key_file(folder: PrivateFolder) -> Made:
    """Return an empty document whose key is in a new file of the folder; the caller holds the vault's lock.

    Raises:
        VaultUnusable: the key file cannot be made.
    """
    vault_id = keys.new_id()
    return create(vault_id, keys.make_key_file(folder, vault_id), {"kind": keys.Kind.FILE.value})
