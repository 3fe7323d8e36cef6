"""Clocks that are wrong and clocks that are put right: no expired token is handed over, and no issuer is stormed."""

import glob
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import pytest

from keywright.demo.exchange import Call
from keywright.demo.github import AppKey, GitHubIssuer, Installation
from processes.house import DOCKER, GIT, House, need, now, settle

NOTHING = timedelta(0)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
TO_1970 = timedelta(seconds=86_400 - int(time.time()))
TO_2038 = timedelta(seconds=2_147_483_647 - 600 - int(time.time()))


class EasyGoing(GitHubIssuer):
    """An issuer that does not look at the times in a signature: most others than GitHub never see any."""

    def _objection(self, _call: Call) -> str | None:
        return None


@dataclass
class World:
    """A house whose clock goes wrong, and an issuer whose clock is right."""

    house: House
    faketime: str
    true: timedelta = NOTHING
    """How much later than now it really is."""

    def env(self, wrong_by: timedelta) -> Mapping[str, str]:
        """The environment of a process on a machine whose clock is wrong by that much."""
        offset_s = int((self.true + wrong_by).total_seconds())
        faked = {"LD_PRELOAD": self.faketime, "FAKETIME": f"{offset_s:+d}", "DONT_FAKE_MONOTONIC": "1"}
        return {**self.house.env, **faked, "NO_FAKE_STAT": "1"}

    def ask(self, wrong_by: timedelta) -> int:
        """Let both clients ask twice, and return how often the issuer was asked for it; no token may be expired."""
        before = self.house.asked
        for question in (GIT, DOCKER) * 2:
            run = self.house.run(question, env=self.env(wrong_by))
            assert run.stderr == ""
            assert self.house.issuer.accepts(run.token), f"expired, at {self.true} with a clock wrong by {wrong_by}"
        self.house.wait_for_renewals()
        return self.house.asked - before


@pytest.fixture
def issuer(request: pytest.FixtureRequest, app_key: AppKey) -> Iterator[GitHubIssuer]:
    kind = getattr(request, "param", EasyGoing)
    installations = (Installation(id=789, owner="acme"),)
    with kind(app_id="123456", public_key=app_key.public_pem, installations=installations) as server:
        yield server


@pytest.fixture
def world(house: House) -> Iterator[World]:
    found = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    need(found, "libfaketime (Debian's package `faketime`)")
    house.config.write_text(house.config.read_text().replace('renew_before = "57m"\n', ""))
    settle(house.config)
    world = World(house=house, faketime=found[0])
    house.issuer.clock = lambda: now() + world.true
    yield world
    house.wait_for_renewals()
    for left in glob.glob("/dev/shm/*faketime_s[he]m_*"):  # by processes that ended as a hit does, without a farewell
        if not os.path.exists(f"/proc/{left.rpartition('_')[2]}"):
            with suppress(FileNotFoundError):
                os.unlink(left)


def test_the_processes_really_read_another_clock(world: World) -> None:
    world.house.run(GIT, env=world.env(DAY))
    assert timedelta(hours=23) < world.house.entry().credential.issued_at - now() < timedelta(hours=25)


@pytest.mark.slow
def test_each_step_of_the_clock_costs_one_token_at_most(world: World) -> None:
    asked = []
    for minute, wrong_by in [
        (0, NOTHING),
        (1, -DAY),  # stepped back a day
        (2, -DAY),
        (3, NOTHING),  # put right
        (4, 60 * MINUTE),  # stepped forward an hour
        (5, 60 * MINUTE),
        (6, NOTHING),  # put right
        (7, NOTHING),
    ]:
        world.true = minute * MINUTE
        asked.append(world.ask(wrong_by))
    assert asked == [1, 1, 0, 1, 1, 0, 1, 0]


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrong_by",
    [-10 * MINUTE, 10 * MINUTE, -DAY, DAY, TO_1970, TO_2038],
    ids=["10 min slow", "10 min fast", "a day slow", "a day fast", "in 1970", "in 2038"],
)
def test_a_clock_that_is_wrong_all_along_makes_no_difference(world: World, wrong_by: timedelta) -> None:
    """The issuer's clock tells how long a token lives: a fast one here storms nobody, a slow one keeps nothing."""
    asked = []
    for minute in (0, 30, 61, 62):
        world.true = minute * MINUTE
        asked.append(world.ask(wrong_by))
    assert asked == [1, 0, 1, 0]


@pytest.mark.parametrize("issuer", [GitHubIssuer], indirect=True)
def test_a_clock_stepped_back_is_named_as_the_cause_and_costs_nothing_once_put_right(world: World) -> None:
    token = world.house.run(GIT).token
    for question in (GIT, DOCKER):
        run = world.house.run(question, env=world.env(-DAY))
        assert run.code == 1
        found = re.search(r"this machine's clock is ([0-9]+) s off", run.told[0])
        assert found
        assert abs(int(found[1]) - 86400) < 60, "it grows by the time that the answer takes"
    assert world.house.asked == 2
    assert {world.house.run(question).token for question in (GIT, DOCKER)} == {token}
    assert world.house.asked == 2
