"""The pages of the documentation, taken apart: what is fenced, and which commands stand in it.

A ```sh block holds commands, one a line. A ```console block is a transcript: a command after `$ `, and below it the
very output, in which `…` stands for anything within a line and, alone, for any number of lines. Nothing below it means
that nothing is printed. A backslash at the end of a command's line has it go on in the next.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = tuple(
    str(path.relative_to(ROOT))
    for path in (ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md")))
)
ANY: Final = "…"


class Block(NamedTuple):
    """What stands between two fences.

    Attributes:
        page: the page, relative to the root.
        line: of the opening fence, from 1.
        language: after the opening fence; empty for none.
        text: with a line end at its end.
    """

    page: str
    line: int
    language: str
    text: str


class Command(NamedTuple):
    """A command and what it is said to print; `shown` is None where nothing is said."""

    text: str
    shown: tuple[str, ...] | None

    @property
    def bare(self) -> str:
        """The command without the comment behind it, in one line."""
        joined = re.sub(r"\\\n\s*", "", self.text)
        return re.sub(r"(^|\s)#\s.*$", "", joined).strip()


def read(page: str) -> str:
    """Return a page's text."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str) -> list[Block]:
    """Return the fenced blocks of a page."""
    found: list[Block] = []
    start, language, lines = 0, "", []
    for number, line in enumerate(read(page).splitlines(), 1):
        if not line.startswith("```"):
            lines.append(line)
        elif start:
            found.append(Block(page, start, language, "\n".join([*lines, ""])))
            start = 0
        else:
            start, language, lines = number, line.removeprefix("```"), []
    assert not start, f"{page}:{start} is not closed"
    return found


def commands(block: Block) -> list[Command]:
    """Return the commands of a block of either kind; none of any other."""
    if block.language == "sh":
        lines = re.sub(r"\\\n", "\\\\\0", block.text).split("\n")
        return [Command(line.replace("\0", "\n"), None) for line in lines if line and not line.startswith("#")]
    return list(_transcript(block)) if block.language == "console" else []


def _transcript(block: Block) -> Iterator[Command]:
    command, shown = "", []
    lines = iter(block.text.splitlines())
    for line in lines:
        if not line.startswith("$ "):
            assert command, f"{block.page}:{block.line}: output before the first command"
            shown.append(line)
            continue
        if command:
            yield Command(command, tuple(shown))
        command, shown = line.removeprefix("$ "), []
        while command.endswith("\\"):
            command += "\n" + next(lines)
    yield Command(command, tuple(shown))


def matches(shown: tuple[str, ...], printed: list[str]) -> bool:
    """Return whether the lines that are shown are those that were printed."""
    pattern = "".join(
        r"(?:[^\n]*\n)*" if line.strip() == ANY else _line(line) for line in shown if not line.startswith("#")
    )
    return re.fullmatch(pattern, "".join(f"{line.rstrip()}\n" for line in printed)) is not None


def _line(line: str) -> str:
    """Return the pattern of one line; runs of blanks are alike, because columns are as wide as what stands in them."""
    parts = (re.escape(part) for part in line.rstrip().split(ANY))
    return re.sub(r"(\\ )+", r"[ ]+", r"[^\n]*".join(parts)) + r"\n"
