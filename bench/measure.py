"""Timing whole processes against each other: round by round, so that a machine that drifts drifts for all of them."""

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random


@dataclass(frozen=True, kw_only=True)
class Command:
    """One contestant.

    Attributes:
        name: what the table calls it.
        argv: the command, its program an absolute path.
        env: its whole environment.
        stdin: what it reads.
        before: made ready before each run, outside the measured time.
        after: cleared away after each run, outside the measured time.
        code: the exit code it must end with.
        expects: what must be in its answer; looked at once, before anything is timed.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    stdin: bytes = b""
    before: Callable[[], None] = lambda: None
    after: Callable[[], None] = lambda: None
    code: int = 0
    expects: bytes = b""


UNITS = {"ms": 1.0, "µs": 1e3, "ns": 1e6}
"""How many of each make a millisecond."""


@dataclass
class Sample:
    """What one command took, run by run, in milliseconds."""

    wall_ms: list[float] = field(default_factory=list)

    @property
    def median_ms(self) -> float:
        """The median wall time in milliseconds."""
        return statistics.median(self.wall_ms)


def check(command: Command) -> None:
    """Run the command once and look at its answer: a quick wrong one wins no race.

    Raises:
        RuntimeError: it is not the right one.
    """
    done = subprocess.run(command.argv, env=command.env, input=command.stdin, capture_output=True, check=False)
    if done.returncode != command.code or command.expects not in done.stdout:
        told = done.stderr.decode(errors="replace")
        raise RuntimeError(f"{command.name} ended with {done.returncode} and not with the right answer: {told}")


def run_once(command: Command, folder: Path) -> float:
    """Run the command; return its wall time in milliseconds, from spawn to reaped.

    The spawn is glibc's, by CLONE_VFORK and CLONE_VM: a fork would copy this interpreter's page tables, which takes
    longer than `/bin/true` does.
    """
    command.before()
    source = folder / "stdin"
    source.write_bytes(command.stdin)
    actions: list[tuple[int, int, str, int, int]] = [
        (os.POSIX_SPAWN_OPEN, 0, str(source), os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, str(folder / "stderr"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
    ]
    started = time.perf_counter_ns()
    pid = os.posix_spawn(command.argv[0], list(command.argv), dict(command.env), file_actions=actions)
    _, status = os.waitpid(pid, 0)
    wall_ms = (time.perf_counter_ns() - started) / 1e6
    command.after()
    if os.waitstatus_to_exitcode(status) != command.code:
        told = (folder / "stderr").read_text(errors="replace")
        raise RuntimeError(f"{command.name} ended with {os.waitstatus_to_exitcode(status)}: {told}")
    return wall_ms


@dataclass(frozen=True, kw_only=True)
class Race:
    """One race's outcome.

    Attributes:
        title: what it was about.
        base: the command that the others are measured by.
        samples: what each command took, by name.
        bounds: the ratio to the base that a command is to stay within, by name.
        notes: lines that belong under the table.
        runs: how often each command ran, warm-ups included.
        unit: what times are told in.
    """

    title: str
    base: str
    samples: Mapping[str, Sample]
    bounds: Mapping[str, float]
    runs: int
    notes: tuple[str, ...] = ()
    unit: str = "ms"

    def noting(self, *notes: str) -> "Race":
        """Return the same race with more notes."""
        return replace(self, notes=(*self.notes, *notes))


def race(
    title: str,
    commands: Sequence[Command],
    rounds: int,
    folder: Path,
    *,
    bounds: Mapping[str, float] | None = None,
    warm_ups: int = 3,
    ordered: bool = False,
) -> Race:
    """Run every command once a round; the first command is the base. The first `warm_ups` rounds do not count.

    A short command that always followed a long one would always find cold caches, so each round has another order, the
    same ones in every race; unless they build on each other (`ordered`).

    Raises:
        RuntimeError: a command failed, or gave another answer than it `expects`.
    """
    for command in commands:
        if command.expects:
            check(command)
    samples = {command.name: Sample() for command in commands}
    for number in range(rounds + warm_ups):
        order = commands if ordered else Random(number).sample(commands, len(commands))  # noqa: S311 - no secret
        for command in order:
            wall_ms = run_once(command, folder)
            if number >= warm_ups:
                samples[command.name].wall_ms.append(wall_ms)
    runs = rounds + warm_ups
    return Race(title=title, base=commands[0].name, samples=samples, bounds=bounds or {}, runs=runs)


@dataclass(frozen=True, kw_only=True)
class Table:
    """An outcome as its page shows it: the first columns, one if not said otherwise, hold words, the others figures."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: int = 1
    notes: tuple[str, ...] = ()


def table(race: Race) -> Table:
    """Return what a race's page shows: each median, its ratio to the base, and the bound of that ratio."""
    rows = []
    for name, sample in race.samples.items():
        bound = f"{race.bounds[name]:g}" if name in race.bounds else ""
        times = ratio(sample, race.samples[race.base])
        rows.append((name, f"{sample.median_ms * UNITS[race.unit]:.1f}", f"{times:.2f}", bound))
    columns = ("command", f"median {race.unit}", f"× {race.base}", "bound")
    return Table(title=race.title, columns=columns, rows=rows, notes=race.notes)


def ratio(sample: Sample, base: Sample) -> float:
    """Return the median of the ratios round by round."""
    return statistics.median(one / other for one, other in zip(sample.wall_ms, base.wall_ms, strict=True))
