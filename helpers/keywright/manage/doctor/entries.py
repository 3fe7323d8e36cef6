"""The entries of the cache, read once for all checks that look at them: there may be very many."""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from typing import Final, Literal, NamedTuple, TypeAlias

from keywright.cache.entry import NewerEntry, load
from keywright.cache.folder import FILE_LIMIT

LOOKED_AT_AT_MOST: Final = 50_000
"""How many files of a folder are looked at: some seconds' worth."""
_NAME: Final = re.compile(r"[0-9a-f]{64}\.json")
_OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


Fault: TypeAlias = Literal["", "damaged", "newer"]


class Read(NamedTuple):
    """One entry of the cache as it was read.

    Attributes:
        path: where it lies.
        fault: why nothing is served from it; empty if it is sound.
        issued_at_s: when its credential was issued, in epoch seconds; 0 where it has a fault.
        boot: the boot of that moment (`keywright.hit.boot_mark`).
    """

    path: str
    fault: Fault
    issued_at_s: float = 0.0
    boot: str = "- 0"


class Entries:
    """The entries of one person's caches, each cache read when it is first asked for."""

    def __init__(self) -> None:
        self._read: dict[str, list[Read]] = {}

    def of(self, cache: str) -> list[Read]:
        """Return the cache's entries, as far as they can be read; no more than `LOOKED_AT_AT_MOST`."""
        if cache not in self._read:
            self._read[cache] = list(_entries(f"{cache}/entries"))
        return self._read[cache]


def _entries(folder: str) -> Iterator[Read]:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:  # not there, or told by whoever looks at folders
        return
    try:
        names = [name for name in os.listdir(descriptor) if _NAME.fullmatch(name)]
        for name in names[:LOOKED_AT_AT_MOST]:
            with suppress(OSError):  # gone, or told by whoever looks at files
                yield _judged(f"{folder}/{name}", _content(name, descriptor))
    finally:
        os.close(descriptor)


def _content(name: str, folder: int) -> bytes | None:
    """Return an entry's content; None of one that is larger than any.

    Raises:
        OSError: it cannot be read, or is no plain file.
    """
    descriptor = os.open(name, _OPEN, dir_fd=folder)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise FileNotFoundError
        return os.read(descriptor, found.st_size + 1) if found.st_size <= FILE_LIMIT else None
    finally:
        os.close(descriptor)


def _judged(path: str, content: bytes | None) -> Read:
    if content is None:
        return Read(path, "damaged")
    try:
        entry = load(content)
    except NewerEntry:
        return Read(path, "newer")
    except ValueError:
        return Read(path, "damaged")
    return Read(path, "", entry.credential.issued_at.timestamp(), entry.boot)
