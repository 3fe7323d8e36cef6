"""Settings that have passed their check, as JSON: one file each, named by the digest of the bytes that passed.

Reading them back costs a file read; reading and checking the TOML costs three times the interpreter's start.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from keywright.cache.folder import PrivateFolder
from keywright.errors import CacheUnusable

AT_MOST: Final = 16


class FileSeals:
    """The checked settings of one cache (`keywright.settings.load.Seals`)."""

    def __init__(self, cache: str) -> None:
        """Open `CACHE/checked`, made if need be.

        Raises:
            CacheUnusable: the folder cannot be trusted.
        """
        self._folder = PrivateFolder.open(f"{cache}/checked")

    def recall(self, digest: str) -> dict[str, Any] | None:
        """Return what stood in the bytes that passed; None if they have not, or what was kept of them is torn."""
        with suppress(CacheUnusable, ValueError, RecursionError):
            file = self._folder.read(digest)
            document = json.loads(file[0]) if file else None
            return document if isinstance(document, dict) else None
        return None

    def add(self, digest: str, document: Mapping[str, Any]) -> None:
        """Remember that they have passed; a cache that cannot be written forgets, silently."""
        with suppress(CacheUnusable):
            mtimes = self._folder.mtimes()
            for name in sorted(mtimes, key=mtimes.__getitem__)[: max(0, len(mtimes) - AT_MOST + 1)]:
                self._folder.remove(name)
            self._folder.replace(digest, json.dumps(document).encode("ascii"), is_lasting=False)
