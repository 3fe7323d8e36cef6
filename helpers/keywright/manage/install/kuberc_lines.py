"""The lines of a kuberc: what goes in, and what comes out again, comments and all.

Only the plain way of writing is understood: the list in a block, each plugin on a line of its own.
"""

import json
import re
from typing import Final

LIST: Final = "credentialPluginAllowlist"
POLICY: Final = "credentialPluginPolicy"
_PLAIN: Final = re.compile(r"[A-Za-z/][A-Za-z0-9/._+-]*")
_ITEM: Final = re.compile(r"(?P<indent> *)- (?:command|name): *(?P<word>\"[^\"\\]*\"|'[^']*'|[^\s\"'#]+) *(?:#.*)?")
_SKIPPED: Final = re.compile(r" *(?:#.*)?")
_NO_LIST: Final = re.compile(rf"{LIST}: *(?:#.*)?")

NEW: Final = ("apiVersion: kubectl.config.k8s.io/v1beta1", "kind: Preference", "")
"""A file that says nothing yet."""


def with_plugin(lines: list[str], name: str) -> list[str]:
    """Return the lines with the plugin as the list's last."""
    word = name if _PLAIN.fullmatch(name) else json.dumps(name)
    start = next((number for number, line in enumerate(lines) if _NO_LIST.fullmatch(line)), None)
    if start is None:
        end = len(lines) - 1 if not lines[-1] else len(lines)
        return [*lines[:end], f"{LIST}:", f"- command: {word}", *lines[end:]]
    place, indent = start + 1, ""
    for number, line in enumerate(lines[start + 1 :], start + 1):
        if item := _ITEM.fullmatch(line):
            place, indent = number + 1, item["indent"]
        elif not _SKIPPED.fullmatch(line):
            break
    return [*lines[:place], f"{indent}- command: {word}", *lines[place:]]


def without_plugin(lines: list[str], name: str) -> list[str]:
    """Return the lines without the plugin, and without a list that has none any more."""
    kept = [line for line in lines if not ((item := _ITEM.fullmatch(line)) and item["word"].strip("'\"") == name)]
    for number, line in enumerate(kept):
        if _NO_LIST.fullmatch(line):
            after = next((text for text in kept[number + 1 :] if not _SKIPPED.fullmatch(text)), "")
            if not _ITEM.fullmatch(after):
                return [*kept[:number], *kept[number + 1 :]]
    return kept


def with_policy(lines: list[str], policy: str | None) -> list[str]:
    """Return the lines with that policy, or with none, in place of the one they have."""
    kept = [line for line in lines if not line.startswith(f"{POLICY}:")]
    if policy is not None:
        kept.insert(_place_for_policy(kept), f"{POLICY}: {policy}")
    return kept


def _place_for_policy(lines: list[str]) -> int:
    """Return where the policy goes: before the list, or else at the end."""
    for number, line in enumerate(lines):
        if line.startswith(f"{LIST}:"):
            return number
    return len(lines) - 1 if not lines[-1] else len(lines)
