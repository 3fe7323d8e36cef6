"""One profile in line: what is written of it, kept of it and known of it, put together."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from keywright.errors import (
    KeywrightError,
    ProviderNotFound,
    StateUnusable,
    TokenRevoked,
    Unavailable,
    VaultLocked,
    VaultUnusable,
)
from keywright.profiles.cooldown import clear_expired, is_disabled, unusable_until
from keywright.profiles.instants import instant, moment
from keywright.profiles.known import Decided, Decisions, Usage, Used
from keywright.profiles.mode import Mode
from keywright.profiles.order import Candidate
from keywright.profiles.standing import Standing
from keywright.profiles.state import ProfileStates
from keywright.settings.model import OPTIONS, KeptOptions, Profile, StaticOptions

if TYPE_CHECKING:
    from keywright.profiles.model import AuthProfile
    from keywright.tracing.facts import Readiness


class Turn(NamedTuple):
    """One profile in line.

    Attributes:
        profile: the profile.
        candidate: what the order goes by.
        since: its birth, for what is known of it; empty for one of the settings.
        kept: what the vault holds of it; None for one of the settings, or if that cannot be read.
        standing: its failures.
        obstacle: why it is not to be tried; None if it may be.
        until: when its cooldown, or its obstacle, ends by itself; None if there is neither, or no such end.
        decided: what was decided about it.
        used: what happened to it.
    """

    profile: Profile
    candidate: Candidate
    since: str = ""
    kept: "AuthProfile | None" = None
    standing: Standing = Standing()
    obstacle: KeywrightError | None = None
    until: datetime | None = None
    decided: Decided = Decided()
    used: Used = Used()

    @property
    def rests(self) -> bool:
        """Whether it is only a last resort."""
        return self.candidate.cooldown_until is not None

    @property
    def word(self) -> "Readiness":
        """Whether it is ready, resting or kept back, for a trace."""
        if self.obstacle is not None:
            return "kept_back"
        return "resting" if self.rests else "ready"

    @property
    def told(self) -> str:
        """What is told of a profile that rests."""
        until = self.candidate.cooldown_until
        return f"{self.profile.id}: it is cooling down{f' until {moment(until)}' if until else ''}"

    @property
    def is_enabled(self) -> bool:
        """Whether no person has disabled it."""
        return _is_enabled(self.decided, self.kept)


class Book:
    """Opens what is known of profiles, and reads each provider's once."""

    def __init__(self, env: Mapping[str, str], *, only_looks: bool = False) -> None:
        """Touch no file yet; with `only_looks` none is ever changed, not even to note that a rest is over."""
        self._env = env
        self._only_looks = only_looks
        self.states = ProfileStates(env)
        self._kept: dict[str, Mapping[str, AuthProfile] | KeywrightError] = {}
        self._found: set[str] = set()
        self._decisions: dict[str, Decisions] = {}
        self._usage: dict[str, Usage] = {}

    def usage(self, provider: str) -> Usage:
        """Return what happened to the provider's profiles."""
        if provider not in self._usage:
            self._usage[provider] = self.states.usage(provider)
        return self._usage[provider]

    def turn(self, profile: Profile, now: datetime, *, is_forced: bool = False) -> Turn:
        """Return the profile's turn as of `now`; `is_forced` overrides what would keep it back.

        Raises:
            StateUnusable: what was decided about it cannot be read: it may be disabled.
        """
        provider, (kept, trouble) = profile.provider, self._find(profile)
        since = instant(kept.created_at) if kept else ""
        decided = self._decided(provider).of(profile.id, since)
        used = self.usage(provider).of(profile.id, since)
        standing = self._cleared(profile.id, since, decided.standing(used), now)
        is_idle = is_forced or self._never_rests(provider, standing)
        until = None if is_idle else unusable_until(standing, now)
        is_off = until is not None and is_disabled(standing, now)
        obstacle = trouble
        if obstacle is None and not is_forced:
            obstacle = _obstacle(profile.id, decided, kept, standing, until if is_off else None)
        has_end = obstacle is None or (is_off and isinstance(obstacle, Unavailable) and _is_enabled(decided, kept))
        ends = until if has_end else None
        candidate = Candidate(
            id=profile.id,
            name=profile.id.rpartition(":")[2],
            mode=_mode(profile, kept),
            priority=_priority(profile, decided, kept),
            is_valid=(obstacle is None or _passes(obstacle, ends))
            and (kept is None or kept.is_valid(now) or kept.is_renewable),
            last_used=used.last_used,
            cooldown_until=until if obstacle is None else None,
        )
        return Turn(profile, candidate, since, kept, standing, obstacle, ends, decided, used)

    def kept(self, provider: str) -> "Mapping[str, AuthProfile]":
        """Return the provider's profiles that the vault holds, by id.

        Raises:
            VaultLocked: there are some, and the vault is locked.
            VaultUnusable: the vault is damaged, newer or cannot be trusted.
        """
        if provider not in self._kept:
            from keywright.profiles.kept import KeptProfiles

            try:
                self._kept[provider] = KeptProfiles(self._env).of_provider(provider)
            except (VaultLocked, VaultUnusable) as error:
                self._kept[provider] = error
        found = self._kept[provider]
        if isinstance(found, KeywrightError):
            raise found
        return found

    def _find(self, profile: Profile) -> "tuple[AuthProfile | None, KeywrightError | None]":
        """Return what the vault holds of the profile, or why that cannot be told; neither for one of the settings."""
        if not isinstance(profile.options, KeptOptions):
            return None, None
        try:
            kept = self._find_kept(profile.provider, profile.id)
        except (VaultLocked, VaultUnusable) as error:
            return None, error
        mend = "`keywright profile list` shows what there is"
        return kept, None if kept else ProviderNotFound(f"there is no profile `{profile.id}`", mend=mend)

    def _find_kept(self, provider: str, id_: str) -> "AuthProfile | None":
        """Return the one profile; once a second one of its provider is asked for, all of them are read."""
        if provider in self._kept or provider in self._found:
            return self.kept(provider).get(id_)
        from keywright.profiles.kept import KeptProfiles

        self._found.add(provider)
        return KeptProfiles(self._env).of_provider(provider, only=id_).get(id_)

    def _decided(self, provider: str) -> Decisions:
        if provider not in self._decisions:
            self._decisions[provider] = self.states.decisions(provider)
        return self._decisions[provider]

    def _cleared(self, id_: str, since: str, standing: Standing, now: datetime) -> Standing:
        """Return the standing without the windows that are over, and see that nobody else finds them either."""
        cleared = clear_expired(standing, now)
        if cleared == standing or self._only_looks:
            return cleared
        try:
            return self.states.judge(id_, since, lambda found: clear_expired(found, now), "", now)
        except StateUnusable:  # they are over all the same
            return cleared

    def _never_rests(self, provider: str, standing: Standing) -> bool:
        if provider in OPTIONS or (standing.cooldown_until is None and standing.disabled_until is None):
            return False
        from keywright.profiles import custom

        return custom.load_catalog(custom.locate(self._env)).bypasses_cooldown(provider)


