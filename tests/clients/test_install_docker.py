"""`keywright install docker` with the real docker and skopeo: what it writes, they read."""

import json
import subprocess
from pathlib import Path
from typing import Final

import pytest

from clients.app import App
from clients.sandbox import WAIT_AT_MOST_S, Sandbox, find_program, route
from clients.servers import DockerRegistry
from keywright.demo.github import GitHubIssuer
from keywright.demo.registry import RegistryServer

USER: Final = "x-access-token"


@pytest.mark.parametrize("words", [(), ("--all",)])
def test_docker_asks_us_after_it_and_no_longer_after_the_end(
    sandbox: Sandbox, app: App, github: GitHubIssuer, words: tuple[str, ...]
) -> None:
    find_program("docker")
    with RegistryServer(authorises=lambda _username, password: github.accepts(password)) as registry:
        sandbox.settings(app.profile(), route("docker", registry.host, "github-app:acme"))
        inspect = ("docker", "manifest", "inspect", "--insecure", f"{registry.host}/demo/app:1")
        assert sandbox.run("keywright", "install", "docker", *words).code == 0
        done = sandbox.run(*inspect)
        assert (done.code, done.stderr) == (0, "")
        assert sandbox.run("keywright", "uninstall", "docker").code == 0
        assert sandbox.run(*inspect).code != 0


def test_dockers_own_file_comes_back_byte_for_byte(sandbox: Sandbox) -> None:
    """As docker itself writes it after a login; it keeps logins in the file where there already are some."""
    find_program("docker")
    login_of_old = '{"auths": {"old.example.com": {"auth": "bWU6Y2FuYXJ5"}}}'
    config = sandbox.write(sandbox.home / ".docker/config.json", login_of_old)
    with RegistryServer(authorises=lambda _username, password: password == "canary") as registry:
        login = ("docker", "login", "--username", "me", "--password-stdin", registry.host)
        done = sandbox.run(*login, stdin="canary")
        assert done.code == 0, done.stderr
        before = config.read_bytes()
        said = [sandbox.run("keywright", "install", "docker", "--all", *flags) for flags in (("--dry-run",), ())]
        assert f"docker no longer reads the logins that {config} itself has for {registry.host}, old" in said[1].stderr
        said.append(sandbox.run("keywright", "uninstall", "docker"))
        assert [done.code for done in said] == [0, 0, 0]
        assert config.read_bytes() == before
        auths = [login["auth"] for login in json.loads(before)["auths"].values()]
        assert len(auths) == 2
        assert not [done for done in said for auth in auths if auth in done.stdout + done.stderr]


def test_skopeo_asks_us_after_it(
    sandbox: Sandbox, app: App, docker_registry: DockerRegistry, github: GitHubIssuer
) -> None:
    find_program("skopeo")
    sandbox.settings(app.profile(), route("docker", docker_registry.host, "github-app:acme"))
    minted = sandbox.run("keywright", "token", "github-app:acme")
    docker_registry.allow(USER, minted.stdout.strip())
    who = ("skopeo", "login", "--get-login", docker_registry.host)
    assert sandbox.run("keywright", "install", "docker", "--podman").code == 0
    done = sandbox.run(*who)
    assert (done.code, done.stdout) == (0, f"{USER}\n")
    assert sandbox.run("keywright", "uninstall", "docker").code == 0
    assert sandbox.run(*who).code != 0


@pytest.mark.slow
def test_many_at_once_lose_nothing(sandbox: Sandbox) -> None:
    config = sandbox.write(sandbox.home / ".docker/config.json", '{"auths": {"a.io": {"auth": "bWU6cHc="}}}')
    before = config.read_bytes()
    hosts = [f"registry{number}.example.com" for number in range(6)]
    program: Path | str = find_program("keywright")
    ours = [
        subprocess.Popen([program, "install", "docker", host], env=dict(sandbox.env), stdout=subprocess.DEVNULL)
        for host in hosts
    ]
    assert [process.wait(WAIT_AT_MOST_S) for process in ours] == [0] * len(hosts)
    assert json.loads(config.read_bytes())["credHelpers"] == dict.fromkeys(hosts, "keywright")
    done = sandbox.run("keywright", "uninstall", "docker")
    assert (done.code, len(done.stdout.splitlines())) == (0, len(hosts))
    assert config.read_bytes() == before
