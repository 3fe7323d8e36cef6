"""One question to the person at the terminal: never on standard input or output, which belong to the client.

kubectl's standard input may be a manifest (kubernetes/kubernetes#70261), git's output the answer itself. The terminal
is opened by its own name, so that neither is touched, whatever they are.
"""

import os
import signal
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

from keywright.deadline import PERSON_S, OutOfTime, within
from keywright.errors import NeedsPerson
from keywright.log import one_line
from keywright.secret import Secret

Ask = Callable[[str], Secret]
"""Asks the person one question; raises NeedsPerson if they do not answer."""

TERMINAL: Final = "/dev/tty"
ANSWER_AT_MOST: Final = 4096
_ENDING: Final = (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM)
_AGAIN_S: Final = 0.05
_FALSE: Final = frozenset({"", "0", "false"})


def find_ask(env: Mapping[str, str]) -> Ask | None:
    """Return how to ask; None where nobody is there: in CI, without a terminal, and behind the shell's back."""
    if env.get("CI", "").lower() not in _FALSE:
        return None
    try:
        terminal = os.open(TERMINAL, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        # Who reads from a terminal in the background is stopped, and its caller would wait for good.
        return ask if os.tcgetpgrp(terminal) == os.getpgrp() else None
    except OSError:
        return None
    finally:
        os.close(terminal)


def ask(question: str) -> Secret:
    """Return what the person types to `question`, unseen, blanks around it dropped. Waits two minutes at most.

    Raises:
        NeedsPerson: they typed nothing, or not in time, or the terminal has gone.
    """
    try:
        with within(PERSON_S), ended_in_order():
            answer = _ask_at_terminal(f"keywright: {one_line(question)}: ")
    except OutOfTime:
        raise NeedsPerson(f"nobody answered within {PERSON_S:.0f} s", mend="try again") from None
    except OSError:
        raise NeedsPerson("the terminal cannot be read", mend="try again") from None
    if not answer:
        raise NeedsPerson("no answer was given", mend="try again")
    return Secret(answer)


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Have a signal that ends the process leave the block first, with what it does at its end: echo comes back.

    The process then ends of that signal, as it would have. Only the main thread can do so; in any other this is
    nothing. Signals that are ignored or handled already stay so.
    """
    caught = [number for number in _ENDING if signal.getsignal(number) is signal.SIG_DFL]

    def end(number: int, _frame: FrameType | None) -> NoReturn:
        for other in caught:  # once is enough, and the end is not to be left half done
            signal.signal(other, signal.SIG_IGN)
        raise _Ended(number)

    try:
        for number in caught:
            signal.signal(number, end)
    except ValueError:  # not the main thread
        caught = []
    ended_by = 0
    try:
        with _heard(caught):
            yield
    except _Ended as ended:
        ended_by = ended.number
    finally:
        for number in caught:
            signal.signal(number, signal.SIG_DFL)
    if ended_by:
        os.kill(os.getpid(), ended_by)


@contextmanager
def _heard(numbers: Collection[int]) -> Iterator[None]:
    """Have one of the signals that came be heard also where the block has just begun to wait: it is sent again.

    Python hears of a signal between two of its own steps, or as it interrupts a system call. One that comes after the
    last step before a `read` would only be heard once somebody types.
    """
    if not numbers:
        yield
        return
    import threading

    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    here, is_over = threading.get_ident(), threading.Event()

    def send_again() -> None:
        while came := os.read(reader, 1):
            while came[0] in numbers and not is_over.wait(_AGAIN_S):
                signal.pthread_kill(here, came[0])

    thread = threading.Thread(target=send_again, name="keywright-prompt", daemon=True)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        is_over.set()
        os.close(writer)
        thread.join()
        os.close(reader)


class _Ended(BaseException):
    """A signal that ends the process came."""

    def __init__(self, number: int) -> None:
        self.number = number


def _ask_at_terminal(text: str) -> str:
    import termios  # the only call that needs it has all the time in the world

    terminal = os.open(TERMINAL, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        shown = termios.tcgetattr(terminal)
        hidden = [*shown[:3], shown[3] & ~termios.ECHO, *shown[4:]]
        try:
            termios.tcsetattr(terminal, termios.TCSAFLUSH, hidden)  # what was typed before the question answers nothing
            os.write(terminal, text.encode("utf-8", "backslashreplace"))
            return os.read(terminal, ANSWER_AT_MOST).decode("utf-8", "replace").strip()
        finally:
            termios.tcsetattr(terminal, termios.TCSAFLUSH, shown)
            os.write(terminal, b"\n")
    except termios.error:  # no OSError, though it is one
        raise OSError from None
    finally:
        os.close(terminal)
