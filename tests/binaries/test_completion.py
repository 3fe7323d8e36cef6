"""Completion in bash, zsh and fish themselves: each loads what `keywright completion` prints, and Tab is pressed."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pexpect
import pytest

from clients.sandbox import WAIT_AT_MOST_S, Sandbox, environment

pytestmark = pytest.mark.slow

SETTINGS: Final = """
version = 1
[profiles."aws-eks:prod"]
cluster = "prod"
region = "eu-central-1"
[profiles."aws-eks:stage"]
cluster = "stage"
region = "eu-central-1"
[[routes]]
client = "git"
url = "https://git.example"
profiles = ["github:work"]
"""
PROMPT: Final = "ready> "
TYPED: Final = {
    "profile show aws-eks:p": "profile show aws-eks:prod",
    "cache st": "cache stats",
    "vault unlock --i": "vault unlock --idle",
    "resolve aws-eks st": "resolve aws-eks stage",
    "profile list --mode=to": "profile list --mode=token",
    "provider show open": "provider show openai",
    "install git https://g": "install git https://git.example",
}
"""What is typed before Tab, and what stands there after it."""


@pytest.fixture
def user(home: Path) -> Sandbox:
    user = Sandbox(home, {**environment(home), "TERM": "dumb"})
    user.own.mkdir(mode=0o700, parents=True, exist_ok=True)
    (user.own / "config.toml").write_text(SETTINGS)
    return user


class Shell:
    """A shell at a terminal, in which Tab completes."""

    def __init__(self, user: Sandbox, *command: str) -> None:
        self._child = pexpect.spawn(
            command[0],
            list(command[1:]),
            env={**user.env, "PS1": PROMPT},
            cwd=str(user.home),
            encoding="utf-8",
            timeout=WAIT_AT_MOST_S,
            dimensions=(40, 200),
        )

    def run(self, line: str) -> str:
        """Run a line; returns what it printed."""
        self._child.sendline(f"{line}; echo en''d")
        self._child.expect(r"\nend\r")
        return self._child.before or ""

    def complete(self, typed: str) -> str:
        """Return what stands on the line after Tab."""
        self._child.send(f"{typed}\t")
        self._child.send("\x01echo @\x05 ; echo en''d\r")  # to the front of the line, and to its end
        self._child.expect(r"\n@([^\n\r]*)\r?\nend\r")
        assert isinstance(self._child.match, re.Match)
        return str(self._child.match[1]).strip()

    def end(self) -> None:
        self._child.close(force=True)


@pytest.fixture
def bash(user: Sandbox) -> Iterator[Shell]:
    shell = Shell(user, "bash", "--norc", "--noprofile", "-i")
    shell.run('bind "set enable-bracketed-paste off"; source <(keywright completion bash)')
    yield shell
    shell.end()


@pytest.fixture
def zsh(user: Sandbox) -> Iterator[Shell]:
    shell = Shell(user, "zsh", "-f", "-i")
    shell.run('unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -u -D; eval "$(keywright completion zsh)"')
    yield shell
    shell.end()


def test_bash_completes_what_is_typed(bash: Shell) -> None:
    assert {typed: bash.complete(f"keywright {typed}") for typed in TYPED} == {
        typed: f"keywright {whole}" for typed, whole in TYPED.items()
    }


def test_zsh_completes_what_is_typed(zsh: Shell) -> None:
    assert {typed: zsh.complete(f"keywright {typed}") for typed in TYPED} == {
        typed: f"keywright {whole}" for typed, whole in TYPED.items()
    }


def test_fish_completes_what_is_typed_and_describes_it(user: Sandbox) -> None:
    user.write(user.home / "kw.fish", user.run("keywright", "completion", "fish").stdout)
    asks = [f"complete -C 'keywright {typed}'; echo ===" for typed in (*TYPED, "st")]
    done = user.run("fish", "--no-config", "-c", "source kw.fish; " + "; ".join(asks))
    assert done.stderr == ""
    offered = [block.strip().split("\n")[0] for block in done.stdout.split("===\n")[:-1]]
    assert [offer.partition("\t")[0] for offer in offered] == [
        *(whole.split(" ")[-1] for whole in TYPED.values()),
        "status",
    ]
    assert offered[-1] == "status\tShow what is cached, until when, and what..."
