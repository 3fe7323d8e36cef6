"""kubectl, each one found: the exec plugin protocol as client-go runs it."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from clients.app import BOTH_WAYS, App
from clients.sandbox import BIN, Done, Sandbox, find_program, until
from fakes.bent import bent, refusing, slow
from keywright.demo.github import TOKENS_ROUTE, GitHubIssuer
from keywright.demo.kubernetes import KubernetesServer
from keywright.demo.sigv4 import AccessKey
from keywright.demo.sts import EksTokenVerifier, TokenRefused

KEY: Final = AccessKey(id="AKIADEMO", secret="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
AWS: Final = {"AWS_ACCESS_KEY_ID": KEY.id, "AWS_SECRET_ACCESS_KEY": KEY.secret}
PLUGIN: Final = "kube-credential-keywright"
EKS: Final = ("eks", "--cluster", "prod", "--region", "eu-central-1")
ACME: Final = ("profile", "github-app:acme")
EXEC_V1: Final = (1, 24)
KUBERC_POLICY: Final = (1, 35)


@cache
def version_of(kubectl: str) -> tuple[int, int]:
    """Return the version of a kubectl; (0, 0) if there is none."""
    try:
        told = subprocess.run([kubectl, "version", "--client"], capture_output=True, check=False).stdout.decode()
    except OSError:
        return 0, 0
    found = re.search(r"v([0-9]+)\.([0-9]+)\.", told)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every test with the kubectl of this environment, and with the machine's own where it knows exec v1."""
    if "kubectl" not in metafunc.fixturenames:
        return
    own, others = (
        BIN / "kubectl",
        [path for path in map(shutil.which, ["kubectl"]) if path and Path(path).parent != BIN],
    )
    found = [str(own), *(path for path in others if version_of(path) >= EXEC_V1)]
    metafunc.parametrize("kubectl", found, ids=[f"v{version_of(path)[0]}.{version_of(path)[1]}" for path in found])


@dataclass
class Gate:
    """Which bearer tokens a cluster lets in; each one that was tried is in `seen`."""

    lets_in: Callable[[str], bool]
    seen: list[str] = field(default_factory=list)

    def __call__(self, token: str) -> bool:
        self.seen.append(token)
        return self.lets_in(token)


@dataclass
class Cluster:
    """A cluster, and a user's kubectl for it."""

    server: KubernetesServer
    gate: Gate
    sandbox: Sandbox
    kubectl: str

    def ask(self, *words: str, user: dict[str, object], env: dict[str, str] | None = None) -> Done:
        """Run kubectl as `user` of a kubeconfig."""
        config = json.loads(self.server.kubeconfig(user))
        cluster = config["clusters"][0]["cluster"]
        extension = {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "prod"}}
        cluster["extensions"] = [extension]
        path = self.sandbox.home / "kubeconfig"
        path.write_text(json.dumps(config))
        return self.sandbox.run(self.kubectl, "--kubeconfig", path, *(words or ("get", "pods")), env=env)


def plugin(*args: str, version: str = "v1", **more: object) -> dict[str, object]:
    """Return the `user:` of a kubeconfig that runs our plugin."""
    exec_config: dict[str, object] = {
        "apiVersion": f"client.authentication.k8s.io/{version}",
        "command": PLUGIN,
        "args": list(args),
        "interactiveMode": "Never",
        "installHint": "pip install keywright",
    }
    return {"exec": {**exec_config, **more}}


@pytest.fixture
def gate() -> Gate:
    """Lets nobody in until a test says whom."""
    return Gate(lambda _token: False)


@pytest.fixture
def cluster(sandbox: Sandbox, gate: Gate, kubectl: str) -> Iterator[Cluster]:
    """A cluster behind `gate`."""
    find_program(kubectl)
    with KubernetesServer(authorises=gate) as server:
        yield Cluster(server, gate, sandbox, kubectl)


def is_eks_token(token: str) -> bool:
    """Return whether aws-iam-authenticator of the cluster `prod` would let the token in now."""
    try:
        EksTokenVerifier(keys=(KEY,)).verify(token, "prod", datetime.now(UTC))
    except TokenRefused:
        return False
    return True


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_an_eks_token_is_let_in(cluster: Cluster, version: str) -> None:
    cluster.gate.lets_in = is_eks_token
    done = cluster.ask(user=plugin(*EKS, version=version), env=AWS)
    assert (done.code, done.stderr) == (0, "")
    assert "demo" in done.stdout


def test_a_token_made_for_another_cluster_is_not_let_in(cluster: Cluster) -> None:
    cluster.gate.lets_in = is_eks_token
    done = cluster.ask(user=plugin("eks", "--cluster", "test", "--region", "eu-central-1"), env=AWS)
    assert done.code == 1
    assert "Unauthorized" in done.stderr or "provide credentials" in done.stderr


