"""What wakes the agent: a renewal that has ended, a signal, or the end of its sleep."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Final, Protocol

from keywright.refresher.crew import Finished
from keywright.refresher.round import Outcome


class Call(Enum):
    """What a signal asks for."""

    END = "end, as asked"
    INTERRUPT = "end, because a person interrupts"
    LOOK = "look again now"


Notice = Call | Finished[Outcome]

SIGNALS: Final = {signal.SIGTERM: Call.END, signal.SIGINT: Call.INTERRUPT, signal.SIGHUP: Call.LOOK}


class Mail(Protocol):
    """Where notices arrive; the seam at which tests let time pass."""

    def post(self, notice: Notice) -> None:
        """Leave a notice, from any thread or signal handler."""

    def wait(self, at_most_s: float) -> Notice | None:
        """Return the next notice; None if none came in that time. A suspended machine's sleep does not count."""


class Mailbox:
    """The real one."""

    def __init__(self) -> None:
        # Of all the queues this one may be written from a signal handler that interrupts a reader.
        self._queue: SimpleQueue[Notice] = SimpleQueue()

    def post(self, notice: Notice) -> None:
        """Leave a notice (`Mail.post`)."""
        self._queue.put(notice)

    def wait(self, at_most_s: float) -> Notice | None:
        """Return the next notice, or None (`Mail.wait`)."""
        try:
            return self._queue.get(timeout=max(at_most_s, 0.0))
        except Empty:
            return None


@contextmanager
def signals(mail: Mail) -> Iterator[None]:
    """Have signals leave notices for the block, which runs in the main thread."""
    before = {number: signal.signal(number, _poster(mail, call)) for number, call in SIGNALS.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _poster(mail: Mail, call: Call) -> Callable[[int, FrameType | None], None]:
    return lambda _number, _frame: mail.post(call)
