"""Write the manual pages: `python packaging/manual/write_pages.py FOLDER` makes `FOLDER/man1/keywright.1` and others.

They are made from the command line, the settings and the errors themselves. The same commit makes the same bytes: their
date is that of SOURCE_DATE_EPOCH, or else of the newest release in the changelog, or none.
"""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import client_pages
import command_pages
import settings_page
from keywright import __version__
from roff import Page

_CHANGELOG: Final = Path(__file__).resolve().parents[2] / "CHANGELOG.md"


def main() -> None:
    """Write them, and print where each is."""
    (folder,) = sys.argv[1:]
    for page in pages(os.environ):
        path = Path(folder) / page.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page.text, encoding="ascii")
        print(path)


def pages(env: Mapping[str, str]) -> Iterator[Page]:
    """Yield every page."""
    date, source = date_of(env, _CHANGELOG.read_text()), f"keywright {__version__}"
    yield from command_pages.pages(date, source)
    yield from client_pages.pages(date, source)
    yield settings_page.page(date, source)


def date_of(env: Mapping[str, str], changelog: str) -> str:
    """Return the pages' date, `2026-01-02`; empty where there is none."""
    if env.get("SOURCE_DATE_EPOCH"):
        return datetime.fromtimestamp(int(env["SOURCE_DATE_EPOCH"]), UTC).date().isoformat()
    released = re.search(r"^## \[[^\]]+\] - ([0-9]{4}-[0-9]{2}-[0-9]{2})$", changelog, re.MULTILINE)
    return released[1] if released else ""


if __name__ == "__main__":
    main()
