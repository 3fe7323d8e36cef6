"""What a profile's failures have come to."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from keywright.profiles.reason import FailureReason


class Standing(NamedTuple):
    """One profile's failures; all instants are aware UTC.

    Attributes:
        cooldown_until: used only as a last resort until then; None if it is not cooling down.
        disabled_until: not used at all until then; None if it may be.
        disabled_reason: why not.
        error_count: how many failures there were within the window.
        failure_counts: how many of each reason.
        last_failure_at: when the last one was.
    """

    cooldown_until: datetime | None = None
    disabled_until: datetime | None = None
    disabled_reason: FailureReason | None = None
    error_count: int = 0
    failure_counts: Mapping[FailureReason, int] = MappingProxyType({})
    last_failure_at: datetime | None = None
