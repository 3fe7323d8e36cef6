"""The threads that get credentials: none outlives the program unfinished, and none is waited for in a forked child."""

import atexit
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Final, Protocol
from weakref import WeakSet

from keywright.deadline import CALL_S


class Forkable(Protocol):
    """What holds locks and threads of this process."""

    def _after_fork(self) -> None: ...


_FLYING: Final[dict[Thread, float]] = {}
"""Each thread that is at work, and until when the program's end waits for it (`time.monotonic`)."""
_FORKABLE: Final[WeakSet[Forkable]] = WeakSet()


def start(work: Callable[[], None]) -> None:
    """Run `work` in a thread of its own; here, where no thread can be started, as at a program's end."""
    # A daemon, for one that hangs must not keep the program from ending. But it is waited for (`_land`).
    thread = Thread(target=_fly, args=(work,), name="keywright-renewal", daemon=True)
    _FLYING[thread] = time.monotonic() + CALL_S
    try:
        thread.start()
    except RuntimeError:
        del _FLYING[thread]
        work()


def _fly(work: Callable[[], None]) -> None:
    try:
        work()
    finally:
        _FLYING.pop(threading.current_thread(), None)


def forget_after_fork(held: Forkable) -> None:
    """See that `held` is made anew in a forked child, as long as it is alive."""
    _FORKABLE.add(held)


def _land() -> None:
    """Give renewals the time to end: a refresh token that is spent must not lose its answer."""
    while True:  # one that ends may have started another
        left_s = {thread: ends_s - time.monotonic() for thread, ends_s in list(_FLYING.items()) if thread.is_alive()}
        thread = next((thread for thread in left_s if left_s[thread] > 0), None)
        if thread is None:
            return
        thread.join(left_s[thread])


def _forget_all() -> None:
    _FLYING.clear()
    for held in list(_FORKABLE):
        held._after_fork()  # noqa: SLF001 - it is there for this


atexit.register(_land)
with suppress(AttributeError, RuntimeError):  # a child of multiprocessing ends without `atexit`, not without this
    threading._register_atexit(_land)  # type: ignore[attr-defined]  # noqa: SLF001 - as concurrent.futures does
os.register_at_fork(after_in_child=_forget_all)
