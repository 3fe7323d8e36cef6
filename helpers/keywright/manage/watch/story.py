"""`keywright status --watch [--interval S]`: look, mark what changed, draw, wait; until the person has seen enough.

    keywright status, 18:04:05Z                                                    every 1s; q or Ctrl-C ends
      PROFILE          STATE  EXPIRES IN  CHANGE   TURN  FOR                      CLIENTS  LAST ERROR
    * github-app:acme  fresh  59m 58s     renewed        https://github.com/acme  git

Ctrl-C is how it is meant to end: 0. It takes no lock, and reads entries, answers and failures again only when a folder
of them has changed, or after ten seconds: in between it counts down.
"""

import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from keywright.cache.folder import locate as locate_folder
from keywright.cache.open import Cache, open_cache
from keywright.errors import EXIT_BROKEN_PIPE, KeywrightError, UsageError
from keywright.hit import stamp
from keywright.log import one_line
from keywright.manage.status import Row, read
from keywright.manage.watch.screen import End, borrowed
from keywright.manage.watch.table import Change, Key, Line, changes, cut, lines
from keywright.settings.load import load, locate

EXIT_TERMINATED: Final = 143
_LOOK_AGAIN: Final = timedelta(seconds=10)


class _Reading(NamedTuple):
    """What was read, when, and what the folders looked like before."""

    rows: list[Row]
    cache: Cache | None
    error: KeywrightError | None
    stamps: Mapping[str, str]
    read_at: datetime


class Watch:
    """Remembers from one look to the next."""

    def __init__(self, env: Mapping[str, str], now: Callable[[], datetime]) -> None:
        self._env = env
        self._now = now
        self._last: _Reading | None = None
        self._marked: dict[Key, Change] = {}

    def look(self, size: tuple[int, int], interval_s: int) -> list[Line]:
        """Return the lines of the screen as it is to be now. What cannot be read is told there."""
        now = self._now()
        reading = self._read(now)
        before = self._last.rows if self._last else reading.rows
        self._marked = changes(before, reading.rows, self._marked, now)
        self._last = reading
        columns, height = size[0] - 1, size[1]  # in its last column a terminal is about to wrap, and erases too much
        head = f"keywright status, {now:%H:%M:%S}Z"
        hint = f"every {interval_s}s; q or Ctrl-C ends"
        top = [Line(cut(f"{head}  {hint.rjust(columns - len(head) - 2)}", columns))]
        if reading.error is not None:
            return [*top, Line(cut(one_line(reading.error.line), columns))][:height]
        if not reading.rows:
            return [*top, Line(cut("nothing is cached, and the settings name no profile", columns))][:height]
        cache = reading.cache
        braked_until_s = cache.answers.braked_until_s if cache else _never
        return [*top, *lines(reading.rows, self._marked, braked_until_s, now, (columns, height - 1))][:height]

    def _read(self, now: datetime) -> _Reading:
        stamps = self._stamps()
        last = self._last
        if last is not None and last.stamps == stamps and timedelta(0) <= now - last.read_at < _LOOK_AGAIN:
            return last
        try:
            cache = open_cache(self._env)
            rows = read(load(locate(self._env)), cache, self._env, now)
        except KeywrightError as error:
            return _Reading(last.rows if last else [], None, error, stamps, now)
        return _Reading(rows, cache, None, stamps, now)

    def _stamps(self) -> dict[str, str]:
        """Return what the folders and the settings look like: each write puts a new file in place."""
        try:
            cache, state = locate_folder("cache", self._env), locate_folder("state", self._env)
            folders = [cache, *(f"{cache}/{name}" for name in ("entries", "answers", "renew"))]
            folders += [state, *(f"{state}/{name}" for name in ("failures", "profiles"))]
            return {path: stamp(path) for path in (locate(self._env), *folders)}
        except KeywrightError:
            return {}


def watch(interval_s: int, env: Mapping[str, str], now: Callable[[], datetime], *, as_json: bool) -> int:
    """Draw until the person has seen enough; return the exit code.

    Raises:
        UsageError: standard output is no terminal that can be drawn on, or JSON is wanted.
    """
    if as_json:
        raise UsageError("--watch draws a table, and --json is for programs", mend="leave one of them out")
    term = env.get("TERM", "")
    if not sys.stdout.isatty() or term in {"", "dumb"}:
        why = f"TERM={term} is none that can be drawn on" if sys.stdout.isatty() else "standard output is none"
        raise UsageError(f"--watch needs a terminal to draw on, and {why}", mend="leave it out, or use --json")
    watched = Watch(env, now)
    try:
        with borrowed() as screen:
            while True:
                screen.draw([line.drawn for line in watched.look(screen.size(), interval_s)])
                match screen.wait(interval_s):
                    case End.QUIT:
                        return 0
                    case End.TERMINATED:
                        return EXIT_TERMINATED
                    case End.TIME | End.RESIZED:
                        continue
    except OSError:
        return EXIT_BROKEN_PIPE


def _never(_entry: str) -> float:
    return 0.0
