"""What tests of the profile commands share: a home of one's own, and a script that pipes secrets in."""

from pathlib import Path

import pytest

from fakes.own_vault import OwnVault
from fakes.profile_script import CONFIG, Script
from fakes.terminal import Terminal


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
def profile(own: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Script:
    return Script(Terminal(monkeypatch, capfd), monkeypatch)


@pytest.fixture
def vault(own: Path) -> OwnVault:
    return OwnVault()
