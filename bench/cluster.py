"""The demo's Kubernetes server in a process of its own: prints a kubeconfig on one line, and ends with its input."""

import sys

from keywright.demo.kubernetes import KubernetesServer


def main() -> None:
    with KubernetesServer(authorises=lambda token: token.startswith("k8s-aws-v1.")) as server:
        print(server.kubeconfig({}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
