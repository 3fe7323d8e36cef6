"""In which order the profiles of one provider are tried."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from keywright.profiles.mode import Mode
from keywright.settings.turns import Preference

_KINDS: Final = (Mode.OAUTH, Mode.TOKEN, Mode.API_KEY, Mode.MINTED, Mode.STATIC)
_STICKY: Final = (Preference.DEFAULT, Preference.VALID)


class Candidate(NamedTuple):
    """What the order needs to know of a profile.

    Attributes:
        id: `provider:name`.
        name: the name alone.
        mode: how it proves who it is.
        priority: the greater, the sooner.
        is_valid: whether it looks usable: there is a secret, and it has not expired.
        last_used: when it last served (aware UTC); None if never.
        cooldown_until: rests until then (aware UTC); None if it does not.
    """

    id: str
    name: str
    mode: Mode
    priority: int = 0
    is_valid: bool = True
    last_used: datetime | None = None
    cooldown_until: datetime | None = None


def order(
    candidates: Iterable[Candidate], preference: Preference | None, last_good: str, now: datetime
) -> list[Candidate]:
    """Return the candidates in the order in which they are to be tried.

    Those that rest come last, the one that is available soonest first. Ties go by name, then by id. The profile with
    the id `last_good` comes first if it does not rest; not with `recent` and `type`, where it would undo the turns.
    Without a preference they stand as written: by priority, and in the order given.
    """
    wished = _as_preferred(candidates, preference, now)
    available = [one for one in wished if one.cooldown_until is None or one.cooldown_until <= now]
    resting = [(one.cooldown_until, one) for one in wished if one.cooldown_until and one.cooldown_until > now]
    if preference in _STICKY:
        available.sort(key=lambda one: one.id != last_good)
    return [*available, *(one for _, one in sorted(resting, key=lambda pair: pair[0]))]


def _as_preferred(candidates: Iterable[Candidate], preference: Preference | None, now: datetime) -> list[Candidate]:
    """Sort them as if none rested. Sorting keeps the order of equals: by name and id, or as written."""
    if preference is None:
        return sorted(candidates, key=lambda one: -one.priority)
    by_name = sorted(candidates, key=lambda one: (one.name, one.id))
    match preference:
        case Preference.DEFAULT:
            return sorted(by_name, key=lambda one: (one.name != "default", -one.priority))
        case Preference.VALID:
            return sorted(by_name, key=lambda one: (not one.is_valid, -one.priority, _unused_for(one, now)))
        case Preference.RECENT:
            return sorted(by_name, key=lambda one: _unused_for(one, now))
        case Preference.TYPE:
            return sorted(by_name, key=lambda one: (_KINDS.index(one.mode), -_unused_for(one, now)))


def _unused_for(one: Candidate, now: datetime) -> timedelta:
    """Return how long ago it last served; for ever, if it never did."""
    return now - one.last_used if one.last_used else timedelta(days=999_999_999)
