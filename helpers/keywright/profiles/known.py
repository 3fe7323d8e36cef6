"""What is known of profiles beside their definitions, as values and as JSON.

What decides whose turn it is, one document for each provider:

    {"version": 1, "generation": 7, "profiles": {"openai:work": {"since": "2026-01-02T03:04:05Z", "enabled": false,
     "priority": 10, "cooldown_until": null, "disabled_until": "2026-…Z", "disabled_reason": "billing",
     "is_revoked": false}}}

and what merely happened:

    {"version": 1, "generation": 9, "last_good": "openai:work", "profiles": {"openai:work": {"since": "…",
     "last_used": "2026-…Z", "last_error": "unreachable: …", "last_error_at": "2026-…Z", "error_count": 2,
     "failure_counts": {"billing": 1, "timeout": 1}, "last_failure_at": "2026-…Z"}}}

`since` is when a kept profile was added: what is known of one that was removed says nothing of another that was added
under its name. It is empty for a profile of the settings.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from keywright.profiles.instants import instant, parse_instant
from keywright.profiles.reason import FailureReason
from keywright.profiles.standing import Standing

VERSION: Final = 1
_REASONS: Final = {reason.value: reason for reason in FailureReason}


class NewerState(Exception):
    """The document is of another version than this program's."""


class Decided(NamedTuple):
    """What was decided about one profile; instants are aware UTC.

    Attributes:
        since: which profile of that name it concerns.
        enabled: whether a person enabled or disabled it; None if nobody did.
        priority: the priority a person gave it; None if nobody did.
        cooldown_until: used only as a last resort until then.
        disabled_until: not used until then.
        disabled_reason: why not.
        is_revoked: whether its issuer took the grant back, so that nobody is to ask again.
    """

    since: str = ""
    enabled: bool | None = None
    priority: int | None = None
    cooldown_until: datetime | None = None
    disabled_until: datetime | None = None
    disabled_reason: FailureReason | None = None
    is_revoked: bool = False

    def standing(self, used: "Used") -> Standing:
        """Return the profile's failures and windows together."""
        return Standing(
            cooldown_until=self.cooldown_until,
            disabled_until=self.disabled_until,
            disabled_reason=self.disabled_reason,
            error_count=used.error_count,
            failure_counts=used.failure_counts,
            last_failure_at=used.last_failure_at,
        )

    def under(self, standing: Standing) -> "Decided":
        """Return this with the standing's windows."""
        return self._replace(
            cooldown_until=standing.cooldown_until,
            disabled_until=standing.disabled_until,
            disabled_reason=standing.disabled_reason,
        )


class Used(NamedTuple):
    """What happened to one profile; instants are aware UTC.

    Attributes:
        since: which profile of that name it concerns.
        last_used: when it last gave a credential, give or take a minute.
        last_error: what went wrong last, in one line; empty once it went well again.
        last_error_at: when.
        error_count: how many failures there were within the window.
        failure_counts: how many of each reason.
        last_failure_at: when the last one was.
    """

    since: str = ""
    last_used: datetime | None = None
    last_error: str = ""
    last_error_at: datetime | None = None
    error_count: int = 0
    failure_counts: Mapping[FailureReason, int] = MappingProxyType({})
    last_failure_at: datetime | None = None

    def under(self, standing: Standing) -> "Used":
        """Return this with the standing's counts."""
        return self._replace(
            error_count=standing.error_count,
            failure_counts=standing.failure_counts,
            last_failure_at=standing.last_failure_at,
        )


class Decisions(NamedTuple):
    """One provider's deciding file; `generation` grows with each write."""

    profiles: Mapping[str, Decided] = MappingProxyType({})
    generation: int = 0

    def of(self, id_: str, since: str) -> Decided:
        """Return what was decided about the profile of that id and birth; nothing, if it was about another."""
        found = self.profiles.get(id_)
        return found if found and found.since == since else Decided(since=since)


class Usage(NamedTuple):
    """One provider's usage file; `last_good` is the profile that served last, empty if none did."""

    profiles: Mapping[str, Used] = MappingProxyType({})
    last_good: str = ""
    generation: int = 0

    def of(self, id_: str, since: str) -> Used:
        """Return what happened to the profile of that id and birth; nothing, if it was another."""
        found = self.profiles.get(id_)
        return found if found and found.since == since else Used(since=since)


def parse_decisions(content: bytes) -> Decisions:
    """Return the decisions in a file's content.

    Raises:
        NewerState: it is of another version.
        ValueError: it is damaged.
    """
    try:
        document = _document(content)
        profiles = {str(id_): _decided(row) for id_, row in document["profiles"].items()}
        return Decisions(profiles=profiles, generation=int(document["generation"]))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise ValueError from None


def render_decisions(decisions: Decisions) -> bytes:
    """Return the file's content; the same decisions are the same bytes."""
    rows = {id_: _row_document(row) for id_, row in decisions.profiles.items()}
    return _rendered({"generation": decisions.generation, "profiles": rows})


def parse_usage(content: bytes) -> Usage:
    """Return the usage in a file's content.

    Raises:
        NewerState: it is of another version.
        ValueError: it is damaged.
    """
    try:
        document = _document(content)
        profiles = {str(id_): _used(row) for id_, row in document["profiles"].items()}
        return Usage(profiles, str(document["last_good"]), int(document["generation"]))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise ValueError from None


def render_usage(usage: Usage) -> bytes:
    """Return the file's content; the same usage is the same bytes."""
    rows = {id_: _row_document(row) for id_, row in usage.profiles.items()}
    return _rendered({"generation": usage.generation, "last_good": usage.last_good, "profiles": rows})


def _decided(row: Mapping[str, Any]) -> Decided:
    enabled, priority, reason, is_revoked = row["enabled"], row["priority"], row["disabled_reason"], row["is_revoked"]
    if (
        type(enabled) not in {bool, type(None)}
        or type(priority) not in {int, type(None)}
        or type(is_revoked) is not bool
    ):
        raise TypeError
    return Decided(
        since=str(row["since"]),
        enabled=enabled,
        priority=priority,
        cooldown_until=_moment(row["cooldown_until"]),
        disabled_until=_moment(row["disabled_until"]),
        disabled_reason=None if reason is None else _REASONS[reason],
        is_revoked=is_revoked,
    )


def _used(row: Mapping[str, Any]) -> Used:
    return Used(
        since=str(row["since"]),
        last_used=_moment(row["last_used"]),
        last_error=str(row["last_error"]),
        last_error_at=_moment(row["last_error_at"]),
        error_count=int(row["error_count"]),
        failure_counts={_REASONS[name]: int(count) for name, count in row["failure_counts"].items()},
        last_failure_at=_moment(row["last_failure_at"]),
    )


def _row_document(row: Decided | Used) -> dict[str, object]:
    return {name: _plain(value) for name, value in row._asdict().items()}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return instant(value)
    return dict(value) if isinstance(value, Mapping) else value  # the reasons are texts


def _moment(text: str | None) -> datetime | None:
    return None if text is None else parse_instant(text)


def _document(content: bytes) -> Mapping[str, Any]:
    document: Mapping[str, Any] = json.loads(content)
    if document["version"] != VERSION:
        raise NewerState
    return document


def _rendered(document: Mapping[str, object]) -> bytes:
    return json.dumps({"version": VERSION, **document}, indent=2, sort_keys=True).encode("ascii") + b"\n"
