"""Threads, tasks and processes of programs, and the helpers beside them: one issuer, which counts."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.bent import bent, slow
from keywright.demo.github import TOKENS_ROUTE
from processes.house import BOUND_S, GIT, HOUR, PROFILE, House, wait_until

PROGRAM = str(Path(__file__).parent / "program.py")
THREADS, TASKS, PROCESSES = 20, 20, 4


def start(house: House, *command: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, *command],
        env=house.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    house.started.append(process)
    return process


def start_many(house: House, times: int = 5) -> "list[subprocess.Popen[str]]":
    return [start(house, PROGRAM, PROFILE, str(THREADS), str(TASKS), str(times)) for _ in range(PROCESSES)]


def told(process: "subprocess.Popen[str]") -> dict[str, int]:
    """Return how often a program got each token; none of them had expired."""
    stdout, stderr = process.communicate(timeout=BOUND_S)
    assert (process.returncode, stderr) == (0, "")
    found = json.loads(stdout)
    assert found["expired"] == 0
    tokens: dict[str, int] = found["tokens"]
    return tokens


@pytest.mark.slow
def test_all_threads_tasks_and_processes_that_find_nothing_share_one_call(house: House) -> None:
    with bent(house.issuer, hold := slow(), route=TOKENS_ROUTE):
        programs, helpers = start_many(house), house.start_many(3)
        hold.wait_for(1)
        hold.release()
        found = [told(program) for program in programs]
        runs = [house.finish(question, process) for question, process in helpers]
    (token,) = house.issuer.issued
    assert found == [{token: (THREADS + TASKS) * 5}] * PROCESSES
    assert {run.token for run in runs} == {token}
    assert house.asked == 1


@pytest.mark.slow
def test_none_of_those_that_find_it_stale_waits_for_the_one_renewal(house: House) -> None:
    old = house.make_stale()
    with bent(house.issuer, hold := slow(), route=TOKENS_ROUTE):
        programs = start_many(house)
        hold.wait_for(1)
        lines = [program.stdout.readline() if program.stdout else "" for program in programs]
        # All have been served, and the renewal has not ended: nobody waited for it.
        assert [json.loads(line)["tokens"] for line in lines] == [{old: (THREADS + TASKS) * 5}] * PROCESSES
        hold.release()
        for program in programs:
            assert program.wait(BOUND_S) == 0
    assert house.entry().credential.secret.reveal() == house.issuer.issued[-1] != old
    assert house.asked == 2


@pytest.mark.slow
def test_those_that_find_it_expired_share_one_renewal(house: House) -> None:
    house.make_expired()
    found = [told(program) for program in start_many(house)]
    assert found == [{house.issuer.issued[-1]: (THREADS + TASKS) * 5}] * PROCESSES
    assert house.asked == 2


@pytest.mark.slow
def test_one_that_is_killed_while_it_renews_keeps_nobody_waiting(house: House) -> None:
    with bent(house.issuer, hold := slow(), route=TOKENS_ROUTE):
        first = start(house, PROGRAM, PROFILE, "1", "1", "1")
        hold.wait_for(1)
        first.kill()
        first.wait(BOUND_S)
        second = start(house, PROGRAM, PROFILE, "1", "1", "1")
        hold.wait_for(2)
        hold.release()
        assert {*told(second)} == {house.entry().credential.secret.reveal()} < {*house.issuer.issued}
    assert house.asked == 2


LEAVES = f"import keywright; keywright.get_token({PROFILE!r}); print('served', flush=True)"


def test_a_program_that_ends_lets_its_renewal_land(house: House) -> None:
    old = house.make_stale()
    with bent(house.issuer, hold := slow(), route=TOKENS_ROUTE):
        program = start(house, "-c", LEAVES)
        hold.wait_for(1)
        assert program.stdout
        assert program.stdout.readline() == "served\n"
        hold.release()
        assert program.wait(BOUND_S) == 0
    assert house.entry().credential.secret.reveal() != old
    assert house.asked == 2


WORKS = f"""
import multiprocessing, keywright
keywright.CachedCredentialProvider  # imported before the fork, as by a server that loads its program first
worker = multiprocessing.get_context("fork").Process(target=keywright.get_token, args=({PROFILE!r},))
worker.start()
print("started", flush=True)
worker.join()
"""


def test_a_worker_that_ends_lets_its_renewal_land(house: House) -> None:
    """One of multiprocessing, which ends without `atexit`."""
    old = house.make_stale()
    with bent(house.issuer, hold := slow(), route=TOKENS_ROUTE):
        program = start(house, "-c", WORKS)
        hold.wait_for(1)
        hold.release()
        assert program.wait(BOUND_S) == 0
    assert house.entry().credential.secret.reveal() != old
    assert house.asked == 2


FORKS = f"""
import os, sys, threading, keywright
provider = keywright.CachedCredentialProvider({PROFILE!r})
waiting = threading.Thread(target=provider.current, daemon=True)
waiting.start()
sys.stdin.readline()  # the issuer holds the call of our thread
if os.fork() == 0:
    print(provider.current().secret.reveal(), flush=True)
    os._exit(0)
