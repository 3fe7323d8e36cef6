"""Whatever is added, decided, reported and interrupted, in any order and by any clock: the rules hold.

A disabled profile is never offered, a removed one never comes back, one that is added again inherits nothing, no
generation comes twice, and nobody rests for longer than the rules allow.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fakes.kept import NOON, profile
from fakes.vaults import document_of
from keywright.errors import KeywrightError, ProviderNotFound
from keywright.profiles.cooldown import CLOCK_MAY_STEP, mark_failure
from keywright.profiles.identity import ProfileId
from keywright.profiles.instants import instant
from keywright.profiles.kept import KeptProfiles
from keywright.profiles.reason import FailureReason
from keywright.profiles.standing import Standing
from keywright.profiles.state import ProfileStates
from keywright.profiles.turn import Turn
from keywright.profiles.turns import Turns
from keywright.settings.model import KeptOptions, Profile, Settings
from keywright.settings.turns import CooldownRules
from keywright.vault.vault import open_vault

NAMES = ("acme:a", "acme:b")
LONGEST = timedelta(hours=24)
STEPS_S = (-400 * 86400, -61, -30, 29, 31, 5 * 3600, 400 * 86400)
name = st.sampled_from(NAMES)
reason = st.sampled_from([FailureReason.RATE_LIMIT, FailureReason.BILLING, FailureReason.TIMEOUT])


class Killed(BaseException):
    """The process ended here."""


@contextmanager
def failing(call: str, number: int, *, is_killed: bool) -> Iterator[None]:
    """Let the nth such system call of the block fail, or the process end there."""
    real, left = getattr(os, call), number

    def fail(*args: object, **kwargs: object) -> object:
        nonlocal left
        left -= 1
        if left:
            return real(*args, **kwargs)
        if not is_killed:
            raise OSError(5, "Input/output error")
        patch.setattr(os, "unlink", lambda *_, **__: None)  # the dead tidy nothing up
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, call, fail)
        try:
            yield
        except (Killed, KeywrightError):
            return


class Known(NamedTuple):
    """What ought to be true of a profile that is there."""

    born: datetime
    enabled: bool = True
    priority: int = 0


class AnyHistory(RuleBasedStateMachine):
    """The real store and state beside what they ought to come to."""

    def __init__(self) -> None:
        super().__init__()
        self._home = tempfile.TemporaryDirectory()
        self._env = {"HOME": self._home.name, "KEYWRIGHT_HOME": f"{self._home.name}/kw"}
        self._now = NOON
        self._expected: dict[str, Known] = {}
        self._held: list[Turn] = []
        self._seen: dict[str, int] = {}
        self._ticks = 0

    def teardown(self) -> None:
        self._home.cleanup()

    @property
    def _store(self) -> KeptProfiles:
        return KeptProfiles(self._env)

    @property
    def _states(self) -> ProfileStates:
        return ProfileStates(self._env)

    @property
    def _turns(self) -> Turns:
        """A new process's, as each of these is."""
        empty = Settings(f"{self._home.name}/config.toml", "-")
        return Turns(settings=empty, env=self._env, now=lambda: self._now, say=lambda _: None)

    @rule(seconds=st.sampled_from(STEPS_S))
    def step_the_clock(self, seconds: int) -> None:
        self._now += timedelta(seconds=seconds)

    # --- what people do ---------------------------------------------------------------------------------------------

    @rule(name=name, priority=st.integers(-1, 1), is_killed=st.booleans())
    def add_or_remove(self, name: str, priority: int, *, is_killed: bool) -> None:
        if name in self._expected:
            self.remove(name, is_killed=is_killed)
        else:
            self.add(name, priority)

    def add(self, name: str, priority: int) -> None:
        if name in self._expected:
            return
        self._tick()
        self._store.save(profile(name, born=self._now, priority=priority), self._now)
        self._expected[name] = Known(self._now, priority=priority)
        assert self._turn(name).standing == Standing()

    def remove(self, name: str, *, is_killed: bool = False) -> None:
        """Remove it, and forget what is known of it unless the process is killed before."""
        if name in self._expected:
            self._store.remove(ProfileId.parse(name))
            del self._expected[name]
            if not is_killed:
                self._states.forget(name)

    @precondition(lambda self: self._expected)
    @rule(name=name, enabled=st.booleans())
    def enable_or_disable(self, name: str, enabled: bool) -> None:
        if name in self._expected:
            self._decide(name, enabled=enabled)
            self._expected[name] = self._expected[name]._replace(enabled=enabled)

    @precondition(lambda self: self._expected)
    @rule(name=name, priority=st.integers(-2, 2))
    def set_the_priority(self, name: str, priority: int) -> None:
        if name in self._expected:
            self._decide(name, priority=priority)
            self._expected[name] = self._expected[name]._replace(priority=priority)

    # --- what happens -----------------------------------------------------------------------------------------------

    @precondition(lambda self: self._expected)
    @rule(name=name, reason=reason)
    def fail(self, name: str, reason: FailureReason) -> None:
        if name in self._expected:
            self._judge(self._turn(name), reason)

    @precondition(lambda self: self._expected)
    @rule(name=name)
    def succeed(self, name: str) -> None:
        if name in self._expected:
            self._turns.served(self._turn(name), is_new=True)

    @precondition(lambda self: self._expected)
    @rule(name=name)
    def begin_something_long(self, name: str) -> None:
        if name in self._expected:
            self._held.append(self._turn(name))

    @precondition(lambda self: self._held)
    @rule(reason=st.none() | reason)
    def end_it_well_or_in_a_failure(self, reason: FailureReason | None) -> None:
        turn = self._held.pop(0)
        if reason is None:
            self._turns.served(turn, is_new=True)
        else:
            self._judge(turn, reason)

    @rule(
        name=name,
        what=st.sampled_from(["add", "remove", "disable", "enable", "priority", "fail", "succeed"]),
        call=st.sampled_from(["write", "fsync", "rename"]),
        number=st.integers(1, 3),
        is_killed=st.booleans(),
        reason=reason,
    )
    def be_interrupted(
        self, name: str, what: str, call: str, *, number: int, is_killed: bool, reason: FailureReason
    ) -> None:
        before = dict(self._expected)
        acts: dict[str, Callable[[], None]] = {
            "add": lambda: self.add(name, 1),
            "remove": lambda: self.remove(name),
            "disable": lambda: self.enable_or_disable(name, enabled=False),
            "enable": lambda: self.enable_or_disable(name, enabled=True),
            "priority": lambda: self.set_the_priority(name, 2),
            "fail": lambda: self.fail(name, reason),
            "succeed": lambda: self.succeed(name),
        }
        with failing(call, number, is_killed=is_killed):
            acts[what]()
        self._adopt(name, before.get(name), what)

    def _adopt(self, name: str, before: Known | None, what: str) -> None:
        """Take what is there for what is expected: the old or the new, never neither."""
        found = self._store.get(ProfileId.parse(name))
        assert (found is None) in ({True, False} if what in {"add", "remove"} else {before is None})
        self._expected.pop(name, None)
        if found is None:
            return
        if before is None or found.created_at != before.born:
            assert what == "add"
            self._expected[name] = Known(found.created_at, priority=1)
            return
        decided = self._states.decisions("acme").of(name, instant(found.created_at))
        enabled = found.enabled if decided.enabled is None else decided.enabled
        priority = found.priority if decided.priority is None else decided.priority
        assert enabled in {before.enabled, {"disable": False, "enable": True}.get(what, before.enabled)}
        assert priority in {before.priority, {"priority": 2}.get(what, before.priority)}
        self._expected[name] = before._replace(enabled=enabled, priority=priority)

    # --- what holds -------------------------------------------------------------------------------------------------

    @invariant()
    def who_is_there_is_there_and_nobody_else(self) -> None:
        assert set(self._store.all()) == set(self._expected)

    @invariant()
    def nobody_is_offered_who_is_disabled_or_gone(self) -> None:
        line = self._turns.line_up([Profile(name, KeptOptions()) for name in NAMES], None)
        assert sorted(turn.profile.id for turn in line.turns) == list(NAMES)
        for turn in line.turns:
            known = self._expected.get(turn.profile.id)
            if known is None:
                assert isinstance(turn.obstacle, ProviderNotFound)
                continue
            assert turn.candidate.priority == known.priority
            assert turn.obstacle is None or not known.enabled or turn.until is not None
            if not known.enabled:
                assert "it is disabled" in str(turn.obstacle)

    @invariant()
    def nobody_rests_for_longer_than_the_rules_allow(self) -> None:
        for name in self._expected:
            until = self._turn(name).until
            assert until is None or self._now < until <= self._now + LONGEST + CLOCK_MAY_STEP

    @invariant()
    def no_generation_comes_twice(self) -> None:
        vault = open_vault(self._env)
        found = {
            "decisions": self._states.decisions("acme").generation,
            "usage": self._states.usage("acme").generation,
            "vault": document_of(vault).generation if os.path.exists(vault.path) else 0,
        }
        assert all(generation >= self._seen.get(what, 0) for what, generation in found.items())
        self._seen = found

    # --- steps ------------------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        """No two profiles are born in the same microsecond, however the clock is set."""
        self._ticks += 1
        self._now = self._now.replace(microsecond=self._ticks)

    def _turn(self, name: str) -> Turn:
        return self._turns.line_up([Profile(name, KeptOptions())], None).turns[0]

    def _decide(self, name: str, **changes: object) -> None:
        since = instant(self._expected[name].born)
        self._states.decide(name, since, lambda decided: decided._replace(**changes))  # type: ignore[arg-type]

    def _judge(self, turn: Turn, reason: FailureReason) -> None:
        def judge(standing: Standing) -> Standing:
            return mark_failure(standing, reason, CooldownRules(), self._now)

        self._states.judge(turn.profile.id, turn.since, judge, "it failed", self._now)


AnyHistory.TestCase.settings = settings(max_examples=120, stateful_step_count=30)
TestAnyHistory = AnyHistory.TestCase
