"""Whose turn it is: the profiles that may serve a request, in the order to try them, and what became of each.

Nobody but who was named is ever put in line: a request is served by the profiles that its route or its caller names,
and by those that these name as their `fallback`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from keywright import trace
from keywright.errors import KeywrightError, StateUnusable, VaultUnusable
from keywright.hit import stamp
from keywright.profiles.cooldown import mark_success
from keywright.profiles.identity import ProfileId
from keywright.profiles.order import order
from keywright.profiles.standing import Standing
from keywright.profiles.state import ProfileStates
from keywright.profiles.turn import Book, Turn
from keywright.settings.model import OPTIONS, KeptOptions, Profile, Settings
from keywright.settings.turns import Preference


class Line(NamedTuple):
    """The profiles of one request.

    Attributes:
        turns: in the order to try them; never empty.
        wished: their ids in the order that they would have if none rested.
        inputs: the files that decided the order, with their stamps from before they were read.
        is_steady: whether the next request would find the same order, so that an answer may be kept ready.
    """

    turns: tuple[Turn, ...]
    wished: tuple[str, ...]
    inputs: Mapping[str, str]
    is_steady: bool

    @property
    def is_alone(self) -> bool:
        """Whether there is one at most that may ever be used, as far as that depends on nobody but time."""
        return sum(turn.obstacle is None or turn.until is not None for turn in self.turns) <= 1

    def passed_over_for(self, turn: Turn) -> list[Turn]:
        """Return those that rest, and would have come before `turn`."""
        before = self.wished[: self.wished.index(turn.profile.id)]
        return [one for one in self.turns if one.rests and one.profile.id in before]


class Turns:
    """Puts profiles in line and notes what became of each, for one process."""

    def __init__(
        self, *, settings: Settings, env: Mapping[str, str], now: Callable[[], datetime], say: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._env = env
        self._now = now
        self._say = say

    def line_up(
        self,
        profiles: Sequence[Profile],
        prefer: Preference | None,
        *,
        is_forced: bool = False,
        has_fallbacks: bool = True,
        book: Book | None = None,
    ) -> Line:
        """Return the profiles, and right after each the ones it names as its fallback, in the order to try them.

        Those that rest come last. `is_forced` overrides what was decided about them; not about their fallbacks, which
        nobody named. Without `has_fallbacks` there are none. A `book` brings along what was read already.

        Raises:
            StateUnusable: what was decided about one cannot be read: it may be disabled.
        """
        book, now = book or Book(self._env), self._now()
        sorts = prefer is not None and len(profiles) > 1
        inputs = self._stamps(book, profiles, with_usage=sorts)
        found = {profile.id: book.turn(profile, now, is_forced=is_forced) for profile in profiles}
        last_good = _last_good(book, profiles) if sorts else ""
        awake = [
            turn.candidate._replace(cooldown_until=None) if turn.rests else turn.candidate for turn in found.values()
        ]
        turns = [found[candidate.id] for candidate in order(awake, prefer, last_good, now)]
        stand_ins = [profile for turn in turns for profile in self._fallbacks(turn)] if has_fallbacks else []
        if stand_ins:
            inputs = {**self._stamps(book, stand_ins), **inputs}
            turns = list(self._with_fallbacks(book, turns, now))
        ready = [turn for turn in turns if not turn.rests]
        resting = sorted((turn for turn in turns if turn.rests), key=_end_s)
        wished = tuple(turn.profile.id for turn in turns)
        return Line((*ready, *resting), wished, inputs, is_steady=not sorts or prefer is not Preference.TYPE)

    def turn_of(self, profile: Profile, *, is_forced: bool = False) -> Turn:
        """Return the turn of the one profile, whoever might stand in for it.

        Raises:
            StateUnusable: what was decided about it cannot be read: it may be disabled.
        """
        return Book(self._env).turn(profile, self._now(), is_forced=is_forced)

    def line_up_provider(
        self, provider: str, prefer: Preference, preferred: str = "", *, is_forced: bool = False
    ) -> Line | None:
        """Return the profiles of one provider, and no other's, in the order to try them; None if it has none.

        The one with the id `preferred` comes first unless it rests, and with `is_forced` whatever was decided about it;
        about the others it still holds.

        Raises:
            StateUnusable: what was decided about one cannot be read: it may be disabled.
            VaultLocked: the provider's profiles lie in the vault, and that is locked.
            VaultUnusable: the vault is damaged, newer or cannot be trusted.
        """
        from keywright.profiles.kept import KeptProfiles

        book, source = Book(self._env), KeptProfiles(self._env).source
        seen = {self._settings.source: self._settings.stamp, source: stamp(source)}
        profiles = [profile for profile in self._settings.profiles.values() if profile.provider == provider]
        if provider not in OPTIONS:
            profiles = [Profile(id=id_, options=KeptOptions()) for id_ in book.kept(provider)]
        if not profiles:
            return None
        line = self.line_up(profiles, prefer, has_fallbacks=False, book=book)
        now = self._now()
        turns = [
            book.turn(turn.profile, now, is_forced=True) if is_forced and turn.profile.id == preferred else turn
            for turn in line.turns
        ]
        turns.sort(key=lambda turn: (turn.rests, not turn.rests and turn.profile.id != preferred))
        wished = tuple(sorted(line.wished, key=lambda id_: id_ != preferred))
        return Line(tuple(turns), wished, {**line.inputs, **seen}, is_steady=line.is_steady)

    def served(self, turn: Turn, *, is_new: bool) -> None:
        """Note that the profile gave a credential.

        `is_new` says that its issuer was asked for it, which ends whatever the profile rested for.
        """
        if is_new:
            self.renewed(turn)
        with suppress(StateUnusable):  # a use that is not noted costs nobody anything
            ProfileStates(self._env).note_use(turn.profile.id, turn.since, self._now())

    def renewed(self, turn: Turn) -> None:
        """Note that the profile's issuer gave a credential, which nobody has used yet."""
        if mark_success(turn.standing) == turn.standing:
            return
        with suppress(StateUnusable):  # it rests a little longer
            ProfileStates(self._env).judge(turn.profile.id, turn.since, mark_success, "", self._now())

    def failed(self, turn: Turn, error: KeywrightError, *, is_alone: bool) -> Standing:
        """Note that the profile failed, and let it rest if that helps; returns its new standing.

        A lasting refusal of a profile that nobody can stand in for is counted, and no more: only by asking again, as
        seldom as a failing issuer is asked anyway, is it noticed that somebody mended it there.
        """
        from datetime import timedelta

        from keywright.profiles.classify import classify
        from keywright.profiles.cooldown import mark_failure
        from keywright.profiles.reason import FailureReason

        reason, now, id_ = classify(error), self._now(), turn.profile.id
        if is_alone and reason is FailureReason.AUTH_PERMANENT:
            reason = FailureReason.AUTH
        rules = self._settings.cooldown.of(turn.profile.provider)
        asked = None if error.retry_after_s is None else timedelta(seconds=error.retry_after_s)
        try:
            standing = ProfileStates(self._env).judge(
                id_,
                turn.since,
                lambda standing: mark_failure(standing, reason, rules, now, retry_after=asked),
                f"{error.code}: {error.what}",
                now,
            )
        except StateUnusable as unusable:
            self._say(f"not noting that {id_} failed: {unusable.line}")
            return turn.standing
        until = standing.disabled_until or standing.cooldown_until
        trace.tell("profile_rests", profile=id_, until=until, attempts=standing.error_count)
        return standing

    def _stamps(self, book: Book, profiles: Iterable[Profile], *, with_usage: bool = False) -> dict[str, str]:
        """Return the files that decide the order of these, with their stamps; to be called before they are read."""
        inputs: dict[str, str] = {}
        if any(isinstance(profile.options, KeptOptions) for profile in profiles):
            from keywright.profiles.kept import KeptProfiles

            with suppress(VaultUnusable):  # no home folder, and nothing kept
                source = KeptProfiles(self._env).source
                inputs[source] = stamp(source)
        for provider in {profile.provider for profile in profiles}:
            inputs.update(book.states.inputs(provider, with_usage=with_usage))
        return inputs

    def _fallbacks(self, turn: Turn) -> Iterator[Profile]:
        for id_ in turn.kept.fallback if turn.kept else turn.profile.fallback:
            if id_ in self._settings.profiles:
                yield self._settings.profiles[id_]
            elif ProfileId.find(id_):
                yield Profile(id=id_, options=KeptOptions())

    def _with_fallbacks(self, book: Book, turns: Iterable[Turn], now: datetime) -> Iterator[Turn]:
        turns = list(turns)
        named = {turn.profile.id for turn in turns}
        for turn in turns:
            yield turn
            for profile in self._fallbacks(turn):
                if profile.id not in named:
                    named.add(profile.id)
                    yield book.turn(profile, now)


def _last_good(book: Book, profiles: Sequence[Profile]) -> str:
    """Return the first of the profiles that is its provider's last good one."""
    good = {book.usage(provider).last_good for provider in {one.provider for one in profiles}}
    return next((one.id for one in profiles if one.id in good), "")


def _end_s(turn: Turn) -> float:
    return turn.candidate.cooldown_until.timestamp() if turn.candidate.cooldown_until else 0.0