os.wait()
waiting.join()
print(provider.current().secret.reveal(), flush=True)
"""


OUTLIVED = f"""
import os, sys, threading, time, keywright
threading.Thread(target=keywright.get_token, args=({PROFILE!r},), daemon=True).start()
sys.stdin.readline()  # the issuer holds the call of our thread
if os.fork() == 0:
    print(os.getpid(), flush=True)
    time.sleep({BOUND_S})
    os._exit(0)
os.wait()
"""


def test_a_child_keeps_no_lock_of_a_parent_that_is_killed(house: House) -> None:
    with bent(house.issuer, hold := slow(), route=TOKENS_ROUTE):
        program = start(house, "-W", "ignore", "-c", OUTLIVED)
        hold.wait_for(1)
        assert program.stdin
        assert program.stdout
        program.stdin.write("go\n")
        program.stdin.flush()
        child = int(program.stdout.readline())
        program.kill()
        program.wait(BOUND_S)
        try:
            with house.cache.entries.lock(house.digest, 0) as is_locked:
                assert is_locked
        finally:
            os.kill(child, signal.SIGKILL)
            hold.release()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_that_was_forked_during_a_renewal_looks_for_itself(house: House) -> None:
    with bent(house.issuer, hold := slow(), route=TOKENS_ROUTE):
        program = start(house, "-W", "ignore", "-c", FORKS)
        hold.wait_for(1)
        assert program.stdin
        program.stdin.write("go\n")
        program.stdin.flush()
        wait_until(lambda: len(children(program.pid)) == 1, "the fork")
        hold.release()
        stdout, stderr = program.communicate(timeout=BOUND_S)
    assert stderr == ""
    assert stdout.split() == [house.issuer.issued[-1]] * 2
    assert house.asked == 1


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_a_person_who_gives_up_waiting_is_heard(house: House) -> None:
    with bent(house.issuer, hold := slow(), route=TOKENS_ROUTE):
        program = start(house, "-c", LEAVES)
        hold.wait_for(1)
        os.kill(program.pid, signal.SIGINT)
        assert program.stderr
        wait_until(lambda: program.stderr and "KeyboardInterrupt" in program.stderr.readline(), "the interrupt")
        hold.release()
        assert program.wait(BOUND_S) == -signal.SIGINT
    assert house.run(GIT).token == house.issuer.issued[-1]
    assert house.asked == 1


def test_what_a_helper_renews_a_program_sees(house: House) -> None:
    program = start(house, "-c", SEES)
    assert program.stdout
    assert program.stdin
    first = program.stdout.readline().strip()
    house.age(2 * HOUR)
    second = house.run(GIT).token
    program.stdin.write("go\n")
    program.stdin.flush()
    assert program.stdout.readline().strip() == second != first
    assert house.asked == 2


SEES = f"""
import sys, time, keywright
provider = keywright.CachedCredentialProvider({PROFILE!r})
first = provider.current()
print(first.secret.reveal(), flush=True)
sys.stdin.readline()
while provider.current() == first:
    time.sleep(0.01)
print(provider.current().secret.reveal(), flush=True)
"""
