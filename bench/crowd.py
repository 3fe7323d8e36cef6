"""What many hits take together: a thousand in turn, and two hundred at once."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bundle import Bundle, nothing
from measure import Command, Table, check
from peers import primed
from stage import Stage

IN_TURN, AT_ONCE = 1000, 200
PATIENCE_MS = 40
"""What takes more of the processor than this is run a twentieth as often in turn."""
SOURCE = Path(__file__).parent / "crowd.c"


class Spent(NamedTuple):
    """What the runs of one command took together.

    Attributes:
        wall_ms: from the first spawn to the last one reaped.
        cpu_ms: user and system time, of what the runs waited for too.
        largest_mb: the largest peak of resident memory of one run.
        sum_mb: the peaks of all runs, added up. Pages that runs share count for each.
    """

    wall_ms: float
    cpu_ms: float
    largest_mb: float
    sum_mb: float


def crowd(stage: Stage, bundle: Bundle) -> Table:
    """Ours and every peer. A daemon's own time and memory are not in it: git-credential-cache has one."""
    title = f"{IN_TURN:,} hits in turn, and {AT_ONCE} at once"
    spawner = compile_spawner(stage.folder)
    if not spawner:
        return Table(title=title, columns=("command",), rows=(), notes=("Not measured: there is no C compiler here.",))
    columns = (
        "command",
        f"in turn: CPU s of {IN_TURN:,}",
        "wall s",
        f"at once: CPU s of {AT_ONCE}",
        "wall s",
        "peak memory of one, MB",
        f"of the {AT_ONCE}, added up",
    )
    with primed(stage) as peers:
        contestants = [
            nothing(stage),
            stage.git_hit("git-credential-keywright, native front", bundle.program("git")),
            stage.git_hit("git-credential-keywright, frozen", bundle.frozen("git")),
            stage.git_hit("git-credential-keywright, wheel", str(stage.programs / "git-credential-keywright")),
            *peers.commands,
        ]
        rows = [row(spawner, command, stage.folder) for command in contestants]
    few = f"\\* reckoned from {IN_TURN // 20}. git-credential-cache's daemon is not in its row."
    return Table(title=title, columns=columns, rows=rows, notes=(few, *bundle.note, *peers.note))


def compile_spawner(folder: Path) -> str | None:
    """Return the path of the compiled `crowd.c`; None where there is no C compiler."""
    compiler, made = shutil.which("cc"), folder / "crowd"
    if not compiler:
        return None
    command = [compiler, "-O2", "-o", str(made), str(SOURCE)]
    if subprocess.run([*command, "-static"], capture_output=True, check=False).returncode:
        subprocess.run(command, check=True)  # without a static libc its own peak is a megabyte more
    return str(made)


def row(spawner: str, command: Command, folder: Path) -> Sequence[str]:
    """Run one command both ways; return its row."""
    check(command)  # ours mints meanwhile
    first = spend(spawner, command, folder, times=5, at_once=1)
    is_slow = first.cpu_ms / 5 > PATIENCE_MS
    times = IN_TURN // 20 if is_slow else IN_TURN
    turn = spend(spawner, command, folder, times=times, at_once=1)
    once = spend(spawner, command, folder, times=AT_ONCE, at_once=AT_ONCE)
    scale, star = IN_TURN / times / 1e3, " \\*" if is_slow else ""
    return (
        command.name,
        f"{turn.cpu_ms * scale:.2f}{star}",
        f"{turn.wall_ms * scale:.2f}{star}",
        f"{once.cpu_ms / 1e3:.2f}",
        f"{once.wall_ms / 1e3:.2f}",
        f"{max(turn.largest_mb, once.largest_mb):.1f}",
        f"{once.sum_mb:.0f}",
    )


def spend(spawner: str, command: Command, folder: Path, *, times: int, at_once: int) -> Spent:
    """Run the command so often.

    Raises:
        RuntimeError: a run ended with another code than it should.
    """
    source = folder / "stdin"
    source.write_bytes(command.stdin)
    argv = [spawner, str(times), str(at_once), str(command.code), str(source), *command.argv]
    told = subprocess.run(argv, env=command.env, capture_output=True, check=True, text=True).stdout
    wall_ns, cpu_us, largest_kb, sum_kb, failed = map(int, told.split())
    if failed:
        raise RuntimeError(f"{command.name}: {failed} of {times} runs failed, {at_once} at once")
    return Spent(wall_ns / 1e6, cpu_us / 1e3, largest_kb / 1024, sum_kb / 1024)
