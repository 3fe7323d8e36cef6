import logging
import os
import subprocess
import sys
import threading

import pytest

from keywright.errors import Unreachable
from keywright.foreign import HANGING_AT_MOST, silenced, wait_for


def test_waiting_hands_through_what_the_work_returns_and_raises() -> None:
    assert wait_for(lambda: None, 60, late="late") is None
    with pytest.raises(KeyError, match="INSIDE"):
        wait_for(lambda: os.environ["INSIDE"], 60, late="late")
    with pytest.raises(SystemExit):
        wait_for(sys.exit, 60, late="late")


def test_waiting_ends_while_the_work_goes_on() -> None:
    released = threading.Event()
    try:
        with pytest.raises(Unreachable, match=r"^it is late$"):
            wait_for(released.wait, 0.05, late="it is late")
    finally:
        released.set()


def test_a_library_is_silent_for_the_block_alone_however_many_silence_it() -> None:
    library = logging.getLogger("noisy")
    library.setLevel(logging.DEBUG)
    with silenced("noisy"):
        with silenced("noisy", "noisier"):
            assert not library.isEnabledFor(logging.CRITICAL)
        assert (library.isEnabledFor(logging.CRITICAL), library.propagate) == (False, False)
    assert (library.level, library.propagate) == (logging.DEBUG, True)
    assert logging.getLogger("noisier").level == logging.NOTSET


FORKS = """
import logging, os, threading
from keywright.foreign import silenced

there, done = threading.Event(), threading.Event()

def fetch():
    with silenced("noisy"):
        there.set()
        done.wait()

threading.Thread(target=fetch, daemon=True).start()
there.wait()
if os.fork() == 0:
    with silenced("noisy"):
        pass
    library = logging.getLogger("noisy")
    print(library.level, library.propagate, flush=True)
    os._exit(0)
os.wait()
print(logging.getLogger("noisy").propagate)
done.set()
"""


def test_a_child_that_is_forked_meanwhile_is_not_silent_for_ever() -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORKS]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout.splitlines() == ["0 True", "False"]


def test_work_that_hangs_is_begun_a_few_times_and_then_waited_for() -> None:
    begun, go_on, others = threading.Semaphore(0), threading.Event(), set(threading.enumerate())

    def work() -> str:
        begun.release()
        assert go_on.wait(60)
        return "done"

    try:
        for _ in range(10):
            with pytest.raises(Unreachable, match="too late"):
                wait_for(work, 0.01, late="too late", kind="a program that hangs")
        assert all(begun.acquire(timeout=30) for _ in range(HANGING_AT_MOST))
        assert len(set(threading.enumerate()) - others) == HANGING_AT_MOST
        assert not begun.acquire(blocking=False)
        with pytest.raises(Unreachable):
            wait_for(work, 0.01, late="too late", kind="another one")
        assert begun.acquire(timeout=30)
    finally:
        go_on.set()
    for thread in set(threading.enumerate()) - others:
        thread.join(30)
    assert wait_for(work, 30, late="too late", kind="a program that hangs") == "done"
