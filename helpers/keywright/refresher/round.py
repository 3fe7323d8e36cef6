"""One round: look, and renew side by side all that is due. What comes of one of them is nothing to the others.

What failed is remembered by all clients together (`keywright.cache.failures`), and asked as rarely here as by anybody.
What is left alone for another reason, or failed before it could be remembered, rests here, in memory, for a while.
"""

from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from math import inf
from typing import Final, NamedTuple

from keywright.broker import Broker
from keywright.cache.failures import FIRST_S, LONGEST_S
from keywright.cache.open import Cache
from keywright.deadline import CALL_S, OutOfTime, within
from keywright.errors import Busy, CacheUnusable, KeywrightError
from keywright.refresher.crew import Crew, Finished
from keywright.refresher.due import Target
from keywright.refresher.watch import Sight, Watch
from keywright.serve import bug
from keywright.settings.model import KeptOptions, Settings
from keywright.unasked import may_be_asked

HANGS_AFTER_S: Final = CALL_S + 10
"""A renewal that outlasts its own bound by this much is not waited for any more."""
_SAID_AT_MOST: Final = 64


class Renewed(NamedTuple):
    """A new credential; `is_kept` unless it could not be written. The instants are None where nobody knows."""

    target: Target
    is_kept: bool
    renew_at: datetime | None
    expires_at: datetime | None


class Failed(NamedTuple):
    """Why there is none."""

    target: Target
    error: KeywrightError


class LeftAlone(NamedTuple):
    """There was nothing to do, or somebody else is at it; `is_for_good` if it is never kept, so that nobody gains."""

    target: Target
    is_for_good: bool = False


Outcome = Renewed | Failed | LeftAlone


class _Rest(NamedTuple):
    """How often in a row nothing came of a target, the span that it is left alone (epoch seconds), and what ends it."""

    times: int
    from_s: float
    until_s: float
    mark: str

    def holds(self, now_s: float, mark: str) -> bool:
        return self.from_s <= now_s < self.until_s and self.mark == mark


