"""`docs/reference/json.md`: each command on it is run, in the page's order, and prints what stands there."""

import re
import shlex
from pathlib import Path
from typing import Final

import pytest

from fakes.documents import check_document, is_document, name_of
from fakes.full_house import furnish, issuer_of_logins
from fakes.profile_script import Script
from fakes.terminal import Terminal
from keywright.manage.schema.documents import DOCUMENTS

PAGE: Final = Path(__file__).parents[4] / "docs" / "reference" / "json.md"
SHOWN: Final = re.compile(r"(?ms)^\$ keywright (?P<line>[^\n]*)\n(?P<document>.*?)^```$")
HERE: Final = "/home/ann/kw"
"""What the page writes for the folder of the test's settings."""


def shown() -> list[tuple[str, str]]:
    return [(match["line"], match["document"]) for match in SHOWN.finditer(PAGE.read_text(encoding="utf-8"))]


def test_each_transcript_is_what_the_command_prints(
    home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    own = home / "kw"
    own.mkdir(mode=0o700)
    monkeypatch.setenv("KEYWRIGHT_HOME", str(own))
    (home / "other.toml").write_text('modes = ["api_key"]\nhosts = ["a.example"]\n')
    furnish(own, monkeypatch)
    terminal = Terminal(monkeypatch, capfd)
    script = Script(terminal, monkeypatch)
    with issuer_of_logins(own, monkeypatch):
        for line, document in shown():
            command, _, stdin = line.partition(" < ")
            args = [word.replace("/home/ann", str(home)) for word in shlex.split(command)]
            typed = "typed-secret" if stdin else ""
            said = script(*args[1:], stdin=typed) if args[0] == "profile" else terminal(*args)
            told = said.stdout.replace(str(own), HERE).replace(str(home), "/home/ann")
            assert told == document, line
            check_document(tuple(args), said.stdout)


def test_what_the_page_shows_of_doctor_is_such_a_document() -> None:
    (document,) = re.findall(r"(?ms)^```json\n(.*?)^```$", PAGE.read_text(encoding="utf-8"))
    check_document(("doctor", "--json"), document)


def test_the_page_shows_every_document() -> None:
    lines = [shlex.split(line.partition(" < ")[0]) for line, _ in shown()]
    assert all(is_document(tuple(words)) for words in lines)
    assert {name_of(words) for words in lines} == DOCUMENTS.keys() - {"failure", "doctor"}
    assert "profile show openai:nobody --json" in [line for line, _ in shown()], "and one that failed"
