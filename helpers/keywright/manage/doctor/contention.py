"""Several processes that contend for one lock, and say when they held it.

Each is `python -m keywright.manage.doctor.contention LOCK`: it says `ready`, waits for a line, takes and releases
the lock a few times, and prints one line for each time, in nanoseconds of the clock that all processes share:

    span 1234 81230044112233 81230045998877
"""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import IO, Final, NamedTuple

from keywright.hit import own

CONTENDERS: Final = 3
TIMES: Final = 12
HELD_S: Final = 0.002
_GIVES_UP_AFTER_S: Final = 5.0
_ENDS_WITHIN_S: Final = 20.0
_PAUSE_S: Final = 0.0005


class Span(NamedTuple):
    """When one process held the lock, in nanoseconds since some instant of this boot."""

    pid: int
    from_ns: int
    to_ns: int


def contend(lock: str, env: Mapping[str, str]) -> list[Span] | None:
    """Have processes contend for the lock; return when each held it, and None if one of them did not end.

    Nothing at all is returned for a lock that cannot be taken.
    """
    end_s = time.monotonic() + _ENDS_WITHIN_S
    with ExitStack() as stack:
        children = [stack.enter_context(_started(lock, env)) for _ in range(CONTENDERS)]
        stack.callback(_end, children)
        if not all(_line(child) == "ready\n" for child in children):
            return None
        for child in children:
            _stdin(child).write("go\n")
            _stdin(child).flush()
        spans: list[Span] = []
        for child in children:
            try:
                said, _ = child.communicate(timeout=max(end_s - time.monotonic(), 0.1))
            except (subprocess.TimeoutExpired, OSError):
                return None
            if child.returncode:
                return []
            spans += [Span(*map(int, line.split()[1:])) for line in said.splitlines() if line.startswith("span ")]
        return spans


def main() -> None:
    """Be one of the processes."""
    from keywright.cache.lock import hold
    from keywright.errors import CacheUnusable

    (lock,) = sys.argv[1:]
    _say("ready")
    if not sys.stdin.readline():
        sys.exit(1)
    give_up_s = time.monotonic() + _GIVES_UP_AFTER_S
    spans: list[Span] = []
    while len(spans) < TIMES:
        try:
            with hold(lock, 0) as is_held:
                if is_held:
                    from_ns = time.monotonic_ns()
                    time.sleep(HELD_S)
                    spans.append(Span(os.getpid(), from_ns, time.monotonic_ns()))
        except CacheUnusable:
            sys.exit(1)
        if time.monotonic() > give_up_s:
            break
        time.sleep(_PAUSE_S)
    for span in spans:
        _say(f"span {span.pid} {span.from_ns} {span.to_ns}")


def _say(line: str) -> None:
    os.write(1, f"{line}\n".encode("ascii"))


def _started(lock: str, env: Mapping[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*own("keywright.manage.doctor.contention"), lock],
        executable=sys.executable,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**env, "PYINSTALLER_RESET_ENVIRONMENT": "1"},
        cwd="/",
        text=True,
    )


def _end(children: "list[subprocess.Popen[str]]") -> None:
    for child in children:
        if child.poll() is None:
            child.kill()


def _line(child: "subprocess.Popen[str]") -> str:
    return child.stdout.readline() if child.stdout else ""


def _stdin(child: "subprocess.Popen[str]") -> IO[str]:
    if child.stdin is None:
        raise TypeError("the child has no standard input")
    return child.stdin


if __name__ == "__main__":
    main()
