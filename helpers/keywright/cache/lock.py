"""The kernel's lock on a file beside the data it guards."""

import errno
import os
from _thread import get_ident
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from keywright.errors import CacheUnusable

_HELD: Final[set[tuple[int, int, str]]] = set()
"""Which thread of which process holds what."""


@contextmanager
def hold(path: str, wait_s: float) -> Iterator[bool]:
    """Hold the lock for the block; yields False, not holding it, if it stayed taken for `wait_s` seconds.

    The lock file is never deleted: deleting it would let two processes lock two files of one name. The kernel frees it
    when its holder dies, and only then. A thread that holds it and asks again would wait for itself: False at once.

    Raises:
        CacheUnusable: the file system cannot lock.
    """
    me = (os.getpid(), get_ident(), path)
    if me in _HELD:
        yield False
        return
    import filelock

    lock = filelock.FileLock(path, mode=0o600, fallback_to_soft=False)
    try:
        lock.acquire(timeout=wait_s)
    except filelock.Timeout:
        yield False
        return
    except (OSError, NotImplementedError) as error:
        why = errno.errorcode.get(getattr(error, "errno", None) or 0, type(error).__name__)
        raise CacheUnusable(
            f"{path.rpartition('/')[0]} cannot be locked ({why})",
            mend="make it writable, or set KEYWRIGHT_HOME to a local folder that is",
        ) from None
    _HELD.add(me)
    try:
        yield True
    finally:
        _HELD.discard(me)
        with suppress(OSError):  # the kernel frees it when this process ends
            lock.release()
