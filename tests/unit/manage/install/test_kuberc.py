"""The lines of a kuberc, and what is made of what kubectl reads in it."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.terminal import Terminal
from keywright.errors import ConfigurationError
from keywright.manage.install import kuberc
from keywright.manage.install.base import CHANGED, Value
from keywright.manage.install.kuberc import LISTED, KubercFile, Ruling, by_hand, kuberc_path
from keywright.manage.install.kuberc_lines import LIST, NEW, POLICY, with_plugin, with_policy, without_plugin

OURS = "/opt/bin/kube-credential-keywright"
ENTRY = f"{LIST} {OURS}"
HEAD = "apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\n"


def kubectl_reads(monkeypatch: pytest.MonkeyPatch, *documents: dict[str, Any] | None) -> KubercFile:
    """A kuberc of which kubectl makes these documents, one after the other; None is a failure."""
    answers = iter(documents)

    def answer(*_: object, **__: object) -> bytes | None:
        document = next(answers)
        return None if document is None else json.dumps(document).encode()

    monkeypatch.setattr(kuberc, "run_tool", answer)
    return KubercFile("/nowhere/kuberc", "kubectl", {"PATH": "/nowhere"})


def rules(policy: str | None, *commands: str) -> dict[str, Any]:
    document: dict[str, Any] = {"kind": "Preference", "defaults": [{"command": "get"}]}
    document |= {POLICY: policy} if policy else {}
    return document | ({LIST: [{"command": command} for command in commands]} if commands else {})


def test_a_path_with_blanks_can_be_pasted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kuberc, "run_tool", lambda *_, **__: None)
    with pytest.raises(ConfigurationError) as raised:
        KubercFile("/it's mine/kuberc", "kubectl", {}).ruling(CONTENT, OURS)
    assert shlex.split(raised.value.mend.split("`")[1])[-1] == "/it's mine/kuberc"


CONTENT = f"{HEAD}credentialPlugin: whatever kubectl is said to read".encode()


@pytest.mark.parametrize(
    ("document", "ruling"),
    [
        (rules(None), Ruling.FREE),
        (rules("AllowAll"), Ruling.FREE),
        (rules("DenyAll"), Ruling.DENIED),
        (rules("Allowlist", "aws"), Ruling.UNLISTED),
        (rules("Allowlist", "aws", OURS), Ruling.LISTED),
        (rules("Allowlist", "kube-credential-keywright"), Ruling.UNLISTED),
        (rules("Allowlist") | {LIST: [{"name": OURS}]}, Ruling.LISTED),
    ],
)
def test_what_kubectl_makes_of_a_plugin(
    monkeypatch: pytest.MonkeyPatch, document: dict[str, Any], ruling: Ruling
) -> None:
    assert kubectl_reads(monkeypatch, document).ruling(CONTENT, OURS) is ruling


def test_a_bare_name_is_what_it_stands_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "kube-credential-keywright"
    program.touch(0o755)
    document = rules("Allowlist", program.name)
    monkeypatch.setattr(kuberc, "run_tool", lambda *_, **__: json.dumps(document).encode())
    file = KubercFile("/nowhere/kuberc", "kubectl", {"PATH": str(tmp_path)})
    assert file.ruling(CONTENT, str(program)) is Ruling.LISTED
    assert file.ruling(CONTENT, OURS) is Ruling.UNLISTED


def test_without_a_policy_no_kubectl_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert kubectl_reads(monkeypatch).ruling(HEAD.encode(), OURS) is Ruling.FREE


def test_what_kubectl_cannot_read_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="not what kubectl can read"):
        kubectl_reads(monkeypatch, None).ruling(CONTENT, OURS)


@pytest.mark.parametrize(
    "after",
    [
        rules("Allowlist", OURS),  # one was lost
        rules("Allowlist", "aws"),  # ours did not get in
        rules("Allowlist", "aws", OURS) | {"defaults": []},  # something else was lost
        rules("AllowAll", "aws", OURS) | {"aliases": [{"name": "x"}]},  # something came
        None,  # kubectl reads it no more
    ],
)
def test_an_edit_of_which_kubectl_makes_something_else_is_none(
    monkeypatch: pytest.MonkeyPatch, after: dict[str, Any] | None
) -> None:
    file = kubectl_reads(monkeypatch, rules("Allowlist", "aws"), after)
    with pytest.raises(ConfigurationError, match="not edited here") as told:
        file.edit(CONTENT, {ENTRY: LISTED})
    assert by_hand("aws", OURS) in told.value.mend


@pytest.mark.parametrize(
    ("document", "changes", "used"),
    [
        (rules("Allowlist", "aws", OURS), {ENTRY: None}, set()),
        (rules("Allowlist", OURS), {ENTRY: None}, {ENTRY}),
        (rules("Allowlist", OURS), {POLICY: None, ENTRY: None}, set()),
        (rules("Allowlist", "aws", OURS), {POLICY: None, ENTRY: None}, {POLICY}),
    ],
)
def test_what_kubectl_would_choke_on_stays(
    monkeypatch: pytest.MonkeyPatch, document: dict[str, Any], changes: dict[str, Value | None], used: set[str]
) -> None:
    assert set(kubectl_reads(monkeypatch, document).in_use(CONTENT, changes)) == used


def test_what_others_changed_since_is_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    file = kubectl_reads(monkeypatch)
    assert file.without("Allowlist", "Allowlist", None) is None
    assert file.without("DenyAll", "Allowlist", None) is CHANGED
    assert file.is_ours(POLICY, "Allowlist")
    assert not file.is_ours(POLICY, "AllowAll")


@pytest.mark.parametrize(
    ("env", "path"),
    [
        ({"HOME": "/h"}, "/h/.kube/kuberc"),
        ({"HOME": "/h", "KUBERC": "/x/kuberc"}, "/x/kuberc"),
        ({"HOME": "/h", "KUBERC": "off"}, ""),
        ({"HOME": "/h", "KUBECTL_KUBERC": "False"}, ""),
    ],
)
def test_the_file_is_the_one_that_kubectl_reads(env: dict[str, str], path: str) -> None:
    assert kuberc_path(env) == path


class TestLines:
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("", f"{LIST}:\n- command: {OURS}\n"),
            ("kind: Preference\n", f"kind: Preference\n{LIST}:\n- command: {OURS}\n"),
            (
                f"{LIST}: # mine\n  # the cloud's\n  - command: aws # x\naliases: []\n",
                f"{LIST}: # mine\n  # the cloud's\n  - command: aws # x\n  - command: {OURS}\naliases: []\n",
            ),
            (f'{LIST}:\n- name: "a b"\n', f'{LIST}:\n- name: "a b"\n- command: {OURS}\n'),
        ],
    )
    def test_a_plugin_goes_in_last_and_comes_out_again(self, before: str, after: str) -> None:
        put = with_plugin(before.split("\n"), OURS)
        assert "\n".join(put) == after
        assert "\n".join(without_plugin(put, OURS)) == before

    @given(st.lists(st.sampled_from(["aws", "/opt/bin/gke", "'a b'", '"quoted"']), max_size=4), st.booleans())
    def test_whatever_is_there_stays(self, others: list[str], is_indented: bool) -> None:
        rows = [f"{'  ' if is_indented else ''}- command: {other}  # {other}" for other in others]
        lines = [*NEW[:2], *([f"{LIST}:", *rows] if rows else []), "aliases:", "- command: get", ""]
        put = with_plugin(lines, OURS)
        assert [line for line in put if OURS not in line and line != f"{LIST}:"] == [
            line for line in lines if line != f"{LIST}:"
        ]
        assert without_plugin(put, OURS) == lines

    def test_a_policy_goes_before_the_list(self) -> None:
        lines = with_plugin(list(NEW), OURS)
        assert with_policy(lines, "Allowlist")[2:4] == [f"{POLICY}: Allowlist", f"{LIST}:"]
        assert with_policy(with_policy(lines, "Allowlist"), None) == lines


def test_the_flag_alone_needs_neither_cluster_nor_user_and_goes_with_either(
    keywright: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBERC", "off")
    said = keywright("install", "kube", "--kuberc")
    assert said.code == 2
    assert "KUBERC=off" in said.stderr
    assert "either --eks" in keywright("install", "kube", "--kuberc", "--region", "x").stderr
    assert "either --eks" in keywright("install", "kube", "--kuberc", "--no-set-current").stderr
