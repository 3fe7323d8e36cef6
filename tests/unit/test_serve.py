import os
from collections.abc import Callable
from pathlib import Path

import pytest
import time_machine

from fakes.client import Outcome, call
from fakes.minter import Minter
from fakes.outcomes import OUTCOMES, Row
from keywright import hit
from keywright.cache.open import open_cache
from keywright.deadline import OutOfTime
from keywright.dialects.docker import DockerDialect
from keywright.dialects.git import GitDialect
from keywright.dialects.kube import KubeDialect
from keywright.dialects.person import PersonDialect
from keywright.errors import Refused, Unreachable
from keywright.ready import Ready

CONFIG = """
version = 1

[profiles."github-app:acme"]
app_id = "1"
private_key = "/key.pem"
installation_id = 7
{margins}

[[routes]]
client = "git"
url = "https://github.com/acme"
profiles = ["github-app:acme"]

[[routes]]
client = "docker"
url = "ghcr.io"
profiles = ["github-app:acme"]
"""
SPARE = """
[profiles."github-app:spare"]
app_id = "2"
private_key = "/spare.pem"
installation_id = 8

"""
ACME = b"protocol=https\nhost=github.com\npath=acme/web.git\n"
NOT_FOUND = b"credentials not found in native keychain\n"


@pytest.fixture
def config(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KEYWRIGHT_HOME", str(home / "kw"))
    path = home / "kw" / "config.toml"
    path.parent.mkdir(mode=0o700)
    path.write_text(CONFIG.format(margins=""))
    return path


@pytest.fixture
def minter(config: Path, monkeypatch: pytest.MonkeyPatch) -> Minter:
    minter = Minter()
    minter.install(monkeypatch)
    return minter


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The renewals that were started; none is run."""
    started: list[list[str]] = []

    def wake(_folder: str, _entry: str, _generation: str, asked: list[str], _now: float) -> bool:
        started.append(asked)
        return True

    monkeypatch.setattr(hit, "wake", wake)
    return started


def git(verb: str = "get", stdin: bytes = ACME) -> Outcome:
    return call(GitDialect(), [verb], stdin)


def docker(verb: str = "get", stdin: bytes = b"ghcr.io") -> Outcome:
    return call(DockerDialect(), [verb], stdin)


def kube() -> Outcome:
    return call(KubeDialect(), ["profile", "github-app:acme"])


class TestAHit:
    def test_follows_the_first_mint_at_once(self, minter: Minter) -> None:
        first, second = git(), git()
        assert (first.is_hit, second.is_hit) == (False, True)
        assert first.stdout == second.stdout
        assert b"password=minted-github-app:acme-1\n" in first.stdout
        assert minter.calls == 1

    def test_is_shared_by_no_other_question_but_the_credential_is(self, minter: Minter) -> None:
        git()
        assert not docker().is_hit
        assert not kube().is_hit
        assert docker().is_hit
        assert kube().is_hit
        assert b"minted-github-app:acme-1" in docker().stdout
        assert b"minted-github-app:acme-1" in kube().stdout
        assert minter.calls == 1

    def test_on_a_stale_answer_says_that_it_is_due(self, minter: Minter, clock: time_machine.Traveller) -> None:
        git()
        clock.shift(50 * 60)
        assert git().is_hit
        assert git().is_due

    def test_ends_where_we_would_refuse(self, minter: Minter, clock: time_machine.Traveller) -> None:
        git()
        clock.shift(3600 - 30)
        again = git()
        assert not again.is_hit
        assert b"acme-2" in again.stdout

    def test_is_had_for_not_mine(self, minter: Minter) -> None:
        other = b"protocol=https\nhost=example.com\n"
        assert git(stdin=other) == Outcome(0, b"")
        assert git(stdin=other) == Outcome(0, b"", is_hit=True)
        assert docker(stdin=b"example.com") == Outcome(1, NOT_FOUND)
        assert docker(stdin=b"example.com") == Outcome(1, NOT_FOUND, is_hit=True)

    def test_is_had_for_gits_store_of_what_was_issued(self, minter: Minter) -> None:
        answer = git().stdout
        store = git("store", b"capability[]=authtype\n" + ACME + b'wwwauth[]=Basic realm="x"\n' + answer)
        assert store == Outcome(0, b"", is_hit=True)

    def test_is_not_had_for_a_store_of_anything_else(self, minter: Minter) -> None:
        git()
        store = git("store", ACME + b"username=x-access-token\npassword=other\n")
        assert store == Outcome(0, b"")

    def test_is_had_for_a_persons_token(self, minter: Minter) -> None:
        ask = ["token", "github-app:acme"]
        assert call(PersonDialect(), ask).stdout == b"minted-github-app:acme-1\n"
        assert call(PersonDialect(), ask).is_hit

    @pytest.mark.parametrize(
        "line",
        [b"password=x\n", b"credential=x\n", b"state[]=other:1\n", b"url=https://x-access-token:x@github.com/acme\n"],
    )
    def test_is_never_had_by_a_request_that_carries_more(self, minter: Minter, line: bytes) -> None:
        git()
        assert not git(stdin=ACME + line).is_hit
        assert not git(stdin=ACME + line).is_hit


@pytest.mark.parametrize("ask", [git, docker, kube])
@pytest.mark.parametrize("row", OUTCOMES, ids=[row.name for row in OUTCOMES])
def test_the_outcome_table_as_each_client_sees_it(
    ask: Callable[[], Outcome], row: Row, minter: Minter, config: Path, clock: time_machine.Traveller
) -> None:
    config.write_text(CONFIG.format(margins='renew_before = "90s"\nrefuse_before = "0s"'))
    if row.left_s is not None:
        assert b"minted-github-app:acme-1" in ask().stdout
        clock.shift(3600 - row.left_s)
    minter.failure, before = row.failure, minter.calls
    outcome = ask()
    if isinstance(row.expected, str):
        number = before if row.expected == "old" else before + 1
        assert (outcome.code, outcome.stderr) == (0, "")
        assert f"minted-github-app:acme-{number}".encode() in outcome.stdout
    else:
        assert outcome.code == row.expected.exit_code
        assert b"minted-" not in outcome.stdout
        assert row.failure
        assert row.failure.what in outcome.stderr
        assert outcome.stderr.count("\n") == 1
    assert minter.calls == before + row.asked


class TestTheVeryNextCallSees:
    def test_an_edited_config(self, minter: Minter, config: Path) -> None:
        git()
        config.write_text(CONFIG.format(margins='refuse_before = "50m"').replace("ghcr.io", "example.com"))
        assert not git().is_hit
        config.write_text("version = 1\n")
        assert git() == Outcome(0, b"")

    def test_a_config_that_is_gone(self, minter: Minter, config: Path) -> None:
        git()
        config.unlink()
        assert git() == Outcome(0, b"")

    def test_a_config_that_appears(self, minter: Minter, config: Path) -> None:
        text = config.read_text()
        config.unlink()
        git()
        assert git().is_hit
        config.write_text(text)
        assert b"password=" in git().stdout

    def test_a_changed_input(self, minter: Minter, home: Path) -> None:
        key = home / "key.pem"
        key.write_text("one")
        minter.files = (str(key),)
        git()
        assert git().is_hit
        key.write_text("another")
        assert b"acme-2" in git().stdout

    def test_an_erase_of_the_rejected_credential(self, minter: Minter) -> None:
        answer = git().stdout
        assert git("erase", ACME + answer) == Outcome(0, b"")
        assert b"acme-2" in git().stdout

    def test_no_erase_of_an_older_one(self, minter: Minter) -> None:
        git()
        git("erase", ACME + b"username=x-access-token\npassword=older\n")
        assert git().is_hit

    def test_dockers_erase_whatever_the_credential(self, minter: Minter) -> None:
        docker()
        assert docker("erase") == Outcome(0, b"")
        assert b"acme-2" in docker().stdout

    def test_another_environment(self, minter: Minter, monkeypatch: pytest.MonkeyPatch) -> None:
        git()
        monkeypatch.setenv("AWS_PROFILE", "other")
        assert not git().is_hit


class TestNoAnswerIsKept:
    def test_of_a_fallback(self, minter: Minter, config: Path) -> None:
        text = config.read_text().replace("[[routes]]", SPARE + "[[routes]]", 1)
        config.write_text(text.replace('["github-app:acme"]', '["github-app:acme", "github-app:spare"]'))
        minter.failure, minter.failing = Refused("401"), "github-app:acme"
        for _ in range(2):
            outcome = git()
            assert b"minted-github-app:spare" in outcome.stdout
            assert not outcome.is_hit
            assert "using github-app:spare instead" in outcome.stderr

    def test_of_an_error(self, minter: Minter) -> None:
        minter.failure = Refused("401")
        assert git().code == 1
        assert not git().is_hit

    def test_of_a_hint(self, minter: Minter) -> None:
        bare = b"protocol=https\nhost=github.com\n"
        for _ in range(2):
            outcome = git(stdin=bare)
            assert not outcome.is_hit
            assert outcome.stdout == b""
            assert "useHttpPath true" in outcome.stderr


class TestWaking:
    def test_a_stale_credential_wakes_one_renewal(
        self, minter: Minter, clock: time_machine.Traveller, woken: list[list[str]]
    ) -> None:
        git()
        clock.shift(50 * 60)
        docker()
        assert woken == [["docker-credential-keywright", b"ghcr.io".hex(), "get"]]

    @pytest.mark.parametrize("line", [b"password=typed\n", b"url=https://x-access-token:typed@github.com/acme\n"])
    def test_a_request_that_carries_a_secret_wakes_none(
        self, minter: Minter, clock: time_machine.Traveller, woken: list[list[str]], line: bytes
    ) -> None:
        git()
        clock.shift(50 * 60)
        assert git(stdin=ACME + line).code == 0
        assert woken == []

    def test_a_call_that_runs_out_of_time_behind_its_answer_has_answered(
        self, minter: Minter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def keep(*_: object) -> None:
            raise OutOfTime

        monkeypatch.setattr(Ready, "keep", keep)
        done = docker()
        assert (done.code, done.stderr) == (0, "")
        assert done.stdout.count(b"\n") == 1

    def test_kubectl_asking_again_at_once_wakes_one(
        self, minter: Minter, woken: list[list[str]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        kube()
        monkeypatch.setenv("AWS_REGION", "elsewhere")  # a new question: again the long way round, as a first call goes
        kube()
        assert woken == []
        cache = open_cache(os.environ)
        for name in os.listdir(f"{cache.folder}/answers"):
            if not name.endswith(".asked"):
                os.unlink(f"{cache.folder}/answers/{name}")
        kube()
        assert len(woken) == 1


class TestFailing:
    @pytest.mark.parametrize(
        ("dialect", "args", "stdin", "stdout"),
        [
            (GitDialect(), ["get"], ACME, b""),
            (KubeDialect(), ["profile", "github-app:acme"], None, b""),
            (PersonDialect(), ["token", "github-app:acme"], None, b""),
        ],
    )
    def test_says_why_on_stderr_and_nothing_on_stdout(
        self, minter: Minter, dialect: GitDialect, args: list[str], stdin: bytes | None, stdout: bytes
    ) -> None:
        minter.failure = Unreachable("api.github.com did not answer", mend="check the network")
        outcome = call(dialect, args, stdin)
        assert (outcome.code, outcome.stdout) == (1, stdout)
        assert outcome.stderr.count("\n") == 1
        assert "github-app:acme" in outcome.stderr
        assert "api.github.com did not answer" in outcome.stderr
        assert "check the network" in outcome.stderr

    def test_docker_gets_the_cause_on_both(self, minter: Minter) -> None:
        minter.failure = Unreachable("api.github.com did not answer")
        outcome = docker()
        assert outcome.code == 1
        assert b"api.github.com did not answer" in outcome.stdout
        assert "api.github.com did not answer" in outcome.stderr

    def test_a_wrong_config_is_exit_2(self, minter: Minter, config: Path) -> None:
        config.write_text("version = 1\n[profile]\n")
        outcome = git()
        assert (outcome.code, outcome.stdout) == (2, b"")
        assert str(config) in outcome.stderr
        assert "`profiles`" in outcome.stderr

    def test_a_bug_shows_its_type_and_place_and_never_its_text(
        self, minter: Minter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: object) -> None:
            raise RuntimeError("ghs_secret")

        monkeypatch.setattr("keywright.broker.choice_for", broken)
        outcome = git()
        assert (outcome.code, outcome.stdout) == (70, b"")
        assert "RuntimeError in keywright.broker" in outcome.stderr
        assert "ghs_secret" not in outcome.stderr

    def test_an_interrupt_is_exit_130_and_silent(self, minter: Minter, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("keywright.broker.choice_for", interrupted)
        assert git() == Outcome(130, b"")


class TestWithoutACredential:
    def test_docker_store_of_a_minted_host_is_exit_0_and_one_line(self, minter: Minter) -> None:
        outcome = docker("store", b'{"ServerURL":"ghcr.io","Username":"u","Secret":"typed"}')
        assert (outcome.code, outcome.stdout) == (0, b"")
        assert outcome.stderr.count("\n") == 1
        assert "typed" not in outcome.stderr
        assert minter.calls == 0

    def test_docker_store_of_any_other_host_is_kept_until_it_is_erased(self, minter: Minter) -> None:
        stored = docker("store", b'{"ServerURL":"example.com","Username":"u","Secret":"typed"}')
        assert stored == Outcome(0, b"")
        answer = b'{"ServerURL":"example.com","Username":"u","Secret":"typed"}\n'
        for _ in range(2):
            assert docker("get", b"example.com") == Outcome(0, answer)
        assert docker("list", b"") == Outcome(0, b'{"example.com":"u"}\n')
        assert docker("erase", b"example.com") == Outcome(0, b"")
        assert docker("get", b"example.com").stdout == NOT_FOUND

    def test_git_store_of_any_other_host_is_kept_until_it_is_erased(self, minter: Minter) -> None:
        place, pair = b"protocol=https\nhost=example.com\n", b"username=u\npassword=typed\n"
        assert git("get", place) == Outcome(0, b"")
        assert git("get", place).is_hit
        assert git("store", place + pair) == Outcome(0, b"")
        for _ in range(2):
            assert git("get", place) == Outcome(0, pair)
        assert git("erase", place + pair) == Outcome(0, b"")
        assert git("get", place) == Outcome(0, b"")

    def test_git_store_and_erase_of_any_other_host_are_silent(self, minter: Minter) -> None:
        other = b"protocol=https\nhost=example.com\nusername=u\npassword=p\n"
        assert git("store", other) == Outcome(0, b"")
        assert git("erase", other) == Outcome(0, b"")

    def test_docker_list_is_offline_and_needs_no_settings(self, minter: Minter, config: Path) -> None:
        config.unlink()
        assert docker("list", b"") == Outcome(0, b"{}\n")
        assert minter.calls == 0


class TestWithoutACache:
    def test_a_cache_that_is_a_file_costs_no_credential(self, minter: Minter, home: Path) -> None:
        (home / "kw" / "cache").write_text("")
        for number in (1, 2):
            outcome = git()
            assert outcome.code == 0
            assert f"acme-{number}".encode() in outcome.stdout
            assert "not using the cache" in outcome.stderr
            assert outcome.stderr.endswith(" [cache_unusable]\n")
            assert outcome.stderr.count("\n") == 1

    def test_a_loose_cache_is_refused_with_the_command_that_mends_it(self, minter: Minter, home: Path) -> None:
        git()
        (home / "kw" / "cache").chmod(0o755)
        (home / "kw" / "cache" / "answers").chmod(0o755)
        outcome = git()
        assert outcome.code == 0
        assert f"chmod 700 '{home}/kw/cache'" in outcome.stderr
