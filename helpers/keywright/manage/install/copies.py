"""Private copies of a client's file for its own program to edit, and words that stand in for what it must not be told.

A command line can be read by every user of the machine. So what is put back, which may hold a secret, never stands on
one: the program is given a word, and the word in the file it wrote is replaced by what it stands for.
"""

import errno
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from keywright.errors import Unavailable

_MENDS: Final = dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "make it writable") | dict.fromkeys(
    (errno.ENOSPC, errno.EDQUOT), "free some disk space"
)


@contextmanager
def private_copy(content: bytes, folder: str | None = None) -> Iterator[str]:
    """Yield the path of a 0600 file with that content, and delete it afterwards.

    It lies in `folder` if that is there: relative paths in the file then mean what they mean in the original.

    Raises:
        Unavailable: it cannot be made.
    """
    with ExitStack() as stack:
        if folder is None or not os.path.isdir(folder):
            with _told("the folder for temporary files (TMPDIR)"):
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="keywright-"))
        with _told(folder):
            descriptor, path = tempfile.mkstemp(prefix=".keywright-", suffix=".tmp", dir=folder)
            stack.callback(_delete, path)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
        yield path


def contents(path: str) -> bytes:
    """Return what is in a copy by now.

    Raises:
        Unavailable: it cannot be read any more.
    """
    with _told(os.path.dirname(path)), open(path, "rb") as file:
        return file.read()


@contextmanager
def _told(folder: str) -> Iterator[None]:
    """Say of a failure in the block in which folder it was."""
    try:
        yield
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, "unknown error")
        what = f"{folder} cannot hold a copy to work on ({name}), nothing was changed"
        raise Unavailable(what, mend=_MENDS.get(error.errno or 0, "")) from None


def _delete(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, "unknown error")
        raise Unavailable(f"{path} is a copy that cannot be deleted ({name})", mend="delete it") from None


class StandIns:
    """Words that stand in for texts until the file is written."""

    def __init__(self) -> None:
        self._texts: dict[str, bytes] = {}

    def stand_in_for(self, text: bytes) -> str:
        """Return a word that no file holds yet; `fill` puts `text` in its place."""
        word = f"stand-in-{secrets.token_hex(12)}"
        self._texts[word] = text
        return word

    def fill(self, path: str, around: Callable[[str], str] = str) -> None:
        """Put the texts into the copy. `around` says what of the file goes with the word, such as its key.

        Raises:
            Unavailable: it cannot be written.
        """
        content = contents(path)
        for word, text in self._texts.items():
            content = content.replace(around(word).encode(), text)
        with _told(os.path.dirname(path)), open(path, "wb") as file:
            file.write(content)
