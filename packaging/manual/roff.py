"""A manual page as roff, in the few macros of man(7) that groff and mandoc agree on.

Text is written as in docstrings: `this` becomes bold. What roff would take for itself is escaped, a hyphen becomes the
minus that can be copied into a shell, and what is not ASCII is spelled by its number, so that any locale will do.
"""

import re
from collections.abc import Iterable
from typing import Final

_SPECIAL: Final = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti", '"': r"\(dq"}
_ASCII: Final = 0x7F


class Page:
    """One page, written from its head to its end."""

    def __init__(self, name: str, section: int, about: str, *, date: str, source: str) -> None:
        """Begin with the title and the NAME; `date` is YYYY-MM-DD or empty, `source` whose page it is."""
        self.name = name
        self.section = section
        self._lines = [
            f'.TH {escape(name.upper())} {section} "{date}" {quoted(source)} {quoted("keywright manual")}',
            ".SH NAME",
            f"{escape(name)} \\- {marked(about)}",
        ]

    @property
    def file(self) -> str:
        """Where it belongs below a folder of manual pages."""
        return f"man{self.section}/{self.name}.{self.section}"

    @property
    def text(self) -> str:
        """The page as a file holds it."""
        return "\n".join(self._lines) + "\n"

    def head(self, title: str) -> None:
        """Begin a section."""
        self._lines.append(f".SH {escape(title)}")

    def subhead(self, title: str) -> None:
        """Begin a part of a section; the title is bold, and what is in braces in it is a placeholder."""
        self._lines.append(f".SS {quoted(title)}")

    def say(self, text: str) -> None:
        """Add a paragraph."""
        if not self._lines[-1].startswith((".SH", ".SS")):
            self._lines.append(".PP")
        self._lines.append(marked(text))

    def define(self, term: str, text: str) -> None:
        """Add a term, bold, and what it means."""
        self._lines += [".TP", f"\\fB{escape(term)}\\fR", marked(text)]

    def synopsis(self, words: str, options: Iterable[str]) -> None:
        """Add a line of a synopsis: the words bold, each option or argument unbroken."""
        if not self._lines[-1].startswith((".SH", ".SS")):
            self._lines.append(".br")
        rest = " ".join(escape(option).replace(" ", "\\ ") for option in options)
        self._lines.append(f"\\fB{escape(words)}\\fR {rest}".rstrip())

    def show(self, lines: Iterable[str]) -> None:
        """Add lines as they are, such as commands to type."""
        if not self._lines[-1].startswith((".SH", ".SS")):
            self._lines.append(".PP")
        self._lines += [".RS 4", ".nf", *(escape(line) or "\\&" for line in lines), ".fi", ".RE"]

    def tell(self, text: str) -> None:
        """Add a help text of click's: paragraphs, of which one after a backspace stays as it is."""
        for paragraph in re.split(r"\n[ \t]*\n", text.strip("\n ")):
            lines = paragraph.strip("\n").split("\n")
            if lines[0].strip() == "\b":
                self.show(lines[1:])
            else:
                self.say(" ".join(line.strip() for line in lines))


def marked(text: str) -> str:
    """Return text with what is in backticks made bold."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    bold = (f"\\fB{escape(part)}\\fR" if at % 2 else _inner(part, is_first=at == 0) for at, part in enumerate(parts))
    return "".join(bold)


def quoted(text: str) -> str:
    """Return text as one argument of a macro."""
    return f'"{escape(text)}"'


def escape(text: str) -> str:
    """Return text that roff prints as it is."""
    return _inner(text, is_first=True)


def _inner(text: str, *, is_first: bool) -> str:
    spelled = "".join(_SPECIAL.get(sign, sign if ord(sign) <= _ASCII else f"\\[u{ord(sign):04X}]") for sign in text)
    return f"\\&{spelled}" if is_first and spelled.startswith(".") else spelled
