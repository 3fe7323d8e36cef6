"""Ready answers: made here, read by `keywright.hit`, in its format."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from math import isinf
from types import MappingProxyType
from typing import Final, NamedTuple

from keywright.cache.folder import PrivateFolder
from keywright.errors import CacheUnusable
from keywright.hit import FORMAT, find, sha256, stamp

LONGEST_S: Final = 24 * 3600
SETTLED_S: Final = 0.05
NOT_MINE: Final = "-"


class Answer(NamedTuple):
    """One ready answer.

    Attributes:
        exit_code: what the process exits with.
        issued_at_s: not to be used before (epoch seconds, as are the next two).
        refresh_at_s: to be renewed from then on.
        expires_at_s: not to be used from then on.
        boot: the boot it was issued in (`keywright.hit.boot_mark`).
        entry: the digest of the entry it came from; `-` for "not mine".
        entry_path: where that entry lies; empty for "not mine".
        entry_stamp: the stamp of the entry it was made from.
        generation: that entry's generation.
        question: the question in words, for people.
        inputs: every other file that decided it, by absolute path, with the stamp taken before it was read.
        body: the exact bytes to print.
    """

    exit_code: int
    issued_at_s: float
    refresh_at_s: float
    expires_at_s: float
    boot: str = "- 0"
    entry: str = NOT_MINE
    entry_path: str = ""
    entry_stamp: str = ""
    generation: int = 0
    question: str = ""
    inputs: Mapping[str, str] = MappingProxyType({})
    body: bytes = b""


class Answers:
    """The ready answers of one cache, and the brakes of their renewals."""

    def __init__(self, cache: str) -> None:
        """Open `CACHE/answers` and `CACHE/renew`, made if need be.

        Raises:
            CacheUnusable: a folder cannot be trusted.
        """
        PrivateFolder.open(cache)
        self.cache = cache
        self._folder = PrivateFolder.open(f"{cache}/answers")
        self._brakes = PrivateFolder.open(f"{cache}/renew")

    def keep(self, digest: str, answer: Answer, now_s: float) -> bool:
        """Keep the answer under the question's digest, if what decided it has settled; returns whether it was kept.

        An input that changed while it was read, or so lately that a further change could go unseen within the file
        system's clock tick, is no ground to answer from. The entry is exempt from the second rule: it only ever changes
        by a new file taking its name while the old one still exists, which no stamp can miss.

        Raises:
            CacheUnusable: it cannot be written.
        """
        for path, seen in answer.inputs.items():
            if stamp(path) != seen or now_s - _changed_at_s(seen) < SETTLED_S:
                return False
        inputs = dict(answer.inputs)
        if answer.entry_path:
            inputs[answer.entry_path] = answer.entry_stamp
        if any("\n" in path for path in inputs):
            return False
        self._folder.replace(digest, render(answer, inputs), mtime=answer.expires_at_s, is_lasting=False)
        if answer.entry_path and stamp(answer.entry_path) != answer.entry_stamp:
            self._folder.remove(digest)  # whoever forgot the entry meanwhile may have looked for answers before
            return False
        return True

    def forget(self, entry: str) -> None:
        """Delete every answer made from the entry.

        Raises:
            CacheUnusable: one cannot be deleted.
        """
        for name, _ in self._made_from(entry):
            self._folder.remove(name)

    def sweep(self, now_s: float) -> None:
        """Delete what has expired: an answer's mtime is its expiry.

        Raises:
            CacheUnusable: one cannot be deleted.
        """
        for name, mtime in self._folder.mtimes().items():
            if mtime < now_s - (LONGEST_S if name.endswith((".asked", ".tmp")) else 0):
                self._folder.remove(name)

    def questions(self, entry: str) -> list[str]:
        """Return, in words and sorted, the questions that the entry has ready answers for."""
        return _questions(head for _, head in self._made_from(entry))

    def usable(self, entry: str, now_s: float) -> list[str]:
        """Return, in words and sorted, the questions that would be answered from the entry at once, at `now_s`."""
        heads = [head for name, head in self._made_from(entry) if find(self._folder.path, name, now_s)]
        return _questions(heads)

    def _made_from(self, entry: str) -> Iterator[tuple[str, bytes]]:
        """Yield the name and the facts of each."""
        for name in self._folder.mtimes():
            with suppress(CacheUnusable):  # what is no file of ours is no answer either
                file = self._folder.read(name)
                head = file[0].partition(b"\n\n")[0] if file else b""
                if f"\nentry {entry}\n".encode() in head:
                    yield name, head

    def brake(self, entry: str, until_s: float) -> None:
        """Let nobody start a renewal of the entry before then (epoch seconds)."""
        self._brakes.touch(entry, until_s)

    def braked_until_s(self, entry: str) -> float:
        """Return until when nobody starts a renewal of the entry (epoch seconds); 0 if somebody may."""
        until_s = self._brakes.mtime(entry)
        return 0.0 if isinf(until_s) else until_s

    def release(self, entry: str) -> None:
        """Let the next one who finds the entry stale start a renewal."""
        self._brakes.remove(entry)


def render(answer: Answer, inputs: Mapping[str, str]) -> bytes:
    """Return the file's content, in the format that `keywright.hit` documents."""
    facts = [
        f"exit {answer.exit_code}",
        f"issued {answer.issued_at_s}",
        f"refresh {answer.refresh_at_s}",
        f"expires {answer.expires_at_s}",
        f"boot {answer.boot}",
        f"entry {answer.entry}",
        f"generation {answer.generation}",
        f"question {answer.question}",
        *(f"input {seen} {path}" for path, seen in inputs.items()),
    ]
    rest = "\n".join(facts).encode("utf-8", "surrogateescape") + b"\n\n" + answer.body
    return f"{FORMAT}\nsha256 {sha256(rest).hexdigest()}\n".encode() + rest


def _questions(heads: Iterable[bytes]) -> list[str]:
    lines = (line for head in heads for line in head.decode("utf-8", "replace").split("\n"))
    return sorted(line[9:] for line in lines if line.startswith("question "))


def _changed_at_s(seen: str) -> float:
    """Return when a stamped file last changed (epoch seconds): never, if it was absent."""
    if not seen[:1].isdigit():
        return 0.0
    *_, mtime_ns, ctime_ns = seen.split(":")
    return max(int(mtime_ns), int(ctime_ns)) / 1e9
