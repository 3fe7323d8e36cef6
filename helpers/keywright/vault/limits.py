"""How long an unlocked vault stays so: two limits, on a clock that is handed in."""

import time
from collections.abc import Callable
from typing import Final, NamedTuple

CLOCK: Final[int] = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""It goes on while the machine sleeps: Linux has it by a name of its own, macOS as CLOCK_MONOTONIC."""


def since_boot() -> float:
    """Return seconds since some moment before now, those that the machine slept included."""
    return time.clock_gettime(CLOCK)


class Left(NamedTuple):
    """What is left, in seconds; zero or less is over.

    Attributes:
        idle_s: until it ends for want of use.
        total_s: until it ends whatever happens.
    """

    idle_s: float
    total_s: float

    @property
    def least_s(self) -> float:
        """What is left of the limit that comes first."""
        return min(self)


class Limits:
    """An idle limit, which every use moves on, and an absolute one, which nothing moves."""

    def __init__(self, idle_s: float, total_s: float, clock: Callable[[], float] = since_boot) -> None:
        self._idle_s = idle_s
        self._clock = clock
        self._used_at = clock()
        self._over_at = self._used_at + total_s

    def use(self) -> None:
        """Count a use: the idle limit begins anew."""
        self._used_at = self._clock()

    def left(self) -> Left:
        """Return what is left by now."""
        now = self._clock()
        total_s = self._over_at - now
        return Left(idle_s=min(self._used_at + self._idle_s - now, total_s), total_s=total_s)
