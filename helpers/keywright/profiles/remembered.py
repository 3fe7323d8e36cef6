"""What a resolver of this process found, for as long as a new search would find the same.

An API key is remembered for an hour, a token until a minute before it expires, five minutes where nobody knows when. An
entry ends at once when a file changes that decided it, so that what was disabled, removed or replaced is never served;
it never outlives the credential; and a clock that was set back ends them all.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from threading import Lock
from typing import Final, NamedTuple

from keywright.hit import STEP_S, stamp
from keywright.profiles.mode import Mode
from keywright.profiles.resolution import Resolution

_API_KEY: Final = timedelta(hours=1)
_UNKNOWN: Final = timedelta(minutes=5)
_BEFORE_EXPIRY: Final = timedelta(minutes=1)
_AT_LEAST: Final = timedelta(seconds=30)
_NEVER: Final = timedelta(0)


def ttl(mode: Mode, expires_at: datetime | None, now: datetime) -> timedelta:
    """Return how long a credential may be remembered, at most until it expires; zero for not at all.

    What is minted has the shared cache, and a static secret is read where it lies: neither is remembered here.
    """
    if mode in {Mode.MINTED, Mode.STATIC}:
        return _NEVER
    if expires_at is None:
        return _API_KEY if mode is Mode.API_KEY else _UNKNOWN
    left = expires_at - now
    wished = _API_KEY if mode is Mode.API_KEY else max(left - _BEFORE_EXPIRY, _AT_LEAST)
    return max(min(wished, left), _NEVER)


class CacheStats(NamedTuple):
    """How many entries there are, and how many of them may be served."""

    total_entries: int
    valid: int
    expired: int


class _Entry(NamedTuple):
    resolution: Resolution
    inputs: Mapping[str, str]
    ends_at: datetime

    def is_good(self, now: datetime) -> bool:
        return now < self.ends_at and all(stamp(path) == seen for path, seen in self.inputs.items())


class Remembered:
    """Remembers by provider and preferred name. Threads may share it."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], _Entry] = {}
        self._latest: datetime | None = None
        self._lock = Lock()

    def recall(self, provider: str, preferred: str, now: datetime) -> Resolution | None:
        """Return what was found, if it may be served at `now`."""
        with self._lock:
            self._note_time(now)
            entry = self._entries.get((provider, preferred))
            return entry.resolution if entry and entry.is_good(now) else None

    def keep(
        self, preferred: str, found: Resolution, inputs: Mapping[str, str], until: datetime | None, now: datetime
    ) -> None:
        """Remember what was found at `now`, where that is allowed.

        `inputs` are the files that decided it, with their stamps from before they were read; `until` is when another
        profile's turn may come, None if no such time is known.
        """
        if found.credential is None or found.mode is None:
            return
        ends_at = now + ttl(found.mode, found.credential.expires_at, now)
        ends_at = min(ends_at, until or ends_at)
        with self._lock:
            self._note_time(now)
            if now < ends_at:
                self._entries[found.provider, preferred] = _Entry(found, inputs, ends_at)

    def forget(self, provider: str = "") -> None:
        """Forget what was found for this very provider; for all of them if none is given."""
        with self._lock:
            kept = {key: entry for key, entry in self._entries.items() if provider and key[0] != provider}
            self._entries = kept

    def stats(self, now: datetime) -> CacheStats:
        """Return how many entries there are at `now`."""
        with self._lock:
            self._note_time(now)
            good = sum(entry.is_good(now) for entry in self._entries.values())
            return CacheStats(total_entries=len(self._entries), valid=good, expired=len(self._entries) - good)

    def _note_time(self, now: datetime) -> None:
        """Drop everything if the clock was set back: what was reckoned to last has then less left than it seems."""
        if self._latest is not None and now < self._latest - timedelta(seconds=STEP_S):
            self._entries.clear()
            self._latest = now
        self._latest = max(self._latest or now, now)
