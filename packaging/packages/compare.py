"""Compare two builds byte for byte: `python packaging/packages/compare.py dist other/dist`.

Each file, link and mode that differs is named on a line of its own; the exit code is 1 if there is one.
"""

import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

WORDS: Final = 3


def main() -> None:
    """Compare the two folders that are named."""
    if len(sys.argv) != WORDS:
        raise SystemExit(__doc__)
    differences = list(differing(Path(sys.argv[1]), Path(sys.argv[2])))
    print(*differences or ["the same"], sep="\n")
    raise SystemExit(bool(differences))


def differing(one: Path, other: Path) -> Iterator[str]:
    """Yield what differs, in words."""
    left = {path.relative_to(one): path for path in one.rglob("*")}
    right = {path.relative_to(other): path for path in other.rglob("*")}
    for name in sorted(left.keys() | right.keys()):
        if name not in left or name not in right:
            yield f"{name}: only in {one if name in left else other}"
        elif _mode(left[name]) != _mode(right[name]):
            yield f"{name}: {_mode(left[name])} and {_mode(right[name])}"
        elif _content(left[name]) != _content(right[name]):
            yield f"{name}: content"


def _mode(path: Path) -> str:
    return stat.filemode(path.lstat().st_mode)


def _content(path: Path) -> bytes:
    if path.is_symlink():
        return str(path.readlink()).encode()
    return b"" if path.is_dir() else path.read_bytes()


if __name__ == "__main__":
    main()
