"""What a call tells: each event at its place, for every way that a call can go."""

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import time_machine

from fakes.client import Outcome, call
from fakes.minter import Minter
from keywright import hit
from keywright.cache import lock
from keywright.cache.open import open_cache
from keywright.dialects.git import GitDialect
from keywright.errors import Refused
from keywright.manage.cli import run

CONFIG = """
version = 1
[profiles."github-app:acme"]
app_id = "1"
private_key = "/key.pem"
installation_id = 7
{acme}
[profiles."github-app:spare"]
app_id = "2"
private_key = "/spare.pem"
installation_id = 8
[[routes]]
client = "git"
url = "https://github.com/acme"
profiles = ["github-app:acme"]
"""
ACME = b"protocol=https\nhost=github.com\npath=acme/web.git\n"
OTHER = b"protocol=https\nhost=other.example\n"

Row = dict[str, Any]


class Traced:
    """Calls of git's, and what each of them told."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._file = home / "trace.jsonl"
        self._monkeypatch = monkeypatch
        self.config = home / "kw" / "config.toml"
        self.told: list[Row] = []

    def write(self, acme: str = "") -> None:
        self.config.write_text(CONFIG.format(acme=acme))

    def __call__(self, stdin: bytes = ACME, verb: str = "get") -> Outcome:
        with self._monkeypatch.context() as patch:
            patch.setenv("KEYWRIGHT_TRACE", str(self._file))
            outcome = call(GitDialect(), [verb], stdin)
        self.told = [json.loads(line) for line in self._file.read_text().splitlines()]
        self._file.unlink()
        return outcome

    @property
    def events(self) -> list[str]:
        return [row["event"] for row in self.told]

    def row(self, event: str, number: int = 0) -> Row:
        return [row for row in self.told if row["event"] == event][number]


@pytest.fixture
def traced(home: Path, monkeypatch: pytest.MonkeyPatch) -> Traced:
    monkeypatch.setenv("KEYWRIGHT_HOME", str(home / "kw"))
    (home / "kw").mkdir(mode=0o700)
    made = Traced(home, monkeypatch)
    made.write()
    return made


@pytest.fixture
def minter(traced: Traced, monkeypatch: pytest.MonkeyPatch) -> Minter:
    minter = Minter()
    minter.install(monkeypatch)
    return minter


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the next renewals can be started; none is run."""
    can = [True]
    monkeypatch.setattr(hit, "wake", lambda *_args: can[0])
    return can


def test_a_miss_tells_the_whole_story(traced: Traced, minter: Minter) -> None:
    assert b"password=minted-github-app:acme-1" in traced().stdout
    assert traced.events == [
        *("call_began", "request", "settings", "route", "turn"),
        *("entry", "lock", "entry", "fetch_began", "file", "fetch_ended", "kept"),
        *("profile_chosen", "answer_kept", "call_ended"),
    ]
    assert traced.row("route")["route"] == "https://github.com/acme"
    assert traced.row("entry")["state"] == "missing"
    assert traced.row("lock")["is_locked"]
    assert traced.row("fetch_ended")["expires_at"] == "2030-01-01T13:00:00.000Z"
    assert traced.row("profile_chosen")["why"] == "only_one"
    assert len({row["call"] for row in traced.told}) == 1


def test_it_changes_nothing_but_what_is_told(traced: Traced, minter: Minter) -> None:
    first = traced()
    plain = call(GitDialect(), ["get"], ACME)
    assert plain.is_hit, "the traced call has kept the answer of the same question without a trace"
    assert plain.stdout == first.stdout
    again = traced()
    assert (again.is_hit, again.stdout) == (False, first.stdout)
    assert traced.row("entry")["state"] == "fresh"
    assert minter.calls == 1


def test_a_stale_one_wakes_a_renewal_or_finds_the_brake(
    traced: Traced, minter: Minter, clock: time_machine.Traveller, woken: list[bool]
) -> None:
    traced()
    clock.shift(50 * 60)
    traced()
    assert traced.row("entry")["state"] == "stale"
    assert "renewal_woken" in traced.events
    woken[0] = False
    traced()
    assert "renewal_braked" in traced.events


def test_an_expired_one_says_why_it_is_not_used(
    traced: Traced, minter: Minter, clock: time_machine.Traveller, home: Path
) -> None:
    (home / "key.pem").touch()
    minter.files = (str(home / "key.pem"),)
    traced()
    (home / "key.pem").write_text("another")
    traced()
    assert (traced.row("entry")["state"], traced.row("entry")["why"]) == ("expired", "input_changed")
    clock.shift(3600)
    traced()
    assert traced.row("entry")["why"] == "too_little_left"


