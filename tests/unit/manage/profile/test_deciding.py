"""`keywright profile enable`, `disable`, `priority` and the reports: what is decided is heeded by the next process."""

import json
import os
from pathlib import Path

import pytest

from fakes.canary import TYPED
from fakes.profile_script import Script, kept
from fakes.terminal import Said, Terminal
from keywright.profiles.instants import instant
from keywright.profiles.known import Decided
from keywright.profiles.reason import FailureReason
from keywright.profiles.state import ProfileStates


@pytest.fixture
def work(profile: Script) -> Script:
    assert profile("add", "openai:work", stdin=TYPED).code == 0
    return profile


def decided(id_: str = "openai:work") -> Decided:
    found = kept(id_) if id_.startswith("openai:") else None
    since = instant(found.created_at) if found else ""
    return ProfileStates(os.environ).decisions(id_.partition(":")[0]).of(id_, since)


def stats(profile: Script, id_: str = "openai:work") -> dict[str, object]:
    return dict(json.loads(profile("show", id_, "--json").stdout)["usage_stats"])


class TestUse:
    @pytest.mark.parametrize("id_", ["openai:work", "aws-eks:prod", "static:forge", "aws-ecr:default"])
    def test_of_any_kind_of_profile_is_ended_and_begun_again(self, work: Script, config: Path, id_: str) -> None:
        before = config.read_bytes()
        assert work("disable", id_).stdout == f"disabled {id_}\n"
        assert decided(id_).enabled is False
        assert work("enable", id_).stdout == f"enabled {id_}\n"
        assert decided(id_).enabled is not False
        assert config.read_bytes() == before

    def test_of_a_disabled_one_is_refused(self, work: Script, monkeypatch: pytest.MonkeyPatch) -> None:
        work("disable", "openai:work")
        terminal = Terminal(monkeypatch, work._terminal._capfd)
        said = terminal("resolve", "openai")
        assert (said.code, said.stdout) == (1, "")
        assert "openai:work (unavailable): it is disabled" in said.stderr
        work("enable", "openai:work")
        assert terminal("resolve", "openai") == Said(0, f"{TYPED}\n", "")

    def test_begun_again_ends_rests_revocation_and_counts(self, work: Script) -> None:
        work("report-failure", "openai:work", "--reason", "billing")
        work("report-failure", "openai:work", "--reason", "rate_limit")
        states, since = (
            ProfileStates(os.environ),
            str(json.loads(work("show", "openai:work", "--json").stdout)["created_at"]),
        )
        states.decide("openai:work", since, lambda one: one._replace(is_revoked=True))
        assert work("enable", "openai:work").code == 0
        assert decided() == Decided(since=since, enabled=True)
        assert (stats(work)["error_count"], stats(work)["failure_counts"]) == (0, {})

    @pytest.mark.parametrize("command", ["priority", "set-priority"])
    @pytest.mark.parametrize("number", ["7", "-7", "0"])
    def test_comes_in_the_order_of_any_whole_number(self, work: Script, command: str, number: str) -> None:
        assert work(command, "openai:work", number).stdout == f"openai:work has priority {number}\n"
        assert decided().priority == int(number)

    @pytest.mark.parametrize("number", ["high", "1.5", "", "0x1", "1e3"])
    def test_comes_in_the_order_of_nothing_else(self, work: Script, number: str) -> None:
        said = work("priority", "openai:work", number)
        assert (said.code, said.stdout) == (2, "")
        assert "is not a valid integer" in said.stderr


class TestReports:
    @pytest.mark.parametrize("reason", [reason.value for reason in FailureReason])
    def test_take_each_of_the_nine_reasons(self, work: Script, reason: str) -> None:
        assert work("report-failure", "openai:work", "--reason", reason).code == 0
        assert stats(work)["failure_counts"] == {reason: 1}

    @pytest.mark.parametrize("reason", ["", "quota", "RATE_LIMIT", "rate-limit"])
    def test_take_no_other(self, work: Script, reason: str) -> None:
        assert work("report-failure", "openai:work", "--reason", reason).code == 2
        assert stats(work)["error_count"] == 0

    def test_about_nobody_are_refused(self, work: Script) -> None:
        said = work("report-failure", "openai:nobody", "--reason", "billing")
        assert (said.code, said.stdout) == (1, "")
        assert "profile not found: openai:nobody" in said.stderr
        assert work("report-failure", "openai:work").code == 2, "nothing says what failed"

    @pytest.mark.parametrize(
        ("message", "reason"),
        [
            ("HTTP 429", "rate_limit"),
            ("You have hit your spending limit", "billing"),
            ("invalid_grant", "unknown"),
            ("403 Forbidden", "auth_permanent"),
        ],
    )
    def test_are_judged_by_their_message(self, work: Script, message: str, reason: str) -> None:
        said = work("report-failure", "openai:work", "--message", message, "--json")
        assert json.loads(said.stdout)["reason"] == reason

    def test_lay_a_profile_to_rest_as_the_settings_say(self, work: Script, own: Path) -> None:
        (own / "config.toml").write_text("version = 1\n[cooldown.by_provider.openai]\nrate_limit_seconds = 5\n")
        assert work("add", "groq:work", stdin=TYPED).code == 0
        for id_, until in (("openai:work", "12:00:05Z"), ("groq:work", "12:00:30Z")):
            said = json.loads(work("report-failure", id_, "--reason", "rate_limit", "--json").stdout)
            assert said["unusable_until"] == stats(work, id_)["cooldown_until"] == f"2030-01-01T{until}"

    def test_lay_it_to_rest_for_as_long_as_its_issuer_asked(self, work: Script) -> None:
        work("report-failure", "openai:work", "--reason", "rate_limit", "--retry-after", "90")
        assert stats(work)["cooldown_until"] == "2030-01-01T12:01:30Z"
        assert work("report-success", "openai:work").code == 0
        assert stats(work)["cooldown_until"] is None
        for seconds in ("-1", "nan", "inf", "1e9"):
            assert work("report-failure", "openai:work", "--reason", "auth", "--retry-after", seconds).code == 2

    def test_keep_no_secret_of_a_message(self, work: Script, own: Path) -> None:
        work("report-failure", "openai:work", "--message", f"401 for sk-{TYPED}-0123456789abcdef0123 at once")
        assert "sk-" not in json.loads(work("show", "openai:work", "--json").stdout)["last_error"]
        assert not [path for path in own.rglob("*.json") if TYPED in path.read_text()]


def test_status_tells_whose_turn_it_is_not(profile: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    profile("add", "openai:work", stdin=TYPED)
    profile("report-failure", "openai:work", "--reason", "rate_limit")
    profile("disable", "aws-ecr:default")
    rows = json.loads(Terminal(monkeypatch, profile._terminal._capfd)("status", "--json").stdout)["credentials"]
    assert [(row["profile"], row["state"]) for row in rows] == [("aws-ecr:default", "none"), ("openai:work", "kept")]
    assert [row["turn"]["enabled"] for row in rows] == [False, True]
    assert rows[1]["turn"]["cooldown_until"] == "2030-01-01T12:00:30Z"
