"""The frozen bundle, as a user has it who has no Python: each name does its job, wherever and however it is called."""

import json
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from clients.sandbox import BIN, Done, Sandbox, environment
from freeze import put_front
from keywright import __version__
from keywright.bin.bundle import EXECUTABLES

pytestmark = pytest.mark.slow

EKS: Final = ("eks", "--cluster", "prod", "--region", "eu-central-1")
AWS: Final = {"AWS_ACCESS_KEY_ID": "AKIADEMO", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
CLIENTS: Final = ("docker", "git", "kubectl")
SHADOWED: Final = (
    "botocore",
    "ctypes",
    "encodings",
    "json",
    "keywright",
    "os",
    "sitecustomize",
    "socket",
    "ssl",
    "typing",
)
LIBRARIES: Final = ("libcrypto.so.3", "libffi.so.8", "libpython3.11.so.1.0", "libssl.so.3")
PASSPHRASE: Final = "correct horse battery staple"


@pytest.fixture(scope="session")
def installed(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The bundle in a folder that nobody may write to; what happens to be written there all the same is a failure."""
    folder = tmp_path_factory.mktemp("usr") / "keywright"
    shutil.copytree(bundle, folder, symlinks=True)
    for place in (*folder.rglob("*"), folder):
        if not place.is_symlink():
            place.chmod(place.stat().st_mode & 0o555)
    before = contents(folder)
    yield folder
    assert contents(folder) == before
    for place in (folder, *folder.rglob("*")):
        if not place.is_symlink():
            place.chmod(place.stat().st_mode | stat.S_IWUSR)


def contents(folder: Path) -> dict[Path, tuple[int, int, int]]:
    """Return what is in a folder, and what tells whether it was written to."""
    found = {place: place.lstat() for place in (folder, *folder.rglob("*"))}
    return {place: (at.st_ino, at.st_mtime_ns, at.st_size) for place, at in found.items()}


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder that shadows modules and libraries, each of which ends what loads it."""
    folder = tmp_path / "hostile"
    folder.mkdir()
    for name in SHADOWED:
        folder.joinpath(f"{name}.py").write_text("raise SystemExit('a hostile module was imported')\n")
    for name in LIBRARIES:
        folder.joinpath(name).write_text("not a library\n")
    return folder


@pytest.fixture
def user(installed: Path, hostile: Path, home: Path) -> Sandbox:
    """A user with nothing but the bundle on PATH, in a hostile folder and environment."""
    env = environment(home)
    wild = {"PATH": str(installed), "LD_LIBRARY_PATH": str(hostile)}
    wild |= dict.fromkeys(("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP"), str(hostile))
    return Sandbox(home, {**env, **wild})


def ask(user: Sandbox, program: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> Done:
    """Ask for an EKS token, which is signed without any network."""
    return user.run(program, *EKS, cwd=cwd, env={**AWS, **(env or {})})


def test_there_is_one_program_and_a_link_for_each_name(bundle: Path) -> None:
    links = {place.name: os.readlink(place) for place in bundle.iterdir() if place.is_symlink()}
    links.pop("keywright", None)  # where there is no compiler
    assert links == {name: "keywright" for name in EXECUTABLES if name != "keywright"}
    assert {place.name for place in bundle.iterdir()} >= {"keywright", "keywright-python", "_internal", *EXECUTABLES}


def test_kubectl_git_and_docker_work_with_it(installed: Path, hostile: Path, home: Path) -> None:
    """The demo's whole story, told by the bundle about the bundle: mints, hits, detached renewals, outages."""
    clients = home / "clients"
    clients.mkdir()
    for name in CLIENTS:
        found = shutil.which(name, path=f"{BIN}:{os.environ['PATH']}")
        assert found, name
        clients.joinpath(name).symlink_to(found)
    env = {"HOME": str(home), "PATH": str(clients), "PYTHONPATH": str(hostile), "LD_LIBRARY_PATH": str(hostile)}
    env["TMPDIR"] = str(home)
    done = Sandbox(home, env).run(installed / "keywright", "demo", cwd=hostile)
    assert done.code == 0, done.stdout + done.stderr
    assert not done.stderr
    assert "not installed" not in done.stdout
    assert "All 41 rows held" in done.stdout


@pytest.mark.parametrize("name", EXECUTABLES)
def test_each_name_says_what_it_is(user: Sandbox, hostile: Path, installed: Path, name: str) -> None:
    if name == "docker-credential-keywright":
        done, said = user.run(installed / name, "version", cwd=hostile), f"{name} (keywright) {__version__}\n"
    elif name == "keywright":
        done, said = user.run(installed / name, "--version", cwd=hostile), f"keywright, version {__version__}"
    elif name == "git-credential-keywright":
        done, said = user.run(installed / name, "get", cwd=hostile, stdin="protocol=https\nhost=git.example\n\n"), ""
    else:
        done, said = ask(user, installed / name, hostile), '{"apiVersion":"client.authentication.k8s.io/v1beta1"'
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.startswith(said)


def test_it_is_found_through_a_link_from_elsewhere(user: Sandbox, installed: Path, hostile: Path, home: Path) -> None:
    link = home / "docker-credential-keywright"
    link.symlink_to(installed / "docker-credential-keywright")
    assert user.run(link, "version", cwd=hostile).stdout.startswith(link.name)


def test_the_wheel_s_executables_and_the_bundle_s_share_one_ready_answer(
    user: Sandbox, installed: Path, hostile: Path, home: Path
) -> None:
    first = ask(user, installed / "kube-credential-keywright", hostile)
    plain = Sandbox(home, environment(home))
    (answer,) = (path for path in user.own.glob("cache/answers/*") if path.suffix != ".asked")
    kept = answer.stat()
    assert ask(plain, BIN / "kube-credential-keywright", home).stdout == first.stdout
    assert [path for path in user.own.glob("cache/answers/*") if path.suffix != ".asked"] == [answer]
    assert answer.stat().st_mtime_ns == kept.st_mtime_ns


@pytest.mark.parametrize("library_path", [None, "/opt/lib:/srv/lib"])
def test_programs_that_it_runs_get_the_caller_s_environment(
    user: Sandbox, installed: Path, home: Path, library_path: str | None
) -> None:
    """AWS's `credential_process` is one of them."""
    seen = home / "seen"
    key = {"Version": 1, "AccessKeyId": AWS["AWS_ACCESS_KEY_ID"], "SecretAccessKey": AWS["AWS_SECRET_ACCESS_KEY"]}
    signer = user.write(home / "signer", f"#!/bin/sh\nenv > {seen}\necho '{json.dumps(key)}'\n")
    signer.chmod(0o700)
    config = user.write(home / "aws-config", f"[default]\ncredential_process = {signer}\n")
    env = {name: value for name, value in user.env.items() if name not in {"LD_LIBRARY_PATH", *AWS}}
    env |= {"PATH": "/usr/bin:/bin", "AWS_CONFIG_FILE": str(config)}
    env |= {"LD_LIBRARY_PATH": library_path} if library_path else {"LD_LIBRARY_PATH_ORIG": "/left/by/another"}
    env |= {"VIRTUAL_ENV": "/venv"}
    done = Sandbox(home, env).run(installed / "kube-credential-keywright", *EKS)
    assert done.code == 0, done.stderr
    got = dict(line.split("=", 1) for line in seen.read_text().splitlines() if "=" in line)
    of_the_shell = {"PWD", "SHLVL", "_", "OLDPWD"}
    assert {name: got[name] for name in got.keys() - of_the_shell} == env


def test_an_unlocked_vault_s_key_is_held_by_the_bundle(user: Sandbox, installed: Path, hostile: Path) -> None:
    program = installed / "keywright"

    def vault(*words: str) -> Done:
        return user.run(program, "vault", *words, stdin=f"{PASSPHRASE}\n", cwd=hostile)

    assert vault("init", "--key", "passphrase").code == 0
    assert vault("unlock").code == 0
    try:
        assert json.loads(vault("status", "--json").stdout)["state"] == "unlocked"
        secret = user.run(program, "vault", "set", "FORGE", stdin="s3cret", cwd=hostile)
        assert (secret.code, secret.stderr) == (0, "")
        assert vault("get", "FORGE", "--reveal").stdout == "s3cret\n"
    finally:
        assert vault("lock").code == 0
    assert json.loads(vault("status", "--json").stdout)["state"] == "locked"


def test_the_os_keyring_is_asked_by_the_bundle(user: Sandbox, installed: Path, hostile: Path) -> None:
    """The library for it is there, and so is what it needs: what is missing is the keyring."""
    done = user.run(installed / "keywright", "vault", "init", "--key", "keyring", cwd=hostile)
    assert "there is no OS keyring here" in done.stderr


def test_without_a_compiler_a_link_is_in_the_launcher_s_place(tmp_path: Path) -> None:
    tmp_path.joinpath("keywright-python").touch()
    put_front(tmp_path, tmp_path / "work", {**os.environ, "CC": "no-such-compiler"})
    assert os.readlink(tmp_path / "keywright") == "keywright-python"


def test_a_compiler_may_be_several_words(tmp_path: Path) -> None:
    put_front(tmp_path, tmp_path / "work", {**os.environ, "CC": "env LC_ALL=C cc"})
    assert not (tmp_path / "keywright").is_symlink()


def test_a_bundle_without_its_launcher_works_the_same(
    bundle: Path, user: Sandbox, hostile: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    for name in ("keywright-python", "_internal"):
        folder.joinpath(name).symlink_to(bundle / name)
    for name in EXECUTABLES:
        folder.joinpath(name).symlink_to(bundle / "keywright-python")
    first = ask(user, folder / "kube-credential-keywright", hostile)
    assert (first.code, first.stderr) == (0, "")
    assert ask(user, folder / "kube-credential-keywright", hostile).stdout == first.stdout