def test_a_failing_issuer_is_told_by_its_kind_and_then_left_alone(traced: Traced, minter: Minter) -> None:
    minter.failure = Refused("canary of the issuer", mend="canary")
    assert traced().code == 1
    assert traced.row("fetch_ended")["error"] == "refused"
    assert traced.row("profile_failed") == {**traced.row("profile_failed"), "error": "refused", "is_repeated": False}
    assert "profile_rests" in traced.events
    assert "canary" not in json.dumps(traced.told)
    traced()
    assert traced.row("left_alone")["attempts"] == 1
    assert traced.row("profile_failed")["is_repeated"]
    assert "fetch_began" not in traced.events
    assert traced.row("call_ended")["exit_code"] == 1


def test_a_fallback_says_whom_it_stands_in_for(traced: Traced, minter: Minter) -> None:
    traced.write('fallback = ["github-app:spare"]')
    minter.failure, minter.failing = Refused("no"), "github-app:acme"
    assert b"minted-github-app:spare" in traced().stdout
    assert [row["profile"] for row in traced.told if row["event"] == "turn"] == ["github-app:acme", "github-app:spare"]
    assert traced.row("profile_failed")["profile"] == "github-app:acme"
    assert (traced.row("profile_chosen")["profile"], traced.row("profile_chosen")["why"]) == (
        "github-app:spare",
        "others_failed",
    )
    assert traced.row("answer_not_kept")["why"] == "not_first_choice"


def test_a_lock_that_is_held_is_waited_for_and_told(
    traced: Traced, minter: Minter, monkeypatch: pytest.MonkeyPatch
) -> None:
    traced()
    cache = open_cache(os.environ)
    (digest,) = cache.entries.digests()
    cache.entries.forget(digest)
    held, asked = threading.Event(), threading.Event()

    def hold() -> None:
        with cache.entries.lock(digest, 5) as is_locked:
            assert is_locked
            held.set()
            asked.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(30)
    wait = lock._wait_for

    def let_go_and_wait(path: str, wait_s: float) -> Callable[[], object] | None:
        asked.set()
        return wait(path, wait_s)

    monkeypatch.setattr(lock, "_wait_for", let_go_and_wait)
    traced()
    holder.join(30)
    assert asked.is_set()
    assert traced.row("lock")["is_locked"]
    assert traced.row("lock")["seconds"] >= 0


def test_what_is_not_ours_is_told_as_such(traced: Traced, minter: Minter) -> None:
    assert traced(OTHER).stdout == b""
    assert traced.row("route")["how"] == "none"
    assert traced.row("store")["is_found"] is False
    assert "answer_kept" in traced.events
    assert call(GitDialect(), ["get"], OTHER).is_hit


def test_a_secret_that_the_client_hands_over_is_not_told(traced: Traced, minter: Minter) -> None:
    traced(OTHER + b"username=ann\npassword=canary-pw\noauth_refresh_token=canary-rt\n", "store")
    traced(OTHER + b"username=ann\npassword=canary-pw\n", "erase")
    assert "canary" not in json.dumps(traced.told)
    assert "ann" not in json.dumps(traced.told)


@pytest.mark.parametrize("wish", ["", "1", "2", "/trace", "nonsense"])
def test_a_trace_is_no_part_of_a_question(wish: str) -> None:
    plain, traced = ({"HOME": "/home/me", **more} for more in ({}, {"KEYWRIGHT_TRACE": wish}))
    digest = hit.question("git-credential-keywright", ["get"], plain, ACME)
    assert digest == hit.question("git-credential-keywright", ["get"], traced, ACME) != ""


class TestTheOptions:
    @pytest.fixture
    def keywright(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Any]:
        def keywright(*args: str) -> tuple[int, str, str]:
            monkeypatch.setattr("sys.argv", ["keywright", *args])
            code = run()
            return code, *capfd.readouterr()

        return keywright

    def test_trace_any_command_and_leave_its_output_alone(
        self, traced: Traced, minter: Minter, keywright: Callable[..., Any], tmp_path: Path
    ) -> None:
        plain = keywright("status")
        code, out, told = keywright("-v", "--trace", str(tmp_path / "t"), "status")
        assert (code, out) == plain[:2]
        assert [line.split(" ")[4] for line in told.splitlines()] == ["call_began", "command"]
        assert json.loads((tmp_path / "t").read_text().splitlines()[1])["command"] == "status"

    def test_are_counted(self, traced: Traced, minter: Minter, keywright: Callable[..., Any]) -> None:
        assert "level=2" in keywright("-vv", "status")[2]

    def test_that_cannot_be_met_cost_a_warning(
        self, traced: Traced, minter: Minter, keywright: Callable[..., Any], tmp_path: Path
    ) -> None:
        (tmp_path / "t").symlink_to("elsewhere")
        code, out, told = keywright("--trace", str(tmp_path / "t"), "status")
        assert code == 0
        assert out
        assert told.startswith(f"keywright: not tracing: {tmp_path}/t cannot be opened (ELOOP)")
        assert told.count("\n") == 1

    def test_that_name_no_file_are_refused(self, traced: Traced, keywright: Callable[..., Any]) -> None:
        assert keywright("--trace", "", "status")[0] == 2
