"""Renewing the grant of a kept profile: by one process at a time, and so that a refresh token is never lost.

Many issuers accept a refresh token once (RFC 9700, section 4.14.2): whoever loses the answer has lost the account. So
room for it is taken on the disk before the question is sent, nothing interrupts the time between answer and disk, and a
sibling's newer grant is used, never overwritten.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Final

from keywright import hit
from keywright.cache.failures import Failures
from keywright.cache.folder import locate
from keywright.cache.lock import hold
from keywright.credential import CacheKey
from keywright.deadline import FETCH_S, LOCK_WAIT_S, left_s, paused
from keywright.errors import (
    Busy,
    CacheUnusable,
    KeywrightError,
    ProviderNotFound,
    StateUnusable,
    TokenRevoked,
)
from keywright.profiles.identity import ProfileId
from keywright.profiles.instants import instant
from keywright.profiles.kept import KeptProfiles
from keywright.profiles.model import AuthProfile, OAuth
from keywright.profiles.state import ProfileStates
from keywright.profiles.token_endpoint import TokenEndpoint, TokenRefresher
from keywright.secret import Secret

LEFT_FOR_SAVING_S: Final = 2.0
ANSWER_S: Final = 3.0
"""With less time than this for the answer nothing is asked: a token that is spent and an answer that is late are both
lost."""


class Renewing:
    """Renews the grants of one user's profiles."""

    def __init__(self, env: Mapping[str, str], refresher: TokenRefresher | None = None) -> None:
        """Take the caller's environment; without a `refresher` the providers' token endpoints are asked."""
        self._env = env
        self._kept = KeptProfiles(env)
        self._states = ProfileStates(env)
        self._refresher = refresher or TokenEndpoint(env)

    def renewed_ahead(self, id_: ProfileId, now: datetime) -> AuthProfile | None:
        """Renew the profile's grant if it is due at `now`, for nobody who waits; None if there was nothing to do.

        That is so too while another process is renewing it. A grant that could not be renewed is an error, good as it
        may still be.

        Raises:
            KeywrightError: as `renewed`.
        """
        with hold(renewal_lock(self._states, id_), 0) as is_locked:
            found = self._current(id_) if is_locked else None
            if found is None or not isinstance(found.credential, OAuth) or not found.is_due(now):
                return None
            self._stop_if_revoked(found)
            return self._renew_while_locked(found, found.credential, now)

    def renewed(
        self, profile: AuthProfile, now: datetime, *, is_anew: bool = False, is_forced: bool = False
    ) -> AuthProfile:
        """Return the profile with a grant that is good at `now`: renewed here, or meanwhile by somebody else.

        One that could not be renewed is returned as it is while its access token lasts. `is_anew` asks for a new grant
        even while the old one is good, and accepts no other. `is_forced` asks even for one that was taken back.

        Raises:
            TokenRevoked: its issuer took the grant back; that is kept in mind, and nobody asks again.
            Busy: another process has been renewing it for too long, or too little time is left.
            ProviderNotFound: it was removed meanwhile.
            VaultLocked: the vault is locked.
            VaultUnusable: the vault cannot be trusted or written; the refresh token was not spent.
            KeywrightError: its issuer refused, or did not answer.
        """
        try:
            with hold(renewal_lock(self._states, profile.id), left_s(LOCK_WAIT_S)) as is_locked:
                found = self._current(profile.id)
                is_newer = found.credential != profile.credential
                if not isinstance(found.credential, OAuth) or (not found.is_due(now) and (is_newer or not is_anew)):
                    return found
                if not is_locked:
                    raise Busy("another process has been renewing it for too long", mend="try again")
                if not is_forced:
                    self._stop_if_revoked(found)
                return self._renew_while_locked(found, found.credential, now)
        except (ProviderNotFound, TokenRevoked):
            raise
        except KeywrightError:
            access_token = profile.credential.access_token if isinstance(profile.credential, OAuth) else None
            if is_anew or not access_token or profile.is_expired(now):
                raise
            return profile  # not for long, but it is good

    def forget_access(self, profile: str, rejected: Secret, now: datetime) -> int:
        """Forget the profile's access token if it is what was rejected, and a refresh token brings another one.

        Returns the number of tokens forgotten. As with what is cached, what keeps being rejected goes once a minute.

        Raises:
            VaultLocked: the vault is locked.
            VaultUnusable: the vault cannot be trusted or written.
            Busy: another process is renewing it.
        """
        id_ = ProfileId.split(profile)
        found = self._kept.get(id_)
        if found is None or not _holds(found, rejected):
            return 0
        with hold(renewal_lock(self._states, id_), left_s(LOCK_WAIT_S)) as is_locked:
            if not is_locked:
                raise Busy("another process has been renewing it for too long", mend="try again")
            cache = locate("cache", self._env)
            if not hit.claim(cache, f"{entry_of(id_)}.rejected", now.timestamp(), hit.REJECTED_BRAKE_S):
                return 0
            with self._kept.editing(id_.provider) as profiles:
                current = profiles.get(profile)
                if current is None or not isinstance(current.credential, OAuth) or not _holds(current, rejected):
                    return 0
                grant = current.credential._replace(access_token=Secret(""))
                profiles[profile] = current._replace(credential=grant, updated_at=now)
        return 1

    def _current(self, id_: ProfileId) -> AuthProfile:
        found = self._kept.get(id_)
        if found is None:
            raise ProviderNotFound(f"there is no profile `{id_}` any more")
        return found

    def _renew_while_locked(self, profile: AuthProfile, grant: OAuth, now: datetime) -> AuthProfile:
        self._stop_while_failing(profile, now)
        self._kept.check_room()
        timeout_s = left_s(FETCH_S) - LEFT_FOR_SAVING_S
        if timeout_s < ANSWER_S:
            raise Busy("too little time is left to renew it", mend="try again")
        with paused():  # what was answered is saved, however late it is
            try:
                answer = self._refresher.refresh(profile, grant, now, timeout_s)
            except KeywrightError as error:
                self._remember(profile, error, now)
                raise
            return self._save(profile, grant.renewed(answer), now)

    def _save(self, spent: AuthProfile, grant: OAuth, now: datetime) -> AuthProfile:
        """Put the new grant in the place of the one it came of; a newer one, or none at all, stays as it is."""
        with self._kept.editing(spent.id.provider) as profiles:
            current = profiles.get(str(spent.id))
            if current is None:
                raise ProviderNotFound(f"there is no profile `{spent.id}` any more")
            if current.credential != spent.credential:
                return current
            profiles[str(spent.id)] = renewed = current._replace(credential=grant, updated_at=now)
        with suppress(CacheUnusable):
            self._failures().forget(entry_of(spent.id))
        return renewed

    def _remember(self, profile: AuthProfile, error: KeywrightError, now: datetime) -> None:
        if isinstance(error, TokenRevoked):
            error.mend = _login(profile.id)
            if not self._is_other_grant(profile):
                self._decide(profile, is_revoked=True)
                if self._is_other_grant(profile):  # who logged in between the two has another grant
                    self._decide(profile, is_revoked=False)
            return
        with suppress(CacheUnusable):
            self._failures().record(entry_of(profile.id), error.about(str(profile.id), ""), now.timestamp(), {})

    def _is_other_grant(self, profile: AuthProfile) -> bool:
        """Whether the profile's grant is there no more: removed, or replaced by another."""
        current = self._kept.get(profile.id)
        if current is None:
            return True
        return (current.created_at, current.credential) != (profile.created_at, profile.credential)

    def _decide(self, profile: AuthProfile, *, is_revoked: bool) -> None:
        with suppress(StateUnusable):
            self._states.decide(
                str(profile.id), instant(profile.created_at), lambda decided: decided._replace(is_revoked=is_revoked)
            )

    def _stop_while_failing(self, profile: AuthProfile, now: datetime) -> None:
        failure = None
        with suppress(CacheUnusable):
            failure = self._failures().recall(entry_of(profile.id))
        if failure is not None and failure.holds(now.timestamp()):
            failure.error.is_repeated = True
            wait_s = max(1, round(failure.retry_at_s - now.timestamp()))
            failure.error.what += f" (asked {failure.times}; asking again in {wait_s} s)"
            raise failure.error

    def _stop_if_revoked(self, profile: AuthProfile) -> None:
        """Whoever waited for the lock may have waited for one who heard that the grant is void."""
        decisions = self._states.decisions(profile.id.provider)
        if decisions.of(str(profile.id), instant(profile.created_at)).is_revoked:
            error = TokenRevoked("its issuer took the grant back", mend=_login(profile.id))
            error.is_repeated = True
            raise error

    def _failures(self) -> Failures:
        return Failures(locate("state", self._env), self._env)


def _holds(profile: AuthProfile, rejected: Secret) -> bool:
    grant = profile.credential
    return isinstance(grant, OAuth) and profile.is_renewable and grant.access_token == rejected


def _login(id_: ProfileId) -> str:
    return f"run `keywright profile login {id_}`"


def renewal_lock(states: ProfileStates, id_: ProfileId) -> str:
    """Return the path of the lock that whoever spends the profile's refresh token holds.

    Raises:
        StateUnusable: the folder of the state cannot be trusted or made.
    """
    return states.lock_path(f"renew-{entry_of(id_)[:16]}")


def entry_of(id_: ProfileId) -> str:
    """Return the name under which failures to renew the profile are remembered."""
    return CacheKey(provider=id_.provider, profile=str(id_), facts={"grant": "refresh_token"}).digest
