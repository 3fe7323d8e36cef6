"""Where a call tells how it came to its answer, if it is traced: `keywright -v`, `KEYWRIGHT_TRACE`.

    trace.tell("profile_chosen", profile=turn.profile.id, why="first")

What may be told is a closed list of events and facts (`keywright.tracing.facts`), each fact of a type of its own, so
that no secret, no body and nobody else's words have a place to stand in. While nobody traces nothing of that is loaded,
and a call costs next to nothing.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from keywright import hit

if TYPE_CHECKING:
    from typing import Unpack

    from keywright.tracing.facts import Event, Facts
    from keywright.tracing.tracer import Tracer

VARIABLE: Final = hit.TRACE
"""`1`, `2` or an absolute path; where it is set, nothing is answered from a ready answer (`keywright.hit.answer`)."""

_TRACERS: Final[list["Tracer"]] = []
"""This process's tracer; empty while nobody traces. No context variable: what a fetch's thread does belongs to it."""


def is_on() -> bool:
    """Whether anybody hears what is told."""
    return bool(_TRACERS)


def tell(event: "Event", **facts: "Unpack[Facts]") -> None:
    """Tell that something happened."""
    if _TRACERS:
        _TRACERS[-1].tell(event, facts)


@contextmanager
def timed(event: "Event", **facts: "Unpack[Facts]") -> "Iterator[Facts]":
    """Tell, once the block has ended, how long it took and what kind of error it raised.

    What the block adds to the facts that it is given is told with them.
    """
    if not _TRACERS:
        yield facts
        return
    began_s = time.monotonic()
    try:
        yield facts
    except BaseException as error:
        facts["seconds"], facts["error"] = time.monotonic() - began_s, error
        tell(event, **facts)
        raise
    facts["seconds"] = time.monotonic() - began_s
    tell(event, **facts)


@contextmanager
def told_to(tracer: "Tracer | None") -> Iterator[None]:
    """Tell `tracer` of what happens in the block; None leaves it to whoever is told already."""
    if tracer is None:
        yield
        return
    _TRACERS.append(tracer)
    try:
        yield
    finally:
        _TRACERS.remove(tracer)
        tracer.close()
