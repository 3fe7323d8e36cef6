"""One person's accounts, kept in a real vault; issuers that fail on demand; and resolvers over them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

from keywright.errors import KeywrightError
from keywright.profiles.identity import ProfileId
from keywright.profiles.instants import instant
from keywright.profiles.kept import KeptProfiles
from keywright.profiles.known import Decided, Used
from keywright.profiles.model import ApiKey, AuthProfile, Kept, OAuth, Token
from keywright.profiles.reason import FailureReason
from keywright.profiles.resolution import Obtained
from keywright.profiles.resolver import Resolver
from keywright.profiles.state import ProfileStates
from keywright.profiles.turn import Turn
from keywright.providers.kept import KeptProvider
from keywright.request import Client, Request, Verb
from keywright.secret import Secret
from keywright.settings.model import Profile, Settings
from keywright.settings.turns import Preference


def now() -> datetime:
    return datetime.now(UTC)


def api_key(text: str = "") -> ApiKey:
    return ApiKey(key=Secret(text or "sk-key"))


def token(left_s: float | None = None) -> Token:
    return Token(token=Secret("tok"), expires_at=None if left_s is None else now() + timedelta(seconds=left_s))


def oauth(left_s: float | None = 3600, refresh: str = "", **rest: Any) -> OAuth:
    return OAuth(
        access_token=Secret("access"),
        refresh_token=Secret(refresh) if refresh else None,
        expires_at=None if left_s is None else now() + timedelta(seconds=left_s),
        **rest,
    )


@dataclass
class Accounts:
    """Everything that a resolver of the test's environment stands on."""

    profiles: Mapping[str, Profile] = field(default_factory=dict)
    """Those of the settings."""
    default_preference: Preference = Preference.VALID
    failures: dict[str, KeywrightError] = field(default_factory=dict)
    """Which profiles give nothing."""
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    minted: set[str] = field(default_factory=set)
    """Those whose issuer was asked for what they give."""
    _lock: Lock = field(default_factory=Lock)

    @property
    def settings(self) -> Settings:
        path = f"{os.environ['HOME']}/config.toml"
        return Settings(source=path, stamp="-", profiles=self.profiles, default_preference=self.default_preference)

    @property
    def states(self) -> ProfileStates:
        return ProfileStates(os.environ)

    def keep(self, id_: str, credential: Kept | None = None, **rest: Any) -> AuthProfile:
        """Keep a profile with an API key, or what is given."""
        profile = AuthProfile(
            id=ProfileId.parse(id_),
            credential=credential or api_key(f"sk-{id_}"),
            created_at=now(),
            updated_at=now(),
            **rest,
        )
        return KeptProfiles(os.environ).save(profile, now())

    def remove(self, id_: str) -> None:
        KeptProfiles(os.environ).remove(ProfileId.parse(id_))

    def decide(self, id_: str, **changes: Any) -> Decided:
        """Decide something about a profile, as another process would."""
        return self.states.decide(id_, self._since(id_), lambda decided: decided._replace(**changes))

    def use(self, id_: str, ago_s: float) -> None:
        """Let a profile have served a while ago, without making it the last good one."""
        with self.states.changing(id_.rpartition(":")[0]) as draft:
            since = self._since(id_)
            draft.used[id_] = Used(since=since, last_used=now() - timedelta(seconds=ago_s))

    def rest(self, id_: str, seconds: float) -> Decided:
        return self.decide(id_, cooldown_until=now() + timedelta(seconds=seconds))

    def disable_for(self, id_: str, seconds: float) -> Decided:
        return self.decide(
            id_, disabled_until=now() + timedelta(seconds=seconds), disabled_reason=FailureReason.BILLING
        )

    def resolver(self) -> Resolver:
        """A new process's resolver."""
        return Resolver(settings=self.settings, env=os.environ, now=now, say=self.said.append, obtain=self.obtain)

    def obtain(self, turn: Turn) -> Obtained:
        id_ = turn.profile.id
        with self._lock:
            self.asked.append(id_)
        if id_ in self.failures:
            failure = self.failures[id_]
            raise type(failure)(failure.what, mend=failure.mend)
        request = Request(client=Client.PERSON, verb=Verb.GET, profile=id_, asked=id_)
        provider = KeptProvider(profile=id_, env=os.environ, kept=turn.kept)
        return Obtained(provider.read(request, now()), is_new=id_ in self.minted)

    def _since(self, id_: str) -> str:
        kept = KeptProfiles(os.environ).get(ProfileId.parse(id_))
        return instant(kept.created_at) if kept else ""
