"""How long a profile rests after a failure: pure rules over `Standing`.

A rate limit and an expired session are short: a flat cooldown (30 s), in which the profile is a last resort. Billing
and a lasting refusal are long: it is disabled for 5, 10, 20, then 24 h, doubling with each failure for that very
reason. Any other failure is counted and nothing more. A success wipes the slate.

The rules given are the provider's own (`CooldownRules.of`).
"""

from datetime import datetime, timedelta
from typing import Final

from keywright.profiles.reason import FailureReason
from keywright.profiles.standing import Standing
from keywright.settings.turns import CooldownRules

RETRY_AFTER_AT_MOST: Final = timedelta(hours=1)
CLOCK_MAY_STEP: Final = timedelta(minutes=1)
"""A last failure further ahead of the clock than this proves that the clock was set back since."""

_SHORT: Final[tuple[FailureReason, ...]] = (FailureReason.RATE_LIMIT, FailureReason.SESSION_EXPIRED)
_LONG: Final[tuple[FailureReason, ...]] = (FailureReason.BILLING, FailureReason.AUTH_PERMANENT)
_DOUBLINGS_AT_MOST: Final = 10


def billing_disable(count: int, rules: CooldownRules) -> timedelta:
    """Return how long the `count`th failure for billing, or the like, disables a profile: 5, 10, 20, 24, 24 … h."""
    rules = rules.of()
    hours = rules.billing_backoff_h * 2 ** min(max(count, 1) - 1, _DOUBLINGS_AT_MOST)
    return timedelta(hours=min(hours, rules.billing_max_h))


def rate_limit(rules: CooldownRules) -> timedelta:
    """Return how long a profile rests after a rate limit: 30 s, however many there were."""
    return timedelta(seconds=rules.of().rate_limit_s)


def mark_failure(
    standing: Standing,
    reason: FailureReason,
    rules: CooldownRules,
    now: datetime,
    *,
    retry_after: timedelta | None = None,
) -> Standing:
    """Return the standing after one more failure.

    A cooldown or disablement that is under way is neither extended nor shortened; only its reason becomes the newest.
    `retry_after`, what the issuer asked for, lengthens a new rate-limit cooldown to at most an hour.
    """
    standing = _without_void(standing, now)
    last = standing.last_failure_at
    if last is not None and now - last > timedelta(hours=rules.of().failure_window_h):
        standing = standing._replace(error_count=0, failure_counts={})
    count = standing.failure_counts.get(reason, 0) + 1
    standing = standing._replace(
        error_count=standing.error_count + 1,
        failure_counts={**standing.failure_counts, reason: count},
        last_failure_at=now,
    )
    if reason in _SHORT and not _is_active(standing.cooldown_until, now):
        asked = retry_after if retry_after and reason is FailureReason.RATE_LIMIT else timedelta(0)
        span = max(rate_limit(rules), min(asked, RETRY_AFTER_AT_MOST))
        return standing._replace(cooldown_until=now + span)
    if reason in _LONG:
        is_under_way = _is_active(standing.disabled_until, now)
        until = standing.disabled_until if is_under_way else now + billing_disable(count, rules)
        return standing._replace(disabled_until=until, disabled_reason=reason)
    return standing


def mark_success(standing: Standing) -> Standing:
    """Return the standing after a success: a clean one. One that is clean is returned as it is."""
    return standing if standing == Standing() else Standing()


def clear_expired(standing: Standing, now: datetime) -> Standing:
    """Return the standing without the windows that are over; the very same one if there are none.

    Once none is left the counting starts afresh, but for the two reasons whose rests double: theirs outlasts the
    window, or the second would be as short as the first.
    """
    cleared = _without_void(standing, now)
    if cleared.cooldown_until is not None and cleared.cooldown_until <= now:
        cleared = cleared._replace(cooldown_until=None)
    if cleared.disabled_until is not None and cleared.disabled_until <= now:
        cleared = cleared._replace(disabled_until=None, disabled_reason=None)
    if cleared is standing or cleared.cooldown_until is not None or cleared.disabled_until is not None:
        return cleared
    lasting = {reason: count for reason, count in standing.failure_counts.items() if reason in _LONG}
    return cleared._replace(error_count=0, failure_counts=lasting)


def unusable_until(standing: Standing, now: datetime) -> datetime | None:
    """Return when the profile is out of cooldown and disablement, the later of both; None if it is in neither."""
    standing = _without_void(standing, now)
    return max(
        (until for until in (standing.cooldown_until, standing.disabled_until) if until and until > now), default=None
    )


def is_disabled(standing: Standing, now: datetime) -> bool:
    """Whether the profile must not be tried at all."""
    return _is_active(_without_void(standing, now).disabled_until, now)


def _without_void(standing: Standing, now: datetime) -> Standing:
    """Drop windows that began in the future: the clock was set back, and they might not end in years."""
    last = standing.last_failure_at
    if standing.cooldown_until is None and standing.disabled_until is None:
        return standing
    if last is None or last <= now + CLOCK_MAY_STEP:
        return standing
    return standing._replace(cooldown_until=None, disabled_until=None, disabled_reason=None)


def _is_active(until: datetime | None, now: datetime) -> bool:
    return until is not None and until > now
