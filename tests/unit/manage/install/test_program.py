"""Which executable of ours the clients are told to run, and how theirs are run."""

import os
import sys
from pathlib import Path

import pytest

from keywright.errors import Busy, ConfigurationError, Unavailable
from keywright.manage.install import program
from keywright.manage.install.program import find_ours, find_tool, is_found_on_path, run_tool

NAME = "git-credential-keywright"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where an interpreter of its own is."""
    folder = tmp_path / "venv"
    folder.mkdir(mode=0o755)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    return folder


def place(path: Path, mode: int = 0o755, text: str = "#!/bin/sh\n") -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_it_is_beside_the_interpreter(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir(mode=0o755)
    place(other / NAME)
    assert find_ours(NAME, {"PATH": str(place(folder / NAME).parent)}) == str(folder / NAME)


def test_a_link_on_path_that_leads_there_is_preferred(folder: Path, tmp_path: Path) -> None:
    """Homebrew's folders have the version in their names; its links do not."""
    links = tmp_path / "bin"
    links.mkdir(mode=0o755)
    (links / NAME).symlink_to(place(folder / NAME))
    assert find_ours(NAME, {"PATH": str(links)}) == str(links / NAME)


def test_a_relative_folder_on_path_is_not(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place(folder / NAME)
    monkeypatch.chdir(folder)
    assert find_ours(NAME, {"PATH": "."}) == str(folder / NAME)


def test_else_it_is_on_path(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir(mode=0o755)
    assert find_ours(NAME, {"PATH": str(place(other / NAME).parent)}) == str(other / NAME)


def test_else_it_is_missing(folder: Path) -> None:
    with pytest.raises(Unavailable, match=r"neither beside .* nor on PATH; install keywright anew"):
        find_ours(NAME, {"PATH": str(folder)})


def test_what_mends_that_can_be_pasted(folder: Path, tmp_path: Path) -> None:
    blank = tmp_path / "a b"
    blank.mkdir(mode=0o755)
    place(blank / NAME, 0o757)
    with pytest.raises(ConfigurationError) as raised:
        find_ours(NAME, {"PATH": str(blank)})
    assert raised.value.mend == f"run `chmod go-w '{blank / NAME}'`"


@pytest.mark.parametrize(("of_file", "of_folder"), [(0o757, 0o755), (0o755, 0o757), (0o755, 0o1777)])
def test_one_that_others_can_replace_is_refused(folder: Path, of_file: int, of_folder: int) -> None:
    place(folder / NAME, of_file)
    folder.chmod(of_folder)
    with pytest.raises(ConfigurationError, match=r"can be changed by other users.*chmod go-w"):
        find_ours(NAME, {})


def test_a_link_is_looked_at_on_both_ends(folder: Path, tmp_path: Path) -> None:
    behind = tmp_path / "behind"
    behind.mkdir(mode=0o755)
    (folder / NAME).symlink_to(place(behind / NAME))
    assert find_ours(NAME, {}) == str(folder / NAME)
    behind.chmod(0o777)
    with pytest.raises(ConfigurationError, match="behind can be changed"):
        find_ours(NAME, {})


def test_a_group_of_others_can_replace_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place(folder / NAME, 0o775)
    monkeypatch.setattr(program, "_is_private", lambda _group: True)
    if os.stat(folder / NAME).st_gid == 0:
        os.chown(folder / NAME, -1, 12345)
    assert find_ours(NAME, {})
    monkeypatch.setattr(program, "_is_private", lambda _group: False)
    with pytest.raises(ConfigurationError):
        find_ours(NAME, {})


def test_a_tool_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(Unavailable, match="kubectl is not on PATH"):
        find_tool("kubectl", {"PATH": str(folder)})


def test_a_tool_hears_of_no_other_file(folder: Path) -> None:
    tool = place(folder / "tool", text='#!/bin/sh\necho "$GIT_DIR-$KUBECONFIG-$KUBERC-$PWD-$HOME"\n')
    env = {"GIT_DIR": "x", "KUBECONFIG": "y", "KUBERC": "z", "HOME": "/h", "PATH": os.environ["PATH"]}
    assert run_tool([str(tool)], env) == b"--off-/-/h\n"


def test_a_tool_that_fails_says_nothing(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_tool([str(place(folder / "tool", text="#!/bin/sh\necho canary >&2; exit 3\n"))], os.environ) is None
    assert capfd.readouterr() == ("", "")


def test_a_tool_that_cannot_be_run_is_named(folder: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be run"):
        run_tool([str(folder / "none")], {})


def test_a_tool_that_hangs_is_busy(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "_RUNS_AT_MOST_S", 0.05)
    with pytest.raises(Busy, match="did not end"):
        run_tool([str(place(folder / "tool", text="#!/bin/sh\nexec sleep 60\n"))], os.environ)


def test_another_one_first_on_path_is_noticed(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    path = str(place(folder / NAME))
    assert not is_found_on_path(path, {"PATH": str(other)})
    place(other / NAME)
    assert not is_found_on_path(path, {"PATH": f"{other}:{folder}"})
    assert is_found_on_path(path, {"PATH": f"{folder}:{other}"})
