"""`keywright invalidate PROFILE`: forget what is cached, so that the next call mints anew."""

from collections.abc import Mapping
from datetime import UTC, datetime

from keywright.broker import Broker
from keywright.cache.open import open_cache
from keywright.errors import ProviderNotFound
from keywright.settings.load import load, locate


def forget(profile: str, env: Mapping[str, str]) -> str:
    """Drop every credential of the profile, and what is remembered of its failures; return one line of what was done.

    Raises:
        ProviderNotFound: there is neither a profile nor a credential of that name.
        CacheUnusable: the cache cannot be changed.
        Busy: a renewal kept it locked for too long.
    """
    settings, cache = load(locate(env)), open_cache(env)
    broker = Broker(settings=settings, cache=cache, env=env, now=lambda: datetime.now(UTC), say=lambda _message: None)
    dropped, is_known = 0, profile in settings.profiles
    for digest in cache.entries.digests():
        found = cache.entries.read(digest)
        if found and found[0].key.profile == profile:
            dropped += broker.drop(digest, None)
    for digest in cache.failures.digests():
        failure = cache.failures.recall(digest)
        if failure and failure.error.account == profile:
            is_known = True
            cache.failures.forget(digest)
            cache.answers.release(digest)
    if not dropped and not is_known:
        known = ", ".join(sorted(settings.profiles)) or "none"
        raise ProviderNotFound(f"there is no profile `{profile}`", mend=f"{settings.source} has: {known}")
    return f"{profile}: {dropped} dropped" if dropped else f"{profile}: nothing was cached"
