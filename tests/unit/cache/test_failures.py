"""The failures that all processes remember together: for how long, and what makes them void."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.cache.failures import JITTER, LONGEST_ASKED_S, Failure, Failures, pause_s
from keywright.errors import (
    ERRORS,
    CacheUnusable,
    KeywrightError,
    NeedsPerson,
    Refused,
    Unavailable,
    Unreachable,
    VaultLocked,
    VaultUnusable,
)
from keywright.hit import sha256, stamp

NOW_S = datetime(2030, 1, 1, 12, tzinfo=UTC).timestamp()
NO_INSTANTS = ("NaN", "Infinity", "-Infinity", "1e999", "1e300", "-1", "253402300800")
ENTRY = "9e1b"


@pytest.fixture
def failures(tmp_path: Path) -> Failures:
    return Failures(str(tmp_path / "state"), {})


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_bytes(b"version = 1")
    return path


def inputs_of(*paths: Path) -> dict[str, str]:
    return {str(path): stamp(str(path)) for path in paths}


class TestPause:
    @pytest.mark.parametrize(
        ("attempts", "seconds"),
        [(1, 2), (2, 4), (3, 8), (4, 16), (5, 32), (6, 64), (7, 128), (8, 256), (9, 300), (10, 300), (10_000, 300)],
    )
    def test_it_doubles_up_to_five_minutes_give_or_take_a_fifth(self, attempts: int, seconds: float) -> None:
        drawn = [pause_s(attempts, Unreachable("503")) for _ in range(300)]
        assert seconds * (1 - JITTER) <= min(drawn) < seconds < max(drawn) <= seconds * (1 + JITTER)

    @pytest.mark.parametrize(
        ("asked_s", "least_s", "most_s"),
        [
            (None, 1.6, 2.4),
            (0.0, 1.6, 2.4),
            (-5.0, 1.6, 2.4),
            (1.0, 1.6, 2.4),
            (7.0, 7.0, 7.0),
            (600.0, 600.0, 600.0),
            (3600.0, 3600.0, 3600.0),
            (3601.0, LONGEST_ASKED_S, LONGEST_ASKED_S),
            (1e300, LONGEST_ASKED_S, LONGEST_ASKED_S),
            (float("inf"), LONGEST_ASKED_S, LONGEST_ASKED_S),
            (float("nan"), 1.6, 2.4),
        ],
    )
    def test_an_issuer_that_asks_for_longer_gets_it_up_to_an_hour(
        self, asked_s: float | None, least_s: float, most_s: float
    ) -> None:
        for _ in range(50):
            assert least_s <= pause_s(1, Unreachable("429", retry_after_s=asked_s)) <= most_s

    @given(st.integers(-5, 1000), st.none() | st.floats())
    def test_it_is_never_none_and_never_for_ever(self, attempts: int, asked_s: float | None) -> None:
        assert 0 < pause_s(attempts, Unreachable("429", retry_after_s=asked_s)) <= LONGEST_ASKED_S

    @pytest.mark.parametrize("kind", [Unavailable, NeedsPerson, VaultLocked, VaultUnusable])
    def test_a_cause_on_this_side_spares_nobody_for_long(self, kind: type[KeywrightError]) -> None:
        assert max(pause_s(20, kind("no login")) for _ in range(300)) <= 15 * (1 + JITTER)


class TestHolding:
    @pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "no_proxy", "SSL_CERT_FILE", "AWS_CA_BUNDLE"])
    def test_another_way_to_the_issuer_voids_it(self, name: str, tmp_path: Path) -> None:
        before = Failures(str(tmp_path / "state"), {"PATH": "/bin"})
        before.record(ENTRY, Unreachable("no answer"), NOW_S, {})
        for env, holds in (({"PATH": "/usr/bin"}, True), ({name: "http://127.0.0.1:1"}, False)):
            recalled = Failures(str(tmp_path / "state"), env).recall(ENTRY)
            assert recalled is not None
            assert recalled.holds(NOW_S) is holds

    @pytest.fixture
    def failure(self, failures: Failures, config: Path, tmp_path: Path) -> Failure:
        return failures.record(ENTRY, Unreachable("no answer"), NOW_S, inputs_of(config, tmp_path / "absent"))

    def test_it_holds_until_its_time_has_come(self, failure: Failure) -> None:
        assert failure.failed_at_s == NOW_S
        for now_s, holds in (
            (NOW_S, True),
            (failure.retry_at_s - 0.001, True),
            (failure.retry_at_s, False),
            (NOW_S + 86400, False),
        ):
            assert failure.holds(now_s) is holds

    @pytest.mark.parametrize("back_s", [0.001, 1.0, 86400.0])
    def test_a_clock_that_stepped_back_voids_it(self, back_s: float, failure: Failure) -> None:
        assert not failure.holds(NOW_S - back_s)

    @pytest.mark.parametrize("change", [lambda path: path.write_bytes(b"version = 2"), Path.unlink])
    def test_a_changed_input_voids_it(self, change: Callable[[Path], object], failure: Failure, config: Path) -> None:
        change(config)
        assert not failure.holds(NOW_S)

    def test_an_input_that_appears_voids_it(self, failure: Failure, tmp_path: Path) -> None:
        (tmp_path / "absent").touch()
        assert not failure.holds(NOW_S)

    def test_what_comes_back_from_disk_holds_as_well(self, failure: Failure, failures: Failures, config: Path) -> None:
        recalled = failures.recall(ENTRY)
        assert recalled is not None
        assert recalled.holds(NOW_S)
        config.unlink()
        assert not recalled.holds(NOW_S)


class TestSweep:
    def test_what_failed_over_a_week_ago_is_forgotten_and_the_rest_is_not(self, failures: Failures) -> None:
        failures.record("old", Unreachable("no answer"), NOW_S, {})
        failures.record("new", Unreachable("no answer"), NOW_S + 86400, {})
        failures.sweep(NOW_S + 7 * 86400)
        assert failures.digests() == ["new", "old"]
        failures.sweep(NOW_S + 7 * 86400 + 1)
        assert failures.digests() == ["new"]

    def test_what_another_thread_is_writing_is_left_alone(self, failures: Failures, tmp_path: Path) -> None:
        """It has the system's time until it is dated, and the clock here is years ahead of that."""
        (folder,) = tmp_path.rglob("failures")
        ours, theirs = folder / f"one.json.{os.getpid()}.tmp", folder / "one.json.1.tmp"
        for path in (ours, theirs):
            path.touch(0o600)
            os.utime(path, (NOW_S, NOW_S))
        failures.sweep(NOW_S + 30 * 86400)
        assert (ours.exists(), theirs.exists()) == (True, False)


