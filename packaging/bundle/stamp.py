"""Write down what a bundle is built from: `python packaging/bundle/stamp.py SITE-PACKAGES/keywright`.

That folder gets a `_build.py`, which `keywright --version` shows. It is never written into the tree: the folder is
where the wheel was installed that is about to be frozen. Without git, or outside a clone, nothing is written.
"""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]


def main() -> None:
    """Write it."""
    (folder,) = sys.argv[1:]
    stamp = stamp_of(ROOT)
    if stamp:
        (Path(folder) / "_build.py").write_text(stamp)


def stamp_of(tree: Path) -> str:
    """Return the module's text, the same for the same commit; empty where nobody knows."""
    try:
        commit, epoch = _git(tree, "log", "-1", "--format=%H %ct").split()
        changes = _git(tree, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError, ValueError):
        return ""
    instant = datetime.fromtimestamp(int(epoch), UTC).isoformat().replace("+00:00", "Z")
    whole = f"{commit}-dirty" if changes else commit
    return f'"""What this was built from."""\n\nCOMMIT = "{whole}"\nINSTANT = "{instant}"\n'


def _git(tree: Path, *words: str) -> str:
    # Nothing of the builder's own configuration may decide it, or run.
    options = ("-c", "core.fsmonitor=false", "-c", f"safe.directory={tree}")
    command = ["git", *options, "-C", str(tree), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
