"""The threads that get credentials: none outlives the program unfinished, and none is waited for in a forked child."""

import atexit
import os
import time
from collections.abc import Callable
from threading import Thread
from typing import Final, Protocol
from weakref import WeakKeyDictionary, WeakSet

from keywright.deadline import FETCH_S


class Forkable(Protocol):
    """What holds locks and threads of this process."""

    def _after_fork(self) -> None: ...


_FLYING: Final[WeakKeyDictionary[Thread, float]] = WeakKeyDictionary()
"""Each thread, and until when the program's end waits for it (`time.monotonic`)."""
_FORKABLE: Final[WeakSet[Forkable]] = WeakSet()


def start(work: Callable[[], None]) -> None:
    """Run `work` in a thread of its own; here, where no thread can be started, as at a program's end."""
    # A daemon, for one that hangs must not keep the program from ending. But it is waited for (`_land`).
    thread = Thread(target=work, name="keywright-renewal", daemon=True)
    try:
        thread.start()
    except RuntimeError:
        work()
    else:
        _FLYING[thread] = time.monotonic() + FETCH_S


def forget_after_fork(held: Forkable) -> None:
    """See that `held` is made anew in a forked child, as long as it is alive."""
    _FORKABLE.add(held)


def _land() -> None:
    """Give renewals the time to end: a refresh token that is spent must not lose its answer."""
    while True:  # one that ends may have started another
        left = {thread: ends_s - time.monotonic() for thread, ends_s in list(_FLYING.items()) if thread.is_alive()}
        thread = next((thread for thread, left_s in left.items() if left_s > 0), None)
        if thread is None:
            return
        thread.join(left[thread])


def _forget_all() -> None:
    _FLYING.clear()
    for held in list(_FORKABLE):
        held._after_fork()  # noqa: SLF001 - it is there for this


atexit.register(_land)
os.register_at_fork(after_in_child=_forget_all)
