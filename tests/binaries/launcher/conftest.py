"""The launcher's fixtures: compiled once for all workers, under the sanitizers."""

from collections.abc import Iterator
from pathlib import Path

import filelock
import pytest

from binaries.launcher.built import Bundle, Parts, make
from binaries.launcher.users import User


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The folder of the sanitized build."""
    folder = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):
        folder = folder.parent  # the one folder that this run's workers share
    with filelock.FileLock(folder / "launcher.lock"):
        make("sanitized", folder / "launcher")
    return folder / "launcher" / "sanitized"


@pytest.fixture(scope="session")
def parts(built: Path) -> Iterator[Parts]:
    """The launcher's parts behind a pipe."""
    parts = Parts(built / "batch")
    yield parts
    parts.close()


@pytest.fixture
def bundle(built: Path, tmp_path: Path) -> Bundle:
    """A bundle with the sanitized launcher and a stand-in for Python."""
    return Bundle(tmp_path / "bundle", built / "keywright", built / "keywright-python")


@pytest.fixture
def user(home: Path, bundle: Bundle) -> User:
    """A user of it, with an empty cache."""
    return User(home, bundle)
