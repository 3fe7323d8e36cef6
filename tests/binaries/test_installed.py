"""The wheel, and what it installs: looked into, then installed into an environment of its own and run."""

import configparser
import json
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from clients.sandbox import Done, Sandbox, environment

pytestmark = pytest.mark.slow

ROOT: Final = Path(__file__).parent.parent.parent
SCRIPTS: Final = ("docker-credential-keywright", "git-credential-keywright", "kube-credential-keywright")
EKS: Final = ("eks", "--cluster", "prod", "--region", "eu-central-1")
AWS: Final = {"AWS_ACCESS_KEY_ID": "AKIADEMO", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}


@pytest.fixture(scope="session")
def wheel(dist: Path) -> Path:
    """The wheel that is handed out."""
    (built,) = dist.glob("*.whl")
    return built


@dataclass(frozen=True)
class Installed:
    """An environment into which the wheel was installed; its dependencies are this environment's own."""

    folder: Path

    @property
    def bin(self) -> Path:
        """Where its scripts are."""
        return self.folder / "bin"

    def sandbox(self, home: Path) -> Sandbox:
        """Return a user who finds its scripts first."""
        env = environment(home)
        return Sandbox(home, {**env, "PATH": f"{self.bin}:{env['PATH']}"})


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel, installed as a user would have it."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install"]
    subprocess.run([*pip, "--quiet", "--no-deps", "--no-index", str(wheel)], check=True, capture_output=True)
    (site_packages,) = folder.glob("lib/python*/site-packages")
    # A plain path, whose own .pth files do not count: this environment's editable keywright stays out of it.
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return Installed(folder)


@pytest.fixture
def user(installed: Installed, home: Path) -> Sandbox:
    """A user of the installed wheel."""
    return installed.sandbox(home)


def ask(user: Sandbox, env: Mapping[str, str] | None = None) -> Done:
    """Ask for an EKS token, which is signed without any network."""
    return user.run("kube-credential-keywright", *EKS, env={**AWS, **(env or {})})


def test_the_wheel_claims_one_import_name_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith((".dist-info", ".data"))} == {"keywright"}
    assert "keywright/py.typed" in names
    assert "keywright/demo/story.py" in names
    assert not [name for name in names if name.endswith((".pyc", ".pem", ".toml"))]


def test_the_wheel_holds_three_scripts_and_one_entry_point(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        scripts = {name.rpartition("/")[2] for name in archive.namelist() if ".data/scripts/" in name}
        (entry_points,) = (name for name in archive.namelist() if name.endswith("/entry_points.txt"))
        points = configparser.ConfigParser()
        points.read_string(archive.read(entry_points).decode())
    assert scripts == set(SCRIPTS)
    assert {section: dict(points[section]) for section in points.sections()} == {
        "console_scripts": {"keywright": "keywright.bin.keywright:main"}
    }


def test_the_wheel_holds_every_module_of_the_source(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("keywright/") and name.endswith(".py")}
    source = ROOT / "helpers"
    assert packed == {str(path.relative_to(source)) for path in source.glob("keywright/**/*.py")}


@pytest.mark.parametrize("name", [*SCRIPTS, "keywright"])
def test_each_script_runs_its_own_environments_python(installed: Installed, user: Sandbox, name: str) -> None:
    script = installed.bin / name
    assert script.read_text().splitlines()[0] == f"#!{installed.bin / 'python'}"
    done = user.run(script, "--version")
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.startswith("docker-credential-keywright (keywright) " if "docker" in name else name)


def test_the_package_is_the_installed_copy(installed: Installed, user: Sandbox) -> None:
    code = (
        "import keywright, importlib.util as u; print(keywright.__file__, u.find_spec('helpers'), u.find_spec('tests'))"
    )
    done = user.run(installed.bin / "python", "-I", "-c", code)
    assert done.code == 0, done.stderr
    place, *others = done.stdout.split()
    assert Path(place).is_relative_to(installed.folder)
    assert others == ["None", "None"]


def test_the_second_call_is_a_hit(user: Sandbox) -> None:
    first = ask(user)
    second = ask(user, {"PYTHONPROFILEIMPORTTIME": "1"})
    assert (first.code, first.stderr) == (0, "")
    assert (second.code, second.stdout) == (0, first.stdout)
    imported = [line.rpartition("|")[2].strip() for line in second.stderr.splitlines()]
    assert [name for name in imported if name.startswith("keywright")] == ["keywright", "keywright.hit"]


def test_the_detached_renewal_starts_from_the_installed_copy(installed: Installed, user: Sandbox) -> None:
    assert ask(user).code == 0
    minted = user.entry()
    (path,) = user.own.glob("cache/entries/*.json")
    command = (installed.bin / "python", "-I", "-m", "keywright.bin.renew")
    woken = (path.stem, str(minted["generation"]), "kube-credential-keywright", "", *EKS)
    done = user.run(*command, *woken, cwd=Path("/"), env=AWS)
    assert (done.code, done.stdout, done.stderr) == (0, "", "")
    assert user.entry()["generation"] > minted["generation"]
    assert json.loads(ask(user).stdout)["status"]["token"] == user.entry()["secret"]


@pytest.mark.parametrize(
    ("words", "stdin", "code", "stdout"),
    [
        (("git-credential-keywright", "get"), "protocol=https\nhost=example.com\n", 0, ""),
        (("docker-credential-keywright", "get"), "example.com", 1, "credentials not found in native keychain\n"),
        (("keywright", "status"), "", 0, None),
    ],
)
def test_what_is_not_ours_is_answered(
    user: Sandbox, words: tuple[str, ...], stdin: str, code: int, stdout: str | None
) -> None:
    done = user.run(*words, stdin=stdin)
    assert (done.code, done.stderr) == (code, "")
    assert stdout is None or done.stdout == stdout
