"""The launcher, built once for all workers, and its parts behind a pipe: thousands of cases in one process."""

import os
import shutil
import struct
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from keywright import hit

LAUNCHER: Final = Path(__file__).parent.parent.parent.parent / "packaging" / "launcher"
BOUND_S: Final = 120.0
"""How long any one process or condition may take. Reached only when something hangs."""
STDIN_ANSWERED: Final = 65536
"""What the launcher answers at most, of standard input."""


def make(target: str, out: Path, *settings: str, source: Path = LAUNCHER) -> None:
    """Run one target of the launcher's Makefile."""
    command = ["make", "--no-print-directory", "-s", "-j2", "-C", str(source), target, f"OUT={out}", *settings]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=BOUND_S)
    assert done.returncode == 0, done.stdout + done.stderr


class Question(NamedTuple):
    """What a client asks, in bytes as the system hands them over."""

    name: str
    args: Sequence[bytes] = (b"get",)
    env: Mapping[bytes, bytes] = {b"HOME": b"/home/me"}
    stdin: bytes = b""

    def to_hit(self) -> tuple[str, str]:
        """Return the digest and the cache's folder as hit.py has them; both empty if it does not answer."""
        env = {os.fsdecode(key): os.fsdecode(value) for key, value in self.env.items()}
        digest = hit.question(self.name, [os.fsdecode(arg) for arg in self.args], env, self.stdin)
        folder = hit.folder_of("cache", env)
        return (digest, folder) if digest and folder else ("", "")


class Found(NamedTuple):
    """A ready answer that may be used."""

    exit_code: int
    is_stale: bool
    entry: str
    generation: str
    body: bytes


def found_by_hit(ready: tuple[dict[str, str], bytes] | None, now: float) -> Found | None:
    """Return what hit.py found, in the same form."""
    if ready is None:
        return None
    facts, body = ready
    return Found(int(facts["exit"]), now >= float(facts["refresh"]), facts["entry"], facts["generation"], body)


def parsed_by_hit(content: bytes, now: float) -> Found | None:
    """Return what hit.py makes of an answer's content."""
    try:
        return found_by_hit(hit._parse(content, now), now)
    except (ValueError, KeyError):  # as `hit.find` takes them; a refresh that is no number is one of them
        return None


class Parts:
    """The launcher's parts, asked one case at a time (`packaging/launcher/testing/batch.c`)."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def close(self) -> None:
        """End the process; a sanitizer that found something while it ended fails here."""
        self._process.communicate(timeout=BOUND_S)
        assert self._process.returncode == 0

    def _ask(self, *fields: bytes) -> bytes:
        into, out = self._process.stdin, self._process.stdout
        assert into is not None
        assert out is not None
        into.write(struct.pack("<I", len(fields)) + b"".join(struct.pack("<I", len(one)) + one for one in fields))
        into.flush()
        head = out.read(4)
        assert len(head) == 4, "the launcher's parts broke: what the sanitizer says is on standard error"
        return out.read(int.from_bytes(head, "little"))

    def question(self, question: Question) -> tuple[str, str]:
        """Return the digest and the cache's folder; both empty if the launcher does not answer."""
        env = [key + b"=" + value for key, value in question.env.items()]
        return self.raw_question(question, env)

    def raw_question(self, question: Question, env: Sequence[bytes]) -> tuple[str, str]:
        """Return the same for an environment that no mapping can describe."""
        count = str(len(question.args)).encode()
        reply = self._ask(b"question", question.name.encode(), question.stdin, count, *question.args, *env)
        digest, _, folder = os.fsdecode(reply).partition(" ")
        return digest, folder

    def find(self, cache: Path, digest: str, now: float) -> Found | None:
        """Return the answer that may be used."""
        return self._found(self._ask(b"find", os.fsencode(cache), digest.encode(), repr(now).encode()))

    def parse(self, content: bytes, now: float) -> Found | None:
        """Return what the launcher makes of an answer's content."""
        return self._found(self._ask(b"parse", content, repr(now).encode()))

    def claim(self, cache: Path, name: str, now: float, seconds: int) -> bool:
        """Return whether the brake was taken."""
        return self._ask(b"claim", os.fsencode(cache), name.encode(), repr(now).encode(), b"%d" % seconds) == b"1"

    def number(self, text: bytes) -> float | None:
        """Return the number that the text is in our own writer's form."""
        reply = self._ask(b"number", text)
        return struct.unpack("=d", reply)[0] if reply else None

    def stamp(self, path: bytes) -> str:
        """Return a file's stamp; empty where the launcher makes none."""
        return self._ask(b"stamp", path).decode()

    @staticmethod
    def _found(reply: bytes) -> Found | None:
        if not reply:
            return None
        head, _, body = reply.partition(b"\n")
        code, is_stale, entry, generation = head.decode().split()
        return Found(int(code), is_stale == "1", entry, generation, body)


class Run(NamedTuple):
    """How the stand-in for the Python program was run."""

    args: list[bytes]
    env: dict[bytes, bytes]
    stdin: bytes
    descriptors: dict[int, str]
    folder: str
    leads_a_session: bool
    ignores_sigpipe: bool

    @property
    def is_renewal(self) -> bool:
        """Whether it is a renewal's."""
        return self.args[0] == b"keywright.bin.renew"


def _read_run(path: Path) -> Run:
    facts = [line.rpartition(" ") for line in path.read_text().splitlines()]
    texts = [(fact, bytes.fromhex(value)) for fact, _, value in facts if not fact.startswith(("session", "ignores"))]
    flags = {fact: value == "1" for fact, _, value in facts if fact.startswith(("session", "ignores"))}
    env = dict(value.split(b"=", 1) for fact, value in texts if fact == "variable")
    return Run(
        args=[value for fact, value in texts if fact == "argument"],
        env=env,
        stdin=next(value for fact, value in texts if fact == "stdin"),
        descriptors={int(fact[3:]): os.fsdecode(value) for fact, value in texts if fact.startswith("fd ")},
        folder=next(os.fsdecode(value) for fact, value in texts if fact == "folder"),
        leads_a_session=flags["session"],
        ignores_sigpipe=flags["ignores-sigpipe"],
    )


class Bundle:
    """A folder as `make dist` makes it, with a stand-in for the Python program that writes down how it was run."""

    NAMES: Final = (
        "docker-credential-keywright",
        "git-credential-keywright",
        "keywright",
        "kube-credential-keywright",
    )

    def __init__(self, folder: Path, launcher: Path, stand_in: Path) -> None:
        self.folder = folder
        self._runs = folder / "runs"
        self._runs.mkdir(parents=True)
        shutil.copy(launcher, folder / "keywright")
        shutil.copy(stand_in, folder / "keywright-python")
        for name in self.NAMES:
            if name != "keywright":
                (folder / name).symlink_to("keywright")

    @property
    def python(self) -> Path:
        """The stand-in."""
        return self.folder / "keywright-python"

    def runs(self) -> list[Run]:
        """Return how the stand-in was run, in no order."""
        return [_read_run(path) for path in self._runs.iterdir() if path.suffix != ".new"]

    def take_run(self) -> Run:
        """Return how it was run the one time, and forget it."""
        (run,) = self.runs()
        for path in self._runs.iterdir():
            path.unlink()
        return run
