"""Versions, and which are too old."""

import sys

import pytest

from fakes.sick_house import House
from keywright.manage.doctor import versions
from keywright.manage.doctor.finding import Severity
from keywright.manage.doctor.programs import version_in
from keywright.manage.doctor.versions import FLOORS, Floor, numbers


@pytest.mark.parametrize(
    ("said", "version", "parts"),
    [
        ("git version 2.39.5 (Apple Git-154)", "2.39.5", (2, 39, 5)),
        ("git version 2.47.1.windows.1", "2.47.1.windows.1", (2, 47, 1)),
        ("Docker version 28.2.2, build e6534b4", "28.2.2", (28, 2, 2)),
        ("Client Version: v1.32.4-dispatcher\nKustomize Version: v5.5.0", "1.32.4-dispatcher", (1, 32, 4)),
        ('Client Version: version.Info{Major:"1", Minor:"20", GitVersion:"v1.20.7"}', "1.20.7", (1, 20, 7)),
        ("git-credential-keywright 0.1.0", "0.1.0", (0, 1, 0)),
        ("hello", "", ()),
    ],
)
def test_a_version_is_found_in_what_a_program_says(said: str, version: str, parts: tuple[int, ...]) -> None:
    assert (version_in(said), numbers(version)) == (version, parts)


def test_a_library_below_its_floor_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FLOORS, "urllib3", Floor((99, 1), "CVE-2099-1"))
    found = house.found(versions.look_at_libraries)
    assert found["library-old"].severity is Severity.ERROR
    assert found["library-old"].mend == f"{sys.executable} -m pip install --upgrade 'urllib3>=99.1'"
    assert "CVE-2099-1" in found["library-old"].what


@pytest.mark.parametrize(
    ("files", "id_"),
    [({}, "launcher-missing"), ({"keywright": "link"}, "launcher-absent"), ({"keywright": "own"}, "launcher-native")],
)
def test_a_bundle_says_whether_its_launcher_is_native(
    house: House, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], id_: str
) -> None:
    program = house.program("keywright-python", "")
    for name, kind in files.items():
        if kind == "link":
            (house.bin / name).symlink_to("keywright-python")
        else:
            house.program(name, "")
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert id_ in house.found(versions.look_at_ourselves)
