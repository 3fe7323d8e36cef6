"""How the tests run what `make dist` runs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from freeze import ROOT

BUILT_WITHIN_S: Final = 900


def make_dist(
    root: Path, folder: Path, *options: str | Path, umask: int = -1, **env: str
) -> subprocess.CompletedProcess[str]:
    """Make it of the source in `root`; `folder` gets `dist` and `build`."""
    command = [root / "packaging/packages/make.py", "--out", folder / "dist", "--work", folder / "build", *options]
    return subprocess.run(
        [sys.executable, *map(str, command)],
        env={**os.environ, **env},
        umask=umask,
        capture_output=True,
        text=True,
        check=False,
        timeout=BUILT_WITHIN_S,
    )


def copy_of_the_tree(folder: Path) -> Path:
    """Return a copy of this tree, with its history, as a clone of it would be."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name, follow_symlinks=False)
    (folder / ".git").symlink_to(ROOT / ".git")
    return folder
