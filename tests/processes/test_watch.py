"""`keywright status --watch` on a real terminal: it draws, follows, and gives the terminal back."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pytest

from processes.house import GIT, House

KEYWRIGHT = str(Path(sys.executable).with_name("keywright"))
ENTER, LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"


@contextmanager
def watching(house: House, *args: str, **env: str) -> Iterator["pexpect.spawn[str]"]:
    child = pexpect.spawn(
        KEYWRIGHT,
        ["status", "--watch", *args],
        env={**house.env, "TERM": "xterm", **env},
        encoding="utf-8",
        timeout=60,
        dimensions=(24, 120),
    )
    try:
        yield child
    finally:
        child.close(force=True)


def end(child: "pexpect.spawn[str]") -> int | None:
    """Return how it ended; the terminal is as it was."""
    child.expect_exact(LEAVE)
    child.expect(pexpect.EOF)
    child.wait()
    return child.exitstatus


@pytest.mark.slow
def test_it_shows_what_happens_meanwhile_and_ends_in_order(house: House) -> None:
    with watching(house) as child:
        child.expect_exact(ENTER)
        child.expect(r"github-app:acme +none")
        house.run(GIT)
        child.expect(r"\* github-app:acme +fresh +5[0-9]m [0-9]+s +minted")
        child.setwinsize(5, 30)
        child.expect_exact("\x1b[2K  PROFILE          STATE  EX…")
        assert len(house.renewals) == 0
        child.sendintr()
        assert end(child) == 0


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 0)], ids=["terminated", "interrupted"]
)
def test_a_signal_gives_the_terminal_back(house: House, number: int, code: int) -> None:
    with watching(house, "--interval", "3600") as child:
        child.expect_exact("github-app:acme")
        child.kill(number)
        assert end(child) == code


@pytest.mark.slow
def test_a_key_ends_it_and_none_is_shown(house: House) -> None:
    with watching(house, "--interval", "3600") as child:
        child.expect_exact("github-app:acme")
        child.send("xq")
        child.send("q")
        assert end(child) == 0
        assert "x" not in str(child.before)


def test_it_can_be_stopped_and_goes_on(house: House) -> None:
    with watching(house) as child:
        child.expect_exact("github-app:acme")
        child.kill(signal.SIGTSTP)
        child.expect_exact(LEAVE)
        child.kill(signal.SIGCONT)
        child.expect_exact(ENTER)
        child.expect_exact("github-app:acme")
        child.sendintr()
        assert end(child) == 0


@pytest.mark.slow
def test_a_pipe_and_a_terminal_that_cannot_be_drawn_on_are_refused(house: House) -> None:
    run = house.run(GIT, command=[KEYWRIGHT, "status", "--watch"])
    assert (run.code, run.stdout) == (2, b"")
    (line,) = run.told
    assert line.startswith("keywright: --watch needs a terminal")
    with watching(house, TERM="dumb") as child:
        child.expect_exact("--watch needs a terminal to draw on, and TERM=dumb is none")
        child.expect(pexpect.EOF)
    with watching(house, "--json") as child:
        child.expect_exact("--json is for programs")
        child.expect(pexpect.EOF)
        assert ENTER not in str(child.before)
    assert house.run(GIT, command=[KEYWRIGHT, "status", "--interval", "2"]).code == 2
