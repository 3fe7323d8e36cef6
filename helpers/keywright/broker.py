"""The story of one credential: look, lock, look again, fetch, keep. The broker only decides."""

from collections.abc import Callable, Mapping
from datetime import datetime

from keywright.cache.forgiving import ForgivingCache
from keywright.cache.open import Cache
from keywright.deadline import LOCK_WAIT_S, is_spent
from keywright.errors import (
    Busy,
    CacheUnusable,
    ConfigurationError,
    KeywrightError,
    UsageError,
)
from keywright.freshness import Freshness
from keywright.prompt import Ask
from keywright.providers.registry import find_reader, make
from keywright.renewal import CAUSES, Renewals, Served, as_it_is, expired, place_of
from keywright.request import Request
from keywright.routes import profiles_for
from keywright.secret import Secret
from keywright.settings.model import Profile, Settings


class Broker:
    """Decides, for one process: which profile, from the cache or from the issuer."""

    def __init__(
        self,
        *,
        settings: Settings,
        cache: Cache | None,
        env: Mapping[str, str],
        now: Callable[[], datetime],
        say: Callable[[str], None],
        ask: Ask | None = None,
    ) -> None:
        """Take what one process is given; `ask` asks its person, None if it has none (`keywright.prompt`)."""
        self._settings = settings
        self._cache = cache
        self._kept = ForgivingCache(cache, say)
        self._env = env
        self._now = now
        self._say = say
        self._renewals = Renewals(settings=settings, kept=self._kept, now=now, say=say, ask=ask)

    def serve(self, request: Request) -> Served:
        """Return a credential for the request from the first of its profiles that has one.

        Raises:
            CredentialNotFound: nothing here serves it.
            KeywrightError: every profile failed; the message names each and why.
        """
        failed: list[KeywrightError] = []
        for profile in profiles_for(self._settings, request):
            try:
                served = self._obtain(profile, request)
            except (UsageError, ConfigurationError) as error:
                raise error.about(profile.id, place_of(request)) from None
            except KeywrightError as error:
                failed.append(error.about(profile.id, place_of(request)))
                if is_spent():
                    break
                continue
            if not failed:
                return served
            self._say(f"{'; '.join(map(str, failed))}; using {profile.id} instead")
            return served._replace(is_first_choice=False)
        raise _all_of(failed)

    def renew(self, request: Request, digest: str, generation: int) -> Served | None:
        """Renew the entry behind a caller that was already served, unless somebody else is at it or it has changed.

        None if there was nothing to do: another process holds the lock, the generation is not current any more, or it
        is gone, which means that its owner logged out.

        Raises:
            KeywrightError: the renewal failed; it is remembered.
        """
        cache = self._cache
        for place, profile in enumerate(profiles_for(self._settings, request)):
            if find_reader(profile, self._env) is not None:
                continue  # has no entry, and does not keep those after it from being renewed
            provider = make(profile, request.place, self._env)
            if cache is None or provider.key.digest != digest:
                continue
            with cache.entries.lock(digest, 0) as is_locked:
                found = cache.entries.find(provider.key) if is_locked else None
                if found is None or found[0].generation != generation:
                    return None
                judged = self._renewals.judge(profile, provider, found)
                # Woken while it is fresh: a server seems to have rejected it, and it may be for its session's sake.
                is_anew = judged is not None and judged.freshness is Freshness.FRESH
                served = self._renewals.renew_while_locked(profile, provider, request, found[0], is_anew=is_anew)
                return served._replace(is_first_choice=place == 0)
        return None

    def refresh(self, profile: Profile, request: Request) -> Served:
        """Renew the profile's credential now, fresh or not; somebody else's renewal meanwhile is as good.

        Raises:
            KeywrightError: it could not be renewed.
        """
        provider = make(profile, request.place, self._env)
        before = self._kept.find(provider.key)
        with self._renewals.lock(provider, request, LOCK_WAIT_S) as is_locked:
            found = self._kept.find(provider.key)
            if found and (before is None or found[0].generation > before[0].generation):
                served = self._renewals.judge(profile, provider, found)
                if served:
                    return served
            if not is_locked:
                raise self._renewals.busy(provider)
            old = found[0] if found else None
            return self._renewals.renew_while_locked(profile, provider, request, old, is_anew=True)

    def invalidate(self, request: Request, rejected: Secret | None) -> int:
        """Drop what is cached for the request, if it is what was rejected. None means: whatever it is.

        Returns the number of credentials dropped. A late rejection of an old credential never costs the newer one, and
        what is read where it lies (`static`) is not ours to drop.

        Raises:
            CredentialNotFound: nothing here serves the request.
            CacheUnusable: the cache cannot be changed.
            Busy: a renewal kept it locked for too long.
        """
        dropped = 0
        for profile in profiles_for(self._settings, request):
            if find_reader(profile, self._env) is not None:
                continue
            key = make(profile, request.place, self._env).key
            dropped += self.drop(key.digest, rejected)
        return dropped

    def drop(self, digest: str, rejected: Secret | None) -> int:
        """Drop one entry, as `invalidate` does.

        Raises:
            CacheUnusable: the cache cannot be changed.
            Busy: a renewal kept it locked for too long.
        """
        cache = self._cache
        if cache is None:
            raise CacheUnusable("nothing was dropped, because the cache cannot be used")
        if cache.entries.read(digest) is None:
            return 0
        with cache.entries.lock(digest, LOCK_WAIT_S) as is_locked:
            if not is_locked:
                raise Busy("another process has been renewing it for too long", mend="try again")
            found = cache.entries.read(digest)
            if found is None or (rejected is not None and rejected != found[0].credential.secret):
                return 0
            cache.entries.forget(digest)
            cache.answers.forget(digest)
            cache.failures.forget(digest)
            return 1

    def _obtain(self, profile: Profile, request: Request) -> Served:
        """Return a credential of the profile that is not expired.

        A fresh or stale entry costs a few file reads and no lock. Only an expired or missing one makes a process wait,
        and of those who wait one asks the issuer.
        """
        reader = find_reader(profile, self._env)
        if reader is not None:
            return as_it_is(profile.id, reader.read(request, self._now()))
        provider = make(profile, request.place, self._env)
        found = self._kept.find(provider.key)
        served = self._renewals.judge(profile, provider, found)
        if served:
            return served
        self._renewals.stop_while_failing(provider.key, request, found)
        with self._renewals.lock(provider, request, LOCK_WAIT_S) as is_locked:
            found = self._kept.find(provider.key)  # whoever held the lock may just have renewed it
            served = self._renewals.judge(profile, provider, found)
            if served:
                return served
            self._renewals.stop_while_failing(provider.key, request, found)
            if not is_locked:
                raise self._renewals.busy(provider)
            try:
                return self._renewals.renew_while_locked(profile, provider, request, found[0] if found else None)
            except CAUSES as error:
                raise expired(found, error) from None


def _all_of(failed: list[KeywrightError]) -> KeywrightError:
    if len(failed) == 1:
        return failed[0]
    last = failed[-1]
    told = "; ".join(f"{error.account}: {error.what} [{error.code}]" for error in failed)
    error = type(last)(f"every profile failed: {told}", mend=last.mend)
    error.host = last.host
    return error
