"""Who mints what a store hands out, and what of it is taken."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol, cast

from keywright.credential import Credential
from keywright.errors import CredentialExpired, Refused, UsageError
from keywright.library.aws_keys import AwsKeys
from keywright.library.cached import CachedCredentialProvider
from keywright.library.contract import CredentialProvider
from keywright.library.in_memory import Mint
from keywright.secret import Secret

REFRESH_SKEW: Final = timedelta(seconds=60)
"""How long before its end a credential is minted anew, where its minter does not say."""
EACH_ROUND: Final = timedelta.max
"""The skew of who keeps the credential itself, and asks the issuer only when that is due."""


class Minter(Protocol):
    """Mints one credential. A class of your own that has these two is one; inheriting it gives the skew."""

    @property
    def refresh_skew(self) -> timedelta:
        """How long before its end a credential is minted anew; that instant is included."""
        return REFRESH_SKEW

    def mint(self, now: datetime) -> Credential:
        """Return a new credential, as of now (aware UTC). Raises what it likes: its text is told to nobody."""
        ...


class AwsMinter(Protocol):
    """Mints AWS keys: a role's session, say."""

    @property
    def refresh_skew(self) -> timedelta:
        """How long before their end keys are minted anew; that instant is included."""
        return REFRESH_SKEW

    def mint(self, now: datetime) -> AwsKeys:
        """Return new keys, as of now (aware UTC). Raises what it likes: its text is told to nobody."""
        ...


AwsMint = Callable[[datetime], AwsKeys]
"""Mints AWS keys, as of now (aware UTC)."""
AnyMinter = Minter | CredentialProvider | Mint | str
"""What mints a token: a minter, a provider, a function of yours, or the id of a keywright profile."""

Value = Credential | AwsKeys


class Minting(NamedTuple):
    """How the value of one id is minted.

    Attributes:
        mint: returns what may be a value.
        refresh_skew: how long before its end that is done again.
        kind: the one kind of value that is taken.
    """

    mint: Callable[[datetime], object]
    refresh_skew: timedelta
    kind: type[Credential] | type[AwsKeys]

    def minted(self, now: datetime) -> Value:
        """Return a new value that is fit to be handed out.

        Raises:
            Refused: what came is no such value.
            CredentialExpired: it is at its end already. Whatever the minter raises comes through.
        """
        value = self.mint(now)
        if not isinstance(value, self.kind) or not is_whole(value):
            raise Refused("what was minted is not a whole credential of its kind")
        if value.expires_at is not None and value.expires_at <= now:
            raise CredentialExpired("what was minted is expired already")
        return value


def is_whole(value: object) -> bool:
    """Whether it is a secret, a credential or AWS keys, no secret of which is empty, and its end an aware instant."""
    match value:
        case Secret():
            return bool(value)
        case Credential():
            parts: tuple[object, ...] = (value.secret,)
        case AwsKeys(session_token=None):
            parts = (value.secret_access_key,)
        case AwsKeys():
            parts = (value.secret_access_key, value.session_token)
        case _:
            return False
    is_instant = value.expires_at is None or value.expires_at.tzinfo is not None
    return is_instant and all(isinstance(part, Secret) and part for part in parts)


def minting(credential_id: str, minter: AnyMinter) -> Minting:
    """Return how that minter's tokens are minted.

    Raises:
        UsageError: it is none.
    """
    if isinstance(minter, str):
        minter = CachedCredentialProvider(minter)
    if not hasattr(minter, "mint") and hasattr(minter, "current"):
        provider = cast("CredentialProvider", minter)
        _refuse_tasks(credential_id, provider.current)
        return Minting(lambda _now: provider.current(), EACH_ROUND, Credential)
    return _of(credential_id, minter, Credential)


def aws_minting(credential_id: str, minter: AwsMinter | AwsMint) -> Minting:
    """Return how that minter's AWS keys are minted.

    Raises:
        UsageError: it is none.
    """
    return _of(credential_id, minter, AwsKeys)


def _of(credential_id: str, minter: object, kind: type[Credential] | type[AwsKeys]) -> Minting:
    mint = getattr(minter, "mint", minter)
    skew = getattr(minter, "refresh_skew", REFRESH_SKEW)
    if not callable(mint) or not isinstance(skew, timedelta):
        raise UsageError(f"what is to mint `{credential_id}` has no `mint(now)`, or a `refresh_skew` that is no time")
    _refuse_tasks(credential_id, mint)
    return Minting(mint, skew, kind)


def _refuse_tasks(credential_id: str, mint: Callable[..., object]) -> None:
    from inspect import iscoroutinefunction  # time that a program without a store need not spend

    if iscoroutinefunction(mint):
        raise UsageError(f"what is to mint `{credential_id}` runs in tasks, and a store in threads")
