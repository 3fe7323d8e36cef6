"""Which settings have passed their check: one empty file each, named by the digest of the bytes that passed."""

from contextlib import suppress
from typing import Final

from keywright.cache.folder import PrivateFolder
from keywright.errors import CacheUnusable

AT_MOST: Final = 16


class FileSeals:
    """The seals of one cache (`keywright.settings.load.Seals`)."""

    def __init__(self, cache: str) -> None:
        """Open `CACHE/checked`, made if need be.

        Raises:
            CacheUnusable: the folder cannot be trusted.
        """
        self._folder = PrivateFolder.open(f"{cache}/checked")

    def has(self, digest: str) -> bool:
        """Whether these bytes have passed."""
        with suppress(CacheUnusable):
            return self._folder.read(digest) is not None
        return False

    def add(self, digest: str) -> None:
        """Remember that they have; a cache that cannot be written forgets, silently."""
        with suppress(CacheUnusable):
            mtimes = self._folder.mtimes()
            for name in sorted(mtimes, key=mtimes.__getitem__)[: max(0, len(mtimes) - AT_MOST + 1)]:
                self._folder.remove(name)
            self._folder.replace(digest, b"", is_lasting=False)
