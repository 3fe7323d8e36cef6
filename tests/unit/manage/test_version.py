"""`keywright --version`: the first line is the version's, the others say what it was built from."""

import runpy
import subprocess
import sys
import types
from pathlib import Path

import pytest

from fakes.terminal import Terminal
from keywright import __version__
from keywright.manage.version import Build, lines, stamped

STAMP = Path(__file__).parents[3] / "packaging" / "bundle" / "stamp.py"


def stamp(tree: Path) -> str:
    return str(runpy.run_path(str(STAMP))["stamp_of"](tree))


@pytest.fixture
def clone(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tree = home / "tree"
    for name in ("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"):
        monkeypatch.setenv(name, "2026-01-02T03:04:05Z")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    tree.mkdir()
    (tree / "file").write_text("one")
    who = ("-c", "user.name=a", "-c", "user.email=a@b.example")
    for words in (("init", "--quiet"), ("add", "file"), (*who, "commit", "--quiet", "-m", "one")):
        subprocess.run(["git", *words], cwd=tree, check=True)
    return tree


def test_a_source_tree_names_no_commit(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    said = Terminal(monkeypatch, capfd)("--version")
    told = said.stdout.splitlines()
    assert (said.code, said.stderr) == (0, "")
    assert told[0] == f"keywright, version {__version__}"
    assert [line.split()[0] for line in told[1:]] == ["python", "platform"]
    assert "installed in " in told[1]


def test_a_stamped_build_names_its_commit(monkeypatch: pytest.MonkeyPatch, clone: Path) -> None:
    module = types.ModuleType("keywright._build")
    exec(stamp(clone), module.__dict__)
    monkeypatch.setitem(sys.modules, "keywright._build", module)
    monkeypatch.setattr("keywright._build", module, raising=False)
    build = stamped()
    assert build is not None
    assert len(build.commit) == 40
    assert build.instant == "2026-01-02T03:04:05Z"
    assert list(lines(build))[1] == f"commit    {build.commit}, 2026-01-02T03:04:05Z"


def test_a_frozen_program_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert any(line.startswith("python ") and line.endswith(", frozen") for line in lines(Build("abc")))


def test_the_same_commit_is_the_same_stamp_and_a_change_shows(clone: Path) -> None:
    assert stamp(clone) == stamp(clone)
    assert "-dirty" not in stamp(clone)
    (clone / "file").write_text("another")
    assert '-dirty"' in stamp(clone)


def test_the_tree_itself_is_never_stamped() -> None:
    done = subprocess.run([sys.executable, "-P", str(STAMP)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "is the tree itself" in done.stderr
    assert not list((STAMP.parents[2] / "helpers").rglob("_build.py"))


def test_no_clone_has_no_stamp(home: Path) -> None:
    assert stamp(home) == ""
