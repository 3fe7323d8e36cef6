"""What a caller may do with a credential of a given age."""

from datetime import datetime, timedelta
from enum import Enum
from typing import Final, NamedTuple

REFUSE_AT_MOST: Final = timedelta(seconds=30)
RENEW_AT_LEAST: Final = timedelta(seconds=90)
EXPLICIT_AT_MOST: Final = 0.95
JITTER_AT_MOST: Final = 0.1
NOTHING: Final = timedelta(0)


class Freshness(Enum):
    """The three states, named for what a caller gets."""

    FRESH = "serve it"
    STALE = "serve it, and let one process renew it behind"
    EXPIRED = "never serve it: wait for the renewal"


class Margins(NamedTuple):
    """How long before expiry to renew and to refuse, as a provider or a person wishes it.

    Attributes:
        renew_floor: renew at least this long before expiry, because clients have margins of their own.
        refuse_default: the provider's own default for refusing; None for the house rule.
        renew_before: a person's explicit setting; honoured without jitter.
        refuse_before: a person's explicit setting.
    """

    renew_floor: timedelta = NOTHING
    refuse_default: timedelta | None = None
    renew_before: timedelta | None = None
    refuse_before: timedelta | None = None


class Schedule(NamedTuple):
    """One credential's instants (aware UTC): issued, to be renewed, to be refused, expired."""

    issued_at: datetime
    renew_at: datetime
    refuse_at: datetime
    expires_at: datetime

    def classify(self, now: datetime) -> Freshness:
        """Return the state at `now`. Both boundaries belong to the worse state.

        A clock that reads earlier than the issue proves that one of the two readings is wrong: EXPIRED.
        """
        if now < self.issued_at or now >= self.refuse_at:
            return Freshness.EXPIRED
        if now >= self.renew_at:
            return Freshness.STALE
        return Freshness.FRESH


def schedule(issued_at: datetime, expires_at: datetime, margins: Margins, jitter: float) -> Schedule:
    """Return when a credential is to be renewed and refused.

    `renew_before` is a quarter of the lifetime, but at least 90 s and at least the provider's floor, with `jitter`
    (0 to 0.1, drawn once per entry) on top, and never more than half the lifetime. `refuse_before` is 30 s or a tenth
    of the lifetime, whichever is shorter. Explicit margins are honoured up to 95 % of the lifetime.
    """
    lifetime = max(expires_at - issued_at, NOTHING)
    ceiling = lifetime * EXPLICIT_AT_MOST
    if margins.refuse_before is not None:
        refuse_before = min(margins.refuse_before, ceiling)
    elif margins.refuse_default is not None:
        refuse_before = min(margins.refuse_default, lifetime / 2)
    else:
        refuse_before = min(REFUSE_AT_MOST, lifetime / 10)
    if margins.renew_before is not None:
        renew_before = min(margins.renew_before, ceiling)
    else:
        wished = max(RENEW_AT_LEAST, lifetime / 4, margins.renew_floor)
        renew_before = min(wished * (1 + min(max(jitter, 0.0), JITTER_AT_MOST)), lifetime / 2)
    refuse_at = expires_at - refuse_before
    return Schedule(
        issued_at=issued_at,
        renew_at=min(expires_at - renew_before, refuse_at),
        refuse_at=refuse_at,
        expires_at=expires_at,
    )
