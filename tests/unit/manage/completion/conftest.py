"""A home of one's own, with settings and a vault to find names in."""

from pathlib import Path

import pytest

from fakes.own_vault import OwnVault
from fakes.profile_script import CONFIG


@pytest.fixture
def own(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = home / "kw"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("KEYWRIGHT_HOME", str(folder))
    return folder


@pytest.fixture
def config(own: Path) -> Path:
    path = own / "config.toml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def vault(own: Path) -> OwnVault:
    return OwnVault()
