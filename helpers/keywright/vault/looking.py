"""Whether a vault would open, found out without the key that somebody holds: to use it would keep the vault open."""

from keywright.cache.folder import PrivateFolder
from keywright.vault.document import Document
from keywright.vault.keys import Kind, kind_of
from keywright.vault.unlocking import locked
from keywright.vault.vault import Vault


def opens_by_file(vault: Vault, document: Document | None) -> bool:
    """Return whether a look may open it, because its key lies in a file or there is no vault at all.

    Otherwise it cannot be told what is in it, nor whether the OS keyring would give its key.

    Raises:
        VaultLocked: it would not open: its passphrase is wanted first.
        VaultUnusable: it is damaged.
        CacheUnusable: its folder cannot be trusted.
    """
    if document is None:
        return True
    kind = kind_of(vault.path, document)
    if kind is Kind.PASSPHRASE:
        from keywright.vault.held import time_left

        folder = PrivateFolder.open(vault.folder)
        if time_left(folder, document.id) is None:
            raise locked(folder)
    return kind is Kind.FILE
