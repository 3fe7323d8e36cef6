"""A user in a box: a home folder, a clean environment, and programs run to their end within a bound.

A client finds our installed executables first on `PATH`, as a user's would. Nothing here waits for a guessed while:
`until` waits for a condition.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest

BIN: Final = Path(sys.executable).parent
"""Where this environment's scripts are installed: ours, kubectl, aws and moto_server."""

WAIT_AT_MOST_S: Final = 90.0
PAUSE_S: Final = 0.02
SETTLED_S: Final = 0.1
"""Longer than the age below which a file is no ground for a ready answer (50 ms)."""

T = TypeVar("T")


def until(condition: Callable[[], T], what: str) -> T:
    """Return the first true value of `condition`; fail with `what` was waited for once that took too long."""
    end = time.monotonic() + WAIT_AT_MOST_S
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            pytest.fail(f"waited in vain: {what}")
        time.sleep(PAUSE_S)


@dataclass(frozen=True, kw_only=True)
class Done:
    """A program that has ended."""

    code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Sandbox:
    """A user: a home folder, an environment, keywright's settings and cache."""

    home: Path
    env: Mapping[str, str]

    @property
    def own(self) -> Path:
        """`$KEYWRIGHT_HOME`."""
        return Path(self.env["KEYWRIGHT_HOME"])

    def run(
        self,
        *command: str | Path,
        stdin: str = "",
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Done:
        """Run a program to its end, and to the end of whatever holds its standard output or error open."""
        done = subprocess.run(
            [str(word) for word in command],
            input=stdin.encode(),
            capture_output=True,
            cwd=cwd or self.home,
            env={**self.env, **(env or {})},
            timeout=WAIT_AT_MOST_S,
            check=False,
        )
        return Done(code=done.returncode, stdout=done.stdout.decode(), stderr=done.stderr.decode())

    def settings(self, *parts: str) -> None:
        """Write `config.toml`, and wait until it is old enough to base a ready answer on."""
        self.write(self.own / "config.toml", "\n".join(("version = 1", *parts)))

    def write(self, path: Path, text: str) -> Path:
        """Write a file of the home folder, 0600, and wait until it is old enough to base a ready answer on."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o600)
        written_at = path.stat().st_mtime
        until(lambda: time.time() - written_at > SETTLED_S, f"{path} to settle")
        return path

    def entries(self) -> list[dict[str, Any]]:
        """Return what is cached, as it lies on disk."""
        return [json.loads(path.read_text()) for path in sorted(self.own.glob("cache/entries/*.json"))]

    def entry(self) -> dict[str, Any]:
        """Return the one entry that is cached."""
        (entry,) = self.entries()
        return entry

    def failures(self) -> list[dict[str, Any]]:
        """Return the failures that are remembered, as they lie on disk."""
        return [json.loads(path.read_text()) for path in sorted(self.own.glob("state/failures/*.json"))]

    def prolong_failures(self) -> None:
        """Have what failed rest for half an hour: its own two seconds may be over before a busy machine asks again."""
        for path in self.own.glob("state/failures/*.json"):
            document = json.loads(path.read_text()) | {"retry_at_unix_s": time.time() + 1800}
            path.write_text(json.dumps(document))

    def state(self, profile: str) -> str:
        """Return what `keywright status` calls the profile's one credential."""
        done = self.run("keywright", "status", "--json")
        assert done.code == 0, done.stderr
        (row,) = (row for row in json.loads(done.stdout)["credentials"] if row["profile"] == profile)
        return str(row["state"])

    def until_stale(self, profile: str) -> dict[str, Any]:
        """Wait until the profile's credential is due to be renewed and nobody is at it; return the one entry.

        On a busy machine it may be due before the call that minted it has ended, which then had it renewed already.
        """
        brakes = self.own / "cache/renew"
        until(
            lambda: self.state(profile) == "stale" and not [b for b in brakes.iterdir() if b.suffix != ".lock"],
            f"{profile} to be stale",
        )
        return self.entry()

    def until_renewed(self, generation: int) -> dict[str, Any]:
        """Wait until the one entry is of another generation, and return it."""
        return until(lambda: next((e for e in self.entries() if e["generation"] != generation), {}), "a renewal")

    def holds(self, secret: str) -> list[Path]:
        """Return the files under the home folder that hold `secret`, keywright's own cache left out."""
        cache = self.own / "cache"
        files = (path for path in self.home.rglob("*") if path.is_file() and cache not in path.parents)
        return [path for path in files if secret.encode() in path.read_bytes()]


def environment(home: Path) -> dict[str, str]:
    """Return the whole environment of a user's programs: no other home, no other configuration, no way to ask."""
    return {
        "HOME": str(home),
        "KEYWRIGHT_HOME": str(home / ".keywright"),
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
        "DOCKER_CONFIG": str(home / ".docker"),
        "GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z",
        "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z",
        "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "NO_PROXY": "127.0.0.1,localhost",
        "REGISTRY_AUTH_FILE": str(home / "auth.json"),
        "XDG_RUNTIME_DIR": str(home / "run"),
    }


def route(client: str, url: str, *profiles: str) -> str:
    """Return one `[[routes]]` table of the settings."""
    return f'[[routes]]\nclient = "{client}"\nurl = "{url}"\nprofiles = {json.dumps(profiles)}'


def find_program(name: str) -> str:
    """Return a program's path, or skip (in CI: fail) the test."""
    path = shutil.which(name, path=f"{BIN}:{os.environ['PATH']}")
    if path is None:
        skip_loudly(f"{name} is not installed; packaging/system_packages.sh installs it")
    return str(path)


def skip_loudly(reason: str) -> None:
    """Skip the test; with `CI=true` fail it, because there everything is installed."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason)
    pytest.skip(reason)
