"""All checks together: whatever one of them does, the others are told."""

import json
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from fakes.sick_house import House
from fakes.terminal import Terminal
from keywright.errors import Unreachable, VaultLocked
from keywright.manage.doctor.checks import CHECKS
from keywright.manage.doctor.examination import Check, Told, examine
from keywright.manage.doctor.finding import Area, Finding, Severity, error, note, ok, warning
from keywright.manage.doctor.report import as_document, as_table, exit_code
from keywright.manage.doctor.scene import Scene, run

pytestmark = pytest.mark.real_clock
LONG_S = 60.0


def well(_scene: Scene) -> Iterator[Finding]:
    yield ok("one", "one thing is well")


def buggy(scene: Scene) -> Iterator[Finding]:
    yield from well(scene)
    raise LookupError("canary")


def locked(_scene: Scene) -> list[Finding]:
    raise VaultLocked("it is locked", mend="unlock it")


def silent(_scene: Scene) -> list[Finding]:
    raise Unreachable("it did not answer")


@pytest.mark.parametrize(
    ("look", "found", "what"),
    [
        (buggy, ["one", "check-failed"], "the check of it failed: a bug: LookupError in keywright."),
        (locked, ["check-failed"], "the check of it failed: it is locked (vault_locked)"),
        (silent, ["check-failed"], "the check of it failed: it did not answer (unreachable)"),
    ],
)
def test_a_check_that_fails_is_a_finding_and_the_rest_is_told(
    house: House, look: Callable[[Scene], Iterable[Finding]], found: list[str], what: str
) -> None:
    checks = [Check(Area.VERSIONS, "it", look, LONG_S), Check(Area.FOLDERS, "the next", well, LONG_S)]
    told = examine(house.scene(), checks)
    assert [row.finding.id for row in told] == ["one", *found]
    assert told[0].area is Area.FOLDERS
    assert told[-1].finding.what.startswith(what)
    assert told[-1].finding.severity is Severity.WARNING
    assert told[-1].finding.mend


def test_a_check_that_hangs_is_a_finding_beside_what_it_had_found(house: House) -> None:
    over = threading.Event()

    def hanging(scene: Scene) -> Iterator[Finding]:
        yield from well(scene)
        over.wait()

    told, bound_s = [], 0.0
    try:
        for bound_s in (0.05, 2.0, LONG_S):
            checks = [Check(Area.VERSIONS, "it", hanging, bound_s), Check(Area.FOLDERS, "the next", well, LONG_S)]
            told = examine(house.scene(), checks)
            if len(told) > 2:  # else it had not come to anything yet, as on a busy machine
                break
    finally:
        over.set()
    assert [row.finding.id for row in told] == ["one", "one", "check-hung"]
    assert told[0].area is Area.FOLDERS
    assert told[-1].finding.what == f"the check of it did not end within {bound_s:g} s"
    assert told[-1].finding.severity is Severity.WARNING
    assert told[-1].finding.mend


FOUND = [
    Told(Area.FOLDERS, ok("a", "well")),
    Told(Area.FOLDERS, note("b", "a note\x1b[31m")),
    Told(Area.GIT, warning("c", "so so", "do 'this'")),
    Told(Area.GIT, error("d", "bad\udcff", "do that")),
]


def test_the_table_has_each_mend_below_its_finding() -> None:
    assert as_table(FOUND).splitlines() == [
        "folders",
        "  ✓ well",
        "  · a note\\x1b[31m",
        "git",
        "  ! so so",
        "      do 'this'",
        "  ✗ bad\\udcff",
        "      do that",
        "1 error and 1 warning",
    ]


def test_the_table_is_plain_where_the_terminal_has_no_marks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with (tmp_path / "out").open("w", encoding="ascii") as out:
        monkeypatch.setattr(sys, "stdout", out)
        assert as_table(FOUND[:1]) == "folders\n  ok well\nnothing is wrong"


def test_the_document_has_the_same() -> None:
    document = json.loads(as_document(FOUND))
    assert (document["schema"], document["is_well"]) == (1, False)
    assert document["findings"][2] == {
        "area": "git",
        "id": "c",
        "severity": "warning",
        "what": "so so",
        "mend": "do 'this'",
    }
    assert document["findings"][0]["mend"] is None


@pytest.mark.parametrize(("rows", "code"), [(FOUND, 1), (FOUND[:3], 0), ([], 0)])
def test_only_an_error_is_a_failure(rows: list[Told], code: int) -> None:
    assert exit_code(rows) == code


def test_a_program_that_hangs_or_is_none_is_no_answer(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("keywright.manage.doctor.scene.ANSWERS_WITHIN_S", 0.2)
        assert run(["/bin/sh", "-c", "sleep 60 & wait"], house.env) is None
    assert run(["/nowhere"], house.env) is None
    assert run(["/bin/sh", "-c", "echo out; echo err >&2; exit 3"], house.env) == (3, "out\n")


def test_every_check_has_a_name_of_its_own_and_a_bound() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert {check.area for check in CHECKS} == set(Area)
    assert all(0 < check.bound_s <= 30 for check in CHECKS)


def test_a_look_changes_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    house.settings()
    for name, value in house.env.items():
        monkeypatch.setenv(name, value)
    before = {path: path.stat().st_mtime_ns for path in house.home.rglob("*")}
    monkeypatch.setattr(sys, "argv", ["keywright"])
    said = Terminal(monkeypatch, capfd)("doctor", "--offline", "--json")
    assert said.code == 0, said.stdout
    document = json.loads(said.stdout)
    assert document["is_well"]
    assert not [row for row in document["findings"] if row["id"].startswith("check-")]
    assert {path: path.stat().st_mtime_ns for path in house.home.rglob("*")} == before


@pytest.mark.parametrize(
    ("mend", "told"),
    [
        ("run `chmod 600 '/a b'`", "chmod 600 '/a b'"),
        ("run `a`, or `b`", "run `a`, or `b`"),
        ("restore it", "restore it"),
        ("", ""),
    ],
)
def test_a_command_is_told_as_it_is_pasted(mend: str, told: str) -> None:
    assert [make("x", "what", mend).mend for make in (error, warning, note)] == [told] * 3
