"""Crashes and errors at each system call of a save, injected by strace: the old entry, the new one, nothing else."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from processes.house import DOCKER, GIT, HOUR, QUESTIONS, House, Run, need

pytestmark = pytest.mark.slow

NEVER = 10_000
TRACE = ("strace", "-f", "-qq", "-o")


@cache
def may_trace() -> bool:
    try:
        return not subprocess.run([*TRACE, os.devnull, "true"], capture_output=True, check=False).returncode
    except FileNotFoundError:
        return False


def injecting(calls: str, what: str, *, only: str = "", trace: Path | str = os.devnull) -> list[str]:
    """Return the prefix that runs a program and does `what` to its `calls`; to those that name `only`, if given."""
    need(may_trace(), "strace, or the right to trace")
    paths = ["-P", only] if only else []
    return [*TRACE, str(trace), *paths, "-e", f"trace={calls}", "-e", f"inject={calls}:{what}"]


def renewing(house: House) -> list[str]:
    """Return the command of the detached renewal that a stale answer to git would start."""
    generation = str(house.entry().generation)
    command = [sys.executable, "-I", "-m", "keywright.bin.renew", house.digest, generation]
    return [*command, GIT.name, GIT.stdin.hex(), *GIT.args]


SAVE = [
    ("openat", "cache/entries"),
    ("write", ""),
    ("fsync", ""),
    ("fchmod", ""),
    ("flock", ""),
    ("rename,renameat,renameat2", ""),
    ("unlink,unlinkat", ""),
]


def kill_at_each(house: House, calls: str, only: str, command: list[str]) -> Iterator[int]:
    """Run the command again and again, killed one call later each time; yield after each kill."""
    where = str(house.folder / only) if only else ""
    for number in range(1, NEVER):
        run = house.run(GIT, command=command, prefix=injecting(calls, f"signal=SIGKILL:when={number}", only=where))
        if run.code != -signal.SIGKILL:
            assert run.code == 0
            assert number > 1, f"{calls} is never called"
            return
        yield number


@pytest.mark.parametrize(("calls", "only"), SAVE, ids=[calls for calls, _ in SAVE])
def test_a_killed_renewal_leaves_the_old_entry_or_the_new_one(house: House, calls: str, only: str) -> None:
    old = house.make_stale()
    house.hold_brake()
    stale = house.entry_file.read_bytes()
    for _ in kill_at_each(house, calls, only, renewing(house)):
        assert house.entry().credential.secret.reveal() in {old, house.issuer.issued[-1]}
        after = house.run(DOCKER)
        assert (after.token, after.stderr) in {(old, ""), (house.issuer.issued[-1], "")}
        assert house.run(GIT, command=renewing(house)).code == 0
        assert house.entry().credential.secret.reveal() == house.issuer.issued[-1]
        assert sorted(path.suffix for path in house.entry_file.parent.iterdir()) == [".json", ".lock"]
        house.entry_file.write_bytes(stale)
        house.hold_brake()


COLD = [
    ("mkdir,mkdirat", ""),
    ("openat", "cache/entries"),
    ("openat", "cache/answers"),
    ("write", ""),
    ("rename,renameat,renameat2", ""),
]


@pytest.mark.parametrize(("calls", "only"), COLD, ids=[f"{calls} {only}".strip() for calls, only in COLD])
def test_a_killed_first_mint_leaves_nothing_in_the_way(house: House, calls: str, only: str) -> None:
    for _ in kill_at_each(house, calls, only, GIT.command):
        after = house.run(DOCKER)
        assert (after.token, after.stderr) == (house.issuer.issued[-1], "")
        assert house.entry().credential.secret.reveal() == after.token
        house.entry_file.unlink()
        if calls.startswith("mkdir"):
            for folder in ("cache", "state"):
                shutil.rmtree(house.folder / folder)


def assert_served(house: House, run: Run, told: int) -> None:
    """Assert that the process handed over a token, told that many lines, and left nothing in the next one's way."""
    assert run.token == house.issuer.issued[-1]
    assert len(run.told) == told, run.stderr
    assert all(re.fullmatch(rf"{GIT.name}: not using the cache: .* \[cache_unusable\]", line) for line in run.told)
    after = house.run(GIT)
    assert (after.token, after.stderr) == (house.issuer.issued[-1], "")


EVERYWHERE = [
    ("fsync", "EIO"),
    ("flock", "ENOLCK"),
    ("flock", "ENOSYS"),
    ("flock", "EIO"),
    ("rename,renameat,renameat2", "EROFS"),
    ("mkdir,mkdirat", "EROFS"),
    ("fchmod", "EPERM"),
]


@pytest.mark.parametrize(("calls", "error"), EVERYWHERE, ids=[f"{error} from {calls}" for calls, error in EVERYWHERE])
def test_a_file_system_that_fails_is_told_once_and_costs_no_credential(house: House, calls: str, error: str) -> None:
    assert_served(house, house.run(GIT, prefix=injecting(calls, f"error={error}")), told=1)


@pytest.mark.parametrize(
    ("folder", "error"), [("cache/entries", "EROFS"), ("cache/answers", "EIO"), ("state/failures", "EMFILE")]
)
def test_a_folder_that_cannot_be_opened_is_told_once_and_costs_no_credential(
    house: House, folder: str, error: str
) -> None:
    house.run(GIT)
    house.age(2 * HOUR)
    prefix = injecting("openat", f"error={error}", only=str(house.folder / folder))
    assert_served(house, house.run(GIT, prefix=prefix), told=1)


def test_a_write_that_fails_costs_the_credential_only_where_it_is_the_answers_own(house: House) -> None:
    trace = house.folder / "trace"
    lost = 0
    for number in range(1, NEVER):
        prefix = injecting("write", f"error=ENOSPC:when={number}", trace=trace)
        run = house.run(GIT, prefix=prefix)
        if "(INJECTED)" not in trace.read_text():
            break
        if run.code == 141:
            assert (run.stdout, run.stderr) == (b"", "")
            lost += 1
        else:
            assert run.token == house.issuer.issued[-1]
            assert len(run.told) <= 1
        assert house.run(GIT).token == house.issuer.issued[-1]
        assert house.run(DOCKER, command=[DOCKER.command[0], "erase"]).code == 0
    assert lost == 1
    assert number > 3


@pytest.mark.parametrize("error", ["ENOSPC", "EROFS"])
@pytest.mark.parametrize("is_stale", [False, True], ids=["fresh", "stale"])
def test_a_hit_needs_nothing_that_can_fail(house: House, is_stale: bool, error: str) -> None:
    if is_stale:
        token = house.make_stale()
    else:
        (token,) = {run.token for run in house.run_all()}
    changing = (
        "fsync,flock,fchmod,rename,renameat,renameat2,mkdir,mkdirat,unlink,unlinkat,link,linkat,utimensat,ftruncate"
    )
    for question in QUESTIONS:
        run = house.run(question, prefix=injecting(changing, f"error={error}"))
        assert (run.token, run.stderr) == (token, "")


@pytest.mark.parametrize("error", ["ENOLCK", "ENOSYS"])
def test_a_stale_credential_is_served_where_nothing_can_be_locked(house: House, error: str) -> None:
    token = house.make_stale()
    house.forget_ready_answers()
    for question in QUESTIONS:
        lock = str(house.entry_file.with_suffix(".lock"))
        run = house.run(question, prefix=injecting("flock,fcntl", f"error={error}", only=lock))
        assert (run.token, run.stderr) == (token, "")
