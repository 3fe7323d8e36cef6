"""The vault of one user: opened for reading without a lock, changed under one, replaced whole."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from keywright.cache.folder import PrivateFolder, locate
from keywright.errors import Busy, CacheUnusable, VaultLocked, VaultUnusable
from keywright.vault.document import SIZE_AT_MOST, Document, parse, render

if TYPE_CHECKING:
    from keywright.vault.records import Records

NAME: Final = "vault"
KIND_MARK: Final = "vault.kind"
"""Empty, and there while the vault's key is not in a file: who takes the vault away has not taken its protection."""
LOCK_WAIT_S: Final = 25.0


def open_vault(env: Mapping[str, str]) -> "Vault":
    """Return the vault that the environment leads to, whether it exists or not. Touches no file.

    Raises:
        VaultUnusable: the environment names no absolute folder.
    """
    with as_vault():
        return Vault(locate("data", env), env)


class Vault:
    """One vault.

    Attributes:
        folder: where it lies, absolute.
        path: its file, absolute: a stamp of it is an input of what is made from it.
    """

    def __init__(self, folder: str, env: Mapping[str, str]) -> None:
        self.folder = folder
        self.path = f"{folder}/{NAME}"
        self._env = env

    def holds(self, place: str) -> bool:
        """Return whether a record is filed under the place. Needs no key.

        Raises:
            VaultUnusable: the vault is damaged or cannot be trusted.
        """
        document = self.read()
        return document is not None and document.holds(place)

    def open(self, document: Document | None = None) -> "Records":
        """Return what is in it, empty if there is none; `document` is its file, where that was just read.

        Raises:
            VaultLocked: its key is not at hand.
            VaultUnusable: it is damaged or cannot be trusted.
        """
        document = document or self.read()
        try:
            return self._open(document)
        except (VaultLocked, VaultUnusable):
            again = self.read()
            if document is None or again is None or again.id == document.id:
                raise
            return self._open(again)  # its key was changed meanwhile, and what opened the old one is gone

    @contextmanager
    def edit(self) -> "Iterator[Records]":
        """Hold the vault's lock for the block and write, at its end, what it changed; nothing if it raises.

        The first change makes the vault, its key in a file beside it.

        Raises:
            VaultLocked: its key is not at hand.
            VaultUnusable: it is damaged, cannot be trusted or cannot be written: it is as it was.
            Busy: it stayed locked by others.
        """
        with self.locked() as folder:
            document = self.read()
            records = self._open(document)
            yield records
            if not records.is_changed:
                return
            if document is None:
                _stop_if_lost(folder, self.path)
                from keywright.vault.rekey import create_with_key_file

                with as_vault():
                    made = create_with_key_file(folder)
                records = records.moved_to(made.document, made.data_key)
            self.write(folder, records.sealed())

    def read(self) -> Document | None:
        """Return the vault's file as it is; None if there is none.

        Raises:
            VaultUnusable: it is damaged, a newer keywright's, or cannot be trusted.
        """
        if not _is_there(self.path):
            return None
        with as_vault():
            file = PrivateFolder.open(self.folder).read(NAME, limit=SIZE_AT_MOST)
        return parse(self.path, file[0]) if file else None

    def write(self, folder: PrivateFolder, document: Document) -> None:
        """Put a document in place; the caller holds the lock.

        Raises:
            VaultUnusable: it cannot be written; what was there is as it was.
        """
        content = render(document)
        if len(content) > SIZE_AT_MOST:
            raise VaultUnusable("the vault would grow beyond 64 MiB", mend="remove what is not needed")
        with as_vault():
            folder.replace(NAME, content)

    def check_room(self, more: int) -> None:
        """See that the vault could be written now, with `more` bytes added, and leave it as it is.

        Raises:
            VaultLocked: its key is not at hand.
            VaultUnusable: it is damaged, cannot be trusted, or could not be written.
            Busy: it stayed locked by others.
        """
        with self.locked() as folder:
            document = self.read()
            self._open(document)
            size = len(render(document)) if document else 0
            with as_vault():
                folder.replace(f"{NAME}.room", bytes(size + more))
                folder.remove(f"{NAME}.room")

    @contextmanager
    def locked(self) -> Iterator[PrivateFolder]:
        """Hold the vault's lock for the block; its folder is made if need be.

        Raises:
            VaultUnusable: the folder cannot be trusted, made or locked.
            Busy: it stayed locked by others.
        """
        from keywright.cache.lock import hold

        with as_vault():
            folder = PrivateFolder.open(self.folder)
        with as_vault(), hold(f"{self.path}.lock", LOCK_WAIT_S) as is_locked:
            if not is_locked:
                raise Busy("other processes have kept the vault locked for too long", mend="try again")
            _sweep(folder)
            yield folder

    def _open(self, document: Document | None) -> "Records":
        from keywright.vault.records import Records

        if document is None:
            return Records(self.path)
        from keywright.vault.unlocking import data_key

        with as_vault():
            return Records(
                self.path, document, data_key(self.path, PrivateFolder.open(self.folder), document, self._env)
            )


def _stop_if_lost(folder: PrivateFolder, path: str) -> None:
    """Raise if there was a vault under another key than a file's: a new one must not be under less, unasked."""
    with as_vault():
        mark = folder.read(KIND_MARK)
    if mark is not None:
        raise VaultUnusable(
            f"the vault {path} is missing, which was not under a key file",
            mend="restore it, or make a new one with `keywright vault init --key passphrase` or `--key keyring`",
        )


def _is_there(path: str) -> bool:
    """Whether there is anything at all: a link to where nothing is mounted today is no absent vault."""
    try:
        os.lstat(path)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def _sweep(folder: PrivateFolder) -> None:
    """Delete what writers of the vault and of its keys left when they were killed; the caller holds the lock."""
    with suppress(OSError, CacheUnusable):  # it costs space and nothing else
        for found in folder.mtimes():
            name = found.removesuffix(".tmp").rpartition(".")[0]
            if found.endswith(".tmp") and (name == NAME or name.endswith(".key")):
                folder.remove(found)


@contextmanager
def as_vault() -> Iterator[None]:
    """Say of the vault's folder and files what is said of the cache's; but what lives long is not to be deleted."""
    try:
        yield
    except CacheUnusable as error:
        is_deletion = error.mend.startswith("run `rm ")
        mend = "restore it from a backup, or move it away" if is_deletion else error.mend
        raise VaultUnusable(error.what, mend=mend) from None
