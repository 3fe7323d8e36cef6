"""What a trace may hold: a closed list of events and facts, each fact of a type of its own.

A trace is pasted into tickets. So a fact is no text that somebody wrote but an id, an instant, a number, a place or one
of our own words, and is checked for being one. An exception is told by its kind, never by its text; a `Secret` by its
mask; whatever is not of its fact's type by `<withheld>`. There is no switch that changes that.
"""

import os
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final, Literal, TypedDict, get_args

from keywright.errors import KeywrightError
from keywright.request import Client, Url, Verb
from keywright.secret import MASK, Secret

Plain = str | int | float | bool | None

Event = Literal[
    "call_began",  # a process, and what it was asked to trace
    "command",  # what a person asks, by its first word
    "request",  # what its client asks
    "call_ended",
    "settings",  # the file that was read
    "route",  # which rule serves the request; or that none does
    "turn",  # one profile in line, in the order to try them
    "profile_chosen",
    "profile_failed",
    "profile_rests",  # until when it is a last resort only, because it failed
    "entry",  # what is cached for a profile, and whether it may be served
    "lock",  # the entry's lock was taken, or stayed taken, after so many seconds
    "left_alone",  # its issuer failed a moment ago and is not asked yet
    "fetch_began",
    "fetch_ended",
    "kept",  # the new credential is on disk, or could not be put there
    "answer_kept",  # the next such question is a hit
    "answer_not_kept",
    "renewal_woken",
    "renewal_braked",  # another one was started a moment ago, or failed
    "renewal_ended",
    "store",  # what clients handed over was looked through
    "cache_unusable",
    "http",  # details, told from the second level on: this one and those below
    "program",
    "file",
]
"""What can happen; the names are stable."""

DETAILS: Final[frozenset[Event]] = frozenset({"http", "program", "file"})

Why = Literal[
    "only_one",
    "first",
    "others_failed",
    "last_resort",
    "too_little_left",
    "input_changed",
    "clock_set_back",
    "no_expiry",
    "never_answered_from_disk",
    "not_on_disk",
    "not_first_choice",
    "depends_on_environment",
    "lasts_too_long",
    "past_serving",
    "not_settled",
    "unwritable",
    "long_lived",
]
How = Literal["named", "command_line", "route", "well_known", "none"]
State = Literal["fresh", "stale", "expired", "missing"]
Readiness = Literal["ready", "resting", "kept_back"]


class Facts(TypedDict, total=False):
    """The facts of one event."""

    version: str
    level: int
    client: Client
    verb: Verb
    url: Url | None
    route: Url | None
    how: How
    why: Why | None
    profile: str | None
    profiles: int
    position: int
    priority: int
    standing: Readiness
    entry: str
    state: State
    generation: int
    attempts: int
    is_locked: bool
    is_found: bool
    is_anew: bool
    is_repeated: bool
    error: BaseException | None
    until: datetime | float | None
    expires_at: datetime | None
    exit_code: int
    seconds: float
    method: str
    status: int
    size: int
    program: str
    command: str | None
    path: str


WITHHELD: Final = "<withheld>"
_PROFILE: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}:[!-~]{1,200}")
_ENTRY: Final = re.compile(r"[0-9a-f]{64}")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def plain(facts: Mapping[str, object]) -> dict[str, Plain]:
    """Return the facts as they are written; whatever is not of its fact's type is withheld."""
    return {name: _plain(name, value) for name, value in facts.items() if name in _KINDS}


def _plain(name: str, value: object) -> Plain:
    if value is None:
        return None
    if isinstance(value, Secret):
        return MASK
    found = _KINDS[name](value)
    return WITHHELD if found is None else found


def instant(at: datetime) -> str:
    """Return an aware instant as RFC 3339 in UTC, with milliseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"


def _at(value: object) -> Plain:
    """Return an instant, aware or in epoch seconds; of the latter any number may come from a file."""
    try:
        at = datetime.fromtimestamp(value, UTC) if isinstance(value, float) else value
    except (ValueError, OverflowError, OSError):
        return None
    return instant(at) if isinstance(at, datetime) and at.tzinfo else None


def _number(value: object) -> Plain:
    return value if type(value) is int else None


def _seconds(value: object) -> Plain:
    return round(float(value), 3) if type(value) in {int, float} else None  # type: ignore[arg-type]  # it is checked


def _claim(value: object) -> Plain:
    return value if type(value) is bool else None


def _place(value: object) -> Plain:
    return str(value) if isinstance(value, Url) else None


def _kind(value: object) -> Plain:
    """Return our own error's code; of anybody else's exception its type alone."""
    if isinstance(value, KeywrightError):
        return value.code
    return type(value).__name__ if isinstance(value, BaseException) else None


def _client(value: object) -> Plain:
    return value.value if isinstance(value, Client) else None


def _verb(value: object) -> Plain:
    return value.value if isinstance(value, Verb) else None


def _path(value: object) -> Plain:
    return value if isinstance(value, str) and os.path.isabs(value) else None


def _entry(value: object) -> Plain:
    return value[:12] if isinstance(value, str) and _ENTRY.fullmatch(value) else None


def _text(pattern: re.Pattern[str]) -> Callable[[object], Plain]:
    return lambda value: value if isinstance(value, str) and pattern.fullmatch(value) else None


def _word(*words: str) -> Callable[[object], Plain]:
    return lambda value: value if isinstance(value, str) and value in words else None


_KINDS: Final[Mapping[str, Callable[[object], Plain]]] = {
    "version": _text(_NAME),
    "level": _number,
    "client": _client,
    "verb": _verb,
    "url": _place,
    "route": _place,
    "how": _word(*get_args(How)),
    "why": _word(*get_args(Why)),
    "profile": _text(_PROFILE),
    "profiles": _number,
    "position": _number,
    "priority": _number,
    "standing": _word(*get_args(Readiness)),
    "entry": _entry,
    "state": _word(*get_args(State)),
    "generation": _number,
    "attempts": _number,
    "is_locked": _claim,
    "is_found": _claim,
    "is_anew": _claim,
    "is_repeated": _claim,
    "error": _kind,
    "until": _at,
    "expires_at": _at,
    "exit_code": _number,
    "seconds": _seconds,
    "method": _word(*_METHODS),
    "status": _number,
    "size": _number,
    "program": _text(_NAME),
    "command": _text(_NAME),
    "path": _path,
}
