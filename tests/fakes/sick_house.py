"""A machine on which things go wrong one by one: what `keywright doctor` looks at, and what mends it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from keywright import __version__
from keywright.manage.doctor.finding import Finding, Severity
from keywright.manage.doctor.programs import NAMES
from keywright.manage.doctor.scene import Scene, run

MEND_AT_MOST_S = 60.0


class House:
    """One person's home, and a scene that shows it.

    Our executables on `PATH` tell their versions without starting Python, unless `programs` are the real ones.
    """

    def __init__(self, home: Path, programs: Path | None = None) -> None:
        self.home = home
        self.own = home / "kw"
        self.bin = home / "bin"
        for folder in (self.own, self.bin):
            folder.mkdir(mode=0o700)
        self.env: dict[str, str] = {
            "HOME": str(home),
            "KEYWRIGHT_HOME": str(self.own),
            "PATH": os.pathsep.join(map(str, (self.bin, programs or self._quick(), os.environ["PATH"]))),
            "GIT_CONFIG_NOSYSTEM": "1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def _quick(self) -> Path:
        real = f"{os.path.dirname(sys.executable)}/keywright"
        for name in NAMES:
            script = f'#!/bin/sh\n[ "$1" != --version ] && exec {real} "$@"\necho {name} {__version__}\n'
            self.write(f"ours/{name}", script, 0o755)
        return self.home / "ours"

    def write(self, name: str, text: str, mode: int = 0o600) -> Path:
        """Write a file of the home folder; folders that are made for it are 0700."""
        path = self.home / name
        missing = [folder for folder in path.parents if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(mode=0o700)
        path.write_text(text)
        path.chmod(mode)
        return path

    def settings(self, text: str = "") -> Path:
        """Write the settings."""
        return self.write("kw/config.toml", f"version = 1\n{text}")

    def program(self, name: str, says: str, mode: int = 0o755) -> Path:
        """Put a program first on `PATH` that says one thing, whatever it is asked."""
        return self.write(f"bin/{name}", f"#!/bin/sh\necho '{says}'\n", mode)

    def scene(self, **more: Any) -> Scene:
        return Scene(env=self.env, now=self.now, run=run, **more)

    def found(self, look: Callable[[Scene], Iterable[Finding]]) -> dict[str, Finding]:
        """Return what a check finds, by id."""
        return {finding.id: finding for finding in look(self.scene())}

    def mend(self, finding: Finding) -> None:
        """Run what a finding says mends it, as a person would."""
        done = subprocess.run(
            ["/bin/sh", "-c", finding.mend],
            env=self.env,
            cwd=self.home,
            capture_output=True,
            timeout=MEND_AT_MOST_S,
            check=False,
        )
        assert done.returncode == 0, (finding.mend, done.stderr)


class Sickness(NamedTuple):
    """One thing that goes wrong.

    Attributes:
        id: of the finding that is to tell it.
        look: the check.
        catch: makes it go wrong.
        severity: how bad it is.
        mend: whether what the finding says is a command that can be run here.
    """

    id: str
    look: Callable[[Scene], Iterable[Finding]]
    catch: Callable[[House], object]
    severity: Severity
    mend: bool = True

    def run_its_course(self, house: House) -> None:
        """See that it is told once it is there, with its mend, and no more once that is done."""
        assert self.id not in house.found(self.look)
        self.catch(house)
        finding = house.found(self.look)[self.id]
        assert finding.severity is self.severity
        assert finding.mend or self.severity is Severity.NOTE
        assert "canary" not in f"{finding.what} {finding.mend}"
        if self.mend:
            house.mend(finding)
            assert self.id not in house.found(self.look)
