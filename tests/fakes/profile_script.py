"""`keywright profile` as a script runs it, and a look at what it left."""

import io
import os
import sys
from pathlib import Path

import pytest

from fakes.terminal import Said, Terminal
from keywright.profiles.identity import ProfileId
from keywright.profiles.kept import KeptProfiles
from keywright.profiles.model import AuthProfile

CONFIG = """\
# my settings
version = 1 # the only one

[profiles."aws-eks:prod"]
cluster = "prod" # not staging
region = "eu-central-1"
priority = 3

[profiles."github-app:acme"]
app_id = "1"
private_key = "vault://KEY"
installation_id = 7
repositories = ["web", "api"]
permissions = { contents = "read" }
fallback = ["aws-ecr:spare"]

[profiles."static:forge"]
url = "https://git.example"
secret = "vault://FORGE"

[profiles."aws-ecr:spare"]

[[routes]]
client = "git"
url = "https://git.example"
profiles = ["static:forge", "openai:work"]
"""


class Script:
    """A script that runs `keywright profile …` and pipes in what it is to be told."""

    def __init__(self, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
        self._terminal = terminal
        self._monkeypatch = monkeypatch

    def __call__(self, *args: str, stdin: bytes | str = b"") -> Said:
        """Run one command to its end."""
        content = stdin.encode() if isinstance(stdin, str) else stdin
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        return self._terminal("profile", *args)


def kept(id_: str) -> AuthProfile | None:
    """Return what the vault holds of a profile."""
    return KeptProfiles(os.environ).get(ProfileId.parse(id_))


def content_of(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return every file below the folder, with its content and the instant of its last change."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }
