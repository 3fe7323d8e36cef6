"""A credential that a function of yours gets, kept in memory alone and renewed ahead of its end."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import inf
from random import uniform

from keywright.credential import Credential
from keywright.errors import CredentialExpired, KeywrightError
from keywright.freshness import JITTER_AT_MOST, Margins, schedule
from keywright.hit import REJECTED_BRAKE_S
from keywright.library.failing import FailureMemory
from keywright.library.held import HeldProvider, Value
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
        self._last: Credential | None = None
        self._failures = FailureMemory()
        self._forgiven_at_s = -inf

    def find(self) -> Value:
        self._failures.stop_while_failing(self._now_s())
        return self._minted()

    def renew(self, value: Value) -> Value:
        del value
        return self._minted()

    def holds(self, value: Value) -> bool:
        del value
        return True

    def drop(self, rejected: Secret | None) -> None:
        now_s, last = self._now_s(), self._last
        if last is not None and last.secret == rejected:
            self._last = None  # what comes of it now is not that it has run out
        if rejected is None and not 0 <= now_s - self._forgiven_at_s < REJECTED_BRAKE_S:
            self._failures.forget()
            self._forgiven_at_s = now_s

    def _minted(self) -> Value:
        now_s = self._now_s()
        try:
            credential = self._mint(datetime.fromtimestamp(now_s, UTC))
        except Exception as error:
            failure = _expired(error) if self._last is not None and isinstance(error, CAUSES) else error
            self._failures.remember(error, now_s, told=failure)
            if failure is error:
                raise
            raise failure from error.__cause__
        self._failures.forget()
        self._last = credential
        return self._valued(credential)

    def _valued(self, credential: Credential) -> Value:
        if credential.expires_at is None:
            return Value(credential, renew_at_s=inf, refuse_at_s=inf)
        jitter = uniform(0, JITTER_AT_MOST)  # noqa: S311 - spreads a fleet's renewals, guards nothing
        plan = schedule(credential.issued_at, credential.expires_at, self._margins, jitter)
        return Value(credential, renew_at_s=plan.renew_at.timestamp(), refuse_at_s=plan.refuse_at.timestamp())


def _expired(cause: KeywrightError) -> CredentialExpired:
    error = CredentialExpired(f"the credential is no longer usable and renewing it failed ({cause.code}): {cause.what}")
    error.mend, error.retry_after_s, error.caused_by = cause.mend, cause.retry_after_s, cause
    return error.about(cause.account, cause.host)
