"""What stands in a kubeconfig, as `kubectl config view -o json` has it: what of it is ours, and what may be shown."""

import os
from collections.abc import Mapping
from typing import Any, Final

from keywright.manage.install.base import Value
from keywright.manage.install.diff import MASK

PLUGIN: Final = "kube-credential-keywright"
CURRENT: Final = "current-context"
OURS_TO_SAY: Final = {
    "clusters": ("server", "certificate-authority-data", "certificate-authority", "insecure-skip-tls-verify"),
    "users": ("exec",),
    "contexts": ("cluster", "user"),
}
SINGULAR: Final = {"clusters": "cluster", "users": "user", "contexts": "context"}
_PLAIN: Final = {
    "clusters": {
        "certificate-authority",
        "disable-compression",
        "insecure-skip-tls-verify",
        "server",
        "tls-server-name",
    },
    "users": {"exec"},
    "contexts": {"cluster", "namespace", "user"},
}
_PLAIN_EXEC: Final = frozenset({"apiVersion", "command", "interactiveMode", "provideClusterInfo"})


def entry_of(document: Mapping[str, Any], kind: str, name: str) -> dict[str, Any] | None:
    """Return an entry's members; what a plugin's stanza leaves empty is left out. None if there is no such entry."""
    for row in document.get(kind) or []:
        if row["name"] == name:
            entry: dict[str, Any] = dict(row.get(SINGULAR[kind]) or {})
            if "exec" in entry:
                entry["exec"] = {key: member for key, member in entry["exec"].items() if member not in (None, [])}
            return entry
    return None


def said_of(document: Mapping[str, Any], target: str) -> Value | None:
    """Return what stands at a target: of an entry, the members that are ours to say."""
    kind, _, name = target.partition(" ")
    if kind == CURRENT:
        return document.get(CURRENT) or None
    entry = entry_of(document, kind, name)
    return None if entry is None else {key: entry[key] for key in OURS_TO_SAY[kind] if key in entry}


def is_plugin(stanza: object) -> bool:
    """Whether an `exec` stanza runs our plugin."""
    return isinstance(stanza, dict) and os.path.basename(str(stanza.get("command", ""))) == PLUGIN


def masked(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document with everything masked but what is known to be no secret."""
    shown: dict[str, Any] = {}
    for key, member in document.items():
        if key in OURS_TO_SAY:
            rows = [(row["name"], entry_of(document, key, row["name"]) or {}) for row in member or []]
            shown[key] = [{"name": name, SINGULAR[key]: _maskedentry_of(key, entry)} for name, entry in rows]
        else:
            shown[key] = member if key in {"apiVersion", "kind", CURRENT} else _masked_all(member)
    return shown


def _maskedentry_of(kind: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for key, member in entry.items():
        if key == "exec":
            is_plain = _PLAIN_EXEC if not is_plugin(member) else member.keys() - {"env"}
            shown[key] = {name: part if name in is_plain else _masked_all(part) for name, part in member.items()}
        elif key == "certificate-authority-data":
            shown[key] = _abridged(str(member))
        else:
            shown[key] = member if key in _PLAIN[kind] else _masked_all(member)
    return shown


def _masked_all(value: object) -> object:
    if isinstance(value, dict):
        return {key: _masked_all(member) if key != "name" else member for key, member in value.items()}
    if isinstance(value, list):
        return [_masked_all(member) for member in value]
    return value if not value or isinstance(value, bool) else MASK


def _abridged(text: str) -> str:
    from hashlib import sha256

    return f"<{len(text)} characters, SHA-256 {sha256(text.encode()).hexdigest()[:12]}…>"
