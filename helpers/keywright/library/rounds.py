"""A thread that does its round at once, then again and again, until it is told to stop."""

import logging
from collections.abc import Callable
from concurrent.futures import Future, wait
from datetime import timedelta
from threading import TIMEOUT_MAX, Lock, Thread, current_thread
from types import TracebackType
from typing import Final, Self

from keywright.deadline import CALL_S
from keywright.errors import UsageError
from keywright.library import flights

Stopped = Future[bool]
"""Done once there is to be no more of it. What waits for something else waits for this beside it."""

_LOGGER: Final = logging.getLogger("keywright")


class Refresher:
    """Refreshes a store behind its users, from `start` to `stop` or for as long as a `with` block lasts.

    The first round begins at once. After each comes the interval: rounds that a slow one took the time of are not made
    up for. A forked child has none until it starts one.
    """

    def __init__(self, do_round: Callable[[Stopped], object], interval: timedelta) -> None:
        """Start nothing yet.

        Raises:
            UsageError: the interval is no time.
        """
        if interval <= timedelta(0):
            raise UsageError("the `interval` between two rounds is not above zero")
        self._do_round = do_round
        self._interval_s = min(interval.total_seconds(), TIMEOUT_MAX)
        self._lock = Lock()
        self._running: tuple[Thread, Stopped] | None = None
        flights.forget_after_fork(self)

    def start(self) -> None:
        """Begin; where it runs already, nothing more."""
        with self._lock:
            if self._running is None:
                stopped: Stopped = Future()
                thread = Thread(target=self._run, args=(stopped,), name="keywright-refresher", daemon=True)
                thread.start()
                self._running = thread, stopped

    def stop(self) -> None:
        """End, without waiting for a mint that is under way: what it brings is kept all the same."""
        with self._lock:
            running, self._running = self._running, None
        if running is not None:
            thread, stopped = running
            stopped.set_result(True)
            if thread is not current_thread():
                thread.join(CALL_S)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self, stopped: Stopped) -> None:
        while not stopped.done():
            failed = ""
            try:
                self._do_round(stopped)
            except Exception as error:  # noqa: BLE001 - the next round may do better; its text may hold a secret
                failed = type(error).__name__
            if failed:
                _LOGGER.warning("credential refresh failed (%s)", failed)
            wait([stopped], timeout=self._interval_s)

    def _after_fork(self) -> None:
        self._lock = Lock()
        self._running = None
