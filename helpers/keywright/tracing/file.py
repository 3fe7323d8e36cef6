"""The file that a trace is appended to: ours alone, or none."""

import errno
import fcntl
import os
import shlex
import stat
from typing import Final, Self

from keywright.errors import Unavailable

_OPEN: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_PAST_THE_STANDARD_THREE: Final = 3
BEGINNING: Final = b'{"at": "'
"""How each line of a trace begins, and so each trace."""


class TraceFile:
    """An open trace file. It tells of who asked for what and when, which is nobody else's business."""

    def __init__(self, path: str, descriptor: int) -> None:
        self.path = path
        self._fd = descriptor

    @classmethod
    def open(cls, path: str) -> Self:
        """Open the file, made 0600 if absent; nothing is written yet.

        Raises:
            Unavailable: it is a link, no plain file, another user's, open to others, holds something else, or cannot be
                opened.
        """
        try:
            opened = os.open(path, _OPEN, 0o600)
            try:
                # Where standard output was closed its number is free: the credential would go into the trace.
                descriptor = fcntl.fcntl(opened, fcntl.F_DUPFD_CLOEXEC, _PAST_THE_STANDARD_THREE)
            finally:
                os.close(opened)
        except (OSError, ValueError) as error:
            why = errno.errorcode.get(getattr(error, "errno", None) or 0, "no path")
            mend = "name the file itself, not a link to it" if why == "ELOOP" else "name another file"
            raise Unavailable(f"{path} cannot be opened ({why})", mend=mend) from None
        found = os.fstat(descriptor)
        problem = _problem(path, found) or _foreign(path, descriptor) or _loose(path, found)
        if problem is not None:
            os.close(descriptor)
            raise problem
        return cls(path, descriptor)

    def append(self, line: str) -> None:
        """Append the line with one call, so that the lines of several processes stay whole.

        Raises:
            OSError: it cannot be written, or not all of it.
        """
        data = line.encode("ascii") + b"\n"
        if os.write(self._fd, data) != len(data):
            raise OSError(errno.ENOSPC, "")

    def close(self) -> None:
        """Close it."""
        os.close(self._fd)


def _foreign(path: str, descriptor: int) -> Unavailable | None:
    """Return the problem of a file that holds no trace: appended to, a vault, a key or a configuration were damaged."""
    try:
        beginning = os.pread(descriptor, len(BEGINNING), 0)
    except OSError as error:
        return Unavailable(f"{path} cannot be read ({type(error).__name__})", mend="name another file")
    if beginning and not BEGINNING.startswith(beginning):
        return Unavailable(f"{path} holds something that is no trace", mend="name another file")
    return None


def _problem(path: str, found: os.stat_result) -> Unavailable | None:
    if not stat.S_ISREG(found.st_mode):
        return Unavailable(f"{path} is not a plain file", mend="name another file")
    if found.st_uid != os.geteuid():
        return Unavailable(f"{path} belongs to user {found.st_uid}", mend="name another file")
    if found.st_nlink > 1:
        return Unavailable(f"{path} has a second name elsewhere, a hard link", mend="name another file")
    return None


def _loose(path: str, found: os.stat_result) -> Unavailable | None:
    """Return the problem of a trace that others can read; it comes last, for nobody else's file is to be closed."""
    if found.st_mode & 0o077:
        return Unavailable(f"{path} is open to other users", mend=f"run `chmod 600 {shlex.quote(path)}`")
    return None
