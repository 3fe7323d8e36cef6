"""A user of the bundle: a home with a cache, and what the four executables are asked."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

from binaries.launcher.built import BOUND_S, Bundle, Question, Run
from binaries.launcher.kept import BODY, Cache, content, facts
from binaries.launcher.vectors import DOCKER, GIT, KUBE, PERSON, PLACE
from keywright import hit

STAND_IN_CODE: Final = 7

# As the wheel's executables run it; what would be Python is the same stand-in.
HIT: Final = """\
import sys
from keywright import hit
name, sys.executable, *sys.argv[1:] = sys.argv[1:]
hit.answer(name)
sys.exit(99)
"""
NOT_A_HIT: Final = 99


ASKED: Final = [
    Question(GIT, stdin=PLACE + b"\n"),
    Question(DOCKER, stdin=b"https://ghcr.io"),
    Question(KUBE, [b"eks", b"--cluster", "zürich \udcff".encode("utf-8", "surrogateescape")]),
    Question(PERSON, [b"token", b"github-app:acme"]),
]


class Done(NamedTuple):
    """How one process ended."""

    code: int
    stdout: bytes
    stderr: bytes


class User:
    """One user of the bundle, with a cache."""

    def __init__(self, home: Path, bundle: Bundle) -> None:
        self.bundle = bundle
        self.env = {b"HOME": bytes(home), b"PATH": os.fsencode(os.environ["PATH"]), b"AWS_PROFILE": b"prod \xff"}
        self.cache_path = home / ".cache/keywright"

    def ask(self, question: Question) -> Question:
        """Return the question as this user asks it."""
        return question._replace(env=self.env)

    def keep(self, question: Question, *, refresh_in_s: float = 3000.0, body: bytes = BODY, **said: bytes) -> Cache:
        """Put a ready answer in place."""
        digest, folder = self.ask(question).to_hit()
        assert folder == str(self.cache_path)
        cache = Cache(self.cache_path, digest)
        now = time.time()
        lines = facts(now, refresh_in_s=refresh_in_s, boot=hit.boot_mark(now))
        cache.put(content(lines | {name.encode(): value for name, value in said.items()}, cache.inputs, body))
        return cache

    def command(self, question: Question, who: str = "the launcher") -> list[bytes | str | Path]:
        """Return the command that asks it."""
        if who == "hit.py":
            return [sys.executable, "-I", "-c", HIT, question.name, self.bundle.python, *question.args]
        return [self.bundle.folder / question.name, *question.args]

    def run(self, question: Question, who: str = "the launcher", **options: Any) -> Done:
        """Ask, with the question on a pipe."""
        options.setdefault("stdout", subprocess.PIPE)
        if "stdin" not in options:
            options.setdefault("input", question.stdin)
        command = options.pop("command", None) or self.command(question, who)
        done = subprocess.run(command, env=self.env, stderr=subprocess.PIPE, timeout=BOUND_S, check=False, **options)
        return Done(done.returncode, done.stdout, done.stderr)

    def brakes(self) -> list[str]:
        """Return the brakes that were taken."""
        return sorted(path.name for path in (self.cache_path / "renew").iterdir() if path.suffix != ".lock")


def renewal_of(bundle: Bundle) -> Run:
    """Return the one renewal, once it has run."""
    until = time.monotonic() + BOUND_S
    while not bundle.runs():
        assert time.monotonic() < until, "no renewal was woken"
        time.sleep(0.01)
    return bundle.take_run()
