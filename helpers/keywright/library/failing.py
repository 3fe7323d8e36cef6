"""Failures that no file remembers, told again for a short, growing while instead of asking for each call."""

from types import TracebackType
from typing import NamedTuple

from keywright.cache.failures import pause_s
from keywright.errors import KeywrightError, Unreachable


def pause_after(failure: BaseException, attempts: int) -> float:
    """Return for how many seconds nobody asks again, after so many failures in a row."""
    return pause_s(attempts, failure if isinstance(failure, KeywrightError) else Unreachable(""))


class _Failed(NamedTuple):
    """The last failure and its trace; how many there were in a row, when it was, and until when it is told again.

    Instants are epoch seconds.
    """

    error: Exception
    trace: TracebackType | None
    attempts: int
    at_s: float
    retry_at_s: float


class FailureMemory:
    """What one source failed of, in this process."""

    def __init__(self) -> None:
        self._failed: _Failed | None = None

    def stop_while_failing(self, now_s: float) -> None:
        """Raise the last failure again while its time has not run out at `now_s` (epoch seconds)."""
        failed = self._failed
        if failed is not None and failed.at_s <= now_s < failed.retry_at_s:
            raise failed.error.with_traceback(failed.trace)  # as it was: each time it is told it would grow

    def remember(self, error: Exception, now_s: float, *, told: Exception | None = None) -> None:
        """Remember one more failure; `told` is what callers hear of it, if not itself."""
        attempts = self._failed.attempts + 1 if self._failed else 1
        told = told or error
        self._failed = _Failed(told, told.__traceback__, attempts, now_s, now_s + pause_after(error, attempts))

    def forget(self) -> None:
        """Forget what there was: it went well, or a person stepped in."""
        self._failed = None
