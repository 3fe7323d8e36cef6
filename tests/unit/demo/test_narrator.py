import io
import sys

import pytest

from keywright.demo.narrator import Narrator


class Terminal(io.TextIOWrapper):
    """A terminal that keeps what it is told."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding)

    def isatty(self) -> bool:
        return True


@pytest.fixture
def lines() -> list[str]:
    return []


def test_columns_line_up_and_rows_are_counted(lines: list[str]) -> None:
    narrator = Narrator(lines.append)
    narrator.step("A step")
    narrator.row("git ls-remote", "as it should", holds=True, took_ms=61.4, calls=(1, 2))
    narrator.row("kubectl get pods", "not so", holds=False, took_ms=1234.5, calls=(9, 10), quoted="error:\x1b[2J\nlast")
    narrator.skip("docker pull", "not installed")
    assert lines[1] == "1  A step"
    assert lines[2].index("as it should") == lines[3].index("not so")
    assert lines[2].index(" ms") == lines[3].index(" ms")
    assert lines[4:6] == ["       error:\\x1b[2J", "       last"]
    assert lines[6].index("skipped: not installed") == lines[2].index("as it should")
    assert (narrator.held, narrator.failed) == (1, 1)


def test_colour_is_for_terminals_without_no_color(lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    Narrator(lines.append).row("git", "", holds=True)
    monkeypatch.setenv("NO_COLOR", "1")
    Narrator(lines.append).row("git", "", holds=True)
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    Narrator(lines.append).row("git", "", holds=True)
    assert ["\x1b[" in line for line in lines] == [True, False, False]


def test_a_terminal_without_ticks_gets_ascii(lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal(encoding="ascii"))
    narrator = Narrator(lines.append)
    narrator.row("git", "", holds=True, calls=(0, 1))
    narrator.row("git", "", holds=False)
    assert all(line.isascii() for line in (*lines, narrator.arrow))
