"""`keywright profile test`: whether an account is good, by what is known here or by asking its issuer.

    $ keywright profile test github:work
    github:work: valid, expires in 3h 2m

    {"schema": 1, "success": true, "valid": true, "expired": false, "email": "", "error": "", "expires_in": 10920}

`success` says that there is such a profile, `expires_in` is whole seconds, below zero once they are over.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from keywright.errors import (
    ConfigurationError,
    CredentialExpired,
    KeywrightError,
    Refused,
    TokenRevoked,
    Unavailable,
    Unreachable,
)
from keywright.manage.profile.found import find
from keywright.manage.profile.listing import is_expired, is_valid
from keywright.manage.profile.told import document
from keywright.manage.span import span
from keywright.profiles.turn import Turn
from keywright.providers.registry import find_reader
from keywright.request import Client, Request, Verb

_NOT_VALID = (ConfigurationError, CredentialExpired, Refused, TokenRevoked, Unavailable)


class Verdict(NamedTuple):
    """What a test came to.

    Attributes:
        id: the profile's id.
        is_valid: whether it is good.
        is_expired: whether what it holds has expired.
        email: its account, for people; empty if nobody knows.
        error: what is wrong, or what went wrong last; empty if nothing did.
        expires_in_s: how long it lasts, in seconds; None if nobody knows, or for ever.
    """

    id: str
    is_valid: bool
    is_expired: bool
    email: str = ""
    error: str = ""
    expires_in_s: int | None = None

    @property
    def is_good(self) -> bool:
        """Whether it can be used as it is."""
        return self.is_valid and not self.is_expired

    def document(self) -> str:
        """Return it as JSON."""
        return document(
            success=True,
            valid=self.is_valid,
            expired=self.is_expired,
            email=self.email,
            error=self.error,
            expires_in=self.expires_in_s,
        )

    def line(self) -> str:
        """Return it in words."""
        word = "expired" if self.is_expired else "valid" if self.is_valid else "not valid"
        left = ""
        if self.expires_in_s is not None:
            left = f" {span(-self.expires_in_s)} ago" if self.is_expired else f", expires in {span(self.expires_in_s)}"
        email = f" - {self.email}" if self.email else ""
        error = f" [error: {self.error}]" if self.error else ""
        return f"{self.id}: {word}{left}{email}{error}"


def check(text: str, env: Mapping[str, str], now: datetime) -> Verdict:
    """Return what is known here, asking nobody; a secret that lies elsewhere is looked for there.

    Raises:
        ProfileNotFound: there is none of that id.
        VaultLocked: it, or its secret, may be in the vault, which is locked.
        VaultUnusable: the vault is damaged or cannot be trusted.
        StateUnusable: what was decided about profiles is damaged or cannot be trusted.
        ConfigurationError: the settings are wrong.
    """
    turn = find(text, env, now)
    verdict = _verdict(turn, now)
    try:
        if verdict.is_good:
            _look_for_secret(turn, env, now)
    except _NOT_VALID as error:
        return verdict._replace(is_valid=False, error=error.what)
    return verdict


def check_live(text: str, env: Mapping[str, str], now: Callable[[], datetime], say: Callable[[str], None]) -> Verdict:
    """Return what the profile's issuer says; how it went is noted. A disabled profile is not asked about.

    Raises:
        ProfileNotFound: there is none of that id.
        UsageError: nothing is known of how to ask.
        Unreachable: the issuer did not say yes or no.
        KeywrightError: the profile cannot be looked up, or asked for.
    """
    from keywright.manage.profile.deciding import clear
    from keywright.manage.profile.live import ask
    from keywright.profiles.turns import Turns
    from keywright.settings.load import load, locate

    settings = load(locate(env))
    turn = find(text, env, now(), settings)
    if not turn.is_enabled or turn.decided.is_revoked:
        return _verdict(turn, now())
    try:
        ask(turn, env, now, say)
    except KeywrightError as error:
        if error.evidence is not None or isinstance(error, Unreachable):  # somebody was asked
            # Asked for a test's sake alone: it takes nobody's working profile away.
            Turns(settings=settings, env=env, now=now, say=say).failed(turn, error, is_alone=True)
        if isinstance(error, _NOT_VALID) and not isinstance(error, ConfigurationError):
            after = _verdict(find(text, env, now(), settings), now())
            return after._replace(is_valid=False, error=error.what)
        raise error.about(turn.profile.id, "") from None
    clear(turn, env)
    return _verdict(find(text, env, now(), settings), now())


def _verdict(turn: Turn, now: datetime) -> Verdict:
    kept = turn.kept
    until = kept.expires_at if kept else None
    obstacle = turn.obstacle.what if turn.obstacle else ""
    return Verdict(
        id=turn.profile.id,
        is_valid=is_valid(turn, now),
        is_expired=is_expired(turn, now),
        email=kept.email if kept else "",
        error=turn.used.last_error or obstacle,
        expires_in_s=None if until is None else int((until - now).total_seconds() // 1),
    )


def _look_for_secret(turn: Turn, env: Mapping[str, str], now: datetime) -> None:
    """Raise unless there is one, where the profile only says where it is."""
    if turn.kept is not None:
        from keywright.vault.reference import resolve

        turn.kept.secret(now, lambda reference: resolve(reference, env)[0])
        return
    reader = find_reader(turn.profile, env)
    if reader is not None:
        reader.read(Request(client=Client.PERSON, verb=Verb.GET, asked=turn.profile.id, profile=turn.profile.id), now)
