"""The frozen bundle's one program: what it is by which name, and what it gives back to the programs it runs."""

import re
import tomllib
from pathlib import Path

import pytest

from keywright.bin import bundle, renew

ROOT = Path(__file__).parents[3]


def test_it_has_the_names_that_the_wheel_installs() -> None:
    project = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text())
    scripts = project["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-scripts"].values()
    assert sorted(bundle.EXECUTABLES) == sorted([*scripts, *project["project"]["scripts"]])


def test_the_launcher_answers_by_the_same_names() -> None:
    source = ROOT.joinpath("packaging/launcher/launcher.c").read_text()
    (table,) = re.findall(r"NAMES\[\] = \{(.*?), NULL\}", source, re.DOTALL)
    assert sorted(re.findall(r'"([^"]+)"', table)) == sorted(bundle.EXECUTABLES)


def test_each_name_s_answer_can_be_made_anew_behind_it() -> None:
    assert set(bundle.EXECUTABLES) == set(renew.DIALECTS)


@pytest.mark.parametrize("name", [*bundle.EXECUTABLES, *bundle.INNER])
def test_it_is_what_it_is_called(name: str) -> None:
    assert bundle.name_of(name) == name
    assert bundle.name_of(f"/usr/bin/{name}") == name


@pytest.mark.parametrize(
    "called", ["", "keywright-python", "kc", "/usr/lib/keywright/keywright-python", "git-credential"]
)
def test_by_any_other_name_it_is_the_command_for_people(called: str) -> None:
    assert bundle.name_of(called) == "keywright"


@pytest.mark.parametrize("name", bundle.EXECUTABLES)
def test_each_executable_is_its_own_module_s(name: str) -> None:
    assert bundle._executable(name).__module__.startswith("keywright.bin.")
    assert len({bundle._executable(one) for one in bundle.EXECUTABLES}) == len(bundle.EXECUTABLES)


@pytest.mark.parametrize("name", bundle.INNER)
def test_each_inner_program_is_the_module_it_is_called(name: str) -> None:
    assert bundle._inner(name).__module__ == name
