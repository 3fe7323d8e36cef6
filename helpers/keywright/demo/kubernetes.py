"""As much of a Kubernetes API server as `kubectl get pods` and `kubectl get --raw /version` talk to, over TLS.

    GET /api/v1/namespaces/default/pods?limit=500 HTTP/1.1
    Accept: application/json;as=Table;v=v1;g=meta.k8s.io,…,application/json
    Authorization: Bearer k8s-aws-v1.aHR0cHM6Ly9zdHMu…

    HTTP/1.1 401 Unauthorized
    {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "Unauthorized",
     "reason": "Unauthorized", "code": 401}

Every path asks for a bearer token, discovery too. Discovery is answered in the old, unaggregated form, which every
client still understands; pods come as a Table to whom asks for one. See "Kubernetes API Concepts" on kubernetes.io.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Final

from keywright.demo.certificate import make_certificate
from keywright.demo.exchange import Answer, Call, Reply, authorization, json_reply
from keywright.demo.issuer import Clock, LoopbackServer, real_clock

PODS_ROUTE: Final = "GET /api/v1/namespaces/{namespace}/pods"
VERSION: Final = {
    "major": "1",
    "minor": "33",
    "gitVersion": "v1.33.0",
    "gitCommit": "0000000000000000000000000000000000000000",
    "gitTreeState": "clean",
    "buildDate": "2026-01-01T00:00:00Z",
    "goVersion": "go1.24",
    "compiler": "gc",
    "platform": "linux/amd64",
}
POD_RESOURCE: Final = {
    "name": "pods",
    "singularName": "pod",
    "namespaced": True,
    "kind": "Pod",
    "verbs": ["get", "list"],
    "shortNames": ["po"],
}
POD: Final = {
    "kind": "Pod",
    "apiVersion": "v1",
    "metadata": {
        "name": "demo",
        "namespace": "default",
        "uid": "6b1f0c7e-8f5c-4c3e-9a52-0d2b7c1f4e11",
        "creationTimestamp": "2026-01-01T00:00:00Z",
    },
    "spec": {"containers": [{"name": "app", "image": "demo/app:1"}]},
    "status": {"phase": "Running"},
}
UNAUTHORIZED: Final = {
    "kind": "Status",
    "apiVersion": "v1",
    "metadata": {},
    "status": "Failure",
    "message": "Unauthorized",
    "reason": "Unauthorized",
    "code": 401,
}


class KubernetesServer(LoopbackServer):
    """One cluster with one pod. `ca_pem` is the certificate that its clients have to trust."""

    def __init__(self, *, authorises: Callable[[str], bool], clock: Clock = real_clock) -> None:
        """Prepare a cluster that lets in whoever brings a bearer token that `authorises` says yes to."""
        certificate = make_certificate()
        documents: dict[str, Mapping[str, object]] = {
            "GET /version": VERSION,
            "GET /api": {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []},
            "GET /apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
            "GET /api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [POD_RESOURCE]},
            "GET /openapi/v2": {"swagger": "2.0", "info": {"title": "demo", "version": "v1"}, "paths": {}},
            "GET /openapi/v3": {"paths": {}},
        }
        routes: dict[str, Answer] = {route: self._guarded(_constant(body)) for route, body in documents.items()}
        routes[PODS_ROUTE] = self._guarded(_pods)
        super().__init__(routes, tls=certificate.tls, clock=clock)
        self.ca_pem = certificate.ca_pem
        self._authorises = authorises

    def kubeconfig(self, user: Mapping[str, object]) -> str:
        """Return a kubeconfig (as JSON, which is YAML) whose only context reaches this cluster as `user`.

        Args:
            user: what stands under `users[].user`, such as `{"token": …}` or `{"exec": {…}}`.
        """
        cluster = {"server": self.url, "certificate-authority-data": b64encode(self.ca_pem.encode()).decode()}
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "demo", "cluster": cluster}],
                "users": [{"name": "demo", "user": dict(user)}],
                "contexts": [{"name": "demo", "context": {"cluster": "demo", "user": "demo"}}],
                "current-context": "demo",
            }
        )

    def _guarded(self, answer: Answer) -> Answer:
        def guarded(call: Call) -> Reply:
            token = authorization(call, "Bearer")
            if token is None or not self._authorises(token):
                return json_reply(401, UNAUTHORIZED)
            return answer(call)

        return guarded


def _constant(document: Mapping[str, object]) -> Answer:
    return lambda _call: json_reply(200, document)


def _pods(call: Call) -> Reply:
    pods = [POD] if call.values["namespace"] == "default" else []
    if "as=Table" not in str(call.headers.get("Accept", "")):
        return json_reply(200, {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": pods})
    columns = [
        {"name": name, "type": "string", "format": "", "description": "", "priority": 0}
        for name in ("Name", "Ready", "Status")
    ]
    rows = [{"cells": ["demo", "1/1", "Running"], "object": pod} for pod in pods]
    table = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {}}
    return json_reply(200, {**table, "columnDefinitions": columns, "rows": rows})
