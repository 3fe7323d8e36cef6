"""A secret that lives long, as tests type it: after the whole suite no file of keywright's holds it in clear."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

TYPED: Final = "canary-typed-5e1f"
"""What tests type at prompts, hand to `store` and keep in the vault: by itself, or with something after it."""
OWN_FOLDERS: Final = frozenset({"cache", "config", "data", "state"})


def sweep(base: Path) -> Iterator[Path]:
    """Yield every file of keywright's, in whatever home a test made below `base`, that holds it in clear."""
    for path in base.rglob("*"):
        folders = {folder.name for folder in path.relative_to(base).parents}
        if not OWN_FOLDERS.isdisjoint(folders) and path.is_file() and not path.is_symlink():
            try:
                content = path.read_bytes()
            except OSError:
                continue
            if TYPED.encode() in content:
                yield path
