"""`keywright doctor` beside the real git, docker and kubectl: break one thing, be told, do what is said."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from clients.sandbox import BIN, Sandbox
from fakes.sick_house import House, Sickness
from keywright.manage.doctor import docker, git, kube
from keywright.manage.doctor.finding import Severity

NOTE, WARNING, ERROR = Severity.NOTE, Severity.WARNING, Severity.ERROR
OURS: Final = BIN / "git-credential-keywright"
PLUGIN: Final = BIN / "kube-credential-keywright"
ROUTES: Final = """
[profiles."github-app:acme"]
app_id = "1"
private_key = "/key.pem"
installation_id = 7
[[routes]]
client = "git"
url = "https://github.com{path}"
profiles = ["github-app:acme"]
[[routes]]
client = "docker"
url = "ghcr.io"
profiles = ["github-app:acme"]
"""
USER: Final = """\
apiVersion: v1
kind: Config
users:
- name: me
  user:
    exec:
      apiVersion: client.authentication.k8s.io/{version}
      args: [--secret=canary]
      command: {command}
{more}- name: token
  user:
    token: canary
"""
MODE: Final = "      interactiveMode: IfAvailable\n"
KUBERC: Final = "apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\n"


@pytest.fixture
def house(home: Path) -> House:
    return House(home, BIN)


def gitconfig(*lines: str, path: str = "") -> Callable[[House], None]:
    """A host that the settings route, and a configuration of git's."""

    def catch(house: House) -> None:
        house.settings(ROUTES.format(path=path))
        house.write(".gitconfig", "\n".join((*lines, "")))

    return catch


def credential(host: str, *helpers: str) -> str:
    return "\n".join((f'[credential "https://{host}"]', *(f"\thelper = {helper}" for helper in helpers)))


def docker_config(**document: object) -> Callable[[House], None]:
    def catch(house: House) -> None:
        house.settings(ROUTES.format(path=""))
        house.write(".docker/config.json", json.dumps(document))

    return catch


def canary(name: str) -> Callable[[House], object]:
    return lambda house: house.write(name, "canary")


def kubeconfig(version: str, command: str | Path, more: str = "") -> Callable[[House], None]:
    def catch(house: House) -> None:
        house.write(".kube/config", USER.format(version=version, command=command, more=more))

    return catch


def kuberc(*lines: str) -> Callable[[House], None]:
    def catch(house: House) -> None:
        house.write(".kube/kuberc", KUBERC + "\n".join((*lines, "")))

    return catch


def loose_docker(house: House) -> None:
    docker_config(auths={"ghcr.io": {"auth": "Y2FuYXJ5"}})(house)
    (house.home / ".docker/config.json").chmod(0o644)


def plugin_elsewhere(house: House) -> None:
    """A kubeconfig of another keywright's, whose plugin `install` would not name."""
    kubeconfig("v1", "/opt/kw/kube-credential-keywright", MODE)(house)
    kuberc("credentialPluginPolicy: Allowlist", "credentialPluginAllowlist:", "- command: aws", f"- command: {PLUGIN}")(
        house
    )


SICKNESSES = (
    Sickness("git-not-asked", git.look, gitconfig("[credential]", "\thelper = store --file=canary"), WARNING),
    Sickness(
        "git-others-first",
        git.look,
        gitconfig("[credential]", "\thelper = !echo canary", credential("github.com", str(OURS))),
        WARNING,
    ),
    Sickness("git-others-too", git.look, gitconfig(credential("*.com", str(OURS), "cache")), NOTE, mend=False),
    Sickness("git-twice", git.look, gitconfig(credential("github.com", str(OURS), "keywright")), NOTE, mend=False),
    Sickness("git-path-untold", git.look, gitconfig(credential("github.com", str(OURS)), path="/acme"), ERROR),
    Sickness(
        "git-helper-missing",
        git.look,
        gitconfig(credential("github.com", "/gone/git-credential-keywright")),
        ERROR,
    ),
    Sickness("git-config-wrong", git.look, gitconfig("[canary"), ERROR, mend=False),
    Sickness(
        "docker-config-wrong",
        docker.look,
        canary(".docker/config.json"),
        ERROR,
        mend=False,
    ),
    Sickness("docker-not-asked", docker.look, docker_config(credsStore="desktop"), WARNING),
    Sickness("docker-not-asked", docker.look, docker_config(credHelpers={"ghcr.io": "desktop"}), WARNING),
    Sickness("docker-helper-missing", docker.look, docker_config(credsStore="desktop"), ERROR, mend=False),
    Sickness("docker-login-in-clear", docker.look, docker_config(auths={"ghcr.io": {"auth": "Y2FuYXJ5"}}), WARNING),
    Sickness("docker-config-loose", docker.look, loose_docker, ERROR),
    Sickness("kube-mode-missing", kube.look_at_kubeconfigs, kubeconfig("v1", PLUGIN), ERROR),
    Sickness("kube-version-gone", kube.look_at_kubeconfigs, kubeconfig("v1alpha1", PLUGIN), ERROR),
    Sickness("kube-plugin-missing", kube.look_at_kubeconfigs, kubeconfig("v1", "./gone", MODE), ERROR, mend=False),
    Sickness("kube-plugin-missing", kube.look_at_kubeconfigs, kubeconfig("v1", "gone", MODE), ERROR, mend=False),
    Sickness("kube-plugin-slow", kube.look_at_kubeconfigs, kubeconfig("v1", "aws", MODE), NOTE, mend=False),
    Sickness(
        "kubeconfig-wrong",
        kube.look_at_kubeconfigs,
        canary(".kube/config"),
        ERROR,
        mend=False,
    ),
    Sickness("kuberc-denies", kube.look_at_policy, kuberc("credentialPluginPolicy: DenyAll"), ERROR),
    Sickness(
        "kuberc-refuses",
        kube.look_at_policy,
        kuberc("credentialPluginPolicy: Allowlist", "credentialPluginAllowlist:", "- command: aws"),
        ERROR,
    ),
    Sickness("kuberc-refuses", kube.look_at_policy, plugin_elsewhere, ERROR),
    Sickness("kuberc-unread", kube.look_at_policy, kuberc("credentialPluginPolicy: canary"), WARNING, mend=False),
)


