"""A kubeconfig as far as it takes no kubectl: which files, what is ours, what is shown."""

import json
from pathlib import Path
from typing import Any

import pytest

from keywright.manage.install import kube
from keywright.manage.install.base import CHANGED, Value
from keywright.manage.install.kube import KubeFile, kube_paths

OURS = {"apiVersion": "client.authentication.k8s.io/v1", "command": "/opt/bin/kube-credential-keywright", "args": ["x"]}
THEIRS = {"apiVersion": "client.authentication.k8s.io/v1", "command": "aws", "args": ["canary"], "env": None}
DOCUMENT = {
    "apiVersion": "v1",
    "kind": "Config",
    "preferences": {"colors": "canary"},
    "current-context": "b",
    "clusters": [
        {"name": "a", "cluster": {"server": "https://a", "certificate-authority-data": "QUJD", "proxy-url": "canary"}},
        {"name": "b", "cluster": {"server": "https://b", "extensions": [{"name": "x", "extension": {"y": "canary"}}]}},
    ],
    "users": [
        {"name": "ours", "user": {"exec": OURS}},
        {"name": "theirs", "user": {"exec": THEIRS | {"env": [{"name": "E", "value": "canary"}]}, "as": "canary"}},
        {"name": "old", "user": {"auth-provider": {"name": "oidc", "config": {"id-token": "canary"}}}},
        {"name": "static", "user": {"token": "canary", "client-key-data": "canary", "from-the-future": "canary"}},
        {"name": "empty", "user": {}},
    ],
    "contexts": [
        {"name": "a", "context": {"cluster": "a", "user": "ours"}},
        {
            "name": "b",
            "context": {"cluster": "b", "user": "ours", "namespace": "n", "extensions": [{"name": "canary"}]},
        },
    ],
}
CONTENT = json.dumps(DOCUMENT).encode()


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch) -> KubeFile:
    """A kubeconfig that kubectl would show as `DOCUMENT`."""
    monkeypatch.setattr(kube, "run_tool", lambda *_: CONTENT)
    return KubeFile("/nowhere/config", "kubectl", {})


def test_a_value_is_what_is_ours_to_say(file: KubeFile) -> None:
    targets = ["clusters a", "users theirs", "users empty", "users none", "contexts b", "current-context"]
    assert file.find(CONTENT, targets) == {
        "clusters a": {"server": "https://a", "certificate-authority-data": "QUJD"},
        "users theirs": {"exec": {**THEIRS, "env": [{"name": "E", "value": "canary"}]}},
        "users empty": {},
        "users none": None,
        "contexts b": {"cluster": "b", "user": "ours"},
        "current-context": "b",
    }


def test_a_shown_file_has_no_secret_in_it(file: KubeFile) -> None:
    shown = "\n".join(file.lines(CONTENT))
    assert "canary" not in shown.replace("name: canary", "")
    for plain in ("https://a", "command: aws", "- x", "<4 characters, SHA-256 d9cae0dbdbf0…>", "namespace: n"):
        assert plain in shown


@pytest.mark.parametrize(
    ("target", "value", "is_ours", "may_be_secret"),
    [
        ("users a", {"exec": OURS}, True, False),
        ("users a", {"exec": {**OURS, "env": [{"name": "E", "value": "v"}]}}, True, True),
        ("users a", {"exec": THEIRS}, False, True),
        ("users a", {}, True, False),
        ("clusters a", {"server": "https://a"}, False, False),
        ("contexts a", {"cluster": "a", "user": "a"}, False, False),
        ("current-context", "a", True, False),
    ],
)
def test_what_is_ours_and_what_may_be_secret(
    file: KubeFile, target: str, value: Value, is_ours: bool, may_be_secret: bool
) -> None:
    assert (file.is_ours(target, value), file.may_be_secret(target, value)) == (is_ours, may_be_secret)


@pytest.mark.parametrize(
    ("changes", "used"),
    [
        ({"clusters a": None}, {"clusters a": "the context a needs it"}),
        ({"clusters a": None, "contexts a": None}, {"clusters a": "somebody has added to it"}),
        ({"users ours": None, "contexts a": None}, {"users ours": "the context b needs it"}),
        ({"contexts b": None}, {"contexts b": "it is the current context"}),
        ({"contexts a": None, "current-context": "a"}, {"contexts a": "it is the current context"}),
        ({"contexts b": None, "current-context": None}, {"contexts b": "somebody has added to it"}),
        ({"users ours": None, "contexts a": None, "contexts b": {"cluster": "b", "user": "old"}}, {}),
        ({"users empty": None}, {}),
    ],
)
def test_what_is_still_needed_stays(file: KubeFile, changes: dict[str, Any], used: dict[str, str]) -> None:
    assert file.in_use(CONTENT, changes) == used


def test_what_was_there_comes_back_only_for_ours(file: KubeFile) -> None:
    assert file.without({"exec": OURS}, {"exec": OURS}, None) is None
    assert file.without({"exec": THEIRS}, {"exec": OURS}, None) is CHANGED


def test_the_files_are_those_that_kubectl_reads(tmp_path: Path) -> None:
    env = {"HOME": "/h"}
    assert kube_paths(env, None) == ["/h/.kube/config"]
    assert kube_paths({**env, "KUBECONFIG": "/a::/b:/a"}, None) == ["/a", "/b"]
    assert kube_paths({**env, "KUBECONFIG": "/a"}, "~/c") == ["/h/c"]


def test_comments_are_noticed(file: KubeFile) -> None:
    assert file.has_comments(b"a: b\n  # c\n")
    assert file.has_comments(b"a: b # c\n")
    assert not file.has_comments(b"a: b#c\n")


def test_a_user_with_a_token_is_one_that_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of such a user nothing is ours to say; one of its name in an earlier file would take its place for kubectl."""
    (tmp_path / "one").write_bytes(b"{}")
    (tmp_path / "two").write_bytes(CONTENT)
    shown = {"one": b"{}", "two": CONTENT}
    monkeypatch.setattr(KubeFile, "_ask", lambda self, _: json.loads(shown[Path(self.path).name]))
    one, two = (KubeFile(str(tmp_path / name), "kubectl", {}) for name in ("one", "two"))
    assert kube.choose([one, two], ["users static"]) is two
    assert kube.choose([one, two], ["users new"]) is one
