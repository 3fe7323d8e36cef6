"""The tracer of one process: lines for the person on standard error, JSON lines for a file, or both.

    keywright: trace: 17:40:32.123Z 3f9c2a1b route how=route route=https://github.com/acme profiles=1

    {"at": "2026-11-27T17:40:32.123Z", "call": "3f9c2a1b", "by": "git-credential-keywright", "pid": 4711,
     "event": "route", "how": "route", "route": "https://github.com/acme", "profiles": 1}

`call` is the same in all that one call sets off: the renewal that it starts behind it, and a keywright that AWS's
`credential_process` runs.
"""

import errno
import json
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Final, TextIO

from keywright.errors import Unavailable
from keywright.log import say
from keywright.tracing.facts import DETAILS, Event, Plain, instant, plain
from keywright.tracing.file import TraceFile

ALL: Final = 2
"""The level from which on details are told. A file always holds them."""
_BARE: Final = re.compile(r"[^\s\"'=]+")


class Tracer:
    """Writes what it is told; what cannot be written costs one warning and nothing else."""

    def __init__(
        self,
        *,
        call: str,
        by: str,
        level: int,
        file: TraceFile | None,
        stderr: TextIO | None,
        now: Callable[[], datetime],
        end: Callable[[], None] = lambda: None,
    ) -> None:
        """Take what it needs.

        Args:
            call: the correlation id.
            by: the executable that traces.
            level: 0 for no lines on standard error, 1 for decisions, 2 for details too.
            file: where JSON lines go.
            stderr: where the person reads.
            now: the clock, aware UTC.
            end: what is undone when the trace ends.
        """
        self._call = call
        self._by = by
        self._level = level
        self._file = file
        self._stderr = stderr
        self._now = now
        self._end = end

    def tell(self, event: Event, facts: Mapping[str, object]) -> None:
        """Write one event, as far as anybody wants it."""
        to_person = self._level >= ALL or (self._level > 0 and event not in DETAILS)
        if self._file is None and not to_person:
            return
        at, told = instant(self._now()), plain(facts)
        if to_person:
            words = "".join(f" {name}={_word(value)}" for name, value in told.items() if value is not None)
            say(self._stderr, "keywright: trace", f"{at.partition('T')[2]} {self._call} {event}{words}")
        if self._file is not None:
            front = {"at": at, "call": self._call, "by": self._by, "pid": os.getpid(), "event": event}
            self._append(self._file, json.dumps({**front, **told}))

    def close(self) -> None:
        """End the trace."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._end()

    def _append(self, file: TraceFile, line: str) -> None:
        try:
            file.append(line)
        except OSError as error:
            self._file = None
            with suppress(OSError):
                file.close()
            why = errno.errorcode.get(error.errno or 0, "unknown error")
            warn(
                self._stderr, self._by, Unavailable(f"{file.path} cannot be written ({why})", mend="name another file")
            )


def warn(stderr: TextIO | None, by: str, error: Exception) -> None:
    """Say once that there is no trace, or none any more."""
    line = error.line if isinstance(error, Unavailable) else str(error)
    say(stderr, by, f"not tracing: {line}")


def _word(value: Plain) -> str:
    """Return the value as one word of the line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    return text if _BARE.fullmatch(text) else json.dumps(text, ensure_ascii=False)