@pytest.mark.parametrize("sickness", SICKNESSES, ids=[f"{number}-{one.id}" for number, one in enumerate(SICKNESSES)])
def test_what_is_broken_is_told_until_it_is_mended(house: House, sickness: Sickness) -> None:
    if sickness.look is git.look or sickness.look is docker.look:
        house.settings()
    sickness.run_its_course(house)


def test_the_chain_of_helpers_is_told_as_git_goes_through_it(house: House, tmp_path: Path) -> None:
    """What git really asks, by helpers that write down that they were asked."""
    asked = tmp_path / "asked"
    for name in ("first", "second", "third"):
        house.write(f"bin/git-credential-{name}", f"#!/bin/sh\necho {name} >> {asked}\n", 0o755)
    gitconfig(
        "[credential]\n\thelper = first",
        credential("github.com", "second", "", "third"),
        credential("*.com", str(OURS)),
        credential("gitlab.com", "second"),
    )(house)
    found = house.found(git.look)["git-others-first"]
    assert f"about https://github.com git asks third ({house.home}/.gitconfig) then keywright (" in found.what
    subprocess.run(
        ["git", "credential", "fill"],
        input=b"protocol=https\nhost=github.com\n\n",
        env={**house.env, "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "/bin/true"},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert asked.read_text().split() == ["third"]


def test_a_client_that_was_set_up_by_install_is_well(house: House) -> None:
    house.settings(ROUTES.format(path="/acme"))
    for client in ("git", "docker"):
        done = subprocess.run([BIN / "keywright", "install", client], env=house.env, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
    assert set(house.found(git.look)) == {"git-asked"}
    assert set(house.found(docker.look)) == {"docker-asked"}


@pytest.mark.slow
def test_the_whole_of_it_tells_no_secret(sandbox: Sandbox) -> None:
    house = House.__new__(House)
    house.home, house.own = sandbox.home, sandbox.own
    (house.own / "cache").mkdir(mode=0o700, parents=True)
    for catch in (gitconfig("[credential]", "\thelper = !canary"), loose_docker, kubeconfig("v1", "aws", MODE)):
        catch(house)
    sandbox.settings(ROUTES.format(path=""))
    env = {"HTTPS_PROXY": "http://me:canary@127.0.0.1:1", "NO_PROXY": "canary.example"}
    done = sandbox.run("keywright", "doctor", "--json", env=env)
    assert (done.code, done.stderr) == (1, "")
    document = json.loads(done.stdout)
    found = {row["id"]: row for row in document["findings"]}
    assert found.keys() >= {"locks-exclude", "proxy-login", "docker-login-in-clear", "kube-plugin-slow"}
    assert not [id_ for id_ in found if id_.startswith("check-")]
    assert "about https://github.com: it asks <masked> (" in found["git-not-asked"]["what"]
    assert all(row["mend"] for row in found.values() if row["severity"] in {"warning", "error"})
    told = sandbox.run("keywright", "doctor", "--offline")
    assert told.code == 1
    assert "✗" in told.stdout
    for secret in ("canary", "Y2FuYXJ5"):
        assert secret not in done.stdout + told.stdout
