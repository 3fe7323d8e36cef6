"""The story of one credential: look, lock, look again, fetch, keep. The broker only decides."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from keywright import hit, trace
from keywright.cache.forgiving import ForgivingCache
from keywright.cache.open import Cache
from keywright.deadline import LOCK_WAIT_S, is_spent, left_s
from keywright.errors import (
    Busy,
    CacheUnusable,
    ConfigurationError,
    CredentialNotFound,
    KeywrightError,
    StateUnusable,
    UsageError,
)
from keywright.freshness import Freshness
from keywright.profiles.uncontested import find_inputs
from keywright.prompt import Ask
from keywright.providers.registry import find_reader, make_for
from keywright.renewal import CAUSES, Renewals, Served, as_it_is, expired, place_of
from keywright.request import Request
from keywright.routes import Choice, choice_for, named
from keywright.secret import Secret
from keywright.settings.model import KeptOptions, Profile, Settings

if TYPE_CHECKING:
    from keywright.profiles.turn import Turn
    from keywright.profiles.turns import Line, Turns


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
        """Return a credential for the request from the first of its profiles, in their order, that has one.

        Raises:
            CredentialNotFound: nothing here serves it.
            StateUnusable: what was decided about its profiles cannot be read.
            KeywrightError: every profile failed; the message names each and why.
        """
        choice = self._choose(request)
        served = self._uncontested(choice, request)
        if served is not None:
            trace.tell("profile_chosen", profile=choice.profiles[0].id, why="only_one")
            return served
        from keywright.failed import Failed

        line = self._line_up(choice, request)
        failed = Failed(line)
        for turn in line.turns:
            if turn.obstacle is not None:
                failed.add(turn, turn.obstacle.about(turn.profile.id, place_of(request)))
                continue
            try:
                served = self.obtain(turn, request)
            except (UsageError, ConfigurationError) as error:  # is told, whoever could stand in
                failed.add(turn, error.about(turn.profile.id, place_of(request)))
                break
            except KeywrightError as error:
                failed.add(turn, error.about(turn.profile.id, place_of(request)))
                if not error.is_repeated:
                    self._turns.failed(turn, error, is_alone=line.is_alone)
                if is_spent():
                    break
                continue
            trace.tell("profile_chosen", profile=turn.profile.id, why=failed.why(turn))
            self._turns.served(turn, is_new=served.is_new)
            told = failed.told(turn)
            if told:
                self._say(told)
            return failed.placed(served, turn, is_forced=request.is_forced)
        raise failed.error()

    def obtain(self, turn: "Turn", request: Request) -> Served:
        """Return a credential of the one profile that is not expired; what came of it is noted by who asked.

        A fresh or stale entry costs a few file reads and no lock. Only an expired or missing one makes a process wait,
        and of those who wait one asks the issuer.

        Raises:
            KeywrightError: the profile has none, and why.
        """
        profile = turn.profile
        reader = find_reader(profile, self._env, turn.kept)
        if reader is not None:
            # Whose turn it is although its grant was taken back was insisted on, if not by the request itself.
            is_forced = request.is_forced or turn.decided.is_revoked
            return as_it_is(profile.id, reader.read(request._replace(is_forced=is_forced), self._now()))
        provider = make_for(profile, request, self._env)
        found = self._kept.find(provider.key)
        served = self._renewals.judge(profile, provider, found)
        if served:
            return served
        self._renewals.stop_while_failing(provider.key, request, found)
        with self._renewals.lock(provider, request, left_s(LOCK_WAIT_S)) as is_locked:
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

    def renew(self, request: Request, digest: str, generation: int) -> Served | None:
        """Renew the entry behind a caller that was already served, unless somebody else is at it or it has changed.

        None if there was nothing to do: another process holds the lock, the generation is not current any more, or it
        is gone, which means that its owner logged out; or its profile was disabled since.

        Raises:
            KeywrightError: the renewal failed; it is remembered.
        """
        from keywright.failed import Failed

        cache, line = self._cache, self._line_up(self._choose(request), request)
        failed = Failed(line)
        for turn in line.turns:
            if turn.obstacle is not None:
                failed.add(turn, turn.obstacle)
                continue
            is_read = find_reader(turn.profile, self._env, turn.kept) is not None  # and has no entry
            provider = None if is_read else make_for(turn.profile, request, self._env)
            if cache is None or provider is None or provider.key.digest != digest:
                failed.pass_over(turn)
                continue
            with cache.entries.lock(digest, 0) as is_locked:
                trace.tell("lock", entry=digest, is_locked=is_locked)
                found = cache.entries.find(provider.key) if is_locked else None
                if found is None or found[0].generation != generation:
                    return None
                judged = self._renewals.judge(turn.profile, provider, found)
                # Woken while it is fresh: a server seems to have rejected it, and it may be for its session's sake.
                is_anew = judged is not None and judged.freshness is Freshness.FRESH
                served = self._renewals.renew_while_locked(turn.profile, provider, request, found[0], is_anew=is_anew)
                return failed.placed(served, turn, is_forced=request.is_forced)
        return None

    def refresh(self, profile: Profile, request: Request) -> Served:
        """Renew the profile's credential now, fresh or not; somebody else's renewal meanwhile is as good.

        Raises:
            KeywrightError: it could not be renewed.
        """
        turn = self._turns.turn_of(profile, is_forced=request.is_forced)
        if turn.obstacle is not None:
            raise turn.obstacle.about(profile.id, place_of(request))
        if turn.kept is not None and turn.kept.is_renewable:
            from keywright.profiles.renewing import Renewing

            Renewing(self._env).renewed(turn.kept, self._now(), is_anew=True, is_forced=request.is_forced)
            return self.obtain(turn._replace(kept=None), request)
        provider = make_for(profile, request, self._env)
        before = self._kept.find(provider.key)
        with self._renewals.lock(provider, request, left_s(LOCK_WAIT_S)) as is_locked:
            found = self._kept.find(provider.key)
            if found and (before is None or found[0].generation > before[0].generation):
                served = self._renewals.judge(profile, provider, found)
                if served:
                    return served
            if not is_locked:
                raise self._renewals.busy(provider)
            old = found[0] if found else None
            return self._renewals.renew_while_locked(profile, provider, request, old, is_anew=True)

    def renew_due(self, profile: Profile, request: Request, *, was_cached: bool = False) -> Served | None:
        """Renew the profile's credential if it is due, for nobody who waits; None if there was nothing to do.

        Nothing is to do too while it is disabled, revoked or resting, while another process is at it, and while its
        issuer is left alone because it failed (`keywright.unasked`). What `was_cached` and is gone was dropped, by an
        erase say: it is not brought back.

        Raises:
            KeywrightError: it could not be renewed; that is remembered, and noted against the profile.
        """
        from keywright.unasked import Unasked

        if self._cache is None:
            raise CacheUnusable("nothing was renewed, because the cache cannot be used")
        unasked = Unasked(cache=self._cache, renewals=self._renewals, turns=self._turns, env=self._env, now=self._now)
        return unasked.renew(profile, request, lambda: self._is_alone(profile), was_cached=was_cached)

    def invalidate(self, request: Request, rejected: Secret | None) -> int:
        """Drop what is cached for the request, if it is what was rejected. None means: whatever it is.

        Returns the number of credentials dropped. A late rejection of an old credential never costs the newer one. What
        is read where it lies (`static`) is not ours to drop; of a kept OAuth grant that is the access token.

        Raises:
            CredentialNotFound: nothing here serves the request.
            CacheUnusable: the cache cannot be changed.
            Busy: a renewal kept it locked for too long.
        """
        dropped = 0
        for profile in self._everyone(request):
            if find_reader(profile, self._env) is not None:
                dropped += self._forget_kept(profile, rejected)
                continue
            try:
                key = make_for(profile, request, self._env).key
            except (UsageError, ConfigurationError):  # never served it, because it does not fit the place
                continue
            dropped += self.drop(key.digest, rejected)
        return dropped

    def _forget_kept(self, profile: Profile, rejected: Secret | None) -> int:
        """Forget a rejected access token of a grant that brings another one; without one named nothing is rejected."""
        if rejected is None or not isinstance(profile.options, KeptOptions):
            return 0
        from keywright.profiles.renewing import Renewing

        return Renewing(self._env).forget_access(profile.id, rejected, self._now())

    def drop(self, digest: str, rejected: Secret | None) -> int:
        """Drop one entry, as `invalidate` does.

        What keeps being rejected is dropped once a minute: a server that takes no credential at all is no reason to
        mint one for each of its answers.

        Raises:
            CacheUnusable: the cache cannot be changed.
            Busy: a renewal kept it locked for too long.
        """
        cache = self._cache
        if cache is None:
            raise CacheUnusable("nothing was dropped, because the cache cannot be used")
        if cache.entries.read(digest) is None:
            return 0
        with cache.entries.lock(digest, left_s(LOCK_WAIT_S)) as is_locked:
            if not is_locked:
                raise Busy("another process has been renewing it for too long", mend="try again")
            found = cache.entries.read(digest)
            if found is None or (rejected is not None and rejected != found[0].credential.secret):
                return 0
            now_s = self._now().timestamp()
            if rejected is not None and not hit.claim(cache.folder, f"{digest}.rejected", now_s, hit.REJECTED_BRAKE_S):
                return 0
            cache.entries.forget(digest)
            cache.answers.forget(digest)
            cache.failures.forget(digest)
            return 1

    def _uncontested(self, choice: Choice, request: Request) -> Served | None:
        """Return what is cached for the one profile that can be meant, if its turn need not be found out."""
        profile = choice.profiles[0]
        if len(choice.profiles) > 1 or request.is_forced or find_reader(profile, self._env) is not None:
            return None
        decided = find_inputs(profile, self._env, self._now())
        if decided is None:
            return None
        try:
            provider = make_for(profile, request, self._env)
        except (UsageError, ConfigurationError):
            return None  # it does not fit the place, which is told where turns are found out
        served = self._renewals.judge(profile, provider, self._kept.find(provider.key))
        return served._replace(decided=decided) if served else None

    def _choose(self, request: Request) -> Choice:
        """Return the profiles that may serve the request.

        Raises:
            CredentialNotFound: nothing here serves it.
            KeywrightError: as `choice_for`.
        """
        try:
            choice = choice_for(self._settings, request)
        except CredentialNotFound:
            trace.tell("route", how="none")
            raise
        route = choice.route.url if choice.route else None
        trace.tell("route", how=choice.how, route=route, profiles=len(choice.profiles))
        return choice

    def _line_up(self, choice: Choice, request: Request) -> "Line":
        line = self._turns.line_up(choice.profiles, choice.prefer, is_forced=request.is_forced)
        for position, turn in enumerate(line.turns if trace.is_on() else (), start=1):  # there may be a thousand
            trace.tell(
                "turn",
                position=position,
                profile=turn.profile.id,
                priority=turn.candidate.priority,
                standing=turn.word,
                error=turn.obstacle,
                until=turn.until,
            )
        return line

    def _is_alone(self, profile: Profile) -> bool:
        """Whether nobody could stand in for the profile, wherever it is used."""
        routes = [route for route in self._settings.routes if profile.id in route.profiles]
        used = [(profile,), *(tuple(named(self._settings, id_) for id_ in route.profiles) for route in routes)]
        return all(self._turns.line_up(profiles, None).is_alone for profiles in used)

    @cached_property
    def _turns(self) -> "Turns":
        from keywright.profiles.turns import Turns

        return Turns(settings=self._settings, env=self._env, now=self._now, say=self._say)

    def _everyone(self, request: Request) -> list[Profile]:
        """Return the profiles that may have served the request, and what may stand in for them."""
        try:
            return [turn.profile for turn in self._line_up(choice_for(self._settings, request), request).turns]
        except StateUnusable:  # what is rejected is forgotten all the same
            return list(choice_for(self._settings, request).profiles)
