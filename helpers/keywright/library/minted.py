"""What was minted, and for how long that may be handed out."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from keywright.hit import STEP_S
from keywright.library.minter import Value

CLOCK_MAY_STEP: Final = timedelta(seconds=STEP_S)
"""How far a clock is set back in the ordinary course of things."""


class Minted(NamedTuple):
    """What was minted, and when.

    Attributes:
        value: the credential, or the AWS keys.
        since: when it was asked for (aware UTC).
    """

    value: Value
    since: datetime

    def is_usable(self, now: datetime) -> bool:
        """Whether it may be handed out. A clock that was set back makes it seem to have more left than it has."""
        ends = self.value.expires_at
        return self.since - CLOCK_MAY_STEP <= now and (ends is None or now < ends)

    def is_due(self, now: datetime, refresh_skew: timedelta) -> bool:
        """Whether it is to be minted anew: no more than the skew is left, or it is not usable."""
        ends = self.value.expires_at
        left = timedelta.max if ends is None else ends - now
        return left <= refresh_skew or not self.is_usable(now)
