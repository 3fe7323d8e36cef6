"""What the tests of `install` share: a person at a terminal, and a vault."""

import os
import sys
from pathlib import Path

import pytest

from fakes.own_vault import OwnVault
from fakes.terminal import Terminal


@pytest.fixture
def vault() -> OwnVault:
    return OwnVault()


@pytest.fixture
def own(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`$KEYWRIGHT_HOME`; our executables come first on `PATH`."""
    folder = home / "kw"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("KEYWRIGHT_HOME", str(folder))
    monkeypatch.setenv("PATH", f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}")
    return folder


@pytest.fixture
def keywright(own: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(monkeypatch, capfd)
