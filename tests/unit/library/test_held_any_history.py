"""Whatever happens in whatever order: nothing expired, nothing that was rejected for good, no storm of calls."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from keywright import Credential, CredentialExpired, InMemoryCredentialProvider, Secret, Unreachable

LIFE_S = 3600.0
BRAKE_S = 60.0
BEGAN = datetime(2030, 1, 1, 12, tzinfo=UTC)


def settle() -> None:
    while flying := [thread for thread in threading.enumerate() if thread.name == "keywright-renewal"]:
        flying[0].join(30)
        assert not flying[0].is_alive()


class AnyHistory(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.now_s = BEGAN.timestamp()
        self.is_down = False
        self.asked_at_s: list[float] = []
        self.minted: dict[str, Credential] = {}
        self.seen: list[Credential] = []
        self.rejections = 0
        self.steps_back = 0
        self.provider = InMemoryCredentialProvider(self.mint, now_s=lambda: self.now_s)

    def mint(self, now: datetime) -> Credential:
        self.asked_at_s.append(self.now_s)
        if self.is_down:
            raise Unreachable("down")
        secret = f"s{len(self.asked_at_s)}"
        self.minted[secret] = Credential(Secret(secret), now, now + timedelta(seconds=LIFE_S))
        return self.minted[secret]

    @rule(seconds=st.sampled_from([0.1, 1, 5, 31, 59, 61, 600, 2000, 3590, 4000, 90000]))
    def time_passes(self, seconds: float) -> None:
        self.now_s += seconds

    @rule(seconds=st.sampled_from([1, 10, 7200]))
    def the_clock_is_set_back(self, seconds: float) -> None:
        self.now_s -= seconds
        self.steps_back += 1

    @rule(is_down=st.booleans())
    def the_issuer_is(self, *, is_down: bool) -> None:
        self.is_down = is_down

    @rule()
    def somebody_asks(self) -> None:
        before = len(self.asked_at_s)
        try:
            credential = self.provider.current()
        except (CredentialExpired, Unreachable):
            assert self.is_down or before == len(self.asked_at_s)  # or an earlier failure is told again
            return
        finally:
            settle()
        assert credential.expires_at
        assert self.now_s < credential.expires_at.timestamp()
        assert credential == self.minted[credential.secret.reveal()]
        assert len(self.asked_at_s) <= before + 1
        self.seen.append(credential)

    @rule(data=st.data())
    def one_is_rejected(self, data: st.DataObject) -> None:
        if not self.seen:
            return
        rejected = data.draw(st.sampled_from(self.seen[-3:]))
        self.provider.invalidate(rejected)
        self.rejections += 1

    @invariant()
    def the_issuer_is_asked_a_bounded_number_of_times(self) -> None:
        """In any minute of a clock that goes on: one renewal, one for a rejected one, or a few retries."""
        if not self.steps_back:
            last = [at_s for at_s in self.asked_at_s if self.now_s - at_s < BRAKE_S]
            assert len(last) <= 8


AnyHistory.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
test_any_history = pytest.mark.slow(AnyHistory.TestCase)
