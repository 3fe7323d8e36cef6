"""`keywright -v`, `-vv` and `--trace FILE`: a trace of one command, whatever the environment says."""

import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from keywright.errors import UsageError
from keywright.tracing.tracer import Tracer
from keywright.tracing.wanted import open_tracer, set_own_environment

_MOST: Final = 2
"""More v's tell no more."""


def tracer_of_options(verbosity: int, path: str | None, env: Mapping[str, str], now: Callable[[], datetime]) -> Tracer:
    """Return the tracer of a command.

    Raises:
        UsageError: `path` is empty.
    """
    if path is not None and not path:
        raise UsageError("--trace names no file", mend="write `keywright --trace FILE COMMAND`")
    return open_tracer(
        env,
        by="keywright",
        stderr=sys.stderr,
        now=now,
        level=min(verbosity, _MOST),
        path=path or "",
        hand_on=set_own_environment,
    )
