"""`make bench`: what a call costs, beside the interpreter's own start and beside peers. Writes bench/results.md.

Each figure is a whole process, timed from outside; ratios are taken round by round within one run, so that they hold
when the machine's speed drifts. `measure.py` says how, `races.py` what runs against what, `stage.py` on what.
"""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bundle import Bundle, front, frozen
from crowd import crowd
from flat import flat
from keepers import keepers
from kubectl import kubectl
from measure import Race, Table, table
from profiles import profiles
from programs import programs
from races import fetches, hits, mints, peers, stale
from size import size
from stage import ROOT, Stage, install_wheel

RESULTS = ROOT / "bench" / "results.md"
Outcome = Race | Table
RACES: dict[str, Callable[[Stage, Bundle, int], Iterable[Outcome]]] = {
    "front": lambda stage, bundle, rounds: [front(stage, bundle, rounds)],
    "peers": lambda stage, bundle, rounds: [peers(stage, bundle, rounds)],
    "frozen": lambda stage, bundle, rounds: [frozen(stage, bundle, rounds)],
    "hits": lambda stage, _bundle, rounds: [hits(stage, rounds)],
    "stale": lambda stage, _bundle, rounds: [stale(stage, rounds)],
    "mints": lambda stage, bundle, rounds: [mints(stage, bundle, max(5, rounds // 4))],
    "kubectl": kubectl,
    "fetches": lambda stage, _bundle, rounds: [fetches(stage, max(10, rounds // 2))],
    "crowd": lambda stage, bundle, _rounds: [crowd(stage, bundle)],
    "flat": flat,
    "size": lambda _stage, bundle, _rounds: [size(bundle)],
    "keepers": lambda stage, _bundle, rounds: [keepers(stage, rounds)],
    "profiles": lambda stage, _bundle, rounds: profiles(stage, rounds),
    "programs": lambda stage, _bundle, rounds: programs(stage, rounds),
}
"""Every race, in the page's order."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rounds", type=int, default=40, help="rounds counted of each race")
    arguments.add_argument("--print", action="store_true", dest="only_print", help="do not write bench/results.md")
    arguments.add_argument("--only", action="append", choices=RACES, help="run this race alone, and write nothing")
    options = arguments.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bundle = Bundle.find(folder / "frozen")
        installed = install_wheel(folder)
        with Stage(folder, installed) as stage:
            for race in options.only or RACES:
                print(f"{datetime.now(UTC):%H:%M:%S} {race}", file=sys.stderr)
                outcomes += RACES[race](stage, bundle, options.rounds)
    text = report(outcomes)
    print(text)
    if not options.only_print and not options.only:
        RESULTS.write_text(text)


def report(outcomes: Sequence[Outcome]) -> str:
    """Return the page: the machine, then a table for each race."""
    lines = [
        "# What a call costs",
        "",
        "Made by `make bench`. Medians, of whole processes unless told otherwise; a ratio is the rounds' own median.",
        "",
        *machine(),
    ]
    for outcome in outcomes:
        shown = table(outcome) if isinstance(outcome, Race) else outcome
        lines += ["", f"## {shown.title}", ""]
        lines += [row(shown.columns), row(rule(shown)), *map(row, shown.rows)]
        for note in shown.notes:
            lines += ["", note]
    return "\n".join(lines) + "\n"


def rule(shown: Table) -> list[str]:
    return ["---"] * shown.words + ["---:"] * (len(shown.columns) - shown.words)


def row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def machine() -> list[str]:
    """Return the lines that say what it ran on."""
    try:
        cpuinfo = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        cpuinfo = []
    cpu = next((line.partition(":")[2].strip() for line in cpuinfo if line.startswith("model name")), "unknown")
    return [
        f"- {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {cpu}",
        f"- {platform.system()} {platform.release()}, Python {platform.python_version()}",
    ]


if __name__ == "__main__":
    main()
