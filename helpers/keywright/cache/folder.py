"""Where things live, and the only way in: folders and files that are ours and nobody else's.

A cache of credentials in a folder that others can write is a way to hand us their credentials and to take ours
(CVE-2025-46327 of gosnowflake, CVE-2025-68146 of filelock). So each folder is opened without following a link, checked
by its descriptor, and every file in it is reached through that descriptor.
"""

import errno
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from math import inf
from typing import Final, Self

from keywright.errors import CacheUnusable
from keywright.hit import folder_of, stamp_of

FILE_LIMIT: Final = 4 << 20
_OPEN_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def locate(kind: str, env: Mapping[str, str]) -> str:
    """Return the absolute folder for `kind`: cache, config, data or state.

    Raises:
        CacheUnusable: the environment names no absolute folder.
    """
    path = folder_of(kind, env)
    if not path:
        import platformdirs

        with suppress(RuntimeError):  # a user without HOME who is in no passwd file: any uid of a container
            path = getattr(platformdirs, f"user_{kind}_dir")("keywright", appauthor=False)
    if not os.path.isabs(path):
        raise CacheUnusable(
            f"there is no absolute {kind} folder", mend="set HOME, or KEYWRIGHT_HOME to an absolute path"
        )
    return path


class PrivateFolder:
    """One open folder of ours, 0700. All names are single components."""

    def __init__(self, path: str, descriptor: int) -> None:
        self.path = path
        self._fd = descriptor

    @classmethod
    def open(cls, path: str) -> Self:
        """Open the folder, made 0700 if absent; its parents are made too, and not judged.

        Raises:
            CacheUnusable: it is loose, foreign, a link, a file, or cannot be made.
        """
        try:
            try:
                descriptor = os.open(path, _OPEN_FOLDER)
            except FileNotFoundError:
                os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
                with suppress(FileExistsError):
                    os.mkdir(path, 0o700)
                descriptor = os.open(path, _OPEN_FOLDER)
            folder = cls(path, descriptor)
            found = os.fstat(descriptor)
        except OSError as error:
            raise CacheUnusable(
                f"{path} cannot be opened as a folder ({_name(error)})", mend=_mend(path, error)
            ) from None
        if found.st_uid != os.geteuid():
            raise CacheUnusable(
                f"{path} belongs to user {found.st_uid}", mend=f"run `sudo chown -R {os.geteuid()} {_quoted(path)}`"
            )
        if found.st_mode & 0o077:
            raise CacheUnusable(f"{path} is open to other users", mend=f"run `chmod 700 {_quoted(path)}`")
        return folder

    def fileno(self) -> int:
        """Return the open descriptor, for what is reached through it by other means. It stays the folder's own."""
        return self._fd

    def __del__(self) -> None:
        with suppress(OSError):
            os.close(self._fd)

    def read(self, name: str, *, limit: int = FILE_LIMIT) -> tuple[bytes, str] | None:
        """Return a file's content, at most `limit` bytes, and the stamp of the very file read; None if absent.

        Raises:
            CacheUnusable: it is not a regular file of ours alone, is too large, or cannot be read.
        """
        path = f"{self.path}/{name}"
        try:
            descriptor = os.open(name, _OPEN_FILE, dir_fd=self._fd)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CacheUnusable(
                f"{path} cannot be read ({_name(error)})", mend=f"run `rm -f {_quoted(path)}`"
            ) from None
        try:
            found = os.fstat(descriptor)
            # No name at all is one that was replaced since it was opened: whole, and of a moment ago.
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
                raise CacheUnusable(f"{path} is not a plain file of yours", mend=f"run `rm -rf {_quoted(path)}`")
            if found.st_nlink > 1:
                alone = (
                    f"cp -p {_quoted(path)} {_quoted(f'{path}.alone')} && mv {_quoted(f'{path}.alone')} {_quoted(path)}"
                )
                raise CacheUnusable(f"{path} has a second name elsewhere, a hard link", mend=f"run `{alone}`")
            if found.st_mode & 0o077:
                raise CacheUnusable(f"{path} is open to other users", mend=f"run `chmod 600 {_quoted(path)}`")
            if found.st_size > limit:
                raise CacheUnusable(f"{path} is larger than anything kept here", mend=f"run `rm -f {_quoted(path)}`")
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                return file.read(min(found.st_size, limit) + 1), stamp_of(found)
        except OSError as error:
            raise CacheUnusable(
                f"{path} cannot be read ({_name(error)})", mend=f"run `rm -f {_quoted(path)}`"
            ) from None
        finally:
            with suppress(OSError):  # what was read was read
                os.close(descriptor)

    def replace(self, name: str, content: bytes, *, mtime: float | None = None, is_lasting: bool = True) -> str:
        """Put `content` in place of the file, whole or not at all. Returns the new file's stamp.

        `is_lasting` waits until it would survive a crash of the machine; without it, a crash may leave a torn file, so
        the content has to prove itself. `mtime` is in epoch seconds.

        Raises:
            CacheUnusable: it cannot be written; the old file is as it was.
        """
        temporary = f"{name}.{os.getpid()}.tmp"
        try:
            try:
                descriptor = os.open(temporary, _CREATE, 0o600, dir_fd=self._fd)
            except FileExistsError:  # of a process that was killed here and had our number; in a container they all do
                os.unlink(temporary, dir_fd=self._fd)
                descriptor = os.open(temporary, _CREATE, 0o600, dir_fd=self._fd)
            try:
                os.fchmod(descriptor, 0o600)  # whatever the umask was
                written = 0
                while written < len(content):
                    written += os.write(descriptor, content[written:])
                if mtime is not None:
                    os.utime(descriptor, (mtime, mtime))
                if is_lasting:
                    os.fsync(descriptor)
                os.rename(temporary, name, src_dir_fd=self._fd, dst_dir_fd=self._fd)
                replaced = stamp_of(os.fstat(descriptor))  # after the rename, which moves the ctime
            except BaseException:
                with suppress(OSError):
                    os.unlink(temporary, dir_fd=self._fd)
                raise
            finally:
                os.close(descriptor)
            if is_lasting:
                with suppress(OSError):  # the file is in place; some network file systems cannot sync a folder
                    os.fsync(self._fd)
        except OSError as error:
            raise CacheUnusable(
                f"{self.path} cannot be written ({_name(error)})", mend=_mend(self.path, error)
            ) from None
        return replaced

    def remove(self, name: str) -> bool:
        """Delete the file; returns whether it was there.

        Raises:
            CacheUnusable: it cannot be deleted.
        """
        try:
            os.unlink(name, dir_fd=self._fd)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise CacheUnusable(
                f"{self.path}/{name} cannot be deleted ({_name(error)})", mend=_mend(self.path, error)
            ) from None
        return True

    def remove_orphans(self, name: str) -> None:
        """Delete what writers of the file left behind when they were killed; the caller keeps all others out.

        A failure is silent: an orphan costs space and nothing else.
        """
        with suppress(OSError):
            prefix = f"{name}."
            for found in os.listdir(self._fd):
                if found.endswith(".tmp") and found.startswith(prefix):
                    os.unlink(found, dir_fd=self._fd)

    def set_aside(self, name: str) -> None:
        """Rename a damaged file to `NAME.broken`, where a person can look at it and nothing reads it."""
        with suppress(OSError):
            os.rename(name, f"{name}.broken", src_dir_fd=self._fd, dst_dir_fd=self._fd)

    def touch(self, name: str, mtime: float) -> None:
        """Make the file, empty, if need be, and set its mtime (epoch seconds). A failure is silent: it only brakes."""
        with suppress(OSError):
            flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(name, flags, 0o600, dir_fd=self._fd)
            try:
                os.utime(descriptor, (mtime, mtime))
            finally:
                os.close(descriptor)

    def mtime(self, name: str) -> float:
        """Return the file's mtime (epoch seconds); infinity if it is gone, which no age ever reaches."""
        with suppress(OSError):
            return os.stat(name, dir_fd=self._fd, follow_symlinks=False).st_mtime
        return inf

    def mtimes(self) -> dict[str, float]:
        """Return every file's mtime (epoch seconds) by name; files that vanish meanwhile are left out."""
        found: dict[str, float] = {}
        for name in os.listdir(self._fd):
            with suppress(OSError):
                found[name] = os.stat(name, dir_fd=self._fd, follow_symlinks=False).st_mtime
        return found


def _name(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, "unknown error")


def _mend(path: str, error: OSError) -> str:
    match error.errno:
        case errno.ELOOP | errno.ENOTDIR | errno.EEXIST:
            return f"run `mv {_quoted(path)} {_quoted(path + '.old')}`"
        case errno.ENOSPC | errno.EDQUOT:
            return "free some disk space"
        case errno.EROFS | errno.EACCES | errno.EPERM:
            return "make it writable, or set KEYWRIGHT_HOME to a folder that is"
        case _:
            return ""


def _quoted(path: str) -> str:
    """Return the path as one word of a shell, always in quotes."""
    return "'" + path.replace("'", "'\\''") + "'"
