"""A bound on how long a block may take, kept even where a library underneath forgets its own."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

FETCH_S: Final = 20.0
LOCK_WAIT_S: Final = 25.0
CALL_S: Final = 30.0
PERSON_S: Final = 120.0
"""One fetch < the wait for a lock < the whole call, so that each gives up before the one around it. A person's time to
answer is none of them: it stops the three (`paused`)."""


class OutOfTime(BaseException):
    """The block outlasted its bound.

    No `Exception`: it strikes once, and a library that catches those (botocore's HTTP session does, and asks again)
    would be left without a bound.
    """


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise `OutOfTime` inside the block once it has taken `seconds`.

    It interrupts system calls, so a server that trickles and a program that hangs are bounded too. Bounds nest; the
    sooner one strikes. Only the main thread can be interrupted: in any other the block runs unbounded by this.
    """
    outer_s, _ = signal.getitimer(signal.ITIMER_REAL)
    if 0 < outer_s <= seconds:
        yield
        return
    try:
        previous = signal.signal(signal.SIGALRM, _strike)
    except ValueError:  # not the main thread
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))  # 0 would mean no bound at all
    try:
        yield
    finally:
        left_s, _ = signal.getitimer(signal.ITIMER_REAL)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
        if outer_s:
            signal.setitimer(signal.ITIMER_REAL, max(outer_s - (seconds - left_s), 0.001))


@contextmanager
def paused() -> Iterator[None]:
    """Let the block take as long as it takes, a person's answer say: the bound around it goes on afterwards."""
    left_s, _ = signal.getitimer(signal.ITIMER_REAL)
    if not left_s:
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left_s)


def left_s(at_most: float) -> float:
    """Return the seconds that the bounds around this leave, or `at_most` if that is less or nothing bounds it."""
    left, _ = signal.getitimer(signal.ITIMER_REAL)
    return min(left or at_most, at_most)


def is_spent() -> bool:
    """Whether the bound around this has struck already, inside of something that caught it: there is no second one."""
    return signal.getsignal(signal.SIGALRM) is _strike and not signal.getitimer(signal.ITIMER_REAL)[0]


def _strike(_number: int, _frame: FrameType | None) -> None:
    raise OutOfTime
