"""A file of another program: read whole, and replaced whole while that program's own lock is held.

A link stays a link (dotfiles are often kept elsewhere), a mode stays a mode, and a file that its owner made read-only
is left alone although renaming another one over it would work.
"""

import errno
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from keywright.errors import Busy, Unavailable

LIMIT: Final = 8 << 20
_TRIES: Final = 200
_PAUSE_S: Final = 0.05
_FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def read(path: str) -> bytes | None:
    """Return the content; None if there is no such file.

    Raises:
        Unavailable: it cannot be read, or is no file that could be replaced.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unavailable(f"{path} cannot be read ({_name(error)})") from None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise Unavailable(f"{path} is not a regular file")
        if found.st_size > LIMIT:
            raise Unavailable(f"{path} is larger than any configuration")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(LIMIT)
    except OSError as error:
        raise Unavailable(f"{path} cannot be read ({_name(error)})") from None
    finally:
        os.close(descriptor)


def replace(path: str, before: bytes | None, after: bytes | None, lock: str) -> bool:
    """Put `after` in place of `before`, whole or not at all; False if `before` is no longer what is there.

    `after` of None deletes the file. A new one is made 0600, and so is its folder 0700.

    Raises:
        Busy: somebody has held the lock for 10 seconds.
        Unavailable: it cannot be written; what was there is as it was.
    """
    real = os.path.realpath(path)
    with locked(lock):
        if read(real) != before:
            return False
        try:
            os.makedirs(os.path.dirname(real), mode=0o700, exist_ok=True)
            _put(real, after)
        except OSError as error:
            mend = "make it writable" if error.errno in _FORBIDDEN else ""
            raise Unavailable(f"{path} cannot be written ({_name(error)}), it is as it was", mend=mend) from None
    return True


def _put(real: str, after: bytes | None) -> None:
    old = None
    with suppress(FileNotFoundError):
        old = os.stat(real)
    if old is not None and (not old.st_mode & stat.S_IWUSR or not os.access(real, os.W_OK)):
        raise PermissionError(errno.EACCES, "read-only")
    if after is None:
        os.unlink(real)
        return
    temporary = f"{real}.{secrets.token_hex(6)}.tmp"
    descriptor = os.open(temporary, _NEW, 0o600)
    try:
        try:
            if old is not None:
                if (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(descriptor, old.st_uid, old.st_gid)
                os.fchmod(descriptor, stat.S_IMODE(old.st_mode))
            left = memoryview(after)
            while left:
                left = left[os.write(descriptor, left) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(temporary, real)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    with suppress(OSError):  # the file is in place; some network file systems cannot sync a folder
        folder = os.open(os.path.dirname(real), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def locked(lock: str) -> Iterator[None]:
    """Hold the lock as git and kubectl do: whoever creates the file has it. An empty name is no lock.

    Raises:
        Busy: somebody has held it for 10 seconds.
        Unavailable: it cannot be made.
    """
    if not lock:
        yield
        return
    for attempt in range(_TRIES):
        try:
            os.makedirs(os.path.dirname(lock), mode=0o700, exist_ok=True)
            os.close(os.open(lock, _NEW, 0o600))
            break
        except FileExistsError:
            if attempt + 1 == _TRIES:
                mend = "try again; if nothing is at work on it any more, delete the lock"
                raise Busy(f"{lock} says that another program is writing", mend=mend) from None
            time.sleep(_PAUSE_S)
        except OSError as error:
            raise Unavailable(f"{lock} cannot be made ({_name(error)}); nothing was changed") from None
    try:
        yield
    finally:
        with suppress(OSError):
            os.unlink(lock)


def _name(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, "unknown error")
