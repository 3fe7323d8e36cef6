"""The kernel's lock on a file beside the data it guards."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from keywright.errors import CacheUnusable


@contextmanager
def hold(path: str, wait_s: float) -> Iterator[bool]:
    """Hold the lock for the block; yields False, not holding it, if it stayed taken for `wait_s` seconds.

    The lock file is never deleted: deleting it would let two processes lock two files of one name. The kernel frees it
    when its holder dies, and only then.

    Raises:
        CacheUnusable: the file system cannot lock.
    """
    import filelock

    lock = filelock.FileLock(path, mode=0o600, fallback_to_soft=False)
    try:
        lock.acquire(timeout=wait_s)
    except filelock.Timeout:
        yield False
        return
    except (OSError, NotImplementedError) as error:
        raise CacheUnusable(
            f"{path.rpartition('/')[0]} cannot be locked ({type(error).__name__})",
            mend="make it writable, or set KEYWRIGHT_HOME to a local folder that is",
        ) from None
    try:
        yield True
    finally:
        with suppress(OSError):  # the kernel frees it when this process ends
            lock.release()