def test_the_second_call_is_a_hit_that_sends_the_same_token(cluster: Cluster, sandbox: Sandbox) -> None:
    cluster.gate.lets_in = is_eks_token
    assert cluster.ask(user=plugin(*EKS), env=AWS).code == 0
    minted = sandbox.entry()
    # The interpreter names every module it imports on standard error, which kubectl passes on.
    done = cluster.ask(user=plugin(*EKS), env={**AWS, "PYTHONPROFILEIMPORTTIME": "1"})
    assert done.code == 0
    assert "keywright.hit" in done.stderr
    assert "keywright.serve" not in done.stderr
    assert sandbox.entry() == minted
    assert set(cluster.gate.seen) == {minted["secret"]}


def test_another_argument_is_another_token(cluster: Cluster, sandbox: Sandbox) -> None:
    cluster.gate.lets_in = is_eks_token
    assert cluster.ask(user=plugin(*EKS), env=AWS).code == 0
    cluster.ask(user=plugin("eks", "--cluster", "test", "--region", "eu-central-1"), env=AWS)
    assert len({entry["secret"] for entry in sandbox.entries()}) == 2


def test_a_github_app_profile_is_let_in(cluster: Cluster, sandbox: Sandbox, app: App, github: GitHubIssuer) -> None:
    cluster.gate.lets_in = github.accepts
    sandbox.settings(app.profile())
    for _ in range(2):
        done = cluster.ask(user=plugin(*ACME))
        assert (done.code, done.stderr) == (0, "")
    assert github.calls[TOKENS_ROUTE] == 1
    assert not seems_rejected(sandbox)


def seems_rejected(sandbox: Sandbox) -> bool:
    """Return whether a call took its credential for a rejected one, and so asked for a renewal."""
    return any(sandbox.own.glob("cache/renew/*.rejected"))


@pytest.mark.parametrize("is_same", [True, False], ids=["the same program", "the program that took its place"])
def test_only_the_same_program_asking_again_means_a_rejected_token(sandbox: Sandbox, app: App, is_same: bool) -> None:
    """gcloud's kubectl asks the server for its version, then execs the kubectl that fits it: one process, two asks."""
    sandbox.settings(app.profile())
    ask = f"{PLUGIN} {' '.join(ACME)} >/dev/null"
    successor = f"import subprocess; subprocess.run({[PLUGIN, *ACME]}, stdout=subprocess.DEVNULL, check=True)"
    again = ask if is_same else f'exec {sys.executable} -c "{successor}"'
    done = sandbox.run("bash", "-c", f"{ask}\n{again}\nexit $?")
    assert (done.code, done.stderr) == (0, "")
    assert seems_rejected(sandbox) == is_same


def test_a_failure_is_told_in_our_words_then_in_kubectls_and_the_issuer_is_asked_once(
    cluster: Cluster, sandbox: Sandbox, app: App, github: GitHubIssuer
) -> None:
    sandbox.settings(app.profile())
    with bent(github, refusing(503, {"Retry-After": "120"})):
        done = cluster.ask(user=plugin(*ACME))
    ours = [line for line in done.stderr.splitlines() if line.startswith(f"{PLUGIN}: ")]
    assert done.code == 1
    assert len(ours) >= 2, "kubectl used to run a failing plugin again"
    assert all("github-app:acme" in line and "status 503" in line for line in ours)
    assert all(line.endswith(" [unreachable]") for line in ours)
    assert f"executable {PLUGIN} failed with exit code 1" in done.stderr.splitlines()[-1]
    assert github.total == 1
    assert len(sandbox.failures()) == 1


def test_missing_aws_credentials_are_told_with_the_command_that_mends_it(cluster: Cluster) -> None:
    done = cluster.ask("get", "--raw", "/version", user=plugin(*EKS))
    assert done.code == 1
    assert "no AWS credentials were found; run `aws configure`" in done.stderr


@pytest.mark.slow
def test_after_a_401_a_renewal_is_woken_and_a_later_kubectl_is_let_in(
    cluster: Cluster, sandbox: Sandbox, app: App, github: GitHubIssuer
) -> None:
    cluster.gate.lets_in = github.accepts
    sandbox.settings(app.profile())
    assert cluster.ask(user=plugin(*ACME)).code == 0
    minted = sandbox.entry()
    github.revoke(minted["secret"])
    done = cluster.ask(user=plugin(*ACME))
    assert done.code == 1
    assert "Unauthorized" in done.stderr or "provide credentials" in done.stderr
    renewed = sandbox.until_renewed(minted["generation"])
    done = cluster.ask(user=plugin(*ACME))
    assert (done.code, done.stderr) == (0, "")
    assert cluster.gate.seen[-1] == renewed["secret"]
    assert github.calls[TOKENS_ROUTE] == 2


