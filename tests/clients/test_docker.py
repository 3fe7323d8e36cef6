"""The docker command line without a daemon: login, logout and `manifest inspect` run the helper by themselves."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import pytest

from clients.app import BOTH_WAYS, App, Tokens
from clients.sandbox import Done, Sandbox, find_program, route
from fakes.bent import bent, refusing, slow
from keywright.demo.exchange import basic_credentials
from keywright.demo.github import TOKENS_ROUTE, GitHubIssuer
from keywright.demo.registry import RegistryServer

HELPER: Final = "docker-credential-keywright"
NOT_FOUND: Final = "credentials not found in native keychain\n"
USER: Final = "x-access-token"


@dataclass
class Docker:
    """A user's docker and the registry it pulls from."""

    sandbox: Sandbox
    registry: RegistryServer

    def __call__(self, *words: str, stdin: str = "", env: Mapping[str, str] | None = None) -> Done:
        """Run docker."""
        return self.sandbox.run("docker", *words, stdin=stdin, env=env)

    def configure(self, **config: object) -> None:
        """Write docker's `config.json`."""
        self.sandbox.write(self.sandbox.home / ".docker/config.json", json.dumps(config))

    def configured(self) -> dict[str, object]:
        """Return docker's `config.json` as docker left it."""
        config: dict[str, object] = json.loads((self.sandbox.home / ".docker/config.json").read_text())
        return config

    def inspect(self, registry: RegistryServer | None = None, env: Mapping[str, str] | None = None) -> Done:
        """Ask a registry for a manifest."""
        return self("manifest", "inspect", "--insecure", f"{(registry or self.registry).host}/demo/app:1", env=env)

    def log_in(self, host: str, username: str, password: str) -> Done:
        """Log in to a registry."""
        return self("login", "--username", username, "--password-stdin", host, stdin=password)


@pytest.fixture
def docker(sandbox: Sandbox, tokens: Tokens, app: App) -> Iterator[Docker]:
    """Docker with our helper for everything, and a registry that lets in whom GitHub's tokens name."""
    find_program("docker")
    with RegistryServer(authorises=tokens.accepts) as registry:
        sandbox.settings(app.profile(), route("docker", registry.host, "github-app:acme"))
        docker = Docker(sandbox, registry)
        docker.configure(credsStore="keywright")
        yield docker


def asked_with(registry: RegistryServer) -> set[tuple[str, str] | None]:
    """Return the user names and passwords that a registry saw; None for a request without."""
    return {basic_credentials(fact.call) for fact in registry.facts}


@pytest.mark.parametrize("key", ["credHelpers", "credsStore"])
def test_a_pull_is_let_in(docker: Docker, github: GitHubIssuer, key: str) -> None:
    host = docker.registry.host
    docker.configure(**({"credHelpers": {host: "keywright"}} if key == "credHelpers" else {"credsStore": "keywright"}))
    for _ in range(2):
        done = docker.inspect()
        assert (done.code, done.stderr) == (0, "")
        assert json.loads(done.stdout)["schemaVersion"] == 2
    assert asked_with(docker.registry) == {None, (USER, github.issued[0])}
    assert github.calls[TOKENS_ROUTE] == 1


