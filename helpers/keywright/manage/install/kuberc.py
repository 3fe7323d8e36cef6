"""kubectl's own preferences: which plugins it may run at all.

    apiVersion: kubectl.config.k8s.io/v1beta1
    kind: Preference
    credentialPluginPolicy: Allowlist
    credentialPluginAllowlist:
    - command: /home/me/.local/bin/kube-credential-keywright

`kubectl kuberc set` replaces the whole list, drops comments and cannot take a policy back, so lines are put in and
taken out here, where the file is as plain as above; what comes of it counts only if kubectl itself reads it as meant.
https://kubernetes.io/docs/reference/kubectl/kuberc/
"""

import json
import os
import shutil
from collections.abc import Collection, Mapping, Sequence
from enum import Enum
from shlex import quote
from typing import Any, Final

from keywright.errors import ConfigurationError
from keywright.manage.install.base import CHANGED, Changed, Value
from keywright.manage.install.copies import private_copy
from keywright.manage.install.kuberc_lines import LIST, NEW, POLICY, with_plugin, with_policy, without_plugin
from keywright.manage.install.program import run_tool
from keywright.providers.home import expand

ALLOWLIST: Final = "Allowlist"
LABEL: Final = "kuberc"
LISTED: Final = "command"
"""The value of a plugin that is in the list."""


class Ruling(Enum):
    """What kubectl makes of a plugin."""

    FREE = "any plugin may run"
    LISTED = "the list has it"
    UNLISTED = "the list lacks it"
    DENIED = "no plugin may run"


def kuberc_path(env: Mapping[str, str]) -> str:
    """Return the absolute path of the file that kubectl reads; empty if it is told to read none."""
    given = env.get("KUBERC", "")
    if given == "off" or env.get("KUBECTL_KUBERC", "").lower() in {"false", "0", "f"}:
        return ""
    return os.path.abspath(given) if given else expand("~/.kube/kuberc", env)


def by_hand(*commands: str) -> str:
    """Return the command that has kubectl run these plugins and no others."""
    entries = " ".join(f"--allowlist-entry {quote(f'command={command}')}" for command in commands)
    return f"kubectl kuberc set --section credentialplugin --policy {ALLOWLIST} {entries}"


