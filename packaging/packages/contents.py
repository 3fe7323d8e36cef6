"""Tell what is in the bundle, as JSON on stdout: `VENV/bin/python contents.py BUNDLE VENV/installed.json FROZEN`.

It runs in the environment that was frozen, since that knows its distributions and their licences. What PyInstaller took
is in the tables it leaves in its work folder: names, and the files they came from.
"""

import ast
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

HERE: Final = Path(__file__).resolve().parent
sys.path.insert(1, str(HERE.parent / "bundle"))

from components import Component  # noqa: E402 - below it is what has `elf`, which `libraries` imports
from distributions import distributions_of  # noqa: E402 - the same for these
from libraries import c_library, incorporated, inside_distributions, interpreter, shared_libraries  # noqa: E402

_TABLES: Final = ("COLLECT-00.toc", "EXE-00.toc")
_MODULES: Final = "Analysis-00.toc"
"""Here each module has its source; in the others it is byte code that PyInstaller made of it."""


def main() -> None:
    """Print it."""
    bundle, installed, frozen = map(Path, sys.argv[1:])
    rows = [row for name in _TABLES for row in _rows(frozen / name)]
    modules = [row for row in _rows(frozen / _MODULES) if row.kind == "PYMODULE"]
    sources = {os.path.realpath(row.source) for row in (*rows, *modules)}
    names = {row.name for row in rows}
    libraries = {name: source for name, source, _ in rows if ".so" in name and os.path.basename(name).startswith("lib")}
    found: list[Component] = [
        interpreter(),
        *incorporated(names),
        *distributions_of(sources, installed),
        *inside_distributions(names),
        *shared_libraries(libraries, bundle / "_internal"),
        *c_library(bundle / "keywright"),
    ]
    json.dump([component._asdict() for component in sorted(found)], sys.stdout, indent=1)


class _Row(NamedTuple):
    name: str
    source: str
    kind: str


def _rows(table: Path) -> Iterator[_Row]:
    """Yield the table's rows that have a source, wherever in its nested lists they are."""
    parts = [ast.literal_eval(table.read_text(encoding="utf-8"))]
    while parts:
        part = parts.pop()
        if isinstance(part, tuple) and len(part) == len(_Row._fields) and isinstance(part[0], str):
            row = _Row(*part)
            if row.source:
                yield row
        elif isinstance(part, tuple | list):
            parts.extend(part)


if __name__ == "__main__":
    main()
