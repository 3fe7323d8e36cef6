import json
import os
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from keywright.demo.kubernetes import PODS_ROUTE, KubernetesServer

RIGHT = "the-right-token"
Needs = Callable[[str], str]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def cluster() -> Iterator[KubernetesServer]:
    with KubernetesServer(authorises=lambda token: token == RIGHT) as server:
        yield server


@pytest.fixture(params=["on PATH", "from PyPI"])
def kubectl(request: pytest.FixtureRequest, needs: Needs, cluster: KubernetesServer, tmp_path: Path) -> Run:
    """Run kubectl with a static token: the machine's own, and the current one that lies beside this interpreter."""
    command = needs(
        "kubectl" if request.param == "on PATH" else os.path.join(os.path.dirname(sys.executable), "kubectl")
    )

    def run(token: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        config = tmp_path / "config"
        config.write_text(cluster.kubeconfig({"token": token}))
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KUBECONFIG": str(config)}
        return subprocess.run(
            [command, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def get(cluster: KubernetesServer, path: str, **headers: str) -> tuple[int, Any]:
    request = urllib.request.Request(cluster.url + path, headers=headers)
    trusting = ssl.create_default_context(cadata=cluster.ca_pem)
    try:
        with urllib.request.urlopen(request, context=trusting, timeout=30) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_kubectl_lists_pods_with_the_right_token(kubectl: Run, cluster: KubernetesServer) -> None:
    done = kubectl(RIGHT, "get", "pods")
    assert done.returncode == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["NAME", "READY", "STATUS"],
        ["demo", "1/1", "Running"],
    ]
    assert cluster.calls[PODS_ROUTE] == 1


def test_kubectl_reads_the_pod_itself(kubectl: Run) -> None:
    done = kubectl(RIGHT, "get", "pods", "--output", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["items"][0]["metadata"]["name"] == "demo"


def test_kubectl_reads_the_version_raw(kubectl: Run, cluster: KubernetesServer) -> None:
    done = kubectl(RIGHT, "get", "--raw", "/version")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["gitVersion"] == "v1.33.0"
    assert cluster.calls["GET /version"] >= 1


@pytest.mark.parametrize("arguments", [["get", "pods"], ["get", "--raw", "/version"]])
def test_kubectl_is_unauthorized_with_a_wrong_token(
    kubectl: Run, cluster: KubernetesServer, arguments: list[str]
) -> None:
    done = kubectl("a-wrong-token", *arguments)
    assert done.returncode == 1
    assert "Unauthorized" in done.stderr or "asked for the client to provide credentials" in done.stderr
    assert {fact.status for fact in cluster.facts} == {401}


@pytest.mark.parametrize(
    "path", ["/version", "/api", "/apis", "/api/v1", "/openapi/v2", "/openapi/v3", "/api/v1/namespaces/default/pods"]
)
@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic dTpw", RIGHT])
def test_every_path_refuses_whoever_brings_no_right_bearer_token(
    cluster: KubernetesServer, path: str, header: str | None
) -> None:
    assert get(cluster, path, Authorization=f"Bearer {RIGHT}")[0] == 200
    status, document = get(cluster, path, **({"Authorization": header} if header else {}))
    assert status == 401
    assert (document["kind"], document["reason"], document["code"]) == ("Status", "Unauthorized", 401)


def test_another_namespace_is_empty(cluster: KubernetesServer) -> None:
    _, pods = get(cluster, "/api/v1/namespaces/other/pods", Authorization=f"Bearer {RIGHT}")
    assert (pods["kind"], pods["items"]) == ("PodList", [])