class KubercFile:
    """kubectl's preferences. A target is the policy, or the list and a plugin in it."""

    client: Final = "kuberc"
    command: Final = "kube"
    lock: Final = ""

    def __init__(self, path: str, tool: str, env: Mapping[str, str]) -> None:
        """`tool` is kubectl's path."""
        self.path = path
        self._tool = tool
        self._env = env
        self._views: dict[bytes, dict[str, Any]] = {}

    def ruling(self, content: bytes, command: str) -> Ruling:
        """Return what kubectl makes of the plugin that stands as `command` in a kubeconfig.

        Raises:
            ConfigurationError: kubectl cannot read the file, or is too old to.
        """
        if b"credentialPlugin" not in content:  # and so no kubectl has to be one that knows of policies
            return Ruling.FREE
        document = self._view(content)
        policy = document.get(POLICY) or "AllowAll"
        if policy == "DenyAll":
            return Ruling.DENIED
        if policy != ALLOWLIST:
            return Ruling.FREE
        wanted = self._looked_up(command)
        is_listed = any(self._looked_up(entry) == wanted for entry in _entries(document))
        return Ruling.LISTED if is_listed else Ruling.UNLISTED

    def by_hand(self, content: bytes, command: str) -> str:
        """Return the command that has kubectl run this plugin beside those that the list has already."""
        return by_hand(*_entries(self._view(content)), command)

    def find(self, content: bytes, targets: Collection[str]) -> Mapping[str, Value | None]:
        """Return the policy, and of each plugin whether the list has it."""
        document = self._view(content)
        return {target: _found(document, target) for target in targets}

    def edit(self, content: bytes, changes: Mapping[str, Value | None]) -> bytes:
        """Return the file with lines put in and taken out; everything else stays as it is."""
        before = self._view(content)
        lines = _text(content).split("\n") if content.strip() else list(NEW)
        for target, value in changes.items():
            name = target.partition(" ")[2]
            if name:
                lines = without_plugin(lines, name) if value is None else with_plugin(lines, name)
            else:
                lines = with_policy(lines, None if value is None else str(value))
        after = "\n".join(lines).encode("utf-8", "surrogateescape")
        self._check(before, after, changes)
        return after

    def _check(self, before: dict[str, Any], after: bytes, changes: Mapping[str, Value | None]) -> None:
        """Raise unless kubectl reads what was meant, and of everything else what it read before."""
        gone = {target.partition(" ")[2] for target, value in changes.items() if value is None}
        come = [target.partition(" ")[2] for target, value in changes.items() if value is not None]
        kept = [entry for entry in _entries(before) if entry not in gone]
        mend = (
            f"run `{by_hand(*kept, *filter(None, come))}`, which keeps no comments" if any(come) else "edit it by hand"
        )
        plain = ConfigurationError(f"{self.path} is written in a way that is not edited here", mend=mend)
        try:
            read = self._view(after)
        except ConfigurationError:
            raise plain from None
        is_meant = {target: _found(read, target) for target in changes} == dict(changes)
        is_kept = [entry for entry in _entries(read) if entry in kept] == kept
        if not is_meant or not is_kept or _rest(read) != _rest(before):
            raise plain

    def lines(self, content: bytes) -> Sequence[str]:
        """Return the file's lines: it holds no secrets, and only ours are ever shown."""
        return _text(content).split("\n")[: -1 if content else None]

    def is_ours(self, target: str, value: Value) -> bool:
        """Whether nobody would miss it: an entry of ours, and the policy that goes with it."""
        return target != POLICY or value == ALLOWLIST

    def may_be_secret(self, target: str, value: Value) -> bool:  # noqa: ARG002 - the contract
        """Neither a policy nor a plugin's path is."""
        return False

    def describe(self, target: str, value: Value) -> str:  # noqa: ARG002 - the contract
        """Return the policy."""
        return f"the policy {value}"

    def check_replaceable(self, content: bytes, target: str) -> None:
        """Raise where no plugin may run: that is a person's or their company's decision.

        Raises:
            ConfigurationError: it is so.
        """
        if target == POLICY and self._view(content).get(POLICY) == "DenyAll":
            raise ConfigurationError(f"{self.path} forbids every plugin (DenyAll)", mend="set another policy first")

    def without(self, found: Value, wrote: Value, was: Value | None) -> Value | Changed | None:
        """Return what was there, if what we wrote still is."""
        return was if found == wrote else CHANGED

    def in_use(self, content: bytes, changes: Mapping[str, Value | None]) -> Mapping[str, str]:
        """Return the policy while the list has others, and the list's last plugin while the policy wants one."""
        document = self._view(content)
        gone = {target.partition(" ")[2] for target, value in changes.items() if value is None}
        left = [entry for entry in _entries(document) if entry not in gone]
        used: dict[str, str] = {}
        if POLICY in changes and left:
            used[POLICY] = "other plugins are in the list"
        elif POLICY not in changes and not left and document.get(POLICY) == ALLOWLIST:
            used |= dict.fromkeys(changes, "kubectl takes an empty list for an error")
        return used

    def is_empty(self, content: bytes) -> bool:
        """Whether it says nothing."""
        document = self._view(content)
        return not any(document.get(key) for key in document.keys() - {"apiVersion", "kind"})

    def _looked_up(self, command: str) -> str:
        """Return what kubectl compares: a path as it stands, or what a bare name stands for on `PATH`."""
        if "/" in command:
            return command
        return shutil.which(command, path=self._env.get("PATH", os.defpath)) or command

    def _view(self, content: bytes) -> dict[str, Any]:
        if not content.strip():
            return {}
        if content not in self._views:
            self._views[content] = self._ask(content)
        return self._views[content]

    def _ask(self, content: bytes) -> dict[str, Any]:
        with private_copy(content) as copy:
            shown = run_tool([self._tool, "kuberc", "view", "-o", "json"], self._env, kuberc=copy)
        try:
            document = json.loads(shown or b"")
        except ValueError:
            document = None
        if not isinstance(document, dict):
            mend = f"see `kubectl kuberc view --kuberc {quote(self.path)}`; kubectl 1.36 and newer can"
            raise ConfigurationError(f"{self.path} is not what kubectl can read", mend=mend)
        return document


def _entries(document: Mapping[str, Any]) -> list[str]:
    """Return the plugins of the list; 1.35 called `name` what is `command` since."""
    return [str(row.get("command") or row.get("name") or "") for row in document.get(LIST) or []]


def _found(document: Mapping[str, Any], target: str) -> Value | None:
    name = target.partition(" ")[2]
    if name:
        return LISTED if name in _entries(document) else None
    return document.get(POLICY) or None


def _rest(document: Mapping[str, Any]) -> dict[str, Any]:
    own = {"apiVersion", "kind", POLICY, LIST}  # kubectl always shows the first two in their newest form
    return {key: value for key, value in document.items() if key not in own and value}


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")
