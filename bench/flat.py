"""What a hit costs as the cache fills: from one entry to ten thousand."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from bundle import CHEAP, Bundle
from measure import Command, Race, race
from stage import Stage

COUNTS = (1, 100, 1_000, 10_000)
BOUND = 1.1


def flat(stage: Stage, bundle: Bundle, rounds: int) -> Iterator[Race]:
    """The same hit in caches of several sizes, through the native front and by the wheel."""
    wheel = str(stage.programs / "git-credential-keywright")
    homes = {count: fill(stage, wheel, count) for count in COUNTS}
    for kind, program, times in (("native front", bundle.program("git"), CHEAP), ("wheel", wheel, 1)):
        commands = [
            Command(
                name=f"{count:,} entries" if count > 1 else "1 entry",
                argv=[program, "get"],
                env=env,
                stdin=stage.question,
                expects=b"password=",
            )
            for count, env in homes.items()
        ]
        bounds = {commands[-1].name: BOUND}
        title = f"A hit as the cache fills: {kind}"
        yield race(title, commands, rounds * times, stage.folder, bounds=bounds).noting(*bundle.note)
    for env in homes.values():
        shutil.rmtree(env["KEYWRIGHT_HOME"])


def fill(stage: Stage, program: str, count: int) -> dict[str, str]:
    """Make a home whose cache holds so many entries, each with an answer; one is real, and asked for."""
    home = stage.folder / f"{count} entries"
    home.mkdir(mode=0o700)
    shutil.copy(stage.home / "keywright" / "config.toml", home)
    env = {**stage.env, "KEYWRIGHT_HOME": str(home)}
    subprocess.run([program, "get"], env=env, input=stage.question, capture_output=True, check=True)
    (entry,) = (home / "cache" / "entries").glob("*.json")
    answer = max((home / "cache" / "answers").iterdir(), key=lambda path: path.stat().st_size)
    for number in range(1, count):
        name = sha256(str(number).encode()).hexdigest()
        copy(entry, entry.with_name(f"{name}.json"))
        copy(answer, answer.with_name(name))
    return env


def copy(source: Path, target: Path) -> None:
    """Copy a private file with its mode and times."""
    shutil.copyfile(source, target)
    target.chmod(0o600)
    found = source.stat()
    os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))
