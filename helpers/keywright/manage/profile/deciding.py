"""What a person, or a program that uses the profiles itself, says of one: use it or not, how soon, how it went."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta

from keywright.cache.open import open_cache
from keywright.errors import CacheUnusable
from keywright.manage.invalidate import forget_failures
from keywright.manage.profile.found import find
from keywright.manage.profile.told import doing
from keywright.profiles.cooldown import mark_failure, mark_success
from keywright.profiles.known import Decisions, Usage
from keywright.profiles.reason import FailureReason
from keywright.profiles.state import ProfileStates
from keywright.profiles.turn import Turn
from keywright.settings.load import load, locate


def enable(text: str, env: Mapping[str, str], now: datetime) -> str:
    """Use the profile, whatever was decided about it; returns its id.

    Raises:
        ProfileNotFound: there is none of that id.
        KeywrightError: it cannot be looked up, or what was decided cannot be written.
    """
    turn = find(text, env, now)
    with doing("update profile"):
        _clear(turn, env, is_person=True)
    with suppress(CacheUnusable):
        forget_failures(turn.profile.id, open_cache(env))
    return turn.profile.id


def disable(text: str, env: Mapping[str, str], now: datetime) -> str:
    """Use the profile no more, until somebody enables it; returns its id. Raises as `enable`."""
    turn = find(text, env, now)
    with doing("update profile"):
        ProfileStates(env).decide(turn.profile.id, turn.since, lambda decided: decided._replace(enabled=False))
    return turn.profile.id


def prioritize(text: str, priority: int, env: Mapping[str, str], now: datetime) -> str:
    """Offer the profile before those of a lower priority; returns its id. Raises as `enable`."""
    turn = find(text, env, now)
    with doing("update profile"):
        ProfileStates(env).decide(turn.profile.id, turn.since, lambda decided: decided._replace(priority=priority))
    return turn.profile.id


def failed(
    text: str,
    reason: FailureReason,
    error: str,
    env: Mapping[str, str],
    now: datetime,
    *,
    retry_after: timedelta | None = None,
) -> Turn:
    """Note that the profile failed; returns its turn since then. `error` is one line without secrets.

    Raises:
        ProfileNotFound: there is none of that id; nothing is noted.
        KeywrightError: it cannot be looked up, or the failure cannot be written.
    """
    settings = load(locate(env))
    turn = find(text, env, now, settings)
    rules = settings.cooldown.of(turn.profile.provider)
    ProfileStates(env).judge(
        turn.profile.id,
        turn.since,
        lambda standing: mark_failure(standing, reason, rules, now, retry_after=retry_after),
        error,
        now,
    )
    return find(text, env, now, settings)


def succeeded(text: str, env: Mapping[str, str], now: datetime) -> str:
    """Note that the profile was used and is good; returns its id. Raises as `failed`."""
    turn = find(text, env, now)
    clear(turn, env)
    ProfileStates(env).note_use(turn.profile.id, turn.since, now)
    return turn.profile.id


def clear(turn: Turn, env: Mapping[str, str]) -> None:
    """Forget the profile's failures: it is good.

    Raises:
        StateUnusable: what was decided cannot be written.
    """
    _clear(turn, env, is_person=False)


def _clear(turn: Turn, env: Mapping[str, str], *, is_person: bool) -> None:
    id_ = turn.profile.id
    with ProfileStates(env).changing(turn.profile.provider) as draft:
        decided, used = Decisions(draft.decided).of(id_, turn.since), Usage(draft.used).of(id_, turn.since)
        standing = mark_success(decided.standing(used))
        decided, used = decided.under(standing), used.under(standing)
        if is_person:
            draft.decided[id_] = decided._replace(enabled=True, is_revoked=False)
            draft.used[id_] = used
        else:
            draft.decided[id_] = decided
            draft.used[id_] = used._replace(last_error="", last_error_at=None)
