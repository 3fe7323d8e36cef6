"""`keywright invalidate PROFILE`: forget what is cached, so that the next call mints anew.

A session that its credentials were made with goes too: one that was revoked would only make more that nobody accepts.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime

from keywright.broker import Broker
from keywright.cache.entry import Entry
from keywright.cache.open import Cache, open_cache
from keywright.errors import ConfigurationError, KeywrightError, ProviderNotFound, UsageError
from keywright.profiles.identity import ProfileId
from keywright.profiles.kept import KeptProfiles
from keywright.providers.base import Provider
from keywright.providers.registry import make
from keywright.request import parse_url
from keywright.routes import profile_of
from keywright.settings.load import load, locate
from keywright.settings.model import Settings


def forget(profile: str, env: Mapping[str, str], say: Callable[[str], None]) -> str:
    """Drop every credential of the profile, and what is remembered of its failures; return one line of what was done.

    The sessions that they were made with are dropped before them, as far as this environment leads to the same ones.

    Raises:
        ProviderNotFound: there is neither a profile nor a credential of that name.
        VaultLocked: nothing is known of it but what may be in the vault, which is locked.
        VaultUnusable: that is damaged or cannot be trusted.
        CacheUnusable: the cache cannot be changed.
        Busy: a renewal kept it locked for too long.
    """
    path, cache = locate(env), open_cache(env)
    try:
        settings = load(path, cache.seals)
    except ConfigurationError as error:  # what is cached can be forgotten all the same
        say(error.line)
        settings = Settings(source=path, stamp="")
    broker = Broker(settings=settings, cache=cache, env=env, now=lambda: datetime.now(UTC), say=say)
    read = ((digest, cache.entries.read(digest)) for digest in cache.entries.digests())
    minted = {digest: found[0] for digest, found in read if found and found[0].key.profile == profile}
    recalled = ((digest, cache.failures.recall(digest)) for digest in cache.failures.digests())
    failed = {digest: found.error.host for digest, found in recalled if found and found.error.account == profile}
    if not minted and not failed and profile not in settings.profiles and not _is_kept(profile, env):
        known = ", ".join(sorted(settings.profiles)) or "none"
        raise ProviderNotFound(f"there is no profile `{profile}`", mend=f"{settings.source} has: {known}")
    providers = [*_of_entries(minted.values(), settings, env), *_of_places(profile, failed.values(), settings, env)]
    sessions = {parent.provider.key.digest: parent for provider in providers if (parent := provider.parent)}
    # First: a child that is renewed in between would be made with one of them again.
    gone = [parent.profile.id for digest, parent in sessions.items() if _drop(digest, broker, cache)]
    dropped = sum(_drop(digest, broker, cache) for digest in {**minted, **failed})
    told = f"{dropped} dropped" if dropped else "nothing was cached"
    return f"{profile}: {', and its session '.join((told, *gone))}"


def _is_kept(profile: str, env: Mapping[str, str]) -> bool:
    """Return whether the vault has it: it is read there each time, and only its failures are remembered."""
    with suppress(UsageError):  # no profile's id
        return KeptProfiles(env).get(ProfileId.parse(profile)) is not None
    return False


def _drop(digest: str, broker: Broker, cache: Cache) -> int:
    """Drop an entry, if there is one, and what is remembered of its failures; return how many entries that were."""
    dropped = broker.drop(digest, None)
    cache.failures.forget(digest)
    cache.answers.release(digest)
    return dropped


def _of_entries(entries: Iterable[Entry], settings: Settings, env: Mapping[str, str]) -> Iterator[Provider]:
    """Yield the providers of credentials; none where it was minted with other settings or in another environment."""
    for entry in entries:
        with suppress(KeywrightError, LookupError, TypeError, ValueError):  # of options that another version wrote
            provider = make(profile_of(entry, settings), parse_url(entry.url) if entry.url else None, env)
            if provider.key == entry.key:
                yield provider


def _of_places(profile: str, hosts: Iterable[str], settings: Settings, env: Mapping[str, str]) -> Iterator[Provider]:
    """Yield the profile's providers for no place and for where it failed: no credential, but maybe a session."""
    if profile not in settings.profiles:
        return
    for place in (None, *map(parse_url, hosts)):
        with suppress(KeywrightError):
            yield make(settings.profiles[profile], place, env)


def forget_failures(profile: str, cache: Cache) -> bool:
    """Forget what is remembered of the profile's failures, so that its issuer is asked at once; true if there were any.

    Raises:
        CacheUnusable: they cannot be read or deleted.
    """
    found = False
    for digest in cache.failures.digests():
        failure = cache.failures.recall(digest)
        if failure and failure.error.account == profile:
            found = True
            cache.failures.forget(digest)
            cache.answers.release(digest)
    return found
