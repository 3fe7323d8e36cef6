"""Renewing processes that are killed or stopped: the kernel frees the lock of the dead, nobody the others'."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from fakes.bent import Slow, bent, slow
from keywright.demo.github import TOKENS_ROUTE
from processes.house import DOCKER, GIT, HOUR, House, wait_until

IMPATIENT = """\
import sys
import jwt.algorithms, urllib3, keywright.transport
import keywright.{module}
keywright.{module}.{constant} = 0.5
sys.argv = ["docker-credential-keywright", "get"]
from keywright.bin.docker import main
main()
"""
"""Runs docker's helper with one of its deadlines cut to 0.5 s."""


def impatient(module: str, constant: str) -> list[str]:
    return [sys.executable, "-I", "-c", IMPATIENT.format(module=module, constant=constant)]


def is_locked(house: House) -> bool:
    with house.cache.entries.lock(house.digest, 0) as is_ours:
        return not is_ours


def test_killing_the_one_that_renews_frees_the_lock_at_once(house: House) -> None:
    with bent(house.issuer, hold := slow(), route=TOKENS_ROUTE):
        renewing = house.start(GIT)
        hold.wait_for(1)
        assert is_locked(house)
        renewing.kill()
        renewing.wait()
        assert not is_locked(house)
    assert house.run(DOCKER).token == house.issuer.issued[-1]
    assert house.asked == 2


def test_one_of_those_who_wait_takes_over_from_the_killed_one(house: House) -> None:
    with bent(house.issuer, hold := slow(), route=TOKENS_ROUTE, times=1):
        renewing = house.start(GIT)
        hold.wait_for(1)
        waiting = house.start_many(6)
        renewing.kill()
        tokens = {house.finish(question, process).token for question, process in waiting}
        assert len(tokens) == 1
        assert house.asked == 2


def test_who_waits_for_a_stopped_one_never_asks_the_issuer(house: House) -> None:
    with bent(house.issuer, hold := slow(), route=TOKENS_ROUTE):
        renewing = house.start(GIT)
        hold.wait_for(1)
        renewing.send_signal(signal.SIGSTOP)
        # However long it has been holding the lock: age breaks none.
        an_hour_ago_s = time.time() - HOUR.total_seconds()
        os.utime(house.entry_file.with_suffix(".lock"), (an_hour_ago_s, an_hour_ago_s))
        waiting = house.run(DOCKER, command=impatient("broker", "LOCK_WAIT_S"))
        assert waiting.code == 5
        (told,) = waiting.stdout.decode().splitlines()
        assert waiting.told == [f"{DOCKER.name}: {told} [busy]"]
        assert "another process has been renewing it for too long" in waiting.told[0]
        assert house.asked == 1
        renewing.send_signal(signal.SIGCONT)
    finished = house.finish(GIT, renewing)
    assert finished.token == house.run(DOCKER).token
    assert house.asked == 1


def test_who_waited_in_vain_serves_what_appeared_meanwhile(house: House) -> None:
    """The lock may still be taken, by the next renewal say, when the credential is there."""
    token = house.run(GIT).token
    entry = house.entry_file.read_bytes()
    house.entry_file.unlink()
    with house.cache.entries.lock(house.digest, 0) as is_ours:
        assert is_ours
        waiting = house.start(DOCKER, command=impatient("broker", "LOCK_WAIT_S"))
        house.entry_file.touch(0o600)
        house.entry_file.write_bytes(entry)
        assert house.finish(DOCKER, waiting).token == token
    assert house.asked == 1


def test_a_fetch_ends_at_its_deadline(house: House) -> None:
    with bent(house.issuer, slow(), route=TOKENS_ROUTE):
        late = house.run(DOCKER, command=impatient("broker", "FETCH_S"))
        assert (late.code, len(late.told)) == (1, 1)
        assert "in time" in late.told[0] or "no time was left" in late.told[0]
        assert not is_locked(house)


def test_a_call_ends_at_its_deadline(house: House) -> None:
    house.make_expired()
    with house.cache.entries.lock(house.digest, 0) as is_ours:
        assert is_ours
        late = house.run(DOCKER, command=impatient("serve", "CALL_S"))
    assert (late.code, len(late.told)) == (5, 1)
    assert "the call took longer than" in late.told[0]
    assert house.asked == 1


@pytest.fixture
def held_renewal(house: House) -> Iterator[tuple[str, int, Slow]]:
    """A stale credential whose detached renewal the issuer holds: the old token, the renewal's process id, the hold."""
    old = house.make_stale()
    with bent(house.issuer, hold := slow(), route=TOKENS_ROUTE):
        assert house.run(GIT).token == old
        hold.wait_for(1)
        (renewal,) = house.renewals
        yield old, renewal, hold


def test_a_stopped_renewal_keeps_nobody_from_the_old_token(house: House, held_renewal: tuple[str, int, Slow]) -> None:
    old, renewal, hold = held_renewal
    os.kill(renewal, signal.SIGSTOP)
    assert {run.token for run in house.run_all()} == {old}
    house.forget_ready_answers()
    assert {run.token for run in house.run_all()} == {old}
    assert house.asked == 2
    os.kill(renewal, signal.SIGCONT)
    hold.release()
    house.wait_for_renewals()
    assert {run.token for run in house.run_all()} == {house.issuer.issued[-1]} != {old}
    assert house.asked == 2


def test_a_killed_renewal_is_made_up_for_when_its_brake_has_run_out(
    house: House, held_renewal: tuple[str, int, Slow]
) -> None:
    old, renewal, hold = held_renewal
    os.kill(renewal, signal.SIGKILL)
    wait_until(lambda: not is_locked(house), "the kernel to free the lock")
    hold.release()
    assert {run.token for run in house.run_all()} == {old}
    assert house.renewals == []
    held_until_s = house.brake.stat().st_mtime
    assert held_until_s < time.time() + 60
    os.utime(house.brake, (held_until_s - 60, held_until_s - 60))
    assert house.run(GIT).token == old
    wait_until(lambda: house.run(GIT).token != old, "the next renewal")
    assert house.asked == 3


def test_a_killed_renewal_is_made_up_for_by_the_next_one_who_needs_it(
    house: House, held_renewal: tuple[str, int, Slow]
) -> None:
    old, renewal, hold = held_renewal
    os.kill(renewal, signal.SIGKILL)
    wait_until(lambda: not is_locked(house), "the kernel to free the lock")
    hold.release()
    house.age(timedelta(hours=2))
    assert {run.token for run in house.run_all()} == {house.issuer.issued[-1]} != {old}
    assert house.asked == 3
