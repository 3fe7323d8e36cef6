"""One search for a credential: who was looked at, and why it was not them."""

from collections.abc import Sequence
from typing import Final

from keywright.errors import CredentialExpired, KeywrightError, ProfileNotFound, Unavailable
from keywright.profiles.resolution import ResolutionOptions
from keywright.profiles.turn import Turn

_LIST: Final = "`keywright profile list` shows what there is"


class Search:
    """What became of the profiles of one search, in the order in which they were looked at.

    Attributes:
        attempted: the ids of those looked at.
        is_steady: whether nobody failed on being asked: a search a moment later would go the same way.
    """

    def __init__(self, options: ResolutionOptions, wished: str) -> None:
        """Begin with nobody; `wished` is the id of the preferred profile, empty if there is none."""
        self._options = options
        self._wished = wished
        self._passed: list[KeywrightError] = []
        self._failed: list[KeywrightError] = []
        self._told: list[KeywrightError] = []
        self.attempted: list[str] = []

    @property
    def is_steady(self) -> bool:
        """Whether nobody failed on being asked."""
        return not self._failed

    def miss_wished(self) -> None:
        """Note that there is no profile of the preferred name."""
        self.attempted.append(self._wished)
        self._pass(ProfileNotFound("there is no such profile", mend=_LIST), self._wished)

    def may_try(self, turn: Turn) -> bool:
        """Note that it is the profile's turn; return whether it is to be asked."""
        id_ = turn.profile.id
        self.attempted.append(id_)
        is_forced = self._options.is_forced and id_ == self._wished
        reason = turn.obstacle or (None if is_forced else self._unfit(turn))
        if reason is not None:
            is_left_alone = turn.obstacle is not None and turn.until is not None  # for a while, by nobody's wish
            self._pass(reason, id_, is_told=is_left_alone)
        return reason is None

    def fail(self, turn: Turn, error: KeywrightError) -> None:
        """Note that the profile was asked and gave nothing."""
        error.about(turn.profile.id, "")
        self._failed.append(error)
        self._told.append(error)
        self._passed.append(error)

    def told(self, turn: Turn, resting: Sequence[Turn]) -> str:
        """Return one line on why it is this profile and none of those that rest; empty if there is nothing to tell."""
        reasons = [*(error.quoted for error in self._told), *(one.told for one in resting if self._is_passed_over(one))]
        if turn.rests:
            return "; ".join([*reasons, f"{turn.told}, and used all the same"])
        return "; ".join(reasons) + f"; using {turn.profile.id} instead" if reasons else ""

    def error(self, failing: str) -> KeywrightError:
        """Return the failure of the search, `failing` in words, with every profile looked at and why it was not it."""
        told = "; ".join(f"{error.account} ({error.code}): {error.what}" for error in self._passed)
        what = f"{failing} for provider {self._options.provider}"
        causes = [*self._failed, *self._passed]
        error = ProfileNotFound(f"{what}: {told}" if told else what, mend=causes[0].mend if causes else _LIST)
        error.caused_by = causes[0] if causes else None
        return error

    def _is_passed_over(self, turn: Turn) -> bool:
        """Whether it would have done, had it not rested; one that has failed as a last resort is told of already."""
        return turn.profile.id not in self.attempted and self._unfit(turn) is None

    def _pass(self, reason: KeywrightError, id_: str, *, is_told: bool = False) -> None:
        self._passed.append(reason.about(id_, ""))
        if is_told or id_ == self._wished:
            self._told.append(reason)

    def _unfit(self, turn: Turn) -> KeywrightError | None:
        mode = self._options.mode
        if mode is not None and turn.candidate.mode is not mode:
            return Unavailable(f"its mode is `{turn.candidate.mode}`, not `{mode}`")
        if self._options.require_valid and not turn.candidate.is_valid:
            mend = f"run `keywright profile add {turn.profile.id} --force`"
            return CredentialExpired("what it holds has expired, or is about to", mend=mend)
        return None
