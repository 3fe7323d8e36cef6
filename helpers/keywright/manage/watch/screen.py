"""The terminal, borrowed: its other screen, no cursor, no echo; and given back however the program ends."""

import os
import select
import signal
import sys
import termios
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import Enum
from types import FrameType
from typing import Final

_ENTER: Final = "\x1b[?1049h\x1b[?25l"
_LEAVE: Final = "\x1b[?25h\x1b[?1049l"
_HEARD: Final = (signal.SIGWINCH, signal.SIGTERM, signal.SIGINT, signal.SIGTSTP)


class End(Enum):
    """What ended the wait."""

    TIME = "the time is over"
    RESIZED = "the terminal has another size"
    QUIT = "the person has seen enough"
    TERMINATED = "somebody asked the process to end"


class Screen:
    """An open terminal that is drawn on."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe

    def size(self) -> tuple[int, int]:
        """Return its columns and lines as they are now."""
        try:
            size = os.get_terminal_size(sys.stdout.fileno())
        except OSError:
            return 80, 24
        return size.columns or 80, size.lines or 24  # some terminals do not say

    def draw(self, lines: Sequence[str]) -> None:
        """Put the lines in place of what is there; each fits, or the terminal would wrap it.

        Raises:
            OSError: the terminal is gone.
        """
        _put("\x1b[H" + "\r\n".join(f"\x1b[2K{line}" for line in lines) + "\x1b[J")

    def wait(self, seconds: float) -> End:
        """Wait for the time to pass, or for something that cannot wait."""
        is_heard = sys.stdin is not None and sys.stdin.isatty()
        ready, _, _ = select.select([self._pipe, *([0] if is_heard else [])], [], [], seconds)
        if 0 in ready and _is_enough(os.read(0, 64)):
            return End.QUIT
        heard = set(os.read(self._pipe, 64)) if self._pipe in ready else set()
        if signal.SIGTERM in heard:
            return End.TERMINATED
        if signal.SIGINT in heard:
            return End.QUIT
        if signal.SIGTSTP in heard:
            self._stop()
        return End.RESIZED if heard else End.TIME

    def _stop(self) -> None:
        """Give the terminal back for as long as the process is stopped."""
        _put(_LEAVE)
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, _hear)
        _put(_ENTER)


@contextmanager
def borrowed() -> Iterator[Screen]:
    """Borrow the terminal for the block."""
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    before = {number: signal.signal(number, _hear) for number in _HEARD}
    woken = signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    give_back = _without_echo()
    try:
        _put(_ENTER)
        yield Screen(read_end)
    finally:
        with suppress(OSError):
            _put(_LEAVE)
        give_back()
        signal.set_wakeup_fd(woken)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(read_end)
        os.close(write_end)


def _is_enough(typed: bytes) -> bool:
    """Whether it is `q`, or nothing at all: the terminal hung up. Enter and blanks say nothing."""
    keys = typed.strip().lower()
    return not typed or (bool(keys) and not keys.strip(b"q"))


def _hear(_number: int, _frame: FrameType | None) -> None:
    """Have the signal's number put into the pipe, and nothing interrupted."""


def _without_echo() -> Callable[[], None]:
    """Have typed keys neither shown nor kept for a line's end; return what undoes it."""
    try:
        before = termios.tcgetattr(0)
    except (termios.error, OSError):
        return lambda: None
    quiet = [*before]
    quiet[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(0, termios.TCSADRAIN, quiet)

    def give_back() -> None:
        with suppress(termios.error, OSError):
            termios.tcsetattr(0, termios.TCSADRAIN, before)

    return give_back


def _put(text: str) -> None:
    data = text.encode("utf-8", "replace")
    while data:
        data = data[os.write(sys.stdout.fileno(), data) :]
