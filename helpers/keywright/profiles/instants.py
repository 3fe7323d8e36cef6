"""Instants as text (RFC 3339), for files and for people."""

from datetime import UTC, datetime


def instant(moment: datetime) -> str:
    """Return an instant as RFC 3339 in UTC."""
    return (moment if moment.tzinfo is UTC else moment.astimezone(UTC)).isoformat().replace("+00:00", "Z")


def moment(at: datetime) -> str:
    """Return an instant for a person: to the second, in UTC."""
    return instant(at.replace(microsecond=0))


def parse_instant(text: str) -> datetime:
    """Return the instant of an RFC 3339 text, in UTC.

    Raises:
        ValueError: it is none, or names no time zone.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
