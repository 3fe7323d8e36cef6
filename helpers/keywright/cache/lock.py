"""The kernel's lock on a file beside the data it guards."""

import errno
import fcntl
import os
from _thread import get_ident
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Final

from keywright.errors import CacheUnusable

_HELD: Final[set[tuple[int, int, str]]] = set()
"""Which thread of which process holds what."""
_OPEN: Final[set[int]] = set()
"""The descriptors that hold locks. A forked child closes them: it would keep the lock of a parent that is killed."""


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
    try:
        release: Callable[[], object] | None = _take(path)
    except BlockingIOError:
        release = _wait_for(path, wait_s) if wait_s > 0 else None
    except OSError:  # filelock knows more of what is odd
        release = _wait_for(path, wait_s)
    if release is None:
        yield False
        return
    _HELD.add(me)
    try:
        yield True
    finally:
        _HELD.discard(me)
        with suppress(OSError):  # the kernel frees it when this process ends
            release()


def _take(path: str) -> Callable[[], object]:
    """Take the lock, by the very call that filelock makes and without its 40 ms of imports; return what releases it.

    Raises:
        BlockingIOError: it is taken.
        OSError: it cannot be taken like this.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    _OPEN.add(descriptor)
    return partial(_free, descriptor)


def _free(descriptor: int) -> None:
    """Let go of it by name: a child that is being forked just now has the descriptor too, and would keep the lock."""
    _OPEN.discard(descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def _wait_for(path: str, wait_s: float) -> Callable[[], object] | None:
    """Return what releases the lock; None if it stayed taken."""
    import filelock

    lock = filelock.FileLock(path, mode=0o600, fallback_to_soft=False)
    try:
        lock.acquire(timeout=wait_s)
    except filelock.Timeout:
        return None
    except (OSError, NotImplementedError) as error:
        why = errno.errorcode.get(getattr(error, "errno", None) or 0, type(error).__name__)
        raise CacheUnusable(
            f"{path.rpartition('/')[0]} cannot be locked ({why})",
            mend="make it writable, or set KEYWRIGHT_HOME to a local folder that is",
        ) from None
    return lock.release


def _close_after_fork() -> None:
    for descriptor in _OPEN:
        with suppress(OSError):
            os.close(descriptor)
    _OPEN.clear()


os.register_at_fork(after_in_child=_close_after_fork)
