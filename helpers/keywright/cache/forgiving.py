"""The cache as a broker sees it: a problem with it is said once, and from then on it is done without.

A cache problem never costs the user a credential. Whoever must know about it (`invalidate`, say) uses the parts
of `keywright.cache.open.Cache` themselves.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Final

from keywright import trace
from keywright.cache.entry import Entry
from keywright.cache.failures import Failure
from keywright.cache.open import Cache
from keywright.credential import CacheKey
from keywright.errors import CacheUnusable, KeywrightError

SWEEP_EVERY_S: Final = 3600.0
"""How often a process that lives on sweeps: one that keeps a credential and ends does so once."""


class ForgivingCache:
    """Looks, locks, keeps and remembers where it can."""

    def __init__(self, cache: Cache | None, say: Callable[[str], None]) -> None:
        self._cache = cache
        self._say = say
        self._swept_at_s: float | None = None

    def find(self, key: CacheKey) -> tuple[Entry, str] | None:
        """Return the entry and its file's stamp; None if there is none that can be used."""
        try:
            return self._cache.entries.find(key) if self._cache else None
        except CacheUnusable as error:
            self._do_without(error)
            return None

    @contextmanager
    def lock(self, key: CacheKey, wait_s: float) -> Iterator[bool]:
        """Hold the entry's lock for the block; yields False if it stayed taken for `wait_s` seconds.

        Without a cache there is nothing to guard, and the block runs as if it held one.
        """
        with ExitStack() as stack:
            is_locked = True
            try:
                if self._cache is not None:
                    is_locked = stack.enter_context(self._cache.entries.lock(key.digest, wait_s))
            except CacheUnusable as error:
                self._do_without(error)
            yield is_locked

    def keep(self, entry: Entry, now_s: float) -> str:
        """Save the entry while its lock is held, and forget what went wrong before.

        Returns the stamp of its file; empty if it could not be kept.
        """
        cache, digest = self._cache, entry.key.digest
        if cache is None:
            return ""
        try:
            stamp = cache.entries.save(entry)
            cache.failures.forget(digest)
            cache.answers.release(digest)
        except CacheUnusable as error:
            self._do_without(error)
            return ""
        if self._swept_at_s is None or not 0 <= now_s - self._swept_at_s < SWEEP_EVERY_S:
            self._swept_at_s = now_s
            self._sweep(cache, now_s)
        return stamp

    def recall(self, key: CacheKey) -> Failure | None:
        """Return the failure that is remembered of the key, held or run out."""
        try:
            return self._cache.failures.recall(key.digest) if self._cache else None
        except CacheUnusable as error:
            self._do_without(error)
            return None

    def remember(self, key: CacheKey, error: KeywrightError, now_s: float, inputs: Mapping[str, str]) -> None:
        """Remember a failure while the lock is held, and let nobody start a renewal before it is time again."""
        if self._cache is None:
            return
        try:
            failure = self._cache.failures.record(key.digest, error, now_s, inputs)
            self._cache.answers.brake(key.digest, failure.retry_at_s)
        except CacheUnusable as problem:
            self._do_without(problem)

    def forgive(self, key: CacheKey) -> None:
        """Forget what went wrong with the key: it went well, and is not kept."""
        if self._cache is None:
            return
        try:
            self._cache.failures.forget(key.digest)
        except CacheUnusable as problem:
            self._do_without(problem)

    def brake_like(self, key: CacheKey, other: CacheKey) -> None:
        """Let nobody start a renewal of `key` before it is time to ask for `other` again, which it needs."""
        failure = self.recall(other)
        if self._cache is None or failure is None:
            return
        try:
            self._cache.answers.brake(key.digest, failure.retry_at_s)
        except CacheUnusable as problem:
            self._do_without(problem)

    def _sweep(self, cache: Cache, now_s: float) -> None:
        with suppress(CacheUnusable):  # what is left lying about is no reason to do without what was just kept
            cache.answers.sweep(now_s)
            cache.failures.sweep(now_s)
            for swept in cache.entries.sweep(now_s):
                cache.answers.release(swept)

    def _do_without(self, error: CacheUnusable) -> None:
        self._cache = None
        trace.tell("cache_unusable", error=error)
        self._say(f"not using the cache: {error.line}")
