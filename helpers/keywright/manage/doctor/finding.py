"""What a check finds."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

_RUN: Final = re.compile(r"run `([^`]+)`")


class Severity(Enum):
    """How bad it is; the value is the word in the JSON document."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


class Area(Enum):
    """What it is about, in the order in which it is told; the value is the word in the JSON document."""

    FOLDERS = "folders"
    FILESYSTEM = "filesystem"
    SETTINGS = "settings"
    VAULT = "vault"
    PROGRAMS = "programs"
    GIT = "git"
    DOCKER = "docker"
    KUBE = "kube"
    NETWORK = "network"
    CLOCK = "clock"
    VERSIONS = "versions"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found, good or bad.

    Attributes:
        id: its stable name, such as `folder-loose`.
        severity: how bad it is.
        what: what was found, a clause without any secret.
        mend: the command, or else the few words, that mend it; empty where there is nothing to mend.
    """

    id: str
    severity: Severity
    what: str
    mend: str = ""


def ok(id_: str, what: str) -> Finding:
    """Return a finding of something that is as it should be."""
    return Finding(id_, Severity.OK, what)


def note(id_: str, what: str, mend: str = "") -> Finding:
    """Return a finding of something that is worth knowing, and may be as the person wants it."""
    return Finding(id_, Severity.NOTE, what, _bare(mend))


def warning(id_: str, what: str, mend: str) -> Finding:
    """Return a finding of something that will cost time or safety one day."""
    return Finding(id_, Severity.WARNING, what, _bare(mend))


def error(id_: str, what: str, mend: str) -> Finding:
    """Return a finding of something that does not work, or is not safe."""
    return Finding(id_, Severity.ERROR, what, _bare(mend))


def _bare(mend: str) -> str:
    """Return the command alone of an error that says "run `COMMAND`": a line of its own is pasted as it stands."""
    found = _RUN.fullmatch(mend)
    return found[1] if found else mend