@pytest.mark.slow
def test_a_cluster_that_refuses_everybody_costs_one_renewal(
    cluster: Cluster, sandbox: Sandbox, app: App, github: GitHubIssuer
) -> None:
    sandbox.settings(app.profile())
    for _ in range(3):
        assert cluster.ask(user=plugin(*ACME)).code == 1
    until(lambda: github.calls[TOKENS_ROUTE] >= 2, "the one renewal")
    assert cluster.ask(user=plugin(*ACME)).code == 1
    assert github.calls[TOKENS_ROUTE] == 2


@pytest.mark.slow
@BOTH_WAYS
def test_a_stale_token_is_served_while_its_renewal_is_held_open(
    cluster: Cluster, sandbox: Sandbox, app: App, github: GitHubIssuer, env: dict[str, str]
) -> None:
    """Both streams of kubectl are pipes: an inherited one would keep `ask` until the renewal had ended."""
    cluster.gate.lets_in = github.accepts
    sandbox.settings(app.soon_stale())
    assert cluster.ask(user=plugin(*ACME)).code == 0
    minted, asked = sandbox.until_stale("github-app:acme"), github.calls[TOKENS_ROUTE]
    held = slow()
    with bent(github, held, route=TOKENS_ROUTE):
        done = cluster.ask(user=plugin(*ACME), env=env)
        held.wait_for(1)
        assert (done.code, done.stderr) == (0, "")
        assert (sandbox.entry(), sandbox.failures()) == (minted, [])
        assert cluster.gate.seen[-1] == minted["secret"]
    sandbox.until_renewed(minted["generation"])
    assert github.calls[TOKENS_ROUTE] == asked + 1


def test_the_cluster_is_known_where_the_kubeconfig_provides_it(
    cluster: Cluster, sandbox: Sandbox, app: App, github: GitHubIssuer
) -> None:
    cluster.gate.lets_in = github.accepts
    sandbox.settings(app.profile())
    done = cluster.ask(user=plugin(*ACME, provideClusterInfo=True))
    assert (done.code, done.stderr) == (0, "")
    assert sandbox.entry()["url"] == cluster.server.url


def test_the_environment_of_the_kubeconfig_counts(cluster: Cluster) -> None:
    cluster.gate.lets_in = is_eks_token
    given = [{"name": name, "value": value} for name, value in {**AWS, "AWS_REGION": "eu-central-1"}.items()]
    done = cluster.ask(user=plugin("eks", "--cluster", "prod", env=given))
    assert (done.code, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("allowed", "policy", "code"),
    [(PLUGIN, "Allowlist", 0), ("aws", "Allowlist", 1), ("", "DenyAll", 1)],
)
def test_the_plugin_policy_of_kuberc_can_name_our_executable(
    cluster: Cluster, sandbox: Sandbox, allowed: str, policy: str, code: int
) -> None:
    if version_of(cluster.kubectl) < KUBERC_POLICY:
        cluster.gate.lets_in = is_eks_token
        assert cluster.ask(user=plugin(*EKS), env=AWS).code == 0  # it does not read the policy
        return
    find_program("aws")
    cluster.gate.lets_in = is_eks_token
    preference: dict[str, Any] = {
        "apiVersion": "kubectl.config.k8s.io/v1beta1",
        "kind": "Preference",
        "credentialPluginPolicy": policy,
    }
    if allowed:
        preference["credentialPluginAllowlist"] = [{"command": allowed}]
    kuberc = sandbox.home / "kuberc"
    kuberc.write_text(json.dumps(preference))
    done = cluster.ask(user=plugin(*EKS), env={**AWS, "KUBERC": str(kuberc)})
    assert done.code == code, done.stderr
    assert ("credential plugin allowlist" in done.stderr or "not allowed" in done.stderr) == (code == 1)


@pytest.mark.parametrize(
    "told",
    [
        "{",
        "[]",
        "null",
        '{"kind":"Foo"}',
        '{"kind":"ExecCredential"}',
        '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1alpha1","spec":{}}',
        "[" * 5000,
    ],
)
def test_a_malformed_question_is_refused_in_one_line(sandbox: Sandbox, told: str) -> None:
    done = sandbox.run(PLUGIN, *EKS, env={**AWS, "KUBERNETES_EXEC_INFO": told})
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{PLUGIN}: KUBERNETES_EXEC_INFO ")
    assert done.stderr.count("\n") == 1
