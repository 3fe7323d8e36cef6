"""Which plugins the kubeconfigs run, whether they are there, and whether kubectl may run ours."""

import json
import os
from collections.abc import Iterator
from shlex import quote
from typing import Any, Final, assert_never

from keywright.errors import ConfigurationError
from keywright.manage.doctor.finding import Finding, error, note, ok, warning
from keywright.manage.doctor.scene import Scene
from keywright.manage.install.file import read
from keywright.manage.install.kube import kube_paths
from keywright.manage.install.kubeconfig import PLUGIN, is_plugin
from keywright.manage.install.kuberc import KubercFile, Ruling, by_hand, kuberc_path
from keywright.manage.install.program import find_ours

_V1: Final = "client.authentication.k8s.io/v1"
_GONE: Final = "client.authentication.k8s.io/v1alpha1"
SLOW: Final = frozenset({"aws", "aws-iam-authenticator"})
"""Plugins that ask anew for every call, or keep only the half of what they got."""


def look_at_kubeconfigs(scene: Scene) -> Iterator[Finding]:
    """Look at every user that runs a plugin."""
    kubectl = scene.which("kubectl")
    if not kubectl:
        return
    ours = 0
    for path, users in _kubeconfigs(kubectl, scene):
        if users is None:
            yield error(
                "kubeconfig-wrong", f"kubectl cannot read {path}", f"kubectl --kubeconfig {quote(path)} config view"
            )
            continue
        for name, stanza in users.items():
            ours += is_plugin(stanza)
            yield from _look_at_user(path, name, stanza, scene)
    if not ours:
        yield note("kube-unused", "no user of a kubeconfig runs keywright", "keywright install kube --eks NAME")


def _kubeconfigs(kubectl: str, scene: Scene) -> Iterator[tuple[str, dict[str, dict[str, Any]] | None]]:
    """Yield each kubeconfig with the plugins' stanzas by user; None where kubectl cannot read it."""
    for path in kube_paths(scene.env, None):
        if os.path.isfile(path):
            ran = scene.ask(kubectl, "--kubeconfig", path, "config", "view", "--raw", "-o", "json", KUBERC="off")
            yield path, _users(ran.stdout) if ran is not None and ran.code == 0 else None


def _users(shown: str) -> dict[str, dict[str, Any]] | None:
    """Return the plugins' stanzas by user; None if it is no kubeconfig."""
    try:
        rows = json.loads(shown).get("users") or []
        return {row["name"]: row["user"]["exec"] for row in rows if (row.get("user") or {}).get("exec")}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _look_at_user(path: str, name: str, stanza: dict[str, Any], scene: Scene) -> Iterator[Finding]:
    command, version = str(stanza.get("command") or ""), str(stanza.get("apiVersion") or "")
    set_user = f"kubectl --kubeconfig {quote(path)} config set-credentials {quote(name)}"
    faults: list[Finding] = []
    if version == _GONE:
        what = f"{path}: the plugin of {name} speaks v1alpha1, which kubectl runs no more"
        faults.append(error("kube-version-gone", what, f"{set_user} --exec-api-version={_V1}beta1"))
    if version == _V1 and not stanza.get("interactiveMode"):
        what = f"{path}: the plugin of {name} has no interactiveMode, without which kubectl does not run it"
        faults.append(error("kube-mode-missing", what, f"{set_user} --exec-interactive-mode=IfAvailable"))
    if not _is_there(command, path, scene):
        again = "keywright install kube" if is_plugin(stanza) else f"install {quote(os.path.basename(command))}"
        what = f"{path}: the plugin of {name}, {command}, is not there"
        faults.append(error("kube-plugin-missing", what, again))
    elif os.path.basename(command) in SLOW:
        what = f"{path}: {name} runs `{os.path.basename(command)}`, which keeps no token: each call waits for it"
        faults.append(note("kube-plugin-slow", what, "keywright install kube --eks NAME --force"))
    if not faults and is_plugin(stanza):
        faults.append(ok("kube-asked", f"{path}: {name} runs keywright"))
    yield from faults


def _is_there(command: str, kubeconfig: str, scene: Scene) -> bool:
    """Whether kubectl finds the plugin: by its name on `PATH`, by a path from the kubeconfig's folder."""
    if "/" not in command:
        return bool(scene.which(command))
    return os.access(os.path.join(os.path.dirname(kubeconfig), command), os.X_OK)


def look_at_policy(scene: Scene) -> Iterator[Finding]:
    """See whether kubectl's own preferences let it run our plugin, by each path that a kubeconfig has for it."""
    path, kubectl = kuberc_path(scene.env), scene.which("kubectl")
    content = read(path) if path else None
    if content is None or not kubectl:
        yield ok("kuberc-absent", "kubectl has no preferences that keep it from running plugins")
        return
    editor, installed = KubercFile(path, kubectl, scene.env), find_ours(PLUGIN, scene.env)
    named = [users or {} for _, users in _kubeconfigs(kubectl, scene)]
    commands = {str(stanza["command"]) for users in named for stanza in users.values() if is_plugin(stanza)}
    try:
        for command in sorted(commands) or [installed]:
            yield _judged(editor, content, command, is_installed=command == installed)
    except ConfigurationError as failure:
        yield warning("kuberc-unread", failure.what, f"kubectl kuberc view --kuberc {quote(path)}")


def _judged(editor: KubercFile, content: bytes, command: str, *, is_installed: bool) -> Finding:
    match editor.ruling(content, command):
        case Ruling.DENIED:
            return error("kuberc-denies", f"{editor.path} forbids kubectl every plugin (DenyAll)", by_hand(command))
        case Ruling.UNLISTED:
            mend = "keywright install kube --kuberc" if is_installed else editor.by_hand(content, command)
            return error("kuberc-refuses", f"{editor.path} does not let kubectl run {command}", mend)
        case Ruling.LISTED | Ruling.FREE:
            return ok("kuberc-allows", f"{editor.path} lets kubectl run {command}")
        case ruling:
            assert_never(ruling)
