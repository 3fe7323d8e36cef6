"""The fixtures of the tests that run real processes: an issuer that counts, and a house that asks it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from keywright.demo.github import AppKey, GitHubIssuer, Installation
from processes.house import House, build


@pytest.fixture(scope="session")
def app_key() -> AppKey:
    """The app's key pair; making one takes a moment."""
    return AppKey.generate()


@pytest.fixture
def issuer(app_key: AppKey) -> Iterator[GitHubIssuer]:
    """GitHub, as far as the house knows it."""
    installations = (Installation(id=789, owner="acme"),)
    with GitHubIssuer(app_id="123456", public_key=app_key.public_pem, installations=installations) as server:
        yield server


@pytest.fixture
def house(home: Path, issuer: GitHubIssuer, app_key: AppKey) -> Iterator[House]:
    """A house of this test's own."""
    folder = home / "keywright"
    folder.mkdir(mode=0o700)
    built = build(folder, issuer, app_key)
    yield built
    built.close()
