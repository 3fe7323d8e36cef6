"""The command line as a person runs it, in this process."""

import re
import sys
from typing import NamedTuple

import pytest

from fakes.documents import check_document
from keywright.errors import ERRORS
from keywright.manage.cli import run

HELP = "Usage: "
"""What a group prints that is given no command."""
CODE = re.compile(r" \[([a-z_]+)\]\n\Z")


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
        """Run one command to its end; what ends it ends with its code, whatever the test looks at."""
        self._monkeypatch.setattr(sys, "argv", ["keywright", *args])
        self._capfd.readouterr()
        try:
            code = run()
        except SystemExit as end:  # `token` ends as the helpers do
            code = end.code if isinstance(end.code, int) else 1
        said = Said(code, *self._capfd.readouterr())
        check_document(args, said.stdout)
        if said.code and said.stderr and not said.stderr.startswith(HELP):
            kind = CODE.search(said.stderr)
            assert kind, said.stderr
            assert ERRORS[kind[1]].exit_code == said.code, said.stderr
        return said
