"""Tell what is in the bundle, as JSON on stdout: `VENV/bin/python contents.py BUNDLE VENV/installed.json FROZEN`.

It runs in the environment that was frozen, since that knows its distributions and their licences. What PyInstaller took
is in the tables it leaves in its work folder: names, and the files they came from.
"""

import ast
import json
import os
import sys
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
sys.path.insert(1, str(HERE.parent / "bundle"))

from components import Component  # noqa: E402 - below it is what has `elf`, which `libraries` imports
from distributions import distributions_of  # noqa: E402 - the same for these
from libraries import c_library, incorporated, inside_distributions, interpreter, shared_libraries  # noqa: E402

_TABLES: Final = ("COLLECT-00.toc", "EXE-00.toc", "PYZ-00.toc")


def main() -> None:
    """Print it."""
    bundle, installed, frozen = map(Path, sys.argv[1:])
    rows = [row for name in _TABLES for row in _rows(ast.literal_eval((frozen / name).read_text(encoding="utf-8")))]
    sources = {os.path.realpath(source) for _, source in rows}
    names = {name for name, _ in rows}
    libraries = {name: source for name, source in rows if ".so" in name and os.path.basename(name).startswith("lib")}
    found: list[Component] = [
        interpreter(),
        *incorporated(names),
        *distributions_of(sources, installed),
        *inside_distributions(names),
        *shared_libraries(libraries, bundle / "_internal"),
        *c_library(bundle / "keywright"),
    ]
    json.dump([component._asdict() for component in sorted(found)], sys.stdout, indent=1)


def _rows(table: object) -> list[tuple[str, str]]:
    """Return the table's rows, wherever in its nested lists they are."""
    if isinstance(table, tuple) and len(table) == len(("name", "source", "kind")) and isinstance(table[0], str):
        return [(table[0], table[1])] if table[1] else []
    return [row for part in table for row in _rows(part)] if isinstance(table, (tuple, list)) else []


if __name__ == "__main__":
    main()
