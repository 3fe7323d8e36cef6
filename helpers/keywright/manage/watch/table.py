"""What is drawn: the rows of `keywright status`, what changed of them lately, and all of it cut to the terminal."""

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from keywright.hit import SPAWN_BRAKE_S
from keywright.log import one_line
from keywright.manage.resting import words
from keywright.manage.span import span
from keywright.manage.status import Row, state_of, told

MARKED_FOR: Final = timedelta(seconds=5)
"""How long a change is marked."""
_HEAD: Final = ("PROFILE", "STATE", "EXPIRES IN", "CHANGE", "TURN", "FOR", "CLIENTS", "LAST ERROR")
"""What matters most comes first: a narrow terminal cuts off the rest."""
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"

Key = tuple[str, str]


class Change(NamedTuple):
    """What happened to a row, in a word, and when it was seen."""

    word: str
    seen_at: datetime


class Line(NamedTuple):
    """One line of the screen; `is_marked` if it changed lately."""

    text: str
    is_marked: bool = False

    @property
    def drawn(self) -> str:
        """The line as the terminal gets it."""
        return f"{_BOLD}{self.text}{_PLAIN}" if self.is_marked else self.text


def changes(
    before: Iterable[Row], after: Iterable[Row], known: Mapping[Key, Change], now: datetime
) -> dict[Key, Change]:
    """Return the changes to be marked at `now`: what differs between the two readings, and what was seen lately."""
    was = {key(row): row for row in before}
    found = {place: change for place, change in known.items() if now - change.seen_at < MARKED_FOR}
    for row in after:
        word = _changed(was.get(key(row)) or was.get((row.profile, "")), row)  # at first it has no place
        if word:
            found[key(row)] = Change(word, now)
    return found


def key(row: Row) -> Key:
    """Return what tells a row from all others, whatever becomes of it."""
    return row.profile, row.place


def _changed(old: Row | None, new: Row) -> str:
    if old is None:
        return "new"
    if new.entry is not None and (old.entry is None or old.entry.generation < new.entry.generation):
        return "renewed" if old.entry else "minted"
    if new.entry is None and old.entry is not None:
        return "dropped"
    if new.failure is not None and (old.failure is None or old.failure.failed_at_s < new.failure.failed_at_s):
        return "failed"
    return "changed" if old.decided != new.decided else ""


def lines(
    rows: Sequence[Row],
    marked: Mapping[Key, Change],
    braked_until_s: Callable[[str], float],
    now: datetime,
    size: tuple[int, int],
) -> list[Line]:
    """Return the table's lines as of `now`, cut to `size`: columns and lines."""
    columns, height = size
    table = [_HEAD, *(_cells(row, marked.get(key(row)), braked_until_s, now) for row in rows)]
    cells = [[one_line(cell) for cell in row] for row in table]
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    is_marked = [False, *(key(row) in marked for row in rows)]
    drawn = [
        Line(cut(("* " if mark else "  ") + "  ".join(map(_padded, row, widths)).rstrip(), columns), mark)
        for row, mark in zip(cells, is_marked, strict=True)
    ]
    if len(drawn) <= height:
        return drawn
    left = len(drawn) - max(height - 1, 0)
    return [*drawn[: max(height - 1, 0)], Line(cut(f"  … and {left} more", columns))][:height]


def _cells(row: Row, change: Change | None, braked_until_s: Callable[[str], float], now: datetime) -> tuple[str, ...]:
    state = state_of(row.entry, row.plan, now) if row.entry else row.state
    expires_in = span((row.plan.expires_at - now).total_seconds()) if row.plan else ""
    word = change.word if change else ""
    if not word and row.digest and _is_being_renewed(row, braked_until_s(row.digest), now):
        word = "renewing"
    turn, failure = words(row.decided, now), told(row.failure, now)
    return row.profile, state, expires_in, word, turn, row.place, ", ".join(row.clients), failure


def _is_being_renewed(row: Row, until_s: float, now: datetime) -> bool:
    """Whether a renewal was started a moment ago: it holds the brake, and has neither ended nor failed."""
    is_failing = row.failure is not None and row.failure.holds(now.timestamp())
    return not is_failing and 0 < until_s - now.timestamp() <= SPAWN_BRAKE_S


def width(text: str) -> int:
    """Return how many columns a terminal takes for printable text."""
    return sum(_width(character) for character in text)


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def _padded(text: str, columns: int) -> str:
    return text + " " * (columns - width(text))


def cut(text: str, columns: int) -> str:
    """Return the text, its end replaced by `…` where it does not fit."""
    if width(text) <= columns:
        return text
    fits, used = "", 0
    for character in text:
        if used + _width(character) > columns - 1:
            break
        fits, used = fits + character, used + _width(character)
    return fits + "…" if columns > 0 else ""
