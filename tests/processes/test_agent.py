"""A real agent for about a minute: tokens that live for seconds, a stopped process, and a clock that steps."""

import glob
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from fakes.bent import bent, refusing, slow
from keywright.cache.lock import hold
from keywright.demo.exchange import Call
from keywright.demo.github import TOKENS_ROUTE, AppKey, GitHubIssuer, Installation
from processes.house import BOUND_S, GIT, HOUR, PROFILE, House, need, now, wait_until

KEYWRIGHT = str(Path(sys.executable).parent / "keywright")
LIFETIME = timedelta(seconds=12)


class EasyGoing(GitHubIssuer):
    """An issuer that does not look at the times in a signature, as most others do not."""

    def _objection(self, _call: Call) -> str | None:
        return None


@pytest.fixture
def issuer(app_key: AppKey) -> Iterator[GitHubIssuer]:
    installations = (Installation(id=789, owner="acme"),)
    with EasyGoing(app_id="123456", public_key=app_key.public_pem, installations=installations) as server:
        server.lifetime = LIFETIME
        yield server


@pytest.fixture(autouse=True)
def own_margins(house: House) -> None:
    house.config.write_text(house.config.read_text().replace('renew_before = "57m"\n', ""))


@dataclass
class Running:
    """An agent that runs."""

    house: House
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def said(self) -> list[str]:
        return self.log.read_text().splitlines()

    def end(self, by: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(by)
        return self.process.wait(BOUND_S)

    @property
    def is_named(self) -> bool:
        """Whether it has the lock: to take that oneself, to see, could make it seem taken."""
        pid = self.house.folder / "state/agent.pid"
        return pid.exists() and pid.read_text().strip() == str(self.process.pid)

    def is_locked(self) -> bool:
        with hold(f"{self.house.folder}/state/agent.lock", 0) as is_free:
            return not is_free


Start = Callable[..., Running]


@pytest.fixture
def start(house: House, tmp_path: Path) -> Iterator[Start]:
    started: list[Running] = []

    def start(*args: str, **env: str) -> Running:
        log = tmp_path / f"agent-{len(started)}.log"
        with log.open("wb") as stderr:
            process = subprocess.Popen(
                [KEYWRIGHT, "agent", "--interval", "1s", *args], env={**house.env, **env}, stderr=stderr
            )
        started.append(Running(house, process, log))
        return started[-1]

    yield start
    for running in started:
        if running.process.poll() is None:
            running.process.send_signal(signal.SIGCONT)
            running.process.kill()
        running.process.wait(BOUND_S)


def is_good(house: House) -> bool:
    """Whether the entry on disk is one that a client would be given, at this moment."""
    if not list((house.folder / "cache/entries").glob("*.json")):
        return False
    credential = house.entry().credential
    return house.issuer.accepts(credential.secret.reveal()) and credential.issued_at <= now()


def replace(config: Path, text: str) -> None:
    """Write the settings anew, as editors do: an agent that looks just then reads the old ones or the new."""
    beside = config.with_suffix(".new")
    beside.write_text(text)
    beside.rename(config)


def wait_for_renewals(house: House, count: int) -> None:
    """Return once the issuer has been asked that many times more, and what it gave is kept."""
    wanted = house.asked + count
    wait_until(lambda: house.asked >= wanted and is_good(house), f"{count} renewals")


def test_it_primes_an_empty_cache_and_ends_as_it_is_told(house: House, start: Start) -> None:
    house.issuer.lifetime = HOUR
    running = start()
    wait_until(lambda: (house.folder / "cache/entries").is_dir() and is_good(house), "the first token")
    assert house.asked == 1
    assert running.is_named
    assert running.is_locked()
    assert running.end() == 0
    assert not running.is_locked()
    assert not (house.folder / "state/agent.pid").exists()
    assert [line.partition(", good")[0] for line in running.said] == [f"keywright: renewed {PROFILE}"]
    assert house.run(GIT).token == house.issuer.issued[0]
    assert house.asked == 1


def test_ctrl_c_ends_it_too(house: House, start: Start) -> None:
    running = start()
    wait_until(lambda: (house.folder / "cache/entries").is_dir() and is_good(house), "the first token")
    assert running.end(signal.SIGINT) == 130
    assert not running.is_locked()


def test_a_second_one_notices_the_first(house: House, start: Start) -> None:
    first = start()
    wait_until(lambda: first.is_named, "the first agent")
    second = start()
    assert second.process.wait(BOUND_S) == 5
    (line,) = second.said
    assert f"an agent is running already, pid {first.process.pid}" in line
    first.process.kill()
    first.process.wait(BOUND_S)
    third = start()
    wait_until(lambda: third.is_named, "the third agent, after the first was killed")
    assert third.end() == 0


def test_it_does_not_wait_for_an_issuer_that_hangs(house: House, start: Start) -> None:
    hanging = slow()
    with bent(house.issuer, hanging, route=TOKENS_ROUTE):
        running = start()
        hanging.wait_for(1)
        assert running.end() == 0
        assert not running.is_locked()


def test_an_issuer_that_fails_is_said_to_once_and_asked_a_few_times(house: House, start: Start) -> None:
    with bent(house.issuer, refusing(503), route=TOKENS_ROUTE):
        running = start()
        wait_until(lambda: house.asked >= 3, "the third try")
        assert len([line for line in running.said if "failed" in line]) == 1
    wait_for_renewals(house, 1)
    assert running.end() == 0
    assert [line.split()[1] for line in running.said[:2]] == ["failed", "renewed"]


def test_settings_that_go_wrong_are_told_once_and_mended_ones_are_gone_on_with(house: House, start: Start) -> None:
    running = start()
    wait_until(lambda: (house.folder / "cache/entries").is_dir() and is_good(house), "the first token")
    good = house.config.read_text()
    replace(house.config, good + "nonsense\n")
    wait_until(lambda: any("renewing nothing" in line for line in running.said), "a word about it")
    asked = house.asked
    wait_until(lambda: not is_good(house), "the token to expire")
    assert house.asked == asked
    replace(house.config, good)
    wait_for_renewals(house, 1)
    assert running.end() == 0
    assert sum("renewing nothing" in line for line in running.said) == 1


@pytest.mark.slow
def test_a_minute_with_a_stopped_process_and_a_clock_that_steps(house: House, start: Start, tmp_path: Path) -> None:
    """Each token lives 12 s. Whatever befalls the agent, the next one is there before a client would have to wait."""
    found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    need(found, "libfaketime (Debian's package `faketime`)")
    clock = tmp_path / "clock"
    true = timedelta(0)

    def step(offset: timedelta) -> None:
        nonlocal true
        beside = tmp_path / "clock.new"
        beside.write_text(f"{int(offset.total_seconds()):+d}\n")
        beside.rename(clock)
        true = offset

    step(timedelta(0))
    running = start(
        LD_PRELOAD=found[0],
        FAKETIME_TIMESTAMP_FILE=str(clock),
        FAKETIME_NO_CACHE="1",
        DONT_FAKE_MONOTONIC="1",
        NO_FAKE_STAT="1",
    )
    house.issuer.clock = now
    wait_until(lambda: (house.folder / "cache/entries").is_dir() and is_good(house), "the first token")

    wait_for_renewals(house, 2)  # in good time, again and again

    running.process.send_signal(signal.SIGSTOP)
    wait_until(lambda: not is_good(house), "the token to expire behind a stopped agent")
    running.process.send_signal(signal.SIGCONT)
    wait_for_renewals(house, 1)

    asked = house.asked
    step(timedelta(hours=1))  # forwards: everything seems to have expired
    wait_until(lambda: house.asked > asked and _issued_by(house, timedelta(hours=1)), "a token by the new clock")

    asked = house.asked
    step(-timedelta(hours=1))  # backwards: everything seems to be of the future
    wait_until(lambda: house.asked > asked and _issued_by(house, -timedelta(hours=1)), "a token by the old clock")

    step(timedelta(0))
    wait_for_renewals(house, 3)
    assert running.end() == 0
    assert not running.is_locked()
    assert all(line.startswith(f"keywright: renewed {PROFILE}") for line in running.said), running.said
    assert house.asked <= len(house.issuer.issued) <= 40
    for left in glob.glob("/dev/shm/*faketime_s[he]m_*"):
        if not os.path.exists(f"/proc/{left.rpartition('_')[2]}"):
            with suppress(FileNotFoundError):
                os.unlink(left)


def _issued_by(house: House, offset: timedelta) -> bool:
    """Whether the entry on disk was issued by a clock that is wrong by about that much."""
    return abs(house.entry().credential.issued_at - now() - offset) < timedelta(minutes=5)
