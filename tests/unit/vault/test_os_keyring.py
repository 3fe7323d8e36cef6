"""The process that asks the OS keyring: what becomes of it, and of what it started, when it does not answer."""

import os
import select
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from keywright.errors import Unavailable
from keywright.vault import os_keyring

pytestmark = pytest.mark.real_clock

STARTS_ANOTHER = """
import os, time
own = os.getpid()
if os.fork() == 0:
    while os.getppid() == own:
        time.sleep(0.01)
    os.write(os.open(os.environ["FIFO"], os.O_WRONLY), b"alone")
    time.sleep(3600)
"""
BOUND_S = 60.0


def test_what_it_started_ends_with_it_even_where_it_has_gone_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os_keyring, "own", lambda _module: [sys.executable, "-c", STARTS_ANOTHER])
    os.mkfifo(tmp_path / "fifo")
    fifo = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    for deadline_s in (0.5, 4.0, BOUND_S):
        with pytest.raises(Unavailable, match="does not answer"):
            os_keyring.read("9b" * 16, {"FIFO": str(tmp_path / "fifo")}, deadline_s)
        with suppress(BlockingIOError):  # it was ended between opening and writing, and is not gone yet
            if os.read(fifo, 5) == b"alone":  # else it was not started by then
                break
    else:
        pytest.fail("it never started another one")
    assert select.select([fifo], [], [], BOUND_S)[0], "whoever had it open to write has it no more"
    assert os.read(fifo, 5) == b""
    os.close(fifo)


def test_in_somebody_else_s_frozen_program_it_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would be started there is that very program, again and again."""
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.delitem(sys.modules, "keywright.bin.bundle", raising=False)
    with pytest.raises(Unavailable, match=r"the OS keyring failed \(somebody else's frozen program cannot start it\)"):
        os_keyring.read("9b2e1c40", {})
