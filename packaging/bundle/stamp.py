"""Write down what a bundle is built from: `build/venv/bin/python -I packaging/bundle/stamp.py`, before it is frozen.

The keywright that is installed for that interpreter gets a `_build.py`, which `keywright --version` shows; the tree
never does. Without git, or outside a clone, there is none.
"""

import importlib.util
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]


def main() -> None:
    """Write it."""
    found = importlib.util.find_spec("keywright")
    if found is None or found.origin is None:
        sys.exit("keywright is not installed for this interpreter")
    folder = Path(found.origin).resolve().parent
    if folder.is_relative_to(ROOT / "helpers"):
        sys.exit(f"{folder} is the tree itself: install the wheel first")
    (folder / "_build.py").unlink(missing_ok=True)  # what an earlier build left
    stamp = stamp_of(ROOT)
    if stamp:
        (folder / "_build.py").write_text(stamp)


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
