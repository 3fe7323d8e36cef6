"""The command line as a person runs it, in this process."""

import sys
from typing import NamedTuple

import pytest

from keywright.manage.cli import run


class Said(NamedTuple):
    """What a command said."""

    code: int
    stdout: str
    stderr: str


class Terminal:
    """Runs `keywright` with the environment of the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capfd = capfd

    def __call__(self, *args: str) -> Said:
        """Run one command to its end."""
        self._monkeypatch.setattr(sys, "argv", ["keywright", *args])
        self._capfd.readouterr()
        try:
            code = run()
        except SystemExit as end:  # `token` ends as the helpers do
            code = end.code if isinstance(end.code, int) else 1
        return Said(code, *self._capfd.readouterr())
