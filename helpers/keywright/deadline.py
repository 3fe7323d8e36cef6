"""A bound on how long a block may take, kept even where a library underneath forgets its own."""

import signal
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from functools import partial
from types import FrameType
from typing import Final

FETCH_S: Final = 20.0
LOCK_WAIT_S: Final = 25.0
CALL_S: Final = 30.0
PERSON_S: Final = 120.0
"""One fetch < the wait for a lock < the whole call, so that each gives up before the one around it. A person's time to
answer is none of them: it stops the three (`paused`)."""


_AGAIN_S: Final = 0.05
"""A signal between Python's last step and a system call is not heard before that ends: it is sent again until it is."""


class OutOfTime(BaseException):
    """The block outlasted its bound.

    No `Exception`: it strikes once, and a library that catches those (botocore's HTTP session does, and asks again)
    would be left without a bound.
    """


class _Bound:
    """One block's end, on the monotonic clock; `is_armed` if a signal strikes at it, `is_heard` once one has."""

    __slots__ = ("end_s", "is_armed", "is_heard")

    def __init__(self, end_s: float) -> None:
        self.end_s = end_s
        self.is_armed = False
        self.is_heard = False


_BOUNDS: Final[ContextVar[tuple[_Bound, ...]]] = ContextVar("bounds", default=())
"""The bounds around the code that runs, each sooner than the one before. A thread begins with none."""


def within(seconds: float) -> AbstractContextManager[None]:
    """Raise `OutOfTime` inside the block once it has taken `seconds`.

    It interrupts system calls, so a server that trickles and a program that hangs are bounded too. Bounds nest; the
    sooner one strikes. Only the main thread can be interrupted: in any other the bound is kept by who asks what is left
    of it (`left_s`), and every fetch does.
    """
    return _Within(seconds)


class _Within:
    """No generator: a signal may strike between its `yield` and the block, which would leave it as it is."""

    def __init__(self, seconds: float) -> None:
        self._seconds = max(seconds, 0.001)  # 0 would mean no bound at all
        self._end: ExitStack | None = None
        self.has_struck = False

    def __enter__(self) -> None:
        outer = _BOUNDS.get()
        bound = _Bound(time.monotonic() + self._seconds)
        if outer and outer[-1].end_s <= bound.end_s:
            return
        self._end = ExitStack()
        self._end.callback(_BOUNDS.reset, _BOUNDS.set((*outer, bound)))
        try:
            _arm(bound, outer[-1] if outer else None, self._end)
        except BaseException:
            self.__exit__()  # it has struck already, as on a machine that is busy
            raise

    def __exit__(self, *_: object) -> None:
        if self._end is not None:
            self._end.close()
            if self.has_struck:
                raise OutOfTime


def _arm(bound: _Bound, outer: _Bound | None, end: ExitStack) -> None:
    """Let a signal strike at the bound, if this is the main thread; `end` ends that, also if it strikes meanwhile."""
    began_s = time.monotonic()
    other_s, other_again_s = signal.getitimer(signal.ITIMER_REAL)  # the outer bound's, or somebody else's
    if outer is None and 0 < other_s <= bound.end_s - began_s:
        return
    try:
        previous = signal.signal(signal.SIGALRM, partial(_strike, bound))
    except ValueError:  # not the main thread
        return

    def give_back() -> None:
        end_s = outer.end_s if outer else began_s + other_s
        signal.setitimer(signal.ITIMER_REAL, max(end_s - time.monotonic(), 0.001), other_again_s)

    if other_s:
        end.callback(give_back)
    end.callback(signal.signal, signal.SIGALRM, previous)
    end.callback(signal.setitimer, signal.ITIMER_REAL, 0)
    bound.is_armed = True
    signal.setitimer(signal.ITIMER_REAL, max(bound.end_s - began_s, 0.001), _AGAIN_S)


@contextmanager
def paused() -> Iterator[None]:
    """Let the block take as long as it takes, a person's answer say: the bounds around it go on afterwards."""
    bounds, began_s = _BOUNDS.get(), time.monotonic()
    is_armed = any(bound.is_armed for bound in bounds)
    timer_s, again_s = signal.setitimer(signal.ITIMER_REAL, 0) if is_armed else (0.0, 0.0)
    token = _BOUNDS.set(())
    try:
        yield
    finally:
        _BOUNDS.reset(token)
        took_s = time.monotonic() - began_s
        for bound in bounds:
            bound.end_s += took_s
        if timer_s:
            signal.setitimer(signal.ITIMER_REAL, timer_s, again_s)


def left_s(at_most: float) -> float:
    """Return the seconds that the bounds around this leave, or `at_most` if that is less or nothing bounds it."""
    bounds = _BOUNDS.get()
    return min(max(bounds[-1].end_s - time.monotonic(), 0.0), at_most) if bounds else at_most


def is_spent() -> bool:
    """Whether the bound around this is over already: its signal may have struck inside of something that caught it."""
    bounds = _BOUNDS.get()
    return bool(bounds) and bounds[-1].end_s <= time.monotonic()


def _strike(bound: _Bound, _number: int, frame: FrameType | None) -> None:
    if bound.is_heard:
        return
    bound.is_heard = True
    while frame is not None:
        if frame.f_code is _Within.__exit__.__code__:
            # This bound, or the one around it, strikes as this one is ended: it is heard once all is put back.
            frame.f_locals["self"].has_struck = True
            return
        frame = frame.f_back
    raise OutOfTime
