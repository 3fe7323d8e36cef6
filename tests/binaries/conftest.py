"""What `make dist` hands out, made once for all tests and all workers."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from filelock import FileLock

ROOT: Final = Path(__file__).parents[2]
BUILD_AT_MOST_S: Final = 900


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give a test that may have to wait for the build the time for it."""
    for item in items:
        if "dist" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(BUILD_AT_MOST_S))


def make_dist(
    root: Path, folder: Path, *options: str | Path, umask: int = -1, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run what `make dist` runs, of the source in `root`; `folder` gets `dist` and `build`."""
    command = [root / "packaging/packages/make.py", "--out", folder / "dist", "--work", folder / "build", *options]
    return subprocess.run(
        [sys.executable, *map(str, command)],
        env={**os.environ, **env},
        umask=umask,
        capture_output=True,
        text=True,
        check=False,
        timeout=BUILD_AT_MOST_S,
    )


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `make dist` fills; its neighbour `build` is where that worked."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder = base / "made"
    with FileLock(base / "made.lock"):
        if not (folder / "dist" / "SHA256SUMS").exists():
            done = make_dist(ROOT, folder)
            assert done.returncode == 0, done.stdout + done.stderr
    return folder / "dist"


@pytest.fixture(scope="session")
def bundle(dist: Path) -> Path:
    """The bundle in it: a folder with every executable."""
    return dist / "keywright"
