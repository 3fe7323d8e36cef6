"""What the bundle is made of is locked: all of it, with hashes, and nothing else is taken."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import freeze
from freeze import LOCKED, ROOT

PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LINES: Final = [
    line
    for line in LOCKED.read_text(encoding="utf-8").replace("\\\n", "").splitlines()
    if not line.lstrip().startswith("#")
]


def asked() -> Iterator[Requirement]:
    """Yield what pyproject.toml asks for, for the bundle and for making it."""
    for text in (
        *PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"]["keyring"],
        *PROJECT["dependency-groups"]["dist"],
    ):
        yield Requirement(text)


def locked() -> dict[str, Requirement]:
    """Return what is locked, by name."""
    found = (Requirement(line.partition(" --hash")[0]) for line in LINES)
    return {canonicalize_name(requirement.name): requirement for requirement in found}


@pytest.mark.parametrize("wanted", [*asked()], ids=lambda wanted: wanted.name)
def test_everything_asked_for_is_locked_as_it_is_asked_for(wanted: Requirement) -> None:
    (exact,) = locked()[canonicalize_name(wanted.name)].specifier
    assert exact.operator == "=="
    assert wanted.specifier.contains(exact.version, prereleases=True)


def test_every_line_has_hashes_and_is_exact() -> None:
    assert len(LINES) > 30
    for line in LINES:
        assert re.fullmatch(r"[a-z0-9.-]+==\S+( ; [^-]+?)?( +--hash=sha256:[0-9a-f]{64})+ *", line), line


@pytest.mark.slow
def test_another_file_than_the_locked_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thing-1-py3-none-any.whl").write_bytes(b"whatever it is, it is another file")
    lock = tmp_path / "locked.txt"
    lock.write_text(f"thing==1 --hash=sha256:{'0' * 64}\n")
    monkeypatch.setattr(freeze, "LOCKED", lock)
    with pytest.raises(subprocess.CalledProcessError):
        freeze.locked_environment(
            tmp_path / "venv",
            {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null"},
        )
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in capfd.readouterr().err


@pytest.mark.slow
def test_an_environment_of_another_python_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock, venv = tmp_path / "locked.txt", tmp_path / "venv"
    lock.write_text("# nothing\n")
    monkeypatch.setattr(freeze, "LOCKED", lock)
    venv.mkdir()
    (venv / "of another python").touch()
    of_another = f"# {sys.base_prefix} {sys.version.replace('3', '2', 1)!r}\n"
    (venv / lock.name).write_text(of_another + lock.read_text())
    python = freeze.locked_environment(venv, os.environ)
    assert not (venv / "of another python").exists()
    made = python.lstat().st_mtime_ns
    assert freeze.locked_environment(venv, os.environ) == python
    assert python.lstat().st_mtime_ns == made


def test_the_instant_of_a_build_from_an_sdist_is_that_of_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "PKG-INFO").touch()
    os.utime(tmp_path / "PKG-INFO", (1_700_000_000, 1_700_000_000))
    monkeypatch.setattr(freeze, "ROOT", tmp_path)
    assert freeze.reproducible({"TZ": "Asia/Kathmandu"})["SOURCE_DATE_EPOCH"] == "1700000000"
    assert freeze.reproducible({"SOURCE_DATE_EPOCH": "7"})["SOURCE_DATE_EPOCH"] == "7"


def test_without_git_the_instant_is_zip_s_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freeze, "ROOT", tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    assert freeze.reproducible({})["SOURCE_DATE_EPOCH"] == "315532800"


def test_in_a_clone_of_somebody_else_s_the_instant_is_that_of_the_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freeze, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_COMMITTER_DATE", "1700000000 +0000")
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    for words in (("init", "--quiet"), (*identity, "commit", "--quiet", "--allow-empty", "--message=x")):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert freeze.commit_epoch() == "1700000000"
