"""One credential in the memory of one process: served to all its threads and tasks, renewed behind them by one.

    state                   what a caller gets
    fresh                   the credential, at the cost of reading a clock
    stale                   the same; a thread of ours gets the next one meanwhile
    expired, gone, none     waits for that thread, which is one for all who wait, then the new one or why there is none

What decided the credential is looked at again once a second: files that changed, an entry that another process renewed
or dropped. Whoever waits may be cancelled or give up: the thread goes on, and what it gets is kept.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from datetime import UTC, datetime
from math import inf
from threading import Lock
from typing import Final, NamedTuple, Protocol

from keywright import hit
from keywright.credential import Credential
from keywright.deadline import CALL_S
from keywright.errors import Busy, KeywrightError
from keywright.hit import REJECTED_BRAKE_S, STEP_S
from keywright.library import flights
from keywright.library.failing import pause_after
from keywright.secret import Secret

LOOK_S: Final = 1.0
"""How long nobody looks whether what decided the credential is still as it was."""


class Value(NamedTuple):
    """A credential, and what its source knows of it.

    Attributes:
        credential: the credential.
        renew_at_s: from then on another one is got behind those who are served (epoch seconds).
        refuse_at_s: from then on it is served to nobody (epoch seconds).
        inputs: the files that decided it, by absolute path, with their stamps.
        entry: the cache's name of the entry it came from; empty if from none.
        generation: that entry's generation.
    """

    credential: Credential
    renew_at_s: float
    refuse_at_s: float
    inputs: tuple[tuple[str, str], ...] = ()
    entry: str = ""
    generation: int = 0


class Source(Protocol):
    """Where the credential comes from. `find` and `renew` run in a thread of their own, one at a time."""

    def find(self) -> Value:
        """Return what is to be served from now on, got from its issuer if need be.

        Raises:
            KeywrightError: there is nothing, and why.
        """

    def renew(self, value: Value) -> Value | None:
        """Return what comes in the place of a stale `value`; None if there is nothing better yet.

        Raises:
            KeywrightError: it could not be renewed, and why.
        """

    def holds(self, value: Value) -> bool:
        """Return whether what decided `value` is still as it was: a few stats at most, for callers wait for it."""

    def drop(self, rejected: Secret | None) -> None:
        """Forget what was rejected; None means: whatever there is.

        Raises:
            KeywrightError: it could not be forgotten.
        """


class _Seen(NamedTuple):
    """What is served without a look, from one instant to another (epoch seconds)."""

    since_s: float
    until_s: float
    credential: Credential


_NOTHING: Final = _Seen(0.0, 0.0, Credential(Secret(""), datetime.fromtimestamp(0, UTC)))

Flight = Future[Credential | None]
"""One who gets a credential for all who wait: what it brings, or None if there was nothing to be had behind them."""


class HeldProvider:
    """Holds one credential for a whole process."""

    def __init__(self, source: Source, now_s: Callable[[], float] = time.time) -> None:
        """Get nothing yet: the first call does. `now_s` is the wall clock (epoch seconds)."""
        self._source = source
        self._now_s = now_s
        self._seen = _NOTHING
        self._value: Value | None = None
        self._held_since_s = 0.0
        self._boot = ""
        self._flight: Flight | None = None
        self._lock = Lock()
        self._rejected: list[Secret | None] = []
        self._replaced_at_s = -inf
        self._failed = 0
        self._rests_until_s = 0.0
        flights.forget_after_fork(self)

    def current(self) -> Credential:
        """Return a credential that is not expired; one just got is served once, whatever its age.

        Raises:
            Busy: it took too long to get.
            KeywrightError: there is none, and why.
        """
        since_s, until_s, credential = self._seen
        if since_s <= self._now_s() < until_s:
            return credential
        ends_s = time.monotonic() + CALL_S
        while True:
            found = self.look()
            if isinstance(found, Credential):
                return found
            landed = wait_for(found, ends_s)
            if landed is not None:
                return landed

    def invalidate(self, rejected: Credential | None = None) -> None:
        """Drop the credential, here and for every other process, if it is the one that was rejected; None: any.

        A value that keeps being rejected is replaced at most once a minute, so that a broken server makes no storm.

        Raises:
            CacheUnusable: the shared cache cannot be changed. It is not served here any more.
            Busy: a renewal kept it locked for too long. It is not served here any more.
        """
        with self._lock:
            value = self._value
        secret = rejected.secret if rejected else value.credential.secret if value else None
        try:
            self._drop(secret)
        finally:
            with self._lock:
                now_s = self._now_s()
                self._seen = _NOTHING  # the source may not have it any more
                if not 0 <= now_s - self._replaced_at_s < REJECTED_BRAKE_S:
                    if self._flight is not None:
                        self._rejected.append(secret)
                    if self._value is not None and self._value.credential.secret == secret:
                        self._forget(now_s)

    def _drop(self, secret: Secret | None) -> None:
        """Have the source drop it, in a thread: a bound on that in the main thread would take the program's signals."""
        dropping: Flight = Future()

        def drop() -> None:
            try:
                self._source.drop(secret)
            except BaseException as error:  # noqa: BLE001 - it is told to who waits
                dropping.set_exception(error)
            else:
                dropping.set_result(None)

        flights.start(drop)
        wait_for(dropping, time.monotonic() + CALL_S)

    def look(self) -> Credential | Flight:
        """Return what may be served now, or the flight that gets it; never waits for one."""
        since_s, until_s, credential = self._seen
        if since_s <= self._now_s() < until_s:
            return credential
        found = self._look()
        assert found is not None  # noqa: S101 - with nothing to serve a flight was there, or was made
        return found

    def _look(self, *, is_asked: bool = True) -> Credential | Flight | None:
        """Do so. If nobody asked for it, what is stale is renewed, but nothing is got in the place of what is gone."""
        with self._lock:
            now_s = self._now_s()
            value = self._value
            if value is not None and not self._may_serve(value, now_s):
                self._value, self._seen, value = None, _NOTHING, None
            is_stale = value is not None and now_s >= value.renew_at_s and now_s >= self._rests_until_s
            starts = self._flight is None and (is_asked if value is None else is_stale)
            if starts:
                self._flight = Future()
                self._flight.set_running_or_notify_cancel()  # from here on no caller's cancellation reaches it
                self._rejected = []
            flight = self._flight
            if value is not None:
                self._see(value, now_s)
        if starts and flight is not None:
            flights.start(lambda: self._fly(flight, value))
        return value.credential if value is not None else flight

    def _may_serve(self, value: Value, now_s: float) -> bool:
        """Whether it may be served. A clock that was set back makes it seem to have more left than it has."""
        if not self._held_since_s - STEP_S <= now_s < value.refuse_at_s or hit.has_stepped_back(self._boot, now_s):
            return False
        return self._source.holds(value)

    def _fly(self, flight: Flight, value: Value | None) -> None:
        """Get what comes next, and tell all who wait for it."""
        found, failure = None, None
        began_s = self._now_s()  # what comes is no older than this, whatever is done to the clock meanwhile
        boot = hit.boot_mark(began_s)
        try:
            found = self._source.find() if value is None else self._source.renew(value)
        except BaseException as error:  # noqa: BLE001 - it is told to those who wait
            failure = error
        with self._lock:
            now_s = self._now_s()
            self._flight = None
            if found is not None and self._was_rejected(found):
                found = None  # while it was on its way: whoever waits looks again
                self._forget(now_s)
            elif found is not None:
                self._value, self._held_since_s, self._boot = found, began_s, boot
                self._failed, self._rests_until_s = 0, 0.0
                if began_s - STEP_S <= now_s < found.renew_at_s:
                    self._see(found, now_s)
            elif failure is not None:
                self._failed += 1
                self._rests_until_s = now_s + pause_after(failure, self._failed)
            else:
                self._rests_until_s = now_s + LOOK_S
        if failure is not None:
            flight.set_exception(failure)
        else:
            flight.set_result(found and found.credential)
        if value is None and found is not None and now_s >= found.renew_at_s:
            self._look(is_asked=False)  # it is stale already, and this may be its only caller

    def _see(self, value: Value, now_s: float) -> None:
        """Serve it for a while without a look, but not past the instant at which one is due anyway."""
        at_s = value.refuse_at_s if now_s >= value.renew_at_s else value.renew_at_s
        self._seen = _Seen(now_s, min(now_s + LOOK_S, at_s), value.credential)

    def _was_rejected(self, found: Value) -> bool:
        return any(secret is None or secret == found.credential.secret for secret in self._rejected)

    def _forget(self, now_s: float) -> None:
        """Forget what was rejected; what comes in its place is spared for a while."""
        self._value, self._seen, self._replaced_at_s = None, _NOTHING, now_s

    def _after_fork(self) -> None:
        """In a child no thread of ours goes on, and whoever held the lock is gone with its thread."""
        self._lock = Lock()
        self._flight = None


def wait_for(flight: Flight, ends_s: float) -> Credential | None:
    """Return what the flight brings; `ends_s` is when to give up (`time.monotonic`).

    Raises:
        Busy: it did not come in time; it goes on.
        KeywrightError: there is nothing, and why: an error of the caller's own, with a traceback of its own.
    """
    wait([flight], max(ends_s - time.monotonic(), 0.0))
    if not flight.done():
        raise too_late()
    failure = flight.exception()
    if failure is None:
        return flight.result()
    # Outside of any `except`: the original's trace leads to frames of the fetch, and what they hold is secret.
    raise own(failure) if isinstance(failure, KeywrightError) else failure


def own(error: KeywrightError) -> KeywrightError:
    """Return the same error for one more caller: with nothing yet in its trace, and whatever its class wants."""
    kind = type(error)
    twin = kind.__new__(kind, *error.args)
    twin.__dict__.update(error.__dict__)
    twin.__cause__, twin.__suppress_context__ = error.__cause__, error.__suppress_context__
    return twin


def too_late() -> Busy:
    """Return the error of a caller who has waited for long enough."""
    return Busy(f"no credential within {CALL_S:.0f} s", mend="try again, or see `keywright status`")
