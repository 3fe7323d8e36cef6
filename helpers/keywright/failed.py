"""Who failed or was passed over before a credential was found: how that is told, and how long it lasts."""

from datetime import datetime
from typing import TYPE_CHECKING

from keywright import trace
from keywright.errors import KeywrightError, TokenRevoked, Unavailable
from keywright.profiles.turn import Turn
from keywright.profiles.turns import Line
from keywright.renewal import Served

if TYPE_CHECKING:
    from keywright.tracing.facts import Why


class Failed:
    """The failures of one request, in the order in which they happened."""

    def __init__(self, line: Line) -> None:
        """Begin with none, for the profiles in `line`."""
        self._line = line
        self._failed: list[tuple[Turn, KeywrightError]] = []
        self._before: list[Turn] = []

    def pass_over(self, turn: Turn) -> None:
        """Note that a profile was left alone although nothing is known against it."""
        self._before.append(turn)

    def add(self, turn: Turn, error: KeywrightError) -> None:
        """Note that a profile failed, or that an obstacle kept it from being tried."""
        trace.tell("profile_failed", profile=turn.profile.id, error=error, is_repeated=error.is_repeated)
        self._before.append(turn)
        self._failed.append((turn, error))

    def why(self, turn: Turn) -> "Why":
        """Return in a word why it is `turn` that serves."""
        if turn.rests:
            return "last_resort"
        if self._failed or self._line.passed_over_for(turn):
            return "others_failed"
        return "first" if len(self._line.turns) > 1 else "only_one"

    def told(self, turn: Turn) -> str:
        """Return one line on why `turn` serves, and nobody before it; empty if it is first, or a person wished so."""
        reasons = [error.quoted for one, error in self._failed if not _is_wished(one)]
        reasons += [one.told for one in self._line.passed_over_for(turn)]
        if turn.rests and len(self._line.turns) > 1:
            return "; ".join([*reasons, f"{turn.told}, and used all the same"])
        return "; ".join(reasons) + f"; using {turn.profile.id} instead" if reasons else ""

    def placed(self, served: Served, turn: Turn, *, is_forced: bool) -> Served:
        """Return what `turn` gave, with what is known of how long it remains that profile's turn."""
        before = self._before + self._line.passed_over_for(turn)
        lasts = all(one.until is not None or _is_decided(one) for one in before)
        ends: list[datetime] = [one.until for one in [*before, turn] if one.until is not None]
        return served._replace(
            is_first_choice=lasts and self._line.is_steady and not is_forced,
            decided=self._line.inputs,
            until=min(ends, default=None),
        )

    def error(self) -> KeywrightError:
        """Return the failure of the whole request: that of its one profile, or one that names every profile and why.

        Its kind, and how to mend it, are those of the last one that no person disabled.
        """
        errors = [error for _, error in self._failed]
        if len(errors) == 1:
            return errors[0]
        last = ([error for turn, error in self._failed if not _is_wished(turn)] or errors)[-1]
        told = "; ".join(f"{error.account} ({error.code}): {error.what}" for error in errors)
        error = type(last)(f"every profile failed: {told}", mend=last.mend)
        error.host = last.host
        return error


def _is_wished(turn: Turn) -> bool:
    """Whether a person disabled it: they need not be told again."""
    return isinstance(turn.obstacle, Unavailable) and turn.until is None


def _is_decided(turn: Turn) -> bool:
    """Whether what keeps it back is written in a file that every answer depends on."""
    return isinstance(turn.obstacle, Unavailable | TokenRevoked)
