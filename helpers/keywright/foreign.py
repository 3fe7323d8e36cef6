"""Work done by other people's libraries: bounded in time, whatever they wait for, and silent."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from keywright.errors import Unreachable

HANGING_AT_MOST: Final = 3

_HANGING: Final[dict[str, list[threading.Thread]]] = {}
"""By the kind of work: the threads that were given up."""
_SILENCE: Final = [threading.Lock()]
"""The lock on what follows; a forked child has another one, for whoever held this is not there."""
_SILENCED: Final[dict[str, tuple[int, int, bool]]] = {}
"""By logger: how many blocks silence it, and its own level and propagation."""

Result = TypeVar("Result")


def wait_for(work: Callable[[], Result], timeout_s: float, *, late: str, kind: str = "") -> Result:
    """Return what `work` returns, or stop waiting for it after `timeout_s` seconds.

    It runs in a thread of its own, because no timeout of a socket bounds a name lookup, trickled headers or another
    library's subprocess. A thread that is given up dies with the process. In one that lives for days they would add up
    where a program hangs each time: work of one name in `kind` is not begun while `HANGING_AT_MOST` of it still hang.

    Raises:
        Unreachable: with the words of `late`. Whatever `work` raises comes through.
    """
    hanging = [thread for thread in _HANGING.get(kind, ()) if thread.is_alive()]
    if len(hanging) >= HANGING_AT_MOST:
        raise Unreachable(late)
    results: list[Result] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again below, in the thread that waits
            failures.append(error)

    thread = threading.Thread(target=run, name="keywright-fetch", daemon=True)
    thread.start()
    thread.join(timeout_s)
    if results:
        return results[0]
    if failures:
        raise failures[0]
    if kind:
        _HANGING[kind] = [*hanging, thread]
    raise Unreachable(late)


@contextmanager
def silenced(*libraries: str) -> Iterator[None]:
    """Keep the libraries' logs to themselves for the block, whatever the process does with logging.

    They quote addresses, bodies and keys. What else the process does with the same library meanwhile is not logged
    either; afterwards all is as it was.
    """
    import logging

    loggers = [logging.getLogger(library) for library in libraries]
    with _SILENCE[0]:
        for logger in loggers:
            count, level, propagates = _SILENCED.get(logger.name, (0, logger.level, logger.propagate))
            _SILENCED[logger.name] = (count + 1, level, propagates)
            logger.setLevel(logging.CRITICAL + 1)
            logger.propagate = False
    try:
        yield
    finally:
        with _SILENCE[0]:
            for logger in loggers:
                count, level, propagates = _SILENCED.pop(logger.name, (0, logger.level, logger.propagate))
                if count > 1:
                    _SILENCED[logger.name] = (count - 1, level, propagates)
                else:
                    logger.setLevel(level)
                    logger.propagate = propagates


def _speak_again() -> None:
    """In a forked child nobody of ours is at work, and nobody would ever end the silence."""
    _SILENCE[0] = threading.Lock()
    if not _SILENCED:
        return
    import logging

    for library, (_, level, propagates) in _SILENCED.items():
        logging.getLogger(library).setLevel(level)
        logging.getLogger(library).propagate = propagates
    _SILENCED.clear()


os.register_at_fork(after_in_child=_speak_again)
