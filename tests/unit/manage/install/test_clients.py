"""What each command line asks for, and what it says beside."""

import json
import os
from pathlib import Path

import pytest

from fakes.terminal import Terminal
from keywright.manage.install import program

SETTINGS = """
version = 1
[profiles."github-app:acme"]
app_id = "1"
private_key = "/key.pem"
installation_id = 7
[[routes]]
client = "git"
url = "https://github.com/acme"
profiles = ["github-app:acme"]
[[routes]]
client = "docker"
url = "ghcr.io/acme"
profiles = ["github-app:acme"]
[[routes]]
client = "docker"
url = "*.example.com"
profiles = ["github-app:acme"]
"""


@pytest.fixture
def settings(own: Path) -> Path:
    path = own / "config.toml"
    path.write_text(SETTINGS)
    return path


def test_without_hosts_it_is_those_of_the_routes(keywright: Terminal, settings: Path, home: Path) -> None:
    done = keywright("install", "docker")
    assert done.code == 0
    assert "the route for *.example.com has no host to set up" in done.stderr
    assert json.loads((home / ".docker/config.json").read_bytes()) == {"credHelpers": {"ghcr.io": "keywright"}}
    done = keywright("install", "git")
    assert [line.rpartition(": ")[2] for line in done.stdout.splitlines()] == [
        "credential.https://github.com.helper is set",
        "credential.https://github.com.useHttpPath is set",
    ]


@pytest.mark.parametrize("client", ["git", "docker"])
def test_without_hosts_and_routes_it_says_what_to_do(keywright: Terminal, client: str) -> None:
    done = keywright("install", client)
    assert (done.code, done.stdout) == (2, "")
    assert "or give --all" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("git", "--all", "https://github.com"),
        ("git", "github.com"),
        ("docker", "--all", "ghcr.io"),
        ("docker", "--all", "--podman"),
        ("docker", "ghcr.io/acme"),
        ("kube",),
        ("kube", "--eks", "prod", "--profile", "aws-eks:prod"),
        ("kube", "--profile", "aws-eks:prod"),
        ("kube", "--user", "me"),
        ("kube", "--user", "me", "--profile", "aws-eks:prod", "--alias", "x"),
        ("kube", "--user", "me", "--profile", "aws-eks:prod", "--no-set-current"),
        ("kube", "--user", "me", "--profile", "aws-eks:prod"),
        ("kube", "--user", "-x", "--profile", "aws-eks:prod"),
        ("kube", "--eks", "a b", "--region", "eu-central-1"),
        ("kube", "--eks", "prod"),
        ("nobody",),
    ],
)
def test_what_makes_no_sense_is_exit_2(keywright: Terminal, home: Path, words: tuple[str, ...]) -> None:
    done = keywright("install", *words)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr
    assert [path.name for path in home.iterdir()] == ["kw"]


def test_logins_that_docker_will_look_past_are_named(keywright: Terminal, home: Path) -> None:
    path = home / ".docker/config.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"auths": {"a.io": {"auth": "canary"}}}))
    done = keywright("install", "docker", "--all")
    assert f"docker no longer reads the logins that {path} itself has for a.io" in done.stderr
    assert "canary" not in done.stderr
    assert json.loads(path.read_bytes())["credsStore"] == "keywright"
    assert keywright("uninstall", "docker", "--all").code == 0
    assert json.loads(path.read_bytes()) == {"auths": {"a.io": {"auth": "canary"}}}


def test_a_login_that_docker_will_look_past_for_one_registry_is_named(keywright: Terminal, home: Path) -> None:
    path = home / ".docker/config.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"auths": {"https://a.io": {"auth": "canary"}, "b.io": {"auth": "canary"}}}))
    told = f"keywright: docker no longer reads the logins that {path} itself has for https://a.io\n"
    assert keywright("install", "docker", "a.io").stderr == told
    assert keywright("install", "docker", "c.io").stderr == ""


def test_docker_that_would_find_another_helper_is_warned_about(
    keywright: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = keywright("install", "docker", "ghcr.io")
    assert done.code == 0
    assert "docker looks for docker-credential-keywright on PATH and does not find this one: put " in done.stderr


def test_podman_has_a_file_of_its_own(keywright: Terminal, home: Path) -> None:
    path = home / ".config/containers/auth.json"
    assert keywright("install", "docker", "--podman", "docker.io").code == 0
    assert keywright("install", "docker", "docker.io").code == 0
    assert json.loads(path.read_bytes()) == {"credHelpers": {"docker.io": "keywright"}}
    assert keywright("uninstall", "docker", "--podman").code == 0
    assert not path.exists()
    assert (home / ".docker/config.json").exists()
    assert keywright("install", "docker", "--podman", "docker.io").code == 0
    assert len(keywright("uninstall", "docker").stdout.splitlines()) == 2


@pytest.mark.parametrize(("client", "tool"), [("git", "git"), ("kube", "kubectl")])
def test_a_client_that_is_not_installed_is_named(
    keywright: Terminal, settings: Path, monkeypatch: pytest.MonkeyPatch, client: str, tool: str
) -> None:
    monkeypatch.setenv("PATH", str(settings.parent))
    words = ("--user", "me", "--profile", "github-app:acme") if client == "kube" else ("https://github.com",)
    done = keywright("install", client, *words)
    assert (done.code, done.stdout) == (1, "")
    assert (
        done.stderr
        == f"keywright: {tool} is not on PATH; install {tool}: it edits its own configuration [unavailable]\n"
    )


def test_our_own_executable_that_others_can_replace_is_refused(
    keywright: Terminal, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "is_writable_by_others", lambda _found: True)
    done = keywright("install", "docker", "ghcr.io")
    assert (done.code, done.stdout) == (2, "")
    assert "chmod go-w" in done.stderr
    assert not (home / ".docker").exists()


def test_helpers_for_every_host_are_pointed_out(keywright: Terminal, home: Path) -> None:
    (home / ".gitconfig").write_text("[credential]\n\thelper = store\n")
    told = "helpers of `credential.helper` are asked about these hosts too; --only keeps them out"
    assert told in keywright("install", "git", "https://a.b").stderr
    assert told not in keywright("install", "git", "https://a.b", "--only").stderr
    assert os.path.exists(home / ".gitconfig")
