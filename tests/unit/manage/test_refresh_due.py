"""`keywright refresh --due` and `keywright agent`, as a person runs them."""

import json
import os
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from fakes.minter import Minter, Minting
from fakes.terminal import Terminal
from keywright.errors import Unreachable, UsageError
from keywright.manage.agent import parse_interval
from keywright.providers.base import ALONE, Aid, Minted
from keywright.refresher.alone import only_one

CONFIG = """
version = 1
[profiles."github-app:zeta"]
app_id = "1"
private_key = "/key.pem"
installation_id = 7
[profiles."github-app:acme"]
app_id = "1"
private_key = "/key.pem"
installation_id = 7
"""


@pytest.fixture
def minter(home: Path, monkeypatch: pytest.MonkeyPatch) -> Minter:
    folder = home / "kw"
    folder.mkdir(mode=0o700)
    (folder / "config.toml").write_text(CONFIG)
    monkeypatch.setenv("KEYWRIGHT_HOME", str(folder))
    minter = Minter()
    minter.install(monkeypatch)
    return minter


@pytest.fixture
def keywright(minter: Minter, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(monkeypatch, capfd)


def test_the_ids_that_were_renewed_are_printed_sorted(keywright: Terminal, clock: time_machine.Traveller) -> None:
    assert keywright("refresh", "--due") == (0, "github-app:acme\ngithub-app:zeta\n", "")
    assert keywright("refresh", "--due") == (0, "", "")
    clock.shift(timedelta(minutes=50))
    assert keywright("refresh", "--due").stdout == "github-app:acme\ngithub-app:zeta\n"


def test_one_that_fails_is_told_of_and_the_others_are_renewed(keywright: Terminal, minter: Minter) -> None:
    minter.failure, minter.failing = Unreachable("down", mend="wait"), "github-app:zeta"
    assert keywright("refresh", "--due") == (
        1,
        "github-app:acme\n",
        "keywright: github-app:zeta: down; wait [unreachable]\n",
    )
    again = keywright("refresh", "--due", "--json")
    assert again.code == 1
    failed = {"profile": "github-app:zeta", "for": "", "code": "unreachable", "what": "down", "mend": "wait"}
    assert json.loads(again.stdout) == {"schema": 1, "renewed": [], "failed": [failed]}
    assert minter.calls == 2


def test_the_document_says_until_when(keywright: Terminal) -> None:
    document = json.loads(keywright("refresh", "--due", "--json").stdout)
    assert document["failed"] == []
    assert document["renewed"][0] == {"profile": "github-app:acme", "for": "", "expires_at": "2030-01-01T13:00:00Z"}


def test_what_a_provider_prints_or_reads_meets_nobody(keywright: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []

    def fetch(self: Minting, now: datetime, timeout_s: float, memory: Mapping[str, str], aid: Aid = ALONE) -> Minted:
        os.write(1, b"noise\n")
        heard.append(os.read(0, 10))
        return mint(self, now, timeout_s, memory, aid)

    mint = Minting.fetch
    monkeypatch.setattr(Minting, "fetch", fetch)
    said = keywright("refresh", "--due")
    assert said == (0, "github-app:acme\ngithub-app:zeta\n", "noise\nnoise\n")
    assert heard == [b"", b""]


@pytest.mark.parametrize(
    "args",
    [(), ("github-app:acme", "--due"), ("--due", "--url", "https://x"), ("github-app:acme", "--json")],
    ids=" ".join,
)
def test_either_a_profile_or_due(keywright: Terminal, minter: Minter, args: tuple[str, ...]) -> None:
    assert keywright("refresh", *args).code == 2
    assert minter.calls == 0


def test_a_profile_is_refreshed_as_ever(keywright: Terminal) -> None:
    assert keywright("refresh", "github-app:acme").stdout == "github-app:acme: renewed, expires in 1h\n"


def test_wrong_settings_are_a_wrong_configuration(keywright: Terminal, home: Path) -> None:
    (home / "kw/config.toml").write_text("nonsense")
    assert keywright("refresh", "--due").code == 2


@pytest.mark.parametrize(("text", "seconds"), [(None, 30), ("1s", 1), ("90s", 90), ("2m", 120), ("1h", 3600)])
def test_an_interval(text: str | None, seconds: int) -> None:
    assert parse_interval(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "0s", "30", "1h1s", "2h", "-1s", "1d", "1.5s"])
def test_no_interval(text: str) -> None:
    with pytest.raises(UsageError):
        parse_interval(text)


def test_a_second_agent_is_busy(keywright: Terminal) -> None:
    ready, done = threading.Event(), threading.Event()

    def first() -> None:
        with only_one(os.environ):
            ready.set()
            done.wait(30)

    thread = threading.Thread(target=first)
    thread.start()
    assert ready.wait(30)
    try:
        said = keywright("agent")
    finally:
        done.set()
        thread.join(30)
    assert said.code == 5
    assert (
        said.stderr
        == f"keywright: an agent is running already, pid {os.getpid()}; one is enough for all clients [busy]\n"
    )