class TestMemory:
    @pytest.mark.parametrize("kind", ERRORS.values())
    def test_every_kind_of_error_comes_back_as_it_went(self, kind: type[KeywrightError], failures: Failures) -> None:
        error = kind("it said nö\udcff", mend="try `this`", retry_after_s=5).about("github-app:acme", "github.com")
        kept = failures.record(ENTRY, error, NOW_S, {"/home/me/kéy\udcff": "-"})
        recalled = failures.recall(ENTRY)
        assert recalled is not None
        assert type(recalled.error) is kind
        assert str(recalled.error) == str(error)
        assert (recalled.error.account, recalled.error.host) == ("github-app:acme", "github.com")
        assert recalled._replace(error=error) == kept

    def test_nothing_is_remembered_of_what_never_failed(self, failures: Failures) -> None:
        assert failures.recall(ENTRY) is None
        assert failures.digests() == []

    def test_failures_in_a_row_are_counted_and_wait_longer(self, failures: Failures) -> None:
        now_s, pauses = NOW_S, []
        for attempts in range(1, 6):
            failure = failures.record(ENTRY, Unreachable("no answer"), now_s, {})
            assert failure.attempts == attempts
            pauses.append(failure.retry_at_s - now_s)
            now_s = failure.retry_at_s
        assert pauses == sorted(pauses)

    def test_after_a_clock_that_stepped_back_the_count_starts_anew(self, failures: Failures) -> None:
        failures.record(ENTRY, Unreachable("no answer"), NOW_S, {})
        failures.record(ENTRY, Unreachable("no answer"), NOW_S, {})
        assert failures.record(ENTRY, Unreachable("no answer"), NOW_S - 60, {}).attempts == 1

    def test_each_entry_has_its_own(self, failures: Failures) -> None:
        failures.record("one", Refused("no"), NOW_S, {})
        failures.record("two", Unreachable("no answer"), NOW_S, {})
        assert failures.digests() == ["one", "two"]
        failures.forget("one")
        failures.forget("one")
        assert failures.recall("one") is None
        assert failures.digests() == ["two"]
        assert failures.record("one", Refused("no"), NOW_S, {}).attempts == 1

    def test_an_issuer_that_asked_to_be_left_alone_is(self, failures: Failures) -> None:
        failure = failures.record(ENTRY, Refused("too often", retry_after_s=1800), NOW_S, {})
        assert failure.retry_at_s == NOW_S + 1800

    def test_a_question_is_remembered_with_it(self, failures: Failures) -> None:
        for question in ("MFA code for ann", ""):
            failures.record(ENTRY, NeedsPerson("a code is wanted", question=question), NOW_S, {})
            failure = failures.recall(ENTRY)
            assert failure
            assert isinstance(failure.error, NeedsPerson)
            assert failure.error.question == question

    @pytest.mark.parametrize("kind", ERRORS.values())
    def test_each_kind_is_remembered_by_the_code_that_ends_its_line(
        self, failures: Failures, tmp_path: Path, kind: type[KeywrightError]
    ) -> None:
        error = kind("it failed").about("acme:ann", "acme.example")
        failures.record(ENTRY, error, NOW_S, {})
        code = json.loads((tmp_path / f"state/failures/{ENTRY}.json").read_bytes())["code"]
        assert error.line == f"{error} [{code}]"
        recalled = failures.recall(ENTRY)
        assert recalled is not None
        assert (type(recalled.error), recalled.error.line) == (kind, error.line)

    def test_the_file_is_private_and_holds_what_was_told_and_no_more(self, failures: Failures, tmp_path: Path) -> None:
        error = Refused("it said no", mend="ask again").about("github-app:acme", "github.com")
        error.__cause__ = ValueError("ghs_canary")
        error.add_note("ghs_canary")
        failure = failures.record(ENTRY, error, NOW_S, {"/key": "-"})
        path = tmp_path / f"state/failures/{ENTRY}.json"
        assert path.stat().st_mode == 0o100600
        assert json.loads(path.read_bytes()) == {
            "schema": 1,
            "code": "refused",
            "what": "it said no",
            "mend": "ask again",
            "account": "github-app:acme",
            "host": "github.com",
            "attempts": 1,
            "failed_at_unix_s": NOW_S,
            "retry_at_unix_s": failure.retry_at_s,
            "inputs": {"/key": "-"},
            "way": sha256(b"").hexdigest(),
        }


