"""The kept profiles as values: what each holds, and whether it is good at a given moment."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final, NamedTuple

from keywright.errors import CredentialExpired, Unavailable
from keywright.profiles.identity import ProfileId
from keywright.profiles.mode import Mode
from keywright.secret import Secret

LEEWAY: Final = timedelta(minutes=5)
"""An OAuth access token with less left than this is renewed before it is used."""
AT_ONCE: Final = datetime.min.replace(tzinfo=UTC)
"""When that is due which never was good."""

FindSecret = Callable[[str], Secret]
"""Finds what a `vault://NAME` names; raises if there is nothing."""


class ApiKey(NamedTuple):
    """A key that is simply there: itself, or where the vault has it (`vault://NAME`)."""

    key: Secret | None = None
    key_ref: str = ""


class Token(NamedTuple):
    """A bearer token that nobody renews; `expires_at` (aware UTC) is None if it never expires or nobody knows."""

    token: Secret | None = None
    token_ref: str = ""
    expires_at: datetime | None = None


class OAuth(NamedTuple):
    """What an OAuth 2.0 grant gave, and what a refresh of it needs (RFC 6749, section 6).

    Attributes:
        access_token: the bearer token; empty where there was no login yet.
        refresh_token: what a new one is got with; None if nothing can be.
        expires_at: when the access token expires (aware UTC); None if nobody knows.
        email: the account, for people.
        client_id: the client the grant was made to.
        scopes: what was granted.
        metadata: what else the provider wants back, such as a `client_secret`; treated as secret.
    """

    access_token: Secret
    refresh_token: Secret | None = None
    expires_at: datetime | None = None
    email: str = ""
    client_id: str = ""
    scopes: tuple[str, ...] = ()
    metadata: Mapping[str, Secret] = MappingProxyType({})

    def is_expired(self, now: datetime, leeway: timedelta = timedelta(0)) -> bool:
        """Whether it has less than `leeway` left at `now`; an expiry that nobody knows has not come."""
        return self.expires_at is not None and now + leeway > self.expires_at

    def renewed(self, answer: "OAuth") -> "OAuth":
        """Return this grant after a refresh: what the answer leaves out stays as it was.

        A token endpoint need not repeat the refresh token, the scopes or the account (RFC 6749, sections 5.1 and 6).
        """
        return answer._replace(
            refresh_token=answer.refresh_token or self.refresh_token,
            email=answer.email or self.email,
            client_id=answer.client_id or self.client_id,
            scopes=answer.scopes or self.scopes,
            metadata={**self.metadata, **answer.metadata},
        )


Kept = ApiKey | OAuth | Token


class AuthProfile(NamedTuple):
    """One kept profile.

    Attributes:
        id: `provider:name`.
        credential: what it holds; its type is the profile's mode.
        created_at: when it was added (aware UTC); a profile that is removed and added again is another one.
        updated_at: when it was last written (aware UTC).
        priority: higher is offered first.
        enabled: whether it was added enabled; what was decided since lies in the state (`keywright.profiles.state`).
        username: the user name that goes with it where a client wants one; empty for the provider's own.
        hosts: the only hosts it may be sent to; empty for the provider's own.
        fallback: the profiles that may stand in for it, in this order.
    """

    id: ProfileId
    credential: Kept
    created_at: datetime
    updated_at: datetime
    priority: int = 0
    enabled: bool = True
    username: str = ""
    hosts: tuple[str, ...] = ()
    fallback: tuple[str, ...] = ()

    @property
    def mode(self) -> Mode:
        """How it proves who it is."""
        match self.credential:
            case ApiKey():
                return Mode.API_KEY
            case OAuth():
                return Mode.OAUTH
            case Token():
                return Mode.TOKEN

    @property
    def email(self) -> str:
        """The account's address; empty if it has none."""
        return self.credential.email if isinstance(self.credential, OAuth) else ""

    @property
    def expires_at(self) -> datetime | None:
        """When what it holds expires; None for never, or if nobody knows."""
        return None if isinstance(self.credential, ApiKey) else self.credential.expires_at

    @property
    def is_renewable(self) -> bool:
        """Whether a new secret can be had for it, so that an expired one is no reason to pass it over."""
        return isinstance(self.credential, OAuth) and self.credential.refresh_token is not None

    @property
    def _again(self) -> str:
        """What a person does about a secret that is not there any more."""
        is_grant = isinstance(self.credential, OAuth)
        return f"run `keywright profile {f'login {self.id}' if is_grant else f'add {self.id} --force'}`"

    def is_due(self, now: datetime) -> bool:
        """Whether it is to be renewed before it is used (`due_at`)."""
        due_at = self.due_at
        return due_at is not None and now > due_at

    @property
    def due_at(self) -> datetime | None:
        """When it is to be renewed: 5 minutes ahead of its end, or in the second half of its life; None for never.

        The second is for tokens that live for minutes, which would be renewed at every use. How long one was to live is
        known once it was renewed here.
        """
        if not isinstance(self.credential, OAuth) or self.credential.refresh_token is None:
            return None
        grant = self.credential
        if not grant.access_token:
            return AT_ONCE
        if grant.expires_at is None:
            return None
        leeway = LEEWAY
        if self.updated_at > self.created_at:
            leeway = max(min(LEEWAY, (grant.expires_at - self.updated_at) / 2), timedelta(0))
        return max(grant.expires_at, AT_ONCE + leeway) - leeway

    def is_expired(self, now: datetime) -> bool:
        """Whether what it holds has expired at `now`."""
        return self.expires_at is not None and now > self.expires_at

    def is_valid(self, now: datetime) -> bool:
        """Whether it holds something good at `now`, asking nobody. What it names in the vault may still be missing."""
        match self.credential:
            case ApiKey(key, key_ref):
                return bool(key or key_ref)
            case Token(token, token_ref):
                return bool(token or token_ref) and not self.is_expired(now)
            case OAuth() as grant:
                return bool(grant.access_token) and not grant.is_expired(now, LEEWAY)

    def secret(self, now: datetime, find: FindSecret) -> Secret:
        """Return the secret it is used with at `now`; `find` is asked for what the vault has under another name.

        Raises:
            CredentialExpired: it has expired.
            Unavailable: there is none, or an empty one.
        """
        if self.is_expired(now):
            raise CredentialExpired("it has expired", mend=self._again)
        if isinstance(self.credential, OAuth):
            found: Secret | None = self.credential.access_token
        else:
            found, reference, *_ = self.credential
            found = found or (find(reference) if reference else None)
        if not found:
            raise Unavailable("it holds no secret", mend=self._again)
        return found
