"""`keywright invalidate PROFILE`: forget what is cached, so that the next call mints anew."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from keywright.broker import Broker
from keywright.cache.open import open_cache
from keywright.errors import ConfigurationError, ProviderNotFound
from keywright.settings.load import load, locate
from keywright.settings.model import Settings


def forget(profile: str, env: Mapping[str, str], say: Callable[[str], None]) -> str:
    """Drop every credential of the profile, and what is remembered of its failures; return one line of what was done.

    Raises:
        ProviderNotFound: there is neither a profile nor a credential of that name.
        CacheUnusable: the cache cannot be changed.
        Busy: a renewal kept it locked for too long.
    """
    path, cache = locate(env), open_cache(env)
    try:
        settings = load(path, cache.seals)
    except ConfigurationError as error:  # what is cached can be forgotten all the same
        say(str(error))
        settings = Settings(source=path, stamp="")
    broker = Broker(settings=settings, cache=cache, env=env, now=lambda: datetime.now(UTC), say=say)
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
