"""`keywright demo`, run as a person runs it."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from keywright.demo.story import STEPS

pytestmark = pytest.mark.slow

BIN = Path(sys.prefix, "bin")
HELPERS = {
    "keywright": "keywright.py",
    "docker-credential-keywright": "docker.py",
    "git-credential-keywright": "git.py",
    "kube-credential-keywright": "kube.py",
}
CLIENTS = ("kubectl", "git", "docker")
WITHIN_S = 120.0


class Demo:
    """One run of the demo, with a folder of its own for everything temporary."""

    def __init__(self, command: Sequence[str | Path], scratch: Path, path: str) -> None:
        self.scratch = scratch
        scratch.mkdir()
        self.process = subprocess.Popen(
            command,
            env={"HOME": str(scratch.parent), "PATH": path, "TMPDIR": str(scratch)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self) -> tuple[int, str, str]:
        """Wait for its end; return exit code, stdout and stderr."""
        stdout, stderr = self.process.communicate(timeout=WITHIN_S)
        return self.process.returncode, stdout, stderr

    def left_behind(self) -> list[str]:
        """Return what is left of it: files, and processes whose environment names its folder."""
        left = [str(path) for path in self.scratch.iterdir()]
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if str(self.scratch).encode() in process.joinpath("environ").read_bytes():
                    left.append(process.joinpath("cmdline").read_text().replace("\0", " "))
            except OSError:
                continue  # somebody else's, or gone meanwhile
        return left


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    return tmp_path / "scratch"


@pytest.fixture
def path_with(tmp_path: Path) -> Path:
    """A folder that is the whole `PATH`; empty at first."""
    folder = tmp_path / "path"
    folder.mkdir()
    return folder


@pytest.fixture
def bare_bin(tmp_path: Path) -> Path:
    """The executables of an environment like this one, without the kubectl that the tests install into it."""
    prefix = tmp_path / "venv"
    bin_folder = prefix / "bin"
    bin_folder.mkdir(parents=True)
    shutil.copy(Path(sys.prefix, "pyvenv.cfg"), prefix)
    (prefix / "lib").symlink_to(Path(sys.prefix, "lib"))
    python = bin_folder / "python"
    python.symlink_to(os.path.realpath(sys.executable))
    import keywright.bin

    for name, source in HELPERS.items():
        text = Path(keywright.bin.__path__[0], source).read_text(encoding="utf-8").removeprefix("#!python\n")
        main = "\nmain()\n" if name == "keywright" else ""
        (bin_folder / name).write_text(f"#!{python}\n{text}{main}", encoding="utf-8")
        (bin_folder / name).chmod(0o755)
    return bin_folder


def _rows(stdout: str, mark: str) -> list[str]:
    return [line for line in stdout.splitlines() if line.startswith(f"   {mark} ")]


def _has(client: str) -> bool:
    return shutil.which(client, path=f"{BIN}:{os.environ['PATH']}") is not None


def test_every_row_holds_and_nothing_is_left_behind(scratch: Path) -> None:
    demo = Demo([BIN / "keywright", "demo"], scratch, os.environ["PATH"])
    code, stdout, stderr = demo.end()
    assert (code, stderr, _rows(stdout, "✗")) == (0, "", []), stdout
    assert [int(number) for number in re.findall(r"(?m)^([0-9]) {2}", stdout)] == list(range(1, len(STEPS) + 1))
    for client in filter(_has, CLIENTS):
        assert sum(f" {client} " in row for row in _rows(stdout, "✓")) >= len(STEPS) - 1, client
    assert "\x1b" not in stdout
    assert demo.left_behind() == []


def test_without_kubectl_and_docker_it_names_them_and_shows_git(scratch: Path, bare_bin: Path, path_with: Path) -> None:
    git = shutil.which("git")
    if git is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("git is not installed")
    (path_with / "git").symlink_to(git)
    demo = Demo([bare_bin / "keywright", "demo"], scratch, str(path_with))
    code, stdout, stderr = demo.end()
    assert (code, stderr, _rows(stdout, "✗")) == (0, "", []), stdout
    assert re.search(r"(?m)^ +kubectl +- +skipped: kubectl is not installed$", stdout)
    assert re.search(r"(?m)^ +docker +- +skipped: docker is not installed$", stdout)
    assert "20 x git ls-remote" in stdout
    assert demo.left_behind() == []


def test_without_any_client_it_says_so_and_fails(scratch: Path, bare_bin: Path, path_with: Path) -> None:
    demo = Demo([bare_bin / "keywright", "demo"], scratch, str(path_with))
    code, stdout, stderr = demo.end()
    assert code == 1
    assert stderr == "keywright: neither kubectl nor git nor docker can take part; install one of them [unavailable]\n"
    assert stdout.count("skipped: ") == 3
    assert demo.left_behind() == []


def test_clients_that_are_too_old_or_something_else_are_skipped(scratch: Path, bare_bin: Path, path_with: Path) -> None:
    for name, said in (("kubectl", "Client Version: v1.20.2"), ("docker", "podman version 5.4.2")):
        (path_with / name).write_text(f"#!/bin/sh\necho {said}\n")
        (path_with / name).chmod(0o755)
    code, stdout, _ = Demo([bare_bin / "keywright", "demo"], scratch, str(path_with)).end()
    assert code == 1
    assert f"skipped: {path_with}/kubectl is 1.20.2; exec plugins of v1 need 1.22" in stdout
    assert f"skipped: {path_with}/docker is something else" in stdout


@pytest.mark.parametrize("step", [1, 3, 4, 6])
def test_an_interrupt_ends_everything(scratch: Path, step: int) -> None:
    if not any(map(_has, CLIENTS)):
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("no client is installed")
    demo = Demo([BIN / "keywright", "demo"], scratch, os.environ["PATH"])
    assert demo.process.stdout is not None
    for line in demo.process.stdout:
        if line.startswith(f"{step}  "):
            break
    demo.process.send_signal(signal.SIGINT)
    code, stdout, stderr = demo.end()
    assert (code, stderr.strip()) == (130, "")
    assert "rows held" not in stdout
    assert demo.left_behind() == []


def test_a_reader_who_leaves_ends_it_with_the_code_of_a_closed_pipe(scratch: Path) -> None:
    demo = Demo([BIN / "keywright", "demo"], scratch, os.environ["PATH"])
    assert demo.process.stdout is not None
    demo.process.stdout.readline()
    demo.process.stdout.close()
    assert demo.process.wait(timeout=WITHIN_S) == 141
    assert demo.process.stderr is not None
    assert demo.process.stderr.read() == ""
    demo.process.stderr.close()
    assert demo.left_behind() == []
