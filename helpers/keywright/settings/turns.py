"""What the settings say of whose turn it is: the order of several profiles, and how long one rests after a failure."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

LONGEST_H: Final = 8760
"""The longest span that may be set, in hours: a year."""


class Preference(StrEnum):
    """Which of several profiles comes first; the value is the word in settings and commands."""

    DEFAULT = "default"
    """The one named `default`, then by priority."""
    VALID = "valid"
    """Those that look usable, then by priority, then the one used last."""
    RECENT = "recent"
    """The one used last."""
    TYPE = "type"
    """By kind: OAuth, token, API key; within a kind they take turns."""


class Override(NamedTuple):
    """`[cooldown.by_provider.NAME]`: what differs for one provider; None, zero and less leave the general rule."""

    rate_limit_s: float | None = None
    """`rate_limit_seconds`: the rest after a rate limit, in seconds."""
    billing_backoff_h: float | None = None
    """`billing_backoff_hours`: the first rest after a billing failure, in hours."""


class CooldownRules(NamedTuple):
    """`[cooldown]`: how long a profile rests after a failure. Zero and less leave the default."""

    rate_limit_s: float = 30
    """`rate_limit_seconds`: after a rate limit or an expired session, in seconds."""
    billing_backoff_h: float = 5
    """`billing_backoff_hours`: after the first failure for billing or a lasting refusal, in hours; each one doubles."""
    billing_max_h: float = 24
    """`billing_max_hours`: the longest such rest, in hours."""
    failure_window_h: float = 24
    """`failure_window_hours`: without a failure for longer than this, in hours, the counting starts afresh."""
    by_provider: Mapping[str, Override] = MappingProxyType({})
    """`by_provider`: what differs for a provider, by its name."""

    def of(self, provider: str = "") -> "CooldownRules":
        """Return the rules for one provider: its override, else the general rule, else 30 s, 5 h, 24 h and 24 h.

        Every span of theirs is above zero, and they have no overrides any more. Without a name none applies.
        """
        own = self.by_provider.get(provider, Override())
        default = CooldownRules()
        return CooldownRules(
            rate_limit_s=_first_above_zero(own.rate_limit_s, self.rate_limit_s, default.rate_limit_s),
            billing_backoff_h=_first_above_zero(
                own.billing_backoff_h, self.billing_backoff_h, default.billing_backoff_h
            ),
            billing_max_h=_first_above_zero(self.billing_max_h, default.billing_max_h),
            failure_window_h=_first_above_zero(self.failure_window_h, default.failure_window_h),
        )


SPANS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "rate_limit_seconds": "rate_limit_s",
        "billing_backoff_hours": "billing_backoff_h",
        "billing_max_hours": "billing_max_h",
        "failure_window_hours": "failure_window_h",
    }
)
"""The fields of the rules by their keys in `[cooldown]`."""

OVERRIDES: Final = ("rate_limit_seconds", "billing_backoff_hours")
"""The keys that `[cooldown.by_provider.NAME]` may have."""


def parse_cooldown(table: Mapping[str, object]) -> CooldownRules:
    """Return the rules in `[cooldown]`, a table that has passed the check (`keywright.settings.check`)."""
    by_provider = table.get("by_provider", {})
    assert isinstance(by_provider, Mapping)  # noqa: S101 - the check has seen to it
    return CooldownRules(
        **_spans(table),
        by_provider=MappingProxyType({name: Override(**_spans(row)) for name, row in by_provider.items()}),
    )


def _spans(table: Mapping[str, object]) -> dict[str, float]:
    return {SPANS[key]: value for key, value in table.items() if isinstance(value, int | float)}


def _first_above_zero(*spans: float | None) -> float:
    return next(span for span in spans if span is not None and span > 0)
