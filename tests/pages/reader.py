"""Somebody who reads a page from its top: puts each file that is shown where it belongs, and runs each command."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from keywright.errors import KeywrightError
from keywright.profiles.provider_file import parse
from keywright.settings.load import load
from pages.blocks import Block, Command
from pages.network import KEY, REGION, TYPED, Network

BIN: Final = Path(sys.prefix, "bin")
RUN_AT_MOST_S: Final = 120
SETTLED_S: Final = 0.1
"""Longer than the age below which a file is no ground for a ready answer (50 ms)."""
MARK: Final = "\x1e"
"""Stands before the exit code of each command; nothing else prints it."""
AWS_CONFIG: Final = f"""\
[default]
region = {REGION}
[profile build]
region = {REGION}
source_profile = default
[profile prod]
region = {REGION}
source_profile = default
role_arn = arn:aws:iam::111122223333:role/deploy
"""
AWS_CREDENTIALS: Final = "".join(
    f"[{name}]\naws_access_key_id = {KEY.id}\naws_secret_access_key = {KEY.secret}\n" for name in ("default", "build")
)


class Printed(NamedTuple):
    """How a command ended, and what it printed on both streams."""

    exit_code: int
    lines: list[str]


class Reader:
    """A home folder in which a page is followed.

    There from the beginning: AWS keys, the GitHub App's key as `~/keys/acme.pem`, and what the page's own preparation
    adds.
    """

    def __init__(self, home: Path, network: Network) -> None:
        self.home = home
        self.network = network
        self.env = {
            **network.env,
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "AWS_EC2_METADATA_DISABLED": "true",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
        }
        self.write("keys/acme.pem", network.app_key)
        self.write(".aws/config", AWS_CONFIG)
        self.write(".aws/credentials", AWS_CREDENTIALS)

    @property
    def settings(self) -> Path:
        """The settings' file."""
        return self.home / ".config/keywright/config.toml"

    def write(self, name: str, text: str) -> None:
        """Write a file below the home folder, 0600."""
        path = self.home / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)

    def put(self, block: Block) -> None:
        """Put a file that is shown where it belongs; what is in it has to be valid."""
        if block.language == "toml":
            self._put_settings(block.text)
        elif block.language == "ini":
            name = ".aws/config" if re.match(r"\[(profile|default)", block.text) else ".gitconfig"
            self.write(name, block.text)
            if name == ".gitconfig":
                _check(["git", "config", "--file", str(self.home / name), "--list"], self.env)
        elif block.language == "json":
            if json.loads(block.text).keys() & {"auths", "credHelpers", "credsStore"}:
                self.write(".docker/config.json", block.text)
        elif block.text.startswith("users:"):
            self._put_user(block.text)
        else:
            self.write(".kube/kuberc", block.text)
            _check(["kubectl", "config", "view"], self.env)  # which fails for a kuberc that it cannot read
        time.sleep(SETTLED_S)

    def run(self, commands: Sequence[Command]) -> Iterator[tuple[Command, Printed]]:
        """Run the commands of one block in one shell, where variables and folders stay; yield what each printed."""
        script = "".join(
            f"{{ {command.text}\n}} <<< {TYPED} 2>&1; printf '%s%s\\n' '{MARK}' \"$?\"\n" for command in commands
        )
        done = subprocess.run(
            ["bash", "-c", script],
            stdin=subprocess.DEVNULL,
            env=self.env,
            cwd=self.home,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=RUN_AT_MOST_S,
            check=False,
        )
        assert not done.stderr, done.stderr
        *parts, rest = re.split(rf"{MARK}([0-9]+)\n", done.stdout)
        assert (rest, len(parts)) == ("", 2 * len(commands)), done.stdout
        for command, text, code in zip(commands, parts[0::2], parts[1::2], strict=True):
            told = text.replace(str(BIN), "/home/ann/.local/bin").replace(str(self.home), "/home/ann")
            yield command, Printed(int(code), told.splitlines())

    def _put_settings(self, text: str) -> None:
        """Add a piece of settings; if it says otherwise what is there already, it takes its place."""
        if re.search(r"(?m)^label = ", text):
            self.write(".config/keywright/providers.d/acme.toml", text)
            parse(str(self.settings), text.encode(), "acme")
            return
        old = self.settings.read_text(encoding="utf-8") if self.settings.exists() else "version = 1\n"
        whole = text if re.search(r"(?m)^version = ", text) else f"{old}\n{text}"
        self.write(".config/keywright/config.toml", whole)
        try:
            load(str(self.settings))
        except KeywrightError:
            self.write(".config/keywright/config.toml", f"version = 1\n{text}")
            load(str(self.settings))

    def _put_user(self, text: str) -> None:
        """Write a kubeconfig whose only context is the user that is shown, at the one cluster."""
        whole = json.loads(self.network.cluster.kubeconfig({}))
        (name,) = re.findall(r"(?m)^- name: (\S+)$", text)
        whole["contexts"][0]["context"]["user"] = name
        del whole["users"]
        front = "\n".join(f"{key}: {json.dumps(value)}" for key, value in whole.items())
        self.write(".kube/config", f"{front}\n{text}")
        _check(["kubectl", "config", "view"], self.env)


def _check(command: list[str], env: dict[str, str]) -> None:
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=RUN_AT_MOST_S, check=False)
    assert done.returncode == 0, done.stderr