def test_the_second_pull_is_all_hits(docker: Docker) -> None:
    assert docker.inspect().code == 0
    done = docker.inspect(env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert done.code == 0
    assert "keywright.hit" in done.stderr
    assert "keywright.serve" not in done.stderr


def test_a_login_to_a_minted_host_succeeds_and_keeps_nothing(docker: Docker, github: GitHubIssuer) -> None:
    assert docker.inspect().code == 0
    (token,) = github.issued
    done = docker.log_in(docker.registry.host, USER, token)
    assert (done.code, done.stdout) == (0, "Login Succeeded\n")
    told = f"{HELPER}: not stored: a route of keywright's serves {docker.registry.host}"
    assert told in done.stderr.splitlines()
    assert docker.configured() == {"auths": {docker.registry.host: {}}, "credsStore": "keywright"}
    assert docker.sandbox.holds(token) == []


def test_a_logout_is_quiet_and_the_next_pull_has_a_new_token(docker: Docker, github: GitHubIssuer) -> None:
    assert docker.inspect().code == 0
    done = docker("logout", docker.registry.host)
    assert (done.code, done.stdout, done.stderr) == (
        0,
        f"Removing login credentials for {docker.registry.host}\n",
        "",
    )
    assert docker.sandbox.entries() == []
    assert docker.inspect().code == 0
    assert len(github.issued) == 2


@pytest.mark.parametrize("host", ["", "registry.example.com", "minted"])
def test_a_logout_without_credentials_is_quiet(docker: Docker, host: str) -> None:
    host = docker.registry.host if host == "minted" else host
    done = docker("logout", *([host] if host else []))
    assert (done.code, done.stderr) == (0, "")


def test_a_login_to_a_host_that_no_route_serves_is_kept_beside_them(docker: Docker, github: GitHubIssuer) -> None:
    with RegistryServer(authorises=lambda username, password: (username, password) == ("ann", "hunter2")) as other:
        assert docker.log_in(other.host, "ann", "hunter2").code == 0
        assert docker.inspect(other).code == 0
    assert docker.inspect().code == 0
    assert asked_with(docker.registry) == {None, (USER, github.issued[0])}
    assert docker.sandbox.holds("hunter2") == []


def test_docker_goes_on_anonymously_where_nothing_is_minted(docker: Docker) -> None:
    with RegistryServer(authorises=lambda _username, _password: True) as other:
        done = docker.inspect(other)
        assert done.code == 1
        assert done.stderr == f'Get "{other.url}/v2/demo/app/manifests/1": no basic auth credentials\n'
        assert asked_with(other) == {None}


def test_a_failing_issuer_is_told_through_docker_and_asked_once(docker: Docker, github: GitHubIssuer) -> None:
    with bent(github, refusing(503, {"Retry-After": "120"})):
        done = docker.inspect()
    assert done.code == 1
    told = f"{HELPER}: github-app:acme for {docker.registry.host}: {github.url} answered with status 503"
    assert done.stderr.startswith(f"{told} [unreachable]\n")
    assert github.total == 1


def test_a_login_shows_why_nothing_could_be_minted(docker: Docker, github: GitHubIssuer) -> None:
    """docker asks the helper for what it already has before it asks the person."""
    with bent(github, refusing(401)):
        done = docker("login", docker.registry.host)
    assert done.code == 1
    assert "github-app:acme" in done.stderr
    assert "does not accept the app's signature" in done.stderr


def test_a_wrong_setting_is_shown(docker: Docker) -> None:
    docker.sandbox.settings("[profiles.'github-app:acme']", 'app_di = "1"')
    done = docker.inspect()
    assert done.code == 1
    assert "there is no key `app_di`; did you mean `app_id`?" in done.stderr


@pytest.mark.slow
@BOTH_WAYS
def test_a_stale_token_is_served_while_its_renewal_is_held_open(
    docker: Docker, app: App, github: GitHubIssuer, env: dict[str, str]
) -> None:
    """Both streams of docker are pipes: an inherited one would keep it until the renewal had ended."""
    docker.sandbox.settings(app.soon_stale(), route("docker", docker.registry.host, "github-app:acme"))
    assert docker.inspect().code == 0
    minted, asked = docker.sandbox.until_stale("github-app:acme"), github.calls[TOKENS_ROUTE]
    held = slow()
    with bent(github, held, route=TOKENS_ROUTE):
        done = docker.inspect(env=env)
        held.wait_for(1)
        assert (done.code, done.stderr) == (0, "")
        assert (docker.sandbox.entry(), docker.sandbox.failures()) == (minted, [])
    docker.sandbox.until_renewed(minted["generation"])
    assert github.calls[TOKENS_ROUTE] == asked + 1


@pytest.mark.parametrize(
    ("words", "stdin", "code", "stdout"),
    [
        (("get",), "registry.example.com", 1, NOT_FOUND),
        (("get",), "ftp://registry.example.com", 1, NOT_FOUND),
        (("get",), "", 1, "no credentials server URL\n"),
        (("erase",), "", 1, "no credentials server URL\n"),
        (("erase",), "registry.example.com", 0, ""),
        (("list",), "unused", 0, "{}\n"),
        (("store",), '{"ServerURL":"","Username":"u","Secret":"s"}', 1, "no credentials server URL\n"),
        (("store",), '{"ServerURL":"h","Username":"","Secret":"s"}', 1, "no credentials username\n"),
        (("frobnicate",), "", 1, f"{HELPER}: unknown action: frobnicate\n"),
        ((), "", 1, f"Usage: {HELPER} <store|get|erase|list|version>\n"),
    ],
)
def test_the_words_that_clients_match_are_to_the_letter(
    sandbox: Sandbox, words: tuple[str, ...], stdin: str, code: int, stdout: str
) -> None:
    done = sandbox.run(HELPER, *words, stdin=stdin)
    assert (done.code, done.stdout, done.stderr) == (code, stdout, "")
