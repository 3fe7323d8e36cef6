"""The race of whole kubectl commands against a cluster over TLS: what a helper adds to the one with a fixed token."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bundle import Bundle
from measure import Command, Race, race
from stage import EKS, Stage

BOUND = 1.05
TWICE = 2
"""How many times the rounds of others: five hundredths are little beside how much kubectl scatters."""
WORDS = {
    "kubectl get --raw /version": (["get", "--raw", "/version"], b"gitVersion"),
    "kubectl get pods": (["get", "pods"], b"demo"),
}


def kubectl(stage: Stage, bundle: Bundle, rounds: int) -> Iterator[Race]:
    """Two commands, each with a token in the kubeconfig, with our helpers answering from the cache, and with aws."""
    wheel = str(stage.programs / "kube-credential-keywright")
    answer = subprocess.run([wheel, *EKS], env=stage.env, capture_output=True, check=True).stdout
    token = json.loads(answer)["status"]["token"]
    users = {
        "a token in the kubeconfig": {"token": token},
        "keywright, native front": plugin([bundle.program("kube"), *EKS]),
        "keywright, frozen": plugin([bundle.frozen("kube"), *EKS]),
        "keywright, wheel": plugin([wheel, *EKS]),
        "aws eks get-token": plugin(stage.aws_get_token, "v1beta1"),
    }
    with cluster(stage) as configs:
        paths = {}
        for number, (name, user) in enumerate(users.items()):
            paths[name] = stage.home / f"kubeconfig {number}"
            paths[name].write_text(json.dumps({**configs, "users": [{"name": "demo", "user": user}]}))
            paths[name].chmod(0o600)
        for title, (words, expects) in WORDS.items():
            commands = [
                Command(
                    name=name,
                    argv=[program(), *words],
                    env={**stage.env, "KUBECONFIG": str(path)},
                    expects=expects,
                )
                for name, path in paths.items()
            ]
            bounds = {"keywright, native front": BOUND} if bundle.has_front else {}
            yield race(f"A whole `{title}`", commands, rounds * TWICE, stage.folder, bounds=bounds).noting(*bundle.note)


def program() -> str:
    """Return the kubectl of this environment; Debian's may be too old for our plugins."""
    return shutil.which("kubectl", path=str(Path(sys.executable).parent)) or "kubectl"


def plugin(command: Sequence[str], version: str = "v1") -> dict[str, object]:
    """Return the kubeconfig's user that has its token from the command, which speaks that version."""
    return {
        "exec": {
            "apiVersion": f"client.authentication.k8s.io/{version}",
            "command": command[0],
            "args": list(command[1:]),
            "interactiveMode": "Never",
            "provideClusterInfo": False,
        }
    }


@contextmanager
def cluster(stage: Stage) -> Iterator[dict[str, object]]:
    """Run the cluster in a process of its own: ours would make it wait while it measures. Yields a kubeconfig."""
    server = subprocess.Popen(
        [sys.executable, Path(__file__).parent / "cluster.py"],
        env=stage.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout
        yield json.loads(server.stdout.readline())
    finally:
        server.communicate()  # the end of its input is its end