class Rounds:
    """The rounds of one process."""

    def __init__(
        self,
        env: Mapping[str, str],
        *,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        say: Callable[[str], None],
        post: Callable[[Finished[Outcome]], None],
    ) -> None:
        """Take what one process is given; each renewal's outcome goes to `post`, and from there to `note`."""
        self._env = env
        self._now = now
        self._say = say
        self._watch = Watch(env, self._say_once)
        self._crew: Crew[Outcome] = Crew(post, monotonic)
        self._broker: Broker | None = None
        self._made_of: tuple[Settings, Cache] | None = None
        self._at_work: dict[str, Target] = {}
        self._rests: dict[str, _Rest] = {}
        self._said: deque[str] = deque(maxlen=_SAID_AT_MOST)

    def look(self) -> tuple[float, list[Failed]]:
        """Begin to renew all that is due; return when more will be (epoch seconds), and what is still known to fail.

        Raises:
            ConfigurationError: the settings are wrong.
            CacheUnusable: there is no cache to renew anything in.
        """
        now = self._now()
        sight = self._watch.look(now)
        busy, failing = self._crew.busy | self._at_work.keys(), []
        # What is not due has been renewed, or is gone: it begins afresh, and a process that lives on forgets it.
        self._rests = {one.name: self._rests[one.name] for one in sight.due if one.name in self._rests}
        for target in sight.due:
            if target.name in busy or self._rests_now(target, now.timestamp()):
                continue
            failure = None
            with suppress(CacheUnusable):  # whoever goes to renew it meets that again
                failure = sight.cache.failures.recall(target.name)
            if failure is not None and not may_be_asked(failure, now.timestamp()):
                failure.error.is_repeated = True
                failing.append(Failed(target, failure.error))
                continue
            self._start(target, self._broker_for(sight))
        return sight.next_at_s, failing

    def note(self, finished: Finished[Outcome]) -> Outcome:
        """Take note of what came of one renewal; return it."""
        outcome, name = finished.result, finished.name
        self._at_work.pop(name, None)
        match outcome:
            case Renewed(is_kept=True):
                self._watch.expect_change(name)
                self._rests.pop(name, None)
            case Failed(error=CacheUnusable()):
                self._watch.forget()
                self._broker = None
                self._let_rest(outcome.target)
            case Failed(error=error) if error.is_repeated or self._is_remembered(name, error):
                self._rests.pop(name, None)
            case Renewed():
                self._watch.forget()
                self._broker = None  # it has given up the cache
                self._let_rest(outcome.target)
            case LeftAlone(target, is_for_good=True):
                self._rests[name] = _Rest(1, -inf, inf, self._watch.mark(target))
            case Failed() | LeftAlone():
                self._watch.expect_change(name)  # it may not be what it seemed
                self._let_rest(outcome.target)
        return outcome

    def write_off(self) -> list[Failed]:
        """Give up on what hangs; return it."""
        late = [target for name in self._crew.write_off(HANGS_AFTER_S) if (target := self._at_work.pop(name, None))]
        error = "its renewal hangs, and is not waited for any more"
        return [Failed(target, Busy(error).about(target.profile.id, target.place)) for target in late]

    def forget(self) -> None:
        """Let nothing rest any more, and read everything again."""
        self._watch.forget()
        self._rests.clear()

    def dismiss(self) -> None:
        """Begin nothing that is not begun."""
        for name in self._crew.dismiss():
            del self._at_work[name]

    @property
    def working(self) -> list[Target]:
        """What is being renewed, is not written off, and has not been noted."""
        return list(self._at_work.values())

    @property
    def is_left_hanging(self) -> bool:
        """Whether a thread is still at something."""
        return bool(self._crew.busy)

    def _start(self, target: Target, broker: Broker) -> None:
        self._at_work[target.name] = target
        self._crew.start(target.name, lambda: renew(broker, target))

    def _broker_for(self, sight: Sight) -> Broker:
        made_of = (sight.settings, sight.cache)
        if (
            self._broker is None
            or self._made_of is None
            or any(one is not other for one, other in zip(made_of, self._made_of, strict=True))
        ):
            self._made_of = made_of
            self._broker = Broker(
                settings=sight.settings, cache=sight.cache, env=self._env, now=self._now, say=self._say_once
            )
        return self._broker

    def _rests_now(self, target: Target, now_s: float) -> bool:
        rest = self._rests.get(target.name)
        return rest is not None and rest.holds(now_s, self._watch.mark(target))

    def _let_rest(self, target: Target) -> None:
        before, now_s = self._rests.get(target.name), self._now().timestamp()
        mark = self._watch.mark(target)
        times = before.times + 1 if before and before.mark == mark else 1
        pause_s = min(FIRST_S * 2.0 ** min(times - 1, 16), LONGEST_S)
        self._rests[target.name] = _Rest(times, now_s, now_s + pause_s, mark)

    def _is_remembered(self, name: str, error: KeywrightError) -> bool:
        """Whether this very failure is in the memory that says when to ask again."""
        failure = None
        with suppress(CacheUnusable):
            failure = self._made_of[1].failures.recall(name) if self._made_of else None
        return failure is not None and failure.error.what == error.what

    def _say_once(self, message: str) -> None:
        """Say what nobody needs to hear at every renewal."""
        if message not in self._said:
            self._said.append(message)
            self._say(message)


def renew(broker: Broker, target: Target) -> Outcome:
    """Renew one target; whatever happens is its outcome."""
    try:
        with within(CALL_S):
            served = broker.renew_due(target.profile, target.request, was_cached=target.was_cached)
    except OutOfTime:
        return _failed(target, Busy(f"renewing it took longer than {CALL_S:.0f} s"))
    except KeywrightError as error:
        return _failed(target, error)
    except Exception as error:  # noqa: BLE001 - a bug with one credential is none with the others
        return _failed(target, bug(error))
    if served is None:
        return LeftAlone(target)
    if not served.may_be_kept:
        return LeftAlone(target, is_for_good=True)
    is_kept = bool(served.stamp) or isinstance(target.profile.options, KeptOptions)
    renew_at = served.plan.renew_at if served.plan else None
    return Renewed(target, is_kept, renew_at, served.credential.expires_at)


def _failed(target: Target, error: KeywrightError) -> Failed:
    return Failed(target, error.about(target.profile.id, target.place))
