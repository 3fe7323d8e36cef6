"""The story of one credential: look, lock, look again, fetch, keep. The broker only decides."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from keywright import hit
from keywright.cache.entry import Entry, options_of
from keywright.cache.forgiving import ForgivingCache
from keywright.cache.open import Cache
from keywright.credential import CacheKey, Credential
from keywright.deadline import FETCH_S, LOCK_WAIT_S, OutOfTime, is_spent, within
from keywright.errors import (
    Busy,
    CacheUnusable,
    ConfigurationError,
    CredentialExpired,
    KeywrightError,
    Refused,
    Unavailable,
    Unreachable,
    UsageError,
)
from keywright.freshness import JITTER_AT_MOST, Freshness, Schedule
from keywright.providers.base import Minted, Provider
from keywright.providers.registry import find_reader, make
from keywright.request import Request
from keywright.routes import profiles_for
from keywright.secret import Secret
from keywright.settings.model import Profile, Settings

_CAUSES: Final = (Refused, Unavailable, Unreachable)


class Served(NamedTuple):
    """A credential that may be handed over, and what is known about it.

    Attributes:
        entry: the entry that holds it.
        plan: when it is to be renewed and refused; None if its expiry is unknown.
        freshness: its state now. A credential just fetched is served once, whatever its state.
        stamp: the stamp of the entry's file; empty if it could not be kept.
        is_first_choice: whether no other profile had to fail first.
    """

    entry: Entry
    plan: Schedule | None
    freshness: Freshness
    stamp: str
    is_first_choice: bool = True

    @property
    def credential(self) -> Credential:
        """The credential itself."""
        return self.entry.credential

    @property
    def report_until(self) -> datetime | None:
        """The expiry to tell a client: from then on we would refuse to serve it ourselves."""
        return self.plan.refuse_at if self.plan else None


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
    ) -> None:
        self._settings = settings
        self._cache = cache
        self._kept = ForgivingCache(cache, say)
        self._env = env
        self._now = now
        self._say = say

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
                raise error.about(profile.id, _place(request)) from None
            except KeywrightError as error:
                failed.append(error.about(profile.id, _place(request)))
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
            provider = make(profile, request.url, self._env)
            if cache is None or provider.key.digest != digest:
                continue
            with cache.entries.lock(digest, 0) as is_locked:
                found = cache.entries.find(provider.key) if is_locked else None
                if found is None or found[0].generation != generation:
                    return None
                served = self._renew_while_locked(profile, provider, request, found[0])
                return served._replace(is_first_choice=place == 0)
        return None

    def refresh(self, profile: Profile, request: Request) -> Served:
        """Renew the profile's credential now, fresh or not; somebody else's renewal meanwhile is as good.

        Raises:
            KeywrightError: it could not be renewed.
        """
        provider = make(profile, request.url, self._env)
        before = self._kept.find(provider.key)
        with self._kept.lock(provider.key, LOCK_WAIT_S) as is_locked:
            found = self._kept.find(provider.key)
            if found and (before is None or found[0].generation > before[0].generation):
                served = self._judge(profile, provider, found)
                if served:
                    return served
            if not is_locked:
                raise Busy("another process has been renewing it for too long", mend="try again")
            return self._renew_while_locked(profile, provider, request, found[0] if found else None)

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
            key = make(profile, request.url, self._env).key
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
        provider = make(profile, request.url, self._env)
        found = self._kept.find(provider.key)
        served = self._judge(profile, provider, found)
        if served:
            return served
        self._stop_while_failing(provider.key, found)
        with self._kept.lock(provider.key, LOCK_WAIT_S) as is_locked:
            found = self._kept.find(provider.key)  # whoever held the lock may just have renewed it
            served = self._judge(profile, provider, found)
            if served:
                return served
            self._stop_while_failing(provider.key, found)
            if not is_locked:
                raise Busy(
                    "another process has been renewing it for too long", mend="try again, or see `keywright status`"
                )
            try:
                return self._renew_while_locked(profile, provider, request, found[0] if found else None)
            except _CAUSES as error:
                raise _expired(found, error) from None

    def _renew_while_locked(self, profile: Profile, provider: Provider, request: Request, old: Entry | None) -> Served:
        """Fetch and keep. A failure is remembered; failing to keep is a warning."""
        started = self._now()
        minted = self._fetch_while_locked(profile, provider, request, old.memory if old else {})
        from random import uniform  # 4 ms that only a mint needs

        for note in minted.notes:
            self._say(f"{profile.id}: {note}")
        entry = Entry(
            key=provider.key,
            generation=max(int(started.timestamp() * 1e6), old.generation + 1 if old else 0),
            credential=minted.credential,
            boot=hit.boot_mark(started.timestamp()),
            jitter=uniform(0, JITTER_AT_MOST),  # noqa: S311 - spreads a fleet's renewals, guards nothing
            inputs=minted.inputs,
            memory=minted.memory,
            client=request.client.value,
            url=str(request.url) if request.url else "",
            options=options_of(profile.options),
        )
        stamp = self._kept.keep(entry, self._now().timestamp())
        plan = entry.plan(profile.margins(provider.margins))
        return Served(
            entry=entry,
            plan=plan,
            freshness=plan.classify(self._now()) if plan else Freshness.EXPIRED,
            stamp=stamp,
        )

    def _fetch_while_locked(
        self, profile: Profile, provider: Provider, request: Request, memory: Mapping[str, str]
    ) -> Minted:
        inputs = {self._settings.source: self._settings.stamp, **provider.inputs}
        try:
            with within(FETCH_S):
                # A second less, so that the provider, which knows what it waited for, is the first to give up.
                return provider.fetch(self._now(), FETCH_S - 1, memory)
        except OutOfTime:
            error: KeywrightError = Unreachable("no answer in time")
        except (ConfigurationError, UsageError):
            raise  # nobody was asked, so there is nobody to spare
        except KeywrightError as failed:
            error = failed
        error.about(profile.id, _place(request))
        self._kept.remember(provider.key, error, self._now().timestamp(), {**inputs, **error.inputs})
        raise error

    def _judge(self, profile: Profile, provider: Provider, found: tuple[Entry, str] | None) -> Served | None:
        """Return what was found, if it may still be served."""
        if found is None:
            return None
        entry, stamp = found
        plan = entry.plan(profile.margins(provider.margins))
        now = self._now()
        freshness = plan.classify(now) if plan else Freshness.EXPIRED
        if freshness is Freshness.EXPIRED or not entry.is_undisturbed:
            return None
        if hit.has_stepped_back(entry.boot, now.timestamp()):
            return None
        return Served(entry=entry, plan=plan, freshness=freshness, stamp=stamp)

    def _stop_while_failing(self, key: CacheKey, found: tuple[Entry, str] | None) -> None:
        """Raise the remembered failure while its time has not run out."""
        failure, now_s = self._kept.recall(key), self._now().timestamp()
        if failure and failure.holds(now_s):
            wait_s = max(1, round(failure.retry_at_s - now_s))
            failure.error.what += f" (asked {failure.times}; asking again in {wait_s} s)"
            raise _expired(found, failure.error) if isinstance(failure.error, _CAUSES) else failure.error


def as_it_is(profile: str, credential: Credential) -> Served:
    """Return what lies here already: not of the cache, so it leaves neither an entry nor a ready answer behind."""
    end = credential.expires_at
    plan = Schedule(issued_at=credential.issued_at, renew_at=end, refuse_at=end, expires_at=end) if end else None
    key = CacheKey(provider=profile.partition(":")[0], profile=profile, facts={})
    entry = Entry(key=key, generation=0, credential=credential)
    return Served(entry=entry, plan=plan, freshness=Freshness.FRESH, stamp="")


def _place(request: Request) -> str:
    if request.url:
        return str(request.url)
    return "" if request.asked == request.profile else request.asked


def _expired(found: tuple[Entry, str] | None, cause: KeywrightError) -> KeywrightError:
    """Say, where there was a credential, that it has run out and why it was not renewed."""
    if found is None:
        return cause
    error = CredentialExpired(
        f"the credential is no longer usable and renewing it failed: {cause.what} [{cause.code}]", mend=cause.mend
    )
    return error.about(cause.account, cause.host)


def _all_of(failed: list[KeywrightError]) -> KeywrightError:
    if len(failed) == 1:
        return failed[0]
    last = failed[-1]
    told = "; ".join(f"{error.account}: {error.what} [{error.code}]" for error in failed)
    error = type(last)(f"every profile failed: {told}", mend=last.mend)
    error.host = last.host
    return error
