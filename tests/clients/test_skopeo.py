"""skopeo, and so podman and buildah: `credHelpers` of auth.json, against Debian's docker-registry with htpasswd."""

import json
from dataclasses import dataclass
from typing import Final

import pytest

from clients.app import App
from clients.sandbox import Done, Sandbox, find_program, route
from clients.servers import DockerRegistry
from fakes.bent import bent, refusing
from keywright.demo.github import TOKENS_ROUTE, GitHubIssuer
from keywright.demo.registry import RegistryServer

USER: Final = "x-access-token"


@dataclass
class Skopeo:
    """A user's skopeo and the registry it copies to and from."""

    sandbox: Sandbox
    registry: DockerRegistry

    def __call__(self, *words: str) -> Done:
        """Run skopeo."""
        return self.sandbox.run("skopeo", *words)

    def configure(self, *hosts: str) -> None:
        """Name our helper for these hosts in auth.json."""
        helpers = dict.fromkeys(hosts, "keywright")
        self.sandbox.write(self.sandbox.home / "auth.json", json.dumps({"credHelpers": helpers}))

    def inspect(self) -> Done:
        """Ask for the one image."""
        return self("inspect", "--tls-verify=false", f"docker://{self.registry.host}/demo/app:1")


@pytest.fixture
def skopeo(sandbox: Sandbox, app: App, github: GitHubIssuer, docker_registry: DockerRegistry) -> Skopeo:
    """skopeo with our helper, and a registry that lets in the token minted for it and holds one image."""
    find_program("skopeo")
    skopeo = Skopeo(sandbox, docker_registry)
    with RegistryServer(authorises=lambda _username, password: github.accepts(password)) as source:
        routes = [route("docker", host, "github-app:acme") for host in (source.host, docker_registry.host)]
        sandbox.settings(app.profile(), *routes)
        skopeo.configure(source.host, docker_registry.host)
        minted = sandbox.run("keywright", "token", "github-app:acme")
        assert minted.code == 0, minted.stderr
        docker_registry.allow(USER, minted.stdout.strip())
        places = (f"docker://{host}/demo/app:1" for host in (source.host, docker_registry.host))
        options = ("--insecure-policy", "copy", "--quiet", "--src-tls-verify=false", "--dest-tls-verify=false")
        copied = skopeo(*options, *places)
        assert (copied.code, copied.stderr) == (0, "")
    skopeo.configure(docker_registry.host)
    return skopeo


def test_copy_and_inspect_share_one_token(skopeo: Skopeo, github: GitHubIssuer) -> None:
    done = skopeo.inspect()
    assert (done.code, done.stderr) == (0, "")
    assert json.loads(done.stdout)["RepoTags"] == ["1"]
    assert github.calls[TOKENS_ROUTE] == 1


def test_skopeo_tells_whom_it_is_logged_in_as(skopeo: Skopeo) -> None:
    done = skopeo("login", "--get-login", skopeo.registry.host)
    assert (done.code, done.stdout, done.stderr) == (0, f"{USER}\n", "")


def test_a_logout_forgets_the_token_and_the_next_call_mints(skopeo: Skopeo, github: GitHubIssuer) -> None:
    done = skopeo("logout", skopeo.registry.host)
    assert (done.code, done.stderr) == (0, "")
    assert skopeo.sandbox.entries() == []
    assert skopeo.inspect().code == 1  # the registry knows the first token alone
    assert len(github.issued) == 2
    skopeo.registry.allow(USER, github.issued[1])
    assert skopeo.inspect().code == 0


def test_a_logout_from_everywhere_succeeds(skopeo: Skopeo) -> None:
    done = skopeo("logout", "--all")
    assert (done.code, done.stderr) == (0, "")


def test_skopeo_goes_on_anonymously_where_nothing_is_minted(skopeo: Skopeo) -> None:
    skopeo.sandbox.settings()
    done = skopeo.inspect()
    assert done.code == 1
    assert "authentication required" in done.stderr or "unauthorized" in done.stderr
    assert "looking up credentials" not in done.stderr


def test_a_failing_issuer_is_told_through_skopeo(skopeo: Skopeo, github: GitHubIssuer) -> None:
    assert skopeo.sandbox.run("keywright", "invalidate", "github-app:acme").code == 0
    with bent(github, refusing(401)):
        done = skopeo.inspect()
    assert done.code == 1
    assert "github-app:acme" in done.stderr
    assert "does not accept the app's signature" in done.stderr