class TestDamage:
    @pytest.fixture
    def path(self, failures: Failures, tmp_path: Path) -> Path:
        failures.record(ENTRY, Refused("no"), NOW_S, {"/key": "-"})
        return tmp_path / f"state/failures/{ENTRY}.json"

    def test_a_file_that_is_cut_anywhere_is_nothing(self, failures: Failures, path: Path) -> None:
        content = path.read_bytes()
        for length in range(len(content) - 1):
            path.write_bytes(content[:length])
            assert failures.recall(ENTRY) is None

    @pytest.mark.parametrize("content", [b"null", b"[]", b'"x"', b"7", b"\xff", b"[" * 100_000, b"{}"])
    def test_what_is_no_failure_is_nothing(self, content: bytes, failures: Failures, path: Path) -> None:
        path.write_bytes(content)
        assert failures.recall(ENTRY) is None
        assert failures.record(ENTRY, Refused("no"), NOW_S, {}).attempts == 1

    @pytest.mark.parametrize(
        ("member", "text"),
        [
            ("code", '"unheard_of"'),
            ("code", "[]"),
            ("code", "null"),
            ("attempts", '"many"'),
            ("attempts", "1e999"),
            ("attempts", "NaN"),
            ("attempts", "null"),
            ("failed_at_unix_s", '"then"'),
            ("failed_at_unix_s", "1" + "0" * 400),
            ("retry_at_unix_s", "{}"),
            *((f"{which}_at_unix_s", text) for which in ("failed", "retry") for text in NO_INSTANTS),
            ("inputs", "[]"),
            ("inputs", "null"),
        ],
    )
    def test_a_wrong_member_is_nothing(self, member: str, text: str, failures: Failures, path: Path) -> None:
        document = json.loads(path.read_bytes())
        members = {name: json.dumps(value) for name, value in document.items()} | {member: text}
        path.write_text("{" + ", ".join(f'"{name}": {value}' for name, value in members.items()) + "}")
        assert failures.recall(ENTRY) is None

    def test_a_file_that_cannot_be_trusted_is_refused(self, failures: Failures, path: Path) -> None:
        path.chmod(0o644)
        with pytest.raises(CacheUnusable, match="run `chmod 600"):
            failures.recall(ENTRY)
