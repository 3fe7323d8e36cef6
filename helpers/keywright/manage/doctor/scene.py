"""What a check is given to look at, and how it runs other programs."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple, TypeAlias

from keywright.manage.doctor.entries import Entries

ANSWERS_WITHIN_S: Final = 5.0
_STDOUT_AT_MOST: Final = 4 << 20


class Ran(NamedTuple):
    """A program that has ended: its exit code, and what it printed. That is not ours to show."""

    code: int
    stdout: str


Run: TypeAlias = Callable[[Sequence[str], Mapping[str, str]], Ran | None]
"""Runs a program in an environment, within a bound; None if it cannot be run or does not end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One person's machine.

    Attributes:
        env: the person's environment.
        now: the wall clock, aware UTC.
        run: runs programs.
        is_online: whether issuers may be asked for the time.
        mounts: the file that lists what is mounted, as proc_pid_mountinfo(5) describes it.
        answers_within_s: how long an issuer has to answer.
        entries: what lies in the caches, read once for all checks.
    """

    env: Mapping[str, str]
    now: Callable[[], datetime]
    run: Run
    is_online: bool = True
    mounts: str = "/proc/self/mountinfo"
    answers_within_s: float = ANSWERS_WITHIN_S
    entries: Entries = field(default_factory=Entries, compare=False, repr=False)

    def ask(self, *command: str, **variables: str) -> Ran | None:
        """Run a program in the person's environment, with more variables."""
        return self.run(command, {**self.env, **variables})

    def which(self, name: str) -> str:
        """Return the absolute path of the program that the name stands for on `PATH`; empty if there is none."""
        found = shutil.which(name, path=self.env.get("PATH", os.defpath))
        return os.path.abspath(found) if found else ""


def run(command: Sequence[str], env: Mapping[str, str]) -> Ran | None:
    """Run a program, and whatever it starts, for five seconds at most; what it says on standard error is not kept."""
    try:
        child = subprocess.Popen(
            list(command),
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError):
        return None
    with child:
        try:
            said, _ = child.communicate(timeout=ANSWERS_WITHIN_S)
        except subprocess.TimeoutExpired:
            return None
        finally:
            if child.returncode is None:  # not waited for, so that its number and its group's are still its own
                with suppress(OSError):
                    os.killpg(child.pid, signal.SIGKILL)
                child.wait()
    return Ran(child.returncode, said[:_STDOUT_AT_MOST].decode("utf-8", "surrogateescape"))
