"""A credential that a function of yours gets, kept in memory alone and renewed ahead of its end."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import inf
from random import uniform
from typing import NamedTuple

from keywright.credential import Credential
from keywright.errors import CredentialExpired, KeywrightError
from keywright.freshness import JITTER_AT_MOST, Margins, schedule
from keywright.hit import REJECTED_BRAKE_S
from keywright.library.held import HeldProvider, Value, pause_after
from keywright.renewal import CAUSES
from keywright.secret import Secret

Mint = Callable[[datetime], Credential]
"""Gets a new credential from its issuer, as of now (aware UTC). Raises what it likes: callers who wait hear of it."""


class InMemoryCredentialProvider(HeldProvider):
    """Gives what `mint` got, until it is time for another one.

    One call of `mint` is made at a time, in a thread of its own, however many ask; a credential without an end is kept
    until it is rejected. After a failure nobody asks again for a short, growing while: the failure is told again.
    """

    def __init__(
        self,
        mint: Mint,
        *,
        renew_before: timedelta | None = None,
        refuse_before: timedelta | None = None,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        """Ask nobody yet.

        Args:
            mint: gets a new credential.
            renew_before: how long before its end another one is got; by default a quarter of its life, and 90 s at
                least, but no more than half of it.
            refuse_before: how long before its end it is not given any more; by default 30 s or a tenth of its life.
            now_s: the wall clock (epoch seconds).
        """
        super().__init__(_Minting(mint, Margins(renew_before=renew_before, refuse_before=refuse_before), now_s), now_s)

    def __repr__(self) -> str:
        return "InMemoryCredentialProvider()"


class _Minting:
    """The source: `mint`, what it last brought, and what it failed of."""

    def __init__(self, mint: Mint, margins: Margins, now_s: Callable[[], float]) -> None:
        self._mint = mint
        self._margins = margins
        self._now_s = now_s
        self._kept: Value | None = None
        self._is_spared = False
        self._replaced_at_s = -inf
        self._failed: _Failed | None = None

    def find(self) -> Value:
        now_s = self._now_s()
        is_spared, self._is_spared = self._is_spared, False
        if self._kept is not None and is_spared and now_s < self._kept.refuse_at_s:
            return self._kept
        if self._failed is not None and self._failed.at_s <= now_s < self._failed.retry_at_s:
            raise self._failed.error
        return self._minted()

    def renew(self, value: Value) -> Value:
        del value
        return self._minted()

    def holds(self, value: Value) -> bool:
        return value == self._kept

    def drop(self, rejected: Secret | None) -> None:
        now_s = self._now_s()
        if rejected is None:
            self._kept = self._failed = None
        elif self._kept is not None and self._kept.credential.secret == rejected:
            self._is_spared = 0 <= now_s - self._replaced_at_s < REJECTED_BRAKE_S
            if not self._is_spared:
                self._kept, self._replaced_at_s = None, now_s

    def _minted(self) -> Value:
        now_s = self._now_s()
        try:
            credential = self._mint(datetime.fromtimestamp(now_s, UTC))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told again for a while
            attempts = self._failed.attempts + 1 if self._failed else 1
            failure = _expired(error) if self._kept is not None and isinstance(error, CAUSES) else error
            self._failed = _Failed(failure, attempts, now_s, now_s + pause_after(error, attempts))
            raise failure from error.__cause__
        self._failed = None
        self._kept = self._valued(credential)
        return self._kept

    def _valued(self, credential: Credential) -> Value:
        if credential.expires_at is None:
            return Value(credential, renew_at_s=inf, refuse_at_s=inf)
        jitter = uniform(0, JITTER_AT_MOST)  # noqa: S311 - spreads a fleet's renewals, guards nothing
        plan = schedule(credential.issued_at, credential.expires_at, self._margins, jitter)
        return Value(credential, renew_at_s=plan.renew_at.timestamp(), refuse_at_s=plan.refuse_at.timestamp())


def _expired(cause: KeywrightError) -> CredentialExpired:
    error = CredentialExpired(f"the credential is no longer usable and renewing it failed: {cause.what} [{cause.code}]")
    error.mend, error.retry_after_s, error.caused_by = cause.mend, cause.retry_after_s, cause
    return error.about(cause.account, cause.host)


class _Failed(NamedTuple):
    """The last failure: how many there were in a row, when it was, and until when it is told again (epoch seconds)."""

    error: Exception
    attempts: int
    at_s: float
    retry_at_s: float
