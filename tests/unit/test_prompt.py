"""A question to a person: at a terminal of their own, and nowhere else."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pexpect
import pytest

from keywright.prompt import _heard

pytestmark = pytest.mark.real_clock

ASK = """
import os, sys
from keywright import prompt
from keywright.errors import NeedsPerson
ask = prompt.find_ask(os.environ)
if ask is None:
    sys.exit("nobody to ask")
try:
    answer = ask("MFA code for ann\\x1b[2J")
    print("got", len(answer.reveal()), answer.reveal() == sys.argv[1])
except NeedsPerson as error:
    sys.exit(str(error))
"""
EXPECTED = "123456"


@contextmanager
def person(script: str = ASK, **env: str) -> Iterator["pexpect.spawn[str]"]:
    """Run a script at a terminal of its own."""
    child = pexpect.spawn(
        sys.executable,
        ["-c", script, EXPECTED],
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **env},
        encoding="utf-8",
        timeout=60,
    )
    try:
        yield child
    finally:
        child.close(force=True)


def rest_of(child: "pexpect.spawn[str]") -> str:
    child.expect(pexpect.EOF)
    child.wait()
    return str(child.before)


def test_the_question_is_one_line_and_the_answer_is_not_shown() -> None:
    with person() as child:
        child.expect_exact("keywright: MFA code for ann\\x1b[2J: ")
        child.sendline(EXPECTED)
        rest = rest_of(child)
    assert "got 6 True" in rest
    assert EXPECTED not in rest


@pytest.mark.parametrize("typed", ["", "   "])
def test_no_answer_is_an_error(typed: str) -> None:
    with person() as child:
        child.expect_exact(": ")
        child.sendline(typed)
        assert "no answer was given; try again" in rest_of(child)


def test_blanks_around_an_answer_are_dropped() -> None:
    with person() as child:
        child.expect_exact(": ")
        child.sendline(f"  {EXPECTED} ")
        assert "got 6 True" in rest_of(child)


def test_an_end_of_input_is_no_answer_and_the_terminal_shows_again_what_is_typed() -> None:
    script = ASK.replace("sys.exit(str(error))", "print(error); print('typed', input())")
    with person(script) as child:
        child.expect_exact(": ")
        child.sendeof()
        child.expect_exact("no answer was given")
        child.sendline("shown")
        rest = rest_of(child)
    assert rest.count("shown") == 2, "once by the terminal, once by the script"


def test_nobody_is_waited_for_for_ever() -> None:
    with person(ASK.replace("ask = prompt", "prompt.PERSON_S = 0.2; ask = prompt")) as child:
        assert "nobody answered within 0 s; try again" in rest_of(child)


def test_what_was_typed_before_the_question_answers_nothing() -> None:
    script = ASK.replace("try:\n", "print('ready'); sys.stdin.readline()\ntry:\n", 1)
    with person(script) as child:
        child.expect_exact("ready")
        child.send("000000")  # no line yet: it stays in the terminal's queue
        child.send("\n999999\n")
        child.expect_exact("keywright: ")
        child.sendline(EXPECTED)
        assert "True" in rest_of(child)


@pytest.mark.parametrize("value", ["true", "1", "yes"])
def test_nobody_is_asked_in_ci(value: str) -> None:
    with person(CI=value) as child:
        assert "nobody to ask" in rest_of(child)


@pytest.mark.parametrize("value", ["false", "0", ""])
def test_a_variable_that_says_that_this_is_no_ci_is_believed(value: str) -> None:
    with person(CI=value) as child:
        child.expect_exact("keywright: ")


def test_nobody_is_asked_without_a_terminal() -> None:
    run = subprocess.run(
        [sys.executable, "-c", ASK, EXPECTED],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        start_new_session=True,
    )
    assert (run.returncode, run.stderr) == (1, "nobody to ask\n")


def test_nobody_is_asked_from_the_background() -> None:
    script = ASK.replace(
        "ask = prompt", "os.setpgid(0, 0) if os.fork() == 0 else (os.wait(), os._exit(0)); ask = prompt"
    )
    with person(script) as child:
        assert "nobody to ask" in rest_of(child)


def test_a_signal_that_came_just_before_the_wait_is_sent_until_it_is_heard() -> None:
    heard = threading.Semaphore(0)
    before = signal.signal(signal.SIGUSR1, lambda *_: heard.release())
    try:
        with _heard([signal.SIGUSR1]):
            signal.raise_signal(signal.SIGUSR1)
            assert all(heard.acquire(timeout=30) for _ in range(3))
        while heard.acquire(blocking=False):
            pass
        signal.raise_signal(signal.SIGUSR1)
        assert heard.acquire(blocking=False)
        assert not heard.acquire(blocking=False)
    finally:
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
@pytest.mark.parametrize("asking", ["prompt.ask('Question')", "Asking().known('Question: ')"])
def test_who_is_ended_at_the_question_leaves_a_terminal_that_shows_what_is_typed(
    asking: str, end: signal.Signals
) -> None:
    script = f"""
import os, resource, signal, termios
from keywright import prompt
from keywright.manage.terminal import Asking
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
signal.signal({int(end)}, signal.SIG_DFL)  # whoever runs the tests may ignore it
pid = os.fork()
if pid == 0:
    print("asking:", os.getpid())
    {asking}
_, status = os.waitpid(pid, 0)
print("ended by", os.WTERMSIG(status), "echo", bool(termios.tcgetattr(0)[3] & termios.ECHO))
"""
    with person(script) as child:
        child.expect_exact("Question: ")
        os.kill(int(str(child.before).split()[1]), end)
        assert f"ended by {end.value} echo True" in rest_of(child)


@pytest.mark.parametrize("handler", ["signal.SIG_IGN", "lambda *_: None"])
def test_a_signal_that_does_not_end_the_process_does_not_end_the_question(handler: str) -> None:
    script = f"import signal; signal.signal(signal.SIGTERM, {handler})\n{ASK}"
    with person(script) as child:
        child.expect_exact(": ")
        child.kill(signal.SIGTERM)
        child.sendline(EXPECTED)
        assert "got 6 True" in rest_of(child)
