"""Renewing what nobody is waiting for: a credential that is due, and that no other process is renewing.

Whoever does so (the agent, a timer) is no user: it waits for no lock, asks no person and notes no use. It goes by what
all clients remember together, so that an issuer that fails is asked no more often because an agent is running.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

from keywright import hit, trace
from keywright.cache.failures import Failure
from keywright.cache.open import Cache
from keywright.credential import Credential
from keywright.errors import KeywrightError, NeedsPerson, TokenRevoked, VaultLocked
from keywright.freshness import Freshness
from keywright.hit import SPAWN_BRAKE_S, stamp
from keywright.providers.registry import find_reader, make
from keywright.renewal import Renewals, Served, as_it_is, place_of
from keywright.request import Request
from keywright.settings.model import Profile

if TYPE_CHECKING:
    from keywright.profiles.model import AuthProfile
    from keywright.profiles.turns import Turns

LOCKED_FOR_S: Final = 600.0
"""How long a vault that was found locked is taken to be."""


class Unasked:
    """Renews what is due, for one process."""

    def __init__(
        self,
        *,
        cache: Cache,
        renewals: Renewals,
        turns: "Turns",
        env: Mapping[str, str],
        now: Callable[[], datetime],
    ) -> None:
        self._cache = cache
        self._renewals = renewals
        self._turns = turns
        self._env = env
        self._now = now

    def renew(
        self, profile: Profile, request: Request, is_alone: Callable[[], bool], *, was_cached: bool = False
    ) -> Served | None:
        """Renew the profile's credential for the request's place, if it is missing, stale or expired.

        None if there was nothing to do: another process is at it, it is fresh, it `was_cached` and has been dropped
        since, or it is left alone because it is disabled, revoked or resting, or its issuer failed a moment ago.
        `is_alone` tells whether nobody could stand in for it.

        Raises:
            KeywrightError: it could not be renewed; that is remembered, and noted against the profile.
        """
        turn = self._turns.turn_of(profile)
        if turn.obstacle is not None or turn.rests:
            return None
        try:
            served = self._renew_grant(turn.kept) if turn.kept else self._renew_entry(profile, request, was_cached)
        except KeywrightError as error:
            error.about(profile.id, place_of(request))
            if not error.is_repeated:
                self._turns.failed(turn, error, is_alone=is_alone())
            raise
        if served is not None:
            self._turns.renewed(turn)
        return served

    def _renew_entry(self, profile: Profile, request: Request, was_cached: bool) -> Served | None:  # noqa: FBT001
        if find_reader(profile, self._env) is not None:
            return None
        provider, cache = make(profile, request.place, self._env), self._cache
        digest, now_s = provider.key.digest, self._now().timestamp()
        with cache.entries.lock(digest, 0) as is_locked:
            trace.tell("lock", entry=digest, is_locked=is_locked)
            if not is_locked:
                return None
            found = cache.entries.find(provider.key)
            if found is None and was_cached:
                return None
            if found and found[0].credential.expires_at is None:  # it serves but once, whoever asks for it
                return None
            served = self._renewals.judge(profile, provider, found)
            if served and served.freshness is Freshness.FRESH:
                return None
            failure = cache.failures.recall(digest)
            if not may_be_asked(failure, now_s):
                trace.tell("left_alone", entry=digest, error=failure.error if failure else None)
                return None
            if served and not hit.claim(cache.folder, digest, now_s, SPAWN_BRAKE_S):
                trace.tell("renewal_braked", entry=digest)
                return None  # a detached renewal is on its way
            return self._renewals.renew_while_locked(profile, provider, request, found[0] if found else None)

    def _renew_grant(self, kept: "AuthProfile") -> Served | None:
        from keywright.profiles.model import OAuth
        from keywright.profiles.renewing import Renewing

        renewed = Renewing(self._env).renewed_ahead(kept.id, self._now())
        if renewed is None:
            return None
        grant = renewed.credential
        if not isinstance(grant, OAuth):  # another login has taken its place
            return None
        credential = Credential(secret=grant.access_token, issued_at=self._now(), expires_at=grant.expires_at)
        served, due_at = as_it_is(str(kept.id), credential), renewed.due_at
        return served._replace(plan=served.plan._replace(renew_at=due_at)) if served.plan and due_at else served


def may_be_asked(failure: Failure | None, now_s: float) -> bool:
    """Whether an issuer of which `failure` is remembered may be asked at `now_s` (epoch seconds) by nobody's wish.

    What only a person can mend, such as a grant that was taken back, is not tried again before something that decided
    the attempt has changed; a locked vault is, now and then, because an OS keyring is unlocked without a file changing.
    """
    if failure is None:
        return True
    if isinstance(failure.error, NeedsPerson | TokenRevoked | VaultLocked):
        is_over = isinstance(failure.error, VaultLocked) and now_s - failure.failed_at_s >= LOCKED_FOR_S
        return is_over or any(stamp(path) != seen for path, seen in failure.inputs.items())
    return not failure.holds(now_s)
