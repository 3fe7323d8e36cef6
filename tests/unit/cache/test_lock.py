"""The kernel's lock: one holder, freed with its process, never deleted, and no thread waits for itself."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import filelock
import pytest

from keywright.cache.lock import hold
from keywright.errors import CacheUnusable

WAIT_S = 60
HOLDER = """
import sys, time
from keywright.cache.lock import hold
with hold(sys.argv[1], 60) as is_locked:
    print(is_locked, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.lock"


def try_elsewhere(path: Path) -> bool:
    """Return whether another thread can take it now."""
    result: list[bool] = []

    def take() -> None:
        with hold(str(path), 0) as is_locked:
            result.append(is_locked)

    taker = threading.Thread(target=take)
    taker.start()
    taker.join(WAIT_S)
    return result == [True]


def test_one_holds_it_and_others_do_not(path: Path) -> None:
    with hold(str(path), 0) as is_locked:
        assert is_locked
        assert not try_elsewhere(path)
    assert try_elsewhere(path)


def test_two_paths_are_two_locks(path: Path) -> None:
    with hold(str(path), 0) as one, hold(f"{path}.other", 0) as other:
        assert (one, other) == (True, True)


def test_it_is_freed_when_the_block_raises(path: Path) -> None:
    with pytest.raises(ZeroDivisionError), hold(str(path), 0):
        raise ZeroDivisionError
    assert try_elsewhere(path)


@pytest.mark.timeout(20)
def test_who_holds_it_and_asks_again_hears_no_at_once(path: Path) -> None:
    with hold(str(path), 0) as outer:
        for wait_s in (0, 3600):
            with hold(str(path), wait_s) as inner:
                assert (outer, inner) == (True, False)
        assert not try_elsewhere(path), "the outer one still holds it"
    with hold(str(path), 0) as again:
        assert again


def test_the_file_is_private_and_stays(path: Path) -> None:
    before = os.umask(0)
    try:
        with hold(str(path), 0):
            pass
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_the_kernel_frees_it_when_its_holder_is_killed(end: signal.Signals, path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        try:
            assert holder.stdout.readline() == "True\n"
            assert not try_elsewhere(path)
        finally:
            holder.send_signal(end)
        holder.wait(WAIT_S)
        with hold(str(path), WAIT_S) as is_locked:
            assert is_locked


def test_who_waits_gets_it_when_it_is_freed(path: Path) -> None:
    taken = threading.Event()

    def wait() -> None:
        with hold(str(path), WAIT_S) as is_locked:
            if is_locked:
                taken.set()

    with hold(str(path), 0):
        waiter = threading.Thread(target=wait)
        waiter.start()
        assert not taken.is_set()
    waiter.join(WAIT_S)
    assert taken.is_set()


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to("elsewhere")], ids=["folder", "link"])
def test_what_cannot_be_locked_is_named_with_what_to_do(make: object, path: Path) -> None:
    assert callable(make)
    make(path)
    with pytest.raises(CacheUnusable) as raised, hold(str(path), 0):
        pass
    assert f"{path.parent} cannot be locked (" in raised.value.what
    assert "set KEYWRIGHT_HOME to a local folder" in raised.value.mend
    assert not path.with_name("elsewhere").exists()


def test_it_is_the_lock_that_filelock_takes(path: Path) -> None:
    """A free one is taken without filelock, a taken one is waited for with it: the two must exclude each other."""
    theirs = filelock.FileLock(path, mode=0o600, fallback_to_soft=False)
    with theirs.acquire(timeout=0), hold(str(path), 0) as is_locked:
        assert not is_locked
    with hold(str(path), 0) as is_locked:
        assert is_locked
        with pytest.raises(filelock.Timeout):
            theirs.acquire(timeout=0)
    theirs.acquire(timeout=0)
    theirs.release()


def test_a_free_one_loads_no_filelock(path: Path) -> None:
    code = (
        "import sys\nfrom keywright.cache.lock import hold\n"
        f"with hold({str(path)!r}, 25) as is_locked:\n    assert is_locked\nassert 'filelock' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


FORKS = """
import os, sys
from keywright.cache.lock import hold
with hold(sys.argv[1], 0) as is_locked:
    child = os.fork()
    if not child:
        sys.stdin.readline()  # its copy of the descriptor stays open
        os._exit(0)
print(is_locked, flush=True)
os.waitpid(child, 0)
"""


def test_a_child_that_was_forked_meanwhile_keeps_it_from_nobody(path: Path) -> None:
    command = [sys.executable, "-c", FORKS, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "True\n"
        assert try_elsewhere(path)
        process.communicate("done\n", timeout=WAIT_S)
