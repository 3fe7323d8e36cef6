"""Whether a process is to trace, and where to: its options and its environment, read at the front door.

KEYWRIGHT_TRACE=1 git fetch               decisions, on standard error; 2 for details too
KEYWRIGHT_TRACE=/tmp/keywright.jsonl …    everything, as JSON lines appended to that file
"""

import os
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, TextIO

from keywright import __version__, trace
from keywright.errors import Unavailable
from keywright.tracing.file import TraceFile
from keywright.tracing.tracer import ALL, Tracer, warn

CALL: Final = "_KEYWRIGHT_CALL"
"""Hands the correlation id on. `KEYWRIGHT_…` it must not begin with: it would be part of every question."""
_ID: Final = re.compile(r"[0-9a-f]{8}")


def open_tracer(
    env: Mapping[str, str],
    *,
    by: str,
    stderr: TextIO | None,
    now: Callable[[], datetime],
    hand_on: Callable[[Mapping[str, str | None]], None],
    level: int = 0,
    path: str = "",
) -> Tracer:
    """Return the tracer of a process that is asked for a trace: a mute one, and one warning, if it cannot have it.

    Args:
        env: the caller's environment.
        by: the executable's name.
        stderr: where the person reads.
        now: the clock, aware UTC.
        hand_on: sets variables of this process's own environment, for those it starts; None takes one away.
        level: what the options say, 0 for nothing; the environment says the rest.
        path: the file that the options name.
    """
    wish = env.get(trace.VARIABLE, "")
    if wish in {"1", "2"}:
        level = max(level, int(wish))
    elif os.path.isabs(wish):
        path = path or wish
    elif wish:
        warn(
            stderr,
            by,
            Unavailable(f"{trace.VARIABLE} is neither 1, 2 nor an absolute path", mend="set it to one of them"),
        )
    file = None
    if path:
        path = os.path.abspath(path)
        try:
            file = TraceFile.open(path)
        except Unavailable as error:
            warn(stderr, by, error)
    given = env.get(CALL, "")
    call = given if _ID.fullmatch(given) else os.urandom(4).hex()
    before = {name: env.get(name) for name in (CALL, trace.VARIABLE)}
    hand_on({CALL: call, **({trace.VARIABLE: path} if file else {})})
    tracer = Tracer(
        call=call, by=by, level=min(level, ALL), file=file, stderr=stderr, now=now, end=lambda: hand_on(before)
    )
    tracer.tell("call_began", {"version": __version__, "level": level, "path": path if file else None})
    return tracer


def set_own_environment(variables: Mapping[str, str | None]) -> None:
    """Set variables of this very process, which whatever it starts inherits (`keywright.hit.wake`)."""
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
