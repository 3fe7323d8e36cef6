"""What keeps a profile from its turn, for `keywright status`: read from the state alone, so that no vault is opened."""

from collections.abc import Mapping
from datetime import datetime

from keywright.manage.span import left
from keywright.profiles.cooldown import clear_expired
from keywright.profiles.instants import instant
from keywright.profiles.known import Decided
from keywright.profiles.state import ProfileStates


def decided_about(env: Mapping[str, str], now: datetime) -> dict[str, Decided]:
    """Return what is decided about profiles as of `now`, by id; those that nothing is decided about are left out.

    Raises:
        StateUnusable: a file of decisions is damaged, newer or cannot be trusted.
    """
    states, found = ProfileStates(env), {}
    for provider in states.providers():
        usage = states.usage(provider)
        for id_, decided in states.decisions(provider).profiles.items():
            standing = clear_expired(decided.standing(usage.of(id_, decided.since)), now)
            found[id_] = decided.under(standing)
    return found


def words(decided: Decided | None, now: datetime) -> str:
    """Return in a few words why it is not the profile's turn; empty if nothing keeps it back."""
    if decided is None:
        return ""
    if decided.enabled is False:
        return "disabled"
    if decided.is_revoked:
        return "revoked"
    if decided.disabled_until is not None:
        return f"left alone {left((decided.disabled_until - now).total_seconds())} ({decided.disabled_reason})"
    if decided.cooldown_until is not None:
        return f"cooling down {left((decided.cooldown_until - now).total_seconds())}"
    return ""


def document(decided: Decided | None) -> dict[str, object]:
    """Return the same as JSON values; instants are RFC 3339 in UTC."""
    known = decided or Decided()
    return {
        "enabled": known.enabled is not False,
        "is_revoked": known.is_revoked,
        "cooldown_until": instant(known.cooldown_until) if known.cooldown_until else None,
        "disabled_until": instant(known.disabled_until) if known.disabled_until else None,
        "disabled_reason": known.disabled_reason,
    }
