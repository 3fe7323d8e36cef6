"""What users download, built once for all tests and all of xdist's workers."""

import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from freeze import HERE

BUILT_WITHIN_S = 280


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The bundle's folder, as `make dist` builds it."""
    base = tmp_path_factory.getbasetemp()
    shared = (base if worker_id == "master" else base.parent) / "made"
    built = shared / "dist" / "keywright"
    shared.mkdir(exist_ok=True)
    with FileLock(shared / "lock"):
        if not (shared / "done").exists():
            folders = ["--out", str(shared / "dist"), "--work", str(shared / "work")]
            command = [sys.executable, "-P", str(HERE / "freeze.py"), *folders]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=BUILT_WITHIN_S)
            assert done.returncode == 0, done.stdout + done.stderr
            (shared / "done").touch()
    return built
