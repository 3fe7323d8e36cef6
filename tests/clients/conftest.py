"""What the tests of the real clients share: a user, the issuers, and the servers that accept what they issue."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.app import App, Tokens
from clients.sandbox import Sandbox, environment, find_program
from clients.servers import DockerRegistry, Server
from fakes.own_vault import OwnVault
from fakes.terminal import Terminal
from keywright.demo.github import AppKey, GitHubIssuer, Installation


@pytest.fixture
def sandbox(home: Path) -> Sandbox:
    """A user who has nothing yet."""
    return Sandbox(home, environment(home))


@pytest.fixture
def own_vault() -> OwnVault:
    """The user's vault, for the commands that run in this process (`terminal`)."""
    return OwnVault()


@pytest.fixture
def terminal(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Terminal:
    """The user's command line, run in this process."""
    for name, value in sandbox.env.items():
        monkeypatch.setenv(name, value)
    return Terminal(monkeypatch, capfd)


@pytest.fixture(scope="session")
def app_key() -> AppKey:
    """The GitHub App's key pair."""
    return AppKey.generate()


@pytest.fixture
def github(app_key: AppKey) -> Iterator[GitHubIssuer]:
    """GitHub's side of an App that is installed for `acme` (1) and `umbrella` (2)."""
    installations = (
        Installation(id=1, owner="acme", repositories=("app", "lib")),
        Installation(id=2, owner="umbrella", repositories=("app", "lib")),
    )
    issuer = GitHubIssuer(app_id="123456", public_key=app_key.public_pem, installations=installations)
    with issuer:
        yield issuer


@pytest.fixture
def app(sandbox: Sandbox, github: GitHubIssuer, app_key: AppKey) -> App:
    """The GitHub App, its key in the user's home folder."""
    return App(github, sandbox.write(sandbox.home / "keys" / "app.pem", app_key.private_pem))


@pytest.fixture
def tokens(github: GitHubIssuer) -> Tokens:
    """What a git server or a registry of GitHub's lets in."""
    return Tokens(github)


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a moto server, which answers as STS and ECR do."""
    program = find_program("moto_server")
    folder = tmp_path_factory.mktemp("moto")
    with Server(lambda port: [program, "-H", "127.0.0.1", "-p", str(port)], folder, environment(folder)) as server:
        yield f"http://{server.host}"


@pytest.fixture
def docker_registry(tmp_path: Path, sandbox: Sandbox) -> Iterator[DockerRegistry]:
    """Debian's `docker-registry`, empty, letting nobody in yet."""
    program, folder = find_program("docker-registry"), tmp_path / "registry"
    folder.mkdir()
    htpasswd = folder / "htpasswd"
    htpasswd.write_text("nobody:$2y$05$WmXuPLnGqrsAw3hPPWwPlO7EAdzfAaEvRnKKGVmLrtMUBD0aMKKw6\n")

    def command(port: int) -> list[str]:
        config = {
            "version": "0.1",
            "log": {"level": "warn"},
            "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
            "http": {"addr": f"127.0.0.1:{port}"},
            "auth": {"htpasswd": {"realm": "test", "path": str(htpasswd)}},
        }
        (folder / "config.yml").write_text(json.dumps(config))
        return [program, "serve", str(folder / "config.yml")]

    # The registry takes every REGISTRY_… variable for a setting of its own.
    env = {name: value for name, value in sandbox.env.items() if not name.startswith("REGISTRY_")}
    with Server(command, folder, env) as server:
        yield DockerRegistry(server.host, htpasswd)
