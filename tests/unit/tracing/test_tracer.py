"""How a trace is written: one shape for people, one for programs, and nothing lost but the trace itself."""

import io
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keywright import trace
from keywright.errors import Refused
from keywright.request import Client, Url, Verb
from keywright.tracing.file import TraceFile
from keywright.tracing.tracer import Tracer
from keywright.tracing.wanted import CALL, open_tracer, set_own_environment

FRONT = "keywright: trace: 12:00:00.000Z 0badcafe "


def tracer(stderr: io.StringIO | None, *, level: int = 0, file: TraceFile | None = None) -> Tracer:
    return Tracer(call="0badcafe", by="keywright", level=level, file=file, stderr=stderr, now=lambda: datetime.now(UTC))


def events(tracer: Tracer) -> None:
    with trace.told_to(tracer):
        trace.tell("request", client=Client.GIT, verb=Verb.GET, url=Url("https", "git.example", "a b\x1b[2J"))
        trace.tell("turn", profile="github-app:acme", priority=-1, error=Refused("no"), until=None)
        trace.tell("http", method="GET", url=Url("https", "api.example"), status=200, size=17)


def test_lines_for_a_person_have_one_shape() -> None:
    stderr = io.StringIO()
    events(tracer(stderr, level=1))
    assert stderr.getvalue().splitlines() == [
        FRONT + r'request client=git verb=get url="https://git.example/a b\u001b[2J"',
        FRONT + "turn profile=github-app:acme priority=-1 error=refused",
    ]


def test_the_second_level_has_details_too() -> None:
    stderr = io.StringIO()
    events(tracer(stderr, level=2))
    assert stderr.getvalue().splitlines()[2] == FRONT + "http method=GET url=https://api.example status=200 size=17"


def test_a_file_has_everything_as_json(tmp_path: Path) -> None:
    stderr = io.StringIO()
    events(tracer(stderr, file=TraceFile.open(str(tmp_path / "trace"))))
    assert stderr.getvalue() == ""
    rows = [json.loads(line) for line in (tmp_path / "trace").read_text().splitlines()]
    front = {"at": "2030-01-01T12:00:00.000Z", "call": "0badcafe", "by": "keywright", "pid": os.getpid()}
    assert all(row.items() >= front.items() for row in rows)
    assert [row["event"] for row in rows] == ["request", "turn", "http"]
    assert rows[2]["status"] == 200


def fail() -> None:
    with trace.timed("fetch_ended", profile="static:x") as told:
        told["is_found"] = True
        raise KeyError("canary")


def test_a_block_is_timed_and_its_error_told_by_its_kind(tmp_path: Path) -> None:
    stderr = io.StringIO()
    with trace.told_to(tracer(stderr, level=1)):
        with pytest.raises(KeyError):
            fail()
        with trace.timed("fetch_ended", profile="static:x"):
            pass
    assert stderr.getvalue().splitlines() == [
        FRONT + "fetch_ended profile=static:x is_found=yes seconds=0.0 error=KeyError",
        FRONT + "fetch_ended profile=static:x seconds=0.0",
    ]


def test_nobody_hears_what_is_told_outside() -> None:
    trace.tell("settings", path="/x")
    with trace.timed("lock") as told:
        told["is_locked"] = True
    assert not trace.is_on()


def test_a_full_disk_costs_one_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stderr, file = io.StringIO(), TraceFile.open(str(tmp_path / "trace"))

    def full(_line: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(file, "append", full)
    events(tracer(stderr, file=file))
    told = f"keywright: not tracing: {tmp_path}/trace cannot be written (ENOSPC); name another file [unavailable]\n"
    assert stderr.getvalue() == told


def test_a_closed_standard_error_costs_the_trace_alone(tmp_path: Path) -> None:
    closed = io.StringIO()
    closed.close()
    for stderr in (closed, None):
        events(tracer(stderr, level=2))


class TestWhatTheEnvironmentAsksFor:
    @pytest.fixture(autouse=True)
    def taken_back(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What is handed on to this process's own environment is no other test's."""
        for name in (CALL, trace.VARIABLE):
            monkeypatch.setenv(name, "")
            monkeypatch.delenv(name)

    def open(self, **env: str) -> tuple[Tracer, list[str]]:
        stderr = io.StringIO()
        opened = open_tracer(
            env, by="keywright", stderr=stderr, now=lambda: datetime.now(UTC), hand_on=set_own_environment
        )
        with trace.told_to(opened):
            trace.tell("settings", path="/x")
            trace.tell("file", path="/y")
        return opened, [line.partition("Z ")[2][9:].split(" ")[0] for line in stderr.getvalue().splitlines()]

    def test_is_told_in_two_levels(self) -> None:
        assert self.open(KEYWRIGHT_TRACE="1")[1] == ["call_began", "settings"]
        assert self.open(KEYWRIGHT_TRACE="2")[1] == ["call_began", "settings", "file"]

    @pytest.mark.parametrize("wish", ["3", "yes", "relative/path", "~/trace", " 1"])
    def test_is_a_warning_where_it_is_anything_else(self, wish: str) -> None:
        stderr = io.StringIO()
        opened = open_tracer(
            {"KEYWRIGHT_TRACE": wish}, by="git-credential-keywright", stderr=stderr, now=lambda: datetime.now(UTC),
            hand_on=set_own_environment,
        )  # fmt: skip
        opened.tell("settings", {"path": "/x"})
        opened.close()
        (line,) = stderr.getvalue().splitlines()
        assert line.startswith("git-credential-keywright: not tracing: KEYWRIGHT_TRACE is neither")

    def test_hands_one_id_and_the_file_on_and_takes_them_back(self, tmp_path: Path) -> None:
        opened = open_tracer(
            {CALL: "0123abcd"}, by="keywright", stderr=None, now=lambda: datetime.now(UTC),
            hand_on=set_own_environment, path=str(tmp_path / "trace"),
        )  # fmt: skip
        assert (os.environ[CALL], os.environ[trace.VARIABLE]) == ("0123abcd", f"{tmp_path}/trace")
        opened.close()
        assert os.environ.get(CALL) == "0123abcd", "as it was given"
        assert trace.VARIABLE not in os.environ
        assert json.loads((tmp_path / "trace").read_text())["call"] == "0123abcd"

    @pytest.mark.parametrize("given", ["", "canary", "0123ABCD", "0123abcd\n"])
    def test_takes_no_id_that_is_none(self, given: str, tmp_path: Path) -> None:
        path = tmp_path / "trace"
        env = {CALL: given, "KEYWRIGHT_TRACE": str(path)}
        open_tracer(env, by="keywright", stderr=None, now=lambda: datetime.now(UTC), hand_on=lambda _: None)
        call = json.loads(path.read_text())["call"]
        assert call != given
        assert len(call) == 8
