"""`make bench`: what a call costs, beside the interpreter's own start and beside peers. Writes bench/results.md.

Each figure is a whole process, timed from outside; ratios are taken round by round within one run, so that they hold
when the machine's speed drifts. `measure.py` says how, `races.py` what runs against what, `stage.py` on what.
"""

import argparse
import os
import platform
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from keepers import keepers
from measure import UNITS, Race, ratio
from profiles import profiles
from programs import programs
from races import fetches, hits, mints, peers, stale
from stage import ROOT, Stage, install_wheel

RESULTS = ROOT / "bench" / "results.md"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rounds", type=int, default=40, help="rounds counted of each race")
    arguments.add_argument("--print", action="store_true", dest="only_print", help="do not write bench/results.md")
    options = arguments.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        installed = install_wheel(folder)
        with Stage(folder, installed) as stage:
            rounds = options.rounds
            text = report(
                [
                    hits(stage, rounds),
                    stale(stage, rounds),
                    mints(stage, max(5, rounds // 4)),
                    fetches(stage, max(10, rounds // 2)),
                    peers(stage, rounds),
                    keepers(stage, rounds),
                    *profiles(stage, rounds),
                    *programs(stage, rounds),
                ]
            )
    print(text)
    if not options.only_print:
        RESULTS.write_text(text)


def report(races: Sequence[Race]) -> str:
    """Return the page: the machine, then a table for each race."""
    lines = [
        "# What a call costs",
        "",
        "Made by `make bench`. Medians, of whole processes unless told otherwise; a ratio is the rounds' own median.",
        "",
        *machine(),
    ]
    for race in races:
        lines += ["", f"## {race.title}", ""]
        lines += [f"| command | median {race.unit} | × {race.base} | bound |", "| --- | ---: | ---: | ---: |"]
        for name, sample in race.samples.items():
            bound = f"{race.bounds[name]:g}" if name in race.bounds else ""
            times = ratio(sample, race.samples[race.base])
            lines.append(f"| {name} | {sample.median_ms * UNITS[race.unit]:.1f} | {times:.2f} | {bound} |")
        lines += ["", *race.notes] if race.notes else []
    return "\n".join(lines) + "\n"


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