def _is_enabled(decided: Decided, kept: "AuthProfile | None") -> bool:
    return decided.enabled if decided.enabled is not None else kept is None or kept.enabled


def _obstacle(
    id_: str, decided: Decided, kept: "AuthProfile | None", standing: Standing, off_until: datetime | None
) -> KeywrightError | None:
    if not _is_enabled(decided, kept):
        return Unavailable("it is disabled", mend=f"run `keywright profile enable {id_}`")
    if decided.is_revoked:
        return TokenRevoked("its issuer took the grant back", mend=f"run `keywright profile login {id_}`")
    if off_until is not None:
        why = f"it is left alone until {moment(off_until)} for `{standing.disabled_reason}`"
        return Unavailable(why, mend=f"`keywright profile enable {id_}` ends that")
    return None


def _passes(obstacle: KeywrightError, ends: datetime | None) -> bool:
    """Whether the profile keeps its place meanwhile: who serves in its stead is only to do so until that is over."""
    return ends is not None or isinstance(obstacle, VaultLocked | VaultUnusable)


def _mode(profile: Profile, kept: "AuthProfile | None") -> Mode:
    if kept is not None:
        return kept.mode
    return Mode.STATIC if isinstance(profile.options, StaticOptions) else Mode.MINTED


def _priority(profile: Profile, decided: Decided, kept: "AuthProfile | None") -> int:
    if decided.priority is not None:
        return decided.priority
    return kept.priority if kept else profile.priority
