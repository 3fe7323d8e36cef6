"""A cache with one ready answer on disk, and what can be done to it."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from keywright import hit

NOW: Final = 1_900_000_000.0
BODY: Final = b"username=x-access-token\npassword=ghs_1\n\n\nwith more \0 bytes\xff"
ENTRY: Final = "9e1b"


def facts(now: float = NOW, *, refresh_in_s: float = 100.0, boot: str = "- 0") -> dict[bytes, bytes]:
    """Return what an answer says that is fresh for a while; hit.py's own docstring shows the form."""
    return {
        b"exit": b"0",
        b"issued": repr(now - 600.25).encode(),
        b"refresh": repr(now + refresh_in_s).encode(),
        b"expires": repr(now + 3600).encode(),
        b"boot": boot.encode(),
        b"entry": ENTRY.encode(),
        b"generation": b"7",
        b"question": b"git-credential-keywright get https://github.com",
    }


def proven(rest: bytes) -> bytes:
    """Return an answer's content with the checksum that fits."""
    digest = str(hit.sha256(rest).hexdigest())
    return b"keywright-answer 1\nsha256 " + digest.encode() + b"\n" + rest


def content(said: Mapping[bytes, bytes | None], added: Sequence[bytes] = (), body: bytes = BODY) -> bytes:
    """Return the content of an answer."""
    lines = [fact + b" " + value for fact, value in said.items() if value is not None]
    return proven(b"\n".join([*lines, *added]) + b"\n\n" + body)


class Cache:
    """The cache of one user, who has one question's answer in it."""

    def __init__(self, root: Path, digest: str) -> None:
        self.path = root
        self.digest = digest
        self.input = root / "input"
        self.absent = root / "absent"
        for name in ("answers", "renew"):
            (root / name).mkdir(mode=0o700, parents=True)
        self.input.write_bytes(b"the content")
        self.settle()

    @property
    def folder(self) -> Path:
        return self.path / "answers"

    @property
    def answer(self) -> Path:
        return self.folder / self.digest

    @property
    def inputs(self) -> list[bytes]:
        """The lines of one file that is there and one that is not."""
        return [b"input " + hit.stamp(str(path)).encode() + b" " + bytes(path) for path in (self.input, self.absent)]

    def put(self, what: bytes) -> None:
        """Put an answer in place, whatever lies there."""
        self.answer.unlink(missing_ok=True)
        with open(os.open(self.answer, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(what)

    def settle(self) -> None:
        """Wait until the file system's clock has ticked since the input changed."""
        probe = self.path / "probe"
        while True:
            probe.write_bytes(b"")
            if probe.stat().st_ctime_ns > self.input.stat().st_ctime_ns:
                return
