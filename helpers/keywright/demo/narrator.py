"""What the demo prints: numbered steps, and under each the rows that show whether it did what it says."""

import os
import sys
from collections.abc import Callable
from typing import Final

import click

from keywright.log import one_line

WORDS_WIDTH: Final = 27
TOOK_WIDTH: Final = 8
CALLS_WIDTH: Final = 7


class Narrator:
    """Prints, and counts the rows.

    Attributes:
        held: how many rows held.
        failed: how many did not.
    """

    def __init__(self, echo: Callable[[str], object]) -> None:
        """Print through `echo`, in colour on a terminal unless NO_COLOR is set (https://no-color.org)."""
        self.held = 0
        self.failed = 0
        self._echo = echo
        self._is_coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self._steps = 0
        try:
            "✓✗→".encode(sys.stdout.encoding or "ascii")
            self._yes, self._no, self.arrow = "✓", "✗", "→"
        except UnicodeEncodeError:
            self._yes, self._no, self.arrow = "+", "!", "->"

    def line(self, text: str = "") -> None:
        """Print a line as it is."""
        self._echo(text)

    def step(self, title: str) -> None:
        """Begin the next step."""
        self._steps += 1
        self._echo("")
        self._echo(self._styled(f"{self._steps}  {title}", bold=True))

    def row(
        self,
        words: str,
        told: str,
        *,
        holds: bool,
        took_ms: float | None = None,
        calls: tuple[int, int] | None = None,
        quoted: str = "",
    ) -> None:
        """Print one row.

        Args:
            words: what was done.
            told: what is to be seen in it.
            holds: whether it was.
            took_ms: how long it took, in milliseconds.
            calls: how often the issuer had been asked before it and after it.
            quoted: what a program said, printed below.
        """
        self.held += holds
        self.failed += not holds
        mark = self._styled(self._yes, fg="green") if holds else self._styled(self._no, fg="red", bold=True)
        took = "" if took_ms is None else f"{took_ms:.0f} ms"
        asked = "" if calls is None else f"{calls[0]} {self.arrow} {calls[1]}"
        self._echo(f"   {mark} {_columns(words, took, asked, told)}")
        for said in quoted.splitlines():
            self._echo(self._styled(f"       {one_line(said)}", dim=True))

    def skip(self, words: str, why: str) -> None:
        """Print what is left out, and why."""
        self._echo(f"   - {_columns(words, '', '', f'skipped: {why}')}")

    def _styled(self, text: str, *, fg: str | None = None, bold: bool | None = None, dim: bool | None = None) -> str:
        return click.style(text, fg=fg, bold=bold, dim=dim) if self._is_coloured else text


def _columns(words: str, took: str, asked: str, told: str) -> str:
    return f"{words:{WORDS_WIDTH}}{took:>{TOOK_WIDTH}}   {asked:{CALLS_WIDTH}}   {told}".rstrip()
