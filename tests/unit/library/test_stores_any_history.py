"""Whatever is stored, minted, failed, late, and by whatever clock: the rules of a store hold.

Nobody gets what is expired or another id's, no id is minted twice at once, and what a dictionary would say is what
the store says.
"""

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fakes.store_minter import BOUND_S, CANARY, SKEW, TTL, Clock, FakeAwsMinter, FakeMinter
from keywright import AwsKeys, CachingCredentials, ConfigurationError, InMemoryCredentials, Secret
from keywright.library.minted import CLOCK_MAY_STEP

START = datetime(2030, 1, 1, 12, tzinfo=UTC)
STEPS = [timedelta(seconds=one) for one in (-86400, -7, -5, -1, 0.5, 1, 8.999, 9, 9.5, 10, 86400)]
STATIC, MINTED = ("s1", "s2"), ("m1", "m2", "aws")
SOON = timedelta(milliseconds=5)


class Expected(NamedTuple):
    """What a dictionary remembers of the last mint of an id."""

    token: str
    since: datetime
    ends: datetime


class AnyHistory(RuleBasedStateMachine):
    """One store, refreshed by several at a time, beside a model of dictionaries."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock(START)
        self.minters = {"m1": FakeMinter("m1"), "m2": FakeMinter("m2"), "aws": FakeAwsMinter("aws")}
        self.store = CachingCredentials(
            minters={"m1": self.minters["m1"], "m2": self.minters["m2"]}, now=self.clock, mint_within=SOON
        )
        self.store.register_aws_provider("aws", self.minters["aws"])  # type: ignore[arg-type]  # FakeAwsMinter
        self.plain = InMemoryCredentials(now=self.clock)
        self.fixed: dict[str, str | AwsKeys] = {}
        self.minted: dict[str, Expected] = {}
        self.late: dict[str, tuple[datetime, bool]] = {}
        """Of each id whose mint hangs: when it began, and whether it will bring something."""

    def teardown(self) -> None:
        for each in list(self.late):
            self._open(each)

    @rule(each=st.sampled_from(STATIC), value=st.sampled_from(["one", "two"]), is_aws=st.booleans())
    def insert(self, each: str, value: str, is_aws: bool) -> None:
        token = f"{CANARY}-{each}-{value}"
        keys = AwsKeys("AKIAEXAMPLE", Secret(token))
        for store in (self.store, self.plain):
            if is_aws:
                store.insert_aws_runtime(each, keys)
            else:
                store.insert_runtime(each, token)
        self.fixed[each] = keys if is_aws else token

    @rule(each=st.sampled_from(MINTED))
    def insert_over_a_minter(self, each: str) -> None:
        with pytest.raises(ConfigurationError, match=f"`{each}`"):
            self.store.insert_runtime(each, "x")

    @rule(each=st.sampled_from(STATIC))
    def register_over_a_secret(self, each: str) -> None:
        if each in self.fixed:
            with pytest.raises(ConfigurationError, match=f"`{each}`"):
                self.store.register_aws_provider(each, FakeAwsMinter())

    @rule(step=st.sampled_from(STEPS))
    def let_time_pass(self, step: timedelta) -> None:
        self.clock.now += step

    @rule(each=st.sampled_from(MINTED), is_up=st.booleans())
    def let_the_issuer_be(self, each: str, is_up: bool) -> None:
        if each not in self.late:
            self.minters[each].failure = None if is_up else OSError(CANARY)

    @rule(refreshers=st.sampled_from([1, 1, 3]))
    def refresh(self, refreshers: int) -> None:
        due = [each for each in MINTED if each not in self.late and self._is_due(each)]
        expected = {each for each in due if self.minters[each].failure is None}
        # With a bound of its own, for on a busy machine a mint at once may take longer than `SOON`.
        self.store._mint_within_s = SOON.total_seconds() if self.late else BOUND_S
        with ThreadPoolExecutor(refreshers) as pool:
            rounds = [pool.submit(self.store.refresh_due) for _ in range(refreshers)]
        if self.late:
            self._land_all_but_the_late()
        for one in rounds:
            assert one.result() == sorted(one.result())
        found = [each for one in rounds for each in one.result()]
        assert len(found) == len({*found})
        assert {*found} <= expected if self.late else {*found} == expected
        for each in expected:
            self._came(each, self.clock.now)

    @rule(each=st.sampled_from(MINTED))
    def hang(self, each: str) -> None:
        """Refresh while one issuer hangs: the round leaves it where it is, and no other mint of it begins."""
        if each in self.late or not self._is_due(each):
            return
        minter = self.minters[each]
        minter.gate.clear()
        minter.began.clear()
        self.late[each] = self.clock.now, minter.failure is None
        self.refresh(1)
        assert minter.began.wait(BOUND_S)  # on a busy machine a round may go on before it
        assert minter.running == 1

    @rule(each=st.sampled_from(MINTED))
    def come_late(self, each: str) -> None:
        if each in self.late:
            self._open(each)

    @invariant()
    def each_id_gives_its_own_and_nothing_expired(self) -> None:
        now = self.clock.now
        for each in MINTED:
            it = self.minted.get(each)
            usable = it is not None and it.since - CLOCK_MAY_STEP <= now < it.ends
            token = it.token if it is not None and usable else None
            secret, keys = self.store.resolve(each), self.store.resolve_aws(each)
            given = keys and keys.secret_access_key if each == "aws" else secret
            assert (given.reveal() if given else None) == token
            assert (secret if each == "aws" else keys) is None

    @invariant()
    def what_is_static_is_the_last_that_was_inserted(self) -> None:
        for each in STATIC:
            value = self.fixed.get(each)
            for store in (self.store, self.plain):
                secret = store.resolve(each)
                assert (secret.reveal() if secret else None) == (value if isinstance(value, str) else None)
                assert store.resolve_aws(each) == (value if isinstance(value, AwsKeys) else None)

    @invariant()
    def no_id_is_minted_twice_at_once(self) -> None:
        assert max(minter.peak for minter in self.minters.values()) <= 1

    @invariant()
    def nothing_secret_is_shown(self) -> None:
        assert self.store.ids() == sorted([*self.fixed, *MINTED])
        assert self.plain.ids() == sorted(self.fixed)
        assert CANARY not in f"{self.store!r}{self.plain!r}{self.store._minted!r}"

    def _is_due(self, each: str) -> bool:
        it, now = self.minted.get(each), self.clock.now
        return it is None or now < it.since - CLOCK_MAY_STEP or now + SKEW >= it.ends

    def _came(self, each: str, began: datetime) -> None:
        since = min(began, self.clock.now)
        self.minted[each] = Expected(f"{CANARY}-{each}-{self.minters[each].calls}", since, began + TTL)

    def _open(self, each: str) -> None:
        began, comes = self.late.pop(each)
        flight = self.store._flights[each]
        self.minters[each].gate.set()
        flight.landed.result(BOUND_S)
        if comes:
            self._came(each, began)

    def _land_all_but_the_late(self) -> None:
        with self.store._lock:
            flights = [flight.landed for each, flight in self.store._flights.items() if each not in self.late]
        assert not wait(flights, BOUND_S).not_done


AnyHistory.TestCase.settings = settings(max_examples=60, stateful_step_count=25)
TestAnyHistory = AnyHistory.TestCase
