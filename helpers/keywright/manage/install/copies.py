"""Private copies of a client's file for its own program to edit, and words that stand in for what it must not be told.

A command line can be read by every user of the machine. So what is put back, which may hold a secret, never stands on
one: the program is given a word, and the word in the file it wrote is replaced by what it stands for.
"""

import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


@contextmanager
def private_copy(content: bytes, folder: str | None = None) -> Iterator[str]:
    """Yield the path of a 0600 file with that content, and delete it afterwards.

    It lies in `folder` if that is there: relative paths in the file then mean what they mean in the original.
    """
    with tempfile.TemporaryDirectory(prefix="keywright-") as own:
        place = folder if folder is not None and os.path.isdir(folder) else own
        descriptor, path = tempfile.mkstemp(prefix=".keywright-", suffix=".tmp", dir=place)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            yield path
        finally:
            with suppress(FileNotFoundError):
                os.unlink(path)


def contents(path: str) -> bytes:
    """Return what is in a copy by now."""
    with open(path, "rb") as file:
        return file.read()


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
        """Put the texts into the copy. `around` says what of the file goes with the word, such as its key."""
        content = contents(path)
        for word, text in self._texts.items():
            content = content.replace(around(word).encode(), text)
        with open(path, "wb") as file:
            file.write(content)
