"""What `make dist` hands out, built once for all tests and all of xdist's workers."""

from pathlib import Path

import pytest
from filelock import FileLock

from binaries.made import BUILT_WITHIN_S, make_dist
from freeze import ROOT


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give a test that may have to wait for the build the time for it."""
    for item in items:
        if "dist" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(BUILT_WITHIN_S))


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The folder that `make dist` fills; its neighbour `build` is where that worked."""
    base = tmp_path_factory.getbasetemp()
    shared = (base if worker_id == "master" else base.parent) / "made"
    shared.mkdir(exist_ok=True)
    with FileLock(shared / "lock"):
        if not (shared / "done").exists():
            done = make_dist(ROOT, shared)
            assert done.returncode == 0, done.stdout + done.stderr
            (shared / "done").touch()
    return shared / "dist"


@pytest.fixture(scope="session")
def bundle(dist: Path) -> Path:
    """The bundle in it: a folder with every executable."""
    return dist / "keywright"
