"""Load, save, lock, forget. Readers take no lock: a file is replaced whole or not at all."""

from contextlib import AbstractContextManager
from typing import Final

from keywright.cache.entry import Entry, NewerEntry, dump, load
from keywright.cache.folder import PrivateFolder
from keywright.cache.lock import hold
from keywright.credential import CacheKey
from keywright.errors import CacheUnusable

KEPT_S: Final = 7 * 86400.0
SWEPT_AT_ONCE: Final = 20


class Store:
    """The entries, one file each."""

    def __init__(self, cache: str) -> None:
        """Open `CACHE/entries`, made if need be.

        Raises:
            CacheUnusable: the folder cannot be trusted.
        """
        PrivateFolder.open(cache)
        self._folder = PrivateFolder.open(f"{cache}/entries")
        self._cleared: set[str] = set()

    def path(self, digest: str) -> str:
        """Return where an entry lies: its stamp is an input of every answer made from it."""
        return f"{self._folder.path}/{digest}.json"

    def find(self, key: CacheKey) -> tuple[Entry, str] | None:
        """Return the entry and the stamp of the file it was read from; None if there is none that can be used.

        A damaged entry, a newer one and one that repeats another key are misses.

        Raises:
            CacheUnusable: the file cannot be trusted.
        """
        found = self.read(key.digest)
        return found if found and found[0].key == key else None

    def read(self, digest: str) -> tuple[Entry, str] | None:
        """As `find`, by the entry's name."""
        file = self._folder.read(f"{digest}.json")
        if file is None:
            return None
        try:
            return load(file[0]), file[1]
        except (ValueError, NewerEntry):
            return None

    def save(self, entry: Entry) -> str:
        """Put the entry in place; the caller holds its lock. Returns the new file's stamp.

        A damaged predecessor is set aside first, and a newer program's is left alone.

        Raises:
            CacheUnusable: it cannot be written; what was there is as it was.
        """
        name = f"{entry.key.digest}.json"
        file = self._folder.read(name)
        if file is not None:
            try:
                load(file[0])
            except ValueError:
                self._folder.set_aside(name)
            except NewerEntry:
                raise CacheUnusable(
                    f"{self.path(entry.key.digest)} was written by a newer keywright", mend="upgrade this one"
                ) from None
        if name not in self._cleared:  # once is enough for a process that saves one entry again and again
            self._folder.remove_orphans(name)
            self._cleared.add(name)
        expires_at = entry.credential.expires_at
        return self._folder.replace(name, dump(entry), mtime=expires_at.timestamp() if expires_at else None)

    def forget(self, digest: str) -> bool:
        """Delete the entry; the caller holds its lock. Returns whether there was one.

        Raises:
            CacheUnusable: it cannot be deleted.
        """
        self._folder.remove_orphans(f"{digest}.json")
        return self._folder.remove(f"{digest}.json")

    def sweep(self, now_s: float) -> list[str]:
        """Delete what expired more than a week ago (an entry's mtime is its expiry); returns the names of what went.

        Every new AWS session token is another key, so a cache that only grew would grow for ever. Lock files stay. At
        most a few go at once: a person is waiting for what was just minted.

        Raises:
            CacheUnusable: one cannot be deleted or not be locked.
        """
        swept = []
        old = [
            name for name, mtime in self._folder.mtimes().items() if name.endswith(".json") and mtime < now_s - KEPT_S
        ]
        for name in old[:SWEPT_AT_ONCE]:
            digest = name.removesuffix(".json")
            with self.lock(digest, 0) as is_locked:
                if is_locked and self._folder.mtime(name) < now_s - KEPT_S:
                    self._folder.remove(name)
                    swept.append(digest)
        return swept

    def digests(self) -> list[str]:
        """Return the names of all entries, sorted."""
        return sorted(name.removesuffix(".json") for name in self._folder.mtimes() if name.endswith(".json"))

    def lock(self, digest: str, wait_s: float) -> AbstractContextManager[bool]:
        """Hold the entry's lock, beside the entry, for a block (`keywright.cache.lock.hold`)."""
        return hold(f"{self._folder.path}/{digest}.lock", wait_s)
