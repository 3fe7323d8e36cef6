"""The `keywright` commands, in process, over a real cache."""

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from fakes.client import call
from fakes.documents import check_document
from fakes.minter import Minter
from keywright.cache.entry import Entry
from keywright.cache.open import open_cache
from keywright.credential import CacheKey, Credential
from keywright.dialects.docker import DockerDialect
from keywright.dialects.git import GitDialect
from keywright.dialects.kube import KubeDialect
from keywright.errors import Refused, Unreachable
from keywright.manage.cli import run
from keywright.manage.span import span
from keywright.secret import Secret

CONFIG = """
version = 1
[profiles."github-app:acme"]
app_id = "1"
private_key = "/key.pem"
installation_id = 7
[[routes]]
client = "git"
url = "https://github.com/acme"
profiles = ["github-app:acme"]
[[routes]]
client = "docker"
url = "ghcr.io"
profiles = ["github-app:acme"]
"""
GIT = b"protocol=https\nhost=github.com\npath=acme/web\n"


@pytest.fixture(autouse=True)
def minter(home: Path, monkeypatch: pytest.MonkeyPatch) -> Minter:
    folder = home / "kw"
    folder.mkdir(mode=0o700)
    (folder / "config.toml").write_text(CONFIG)
    monkeypatch.setenv("KEYWRIGHT_HOME", str(folder))
    minter = Minter()
    minter.install(monkeypatch)
    return minter


class Terminal:
    """Runs the command line as a person does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *args: str) -> tuple[int, str, str]:
        self._monkeypatch.setattr(sys, "argv", ["keywright", *args])
        code = run()
        out, err = self._capsys.readouterr()
        check_document(args, out)
        return code, out, err


@pytest.fixture
def keywright(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(monkeypatch, capsys)


class TestStatus:
    def test_of_nothing_names_the_profiles(self, keywright: Terminal) -> None:
        code, out, _ = keywright("status")
        assert code == 0
        assert out.splitlines()[1].split() == ["github-app:acme", "none"]

    def test_without_settings_says_so(self, keywright: Terminal) -> None:
        Path(os.environ["KEYWRIGHT_HOME"], "config.toml").unlink()
        code, out, _ = keywright("status")
        assert code == 0
        assert "names no profile" in out

    def test_shows_who_asked_and_how_long_is_left(self, keywright: Terminal) -> None:
        call(GitDialect(), ["get"], GIT)
        call(DockerDialect(), ["get"], b"ghcr.io")
        _, out, _ = keywright("status")
        row = out.splitlines()[1]
        assert row.startswith("github-app:acme  https://github.com/acme/web  docker, git  fresh  1h")

    def test_is_the_same_in_json(self, keywright: Terminal, clock: time_machine.Traveller) -> None:
        call(GitDialect(), ["get"], GIT)
        clock.shift(50 * 60)
        document = json.loads(keywright("status", "--json")[1])
        assert document["schema"] == 1
        (row,) = document["credentials"]
        assert row["profile"] == "github-app:acme"
        assert row["provider"] == "github-app"
        assert row["for"] == "https://github.com/acme/web"
        assert row["clients"] == ["git"]
        assert row["state"] == "stale"
        assert row["expires_in_s"] == 600
        assert row["issued_at"] == "2030-01-01T12:00:00Z"
        assert row["expires_at"] == "2030-01-01T13:00:00Z"
        assert row["last_error"] is None

    def test_shows_the_last_error_with_its_cause(self, keywright: Terminal, minter: Minter) -> None:
        minter.failure = Refused("the app's key was not accepted", mend="check app_id")
        assert call(GitDialect(), ["get"], GIT).stderr.endswith("; check app_id [refused]\n")
        _, out, _ = keywright("status")
        assert "refused: the app's key was not accepted; check app_id (once; retry in" in out
        error = json.loads(keywright("status", "--json")[1])["credentials"][0]["last_error"]
        assert (error["code"], error["what"], error["mend"], error["attempts"]) == (
            "refused",
            "the app's key was not accepted",
            "check app_id",
            1,
        )

    def test_never_shows_a_secret(self, keywright: Terminal) -> None:
        answer = call(GitDialect(), ["get"], GIT)
        assert b"minted-" in answer.stdout
        for args in (("status",), ("status", "--json")):
            code, out, err = keywright(*args)
            assert code == 0
            assert "minted-" not in out + err

    def test_calls_an_expired_one_expired(self, keywright: Terminal, clock: time_machine.Traveller) -> None:
        call(GitDialect(), ["get"], GIT)
        clock.shift(3600)
        assert keywright("status")[1].splitlines()[1].split()[-2:] == ["expired", "-"]

    def test_outlives_a_profile_that_is_gone_from_the_settings(self, keywright: Terminal) -> None:
        call(GitDialect(), ["get"], GIT)
        Path(os.environ["KEYWRIGHT_HOME"], "config.toml").write_text("version = 1\n")
        code, out, _ = keywright("status")
        assert code == 0
        assert "github-app:acme" in out

    @pytest.mark.parametrize(
        ("provider", "options"),
        [
            ("aws-ecr", {"registry": ""}),  # the settings named its registry when it was minted
            ("aws-ecr", {"registry": "", "from_the_future": 1}),
            ("from-the-future", {}),
        ],
    )
    def test_shows_what_no_profile_can_renew_any_more(
        self, keywright: Terminal, provider: str, options: dict[str, object]
    ) -> None:
        now = datetime.now(UTC)
        entry = Entry(
            key=CacheKey(provider=provider, profile=f"{provider}:old", facts={}),
            generation=1,
            credential=Credential(secret=Secret("s"), issued_at=now, expires_at=now + timedelta(hours=1)),
            options=options,
        )
        open_cache(os.environ).entries.save(entry)
        code, out, err = keywright("status")
        assert (code, err) == (0, "")
        assert f"{provider}:old" in out

    def test_of_a_loose_cache_names_the_mend(self, keywright: Terminal) -> None:
        call(GitDialect(), ["get"], GIT)
        Path(os.environ["KEYWRIGHT_HOME"], "cache").chmod(0o777)
        code, out, err = keywright("status")
        assert (code, out) == (1, "")
        assert "chmod 700" in err


class TestInvalidate:
    def test_makes_the_next_call_mint(self, keywright: Terminal, minter: Minter) -> None:
        call(GitDialect(), ["get"], GIT)
        assert keywright("invalidate", "github-app:acme") == (0, "github-app:acme: 1 dropped\n", "")
        assert not call(GitDialect(), ["get"], GIT).is_hit
        assert minter.calls == 2

    def test_forgets_failures_too(self, keywright: Terminal, minter: Minter) -> None:
        minter.failure = Unreachable("503")
        call(GitDialect(), ["get"], GIT)
        assert keywright("invalidate", "github-app:acme")[0] == 0
        minter.failure = None
        assert call(GitDialect(), ["get"], GIT).code == 0

    def test_works_under_wrong_settings_and_says_what_is_wrong(self, keywright: Terminal, minter: Minter) -> None:
        call(GitDialect(), ["get"], GIT)
        Path(os.environ["KEYWRIGHT_HOME"], "config.toml").write_text("version = 1\n[profile]\n")
        code, out, err = keywright("invalidate", "github-app:acme")
        assert (code, out) == (0, "github-app:acme: 1 dropped\n")
        assert err.endswith("did you mean `profiles`? [configuration]\n")

    def test_of_nothing_is_no_error(self, keywright: Terminal) -> None:
        assert keywright("invalidate", "github-app:acme") == (0, "github-app:acme: nothing was cached\n", "")

    def test_of_an_unknown_profile_names_those_there_are(self, keywright: Terminal) -> None:
        code, out, err = keywright("invalidate", "github-app:acne")
        assert (code, out) == (2, "")
        assert "there is no profile `github-app:acne`" in err
        assert "github-app:acme" in err


class TestRefresh:
    def test_renews_what_is_fresh(self, keywright: Terminal, minter: Minter) -> None:
        call(GitDialect(), ["get"], GIT)
        code, out, _ = keywright("refresh", "github-app:acme")
        assert (code, out) == (0, "github-app:acme for https://github.com/acme/web: renewed, expires in 1h\n")
        assert minter.calls == 2
        assert b"acme-2" in call(GitDialect(), ["get"], GIT).stdout

    def test_renews_every_credential_of_one_name(self, keywright: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDTEST")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
        for region in ("eu-central-1", "us-east-1"):
            assert call(KubeDialect(), ["eks", "--cluster", "prod", "--region", region]).code == 0
        code, out, _ = keywright("refresh", "aws-eks:prod")
        assert (code, out.count("renewed")) == (0, 2)

    def test_names_what_another_environment_minted(self, keywright: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAONE")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
        assert call(KubeDialect(), ["eks", "--cluster", "prod", "--region", "eu-west-1"]).code == 0
        assert keywright("refresh", "aws-eks:prod")[:2] == (0, "aws-eks:prod: renewed, expires in 15m\n")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATWO")
        code, out, err = keywright("refresh", "aws-eks:prod")
        assert (code, out) == (2, "")
        assert "another environment" in err

    def test_mints_the_first(self, keywright: Terminal, minter: Minter) -> None:
        assert keywright("refresh", "github-app:acme") == (0, "github-app:acme: renewed, expires in 1h\n", "")
        assert minter.calls == 1

    def test_that_fails_keeps_what_there_is(self, keywright: Terminal, minter: Minter) -> None:
        call(GitDialect(), ["get"], GIT)
        minter.failure = Refused("401", mend="check app_id")
        code, out, err = keywright("refresh", "github-app:acme")
        assert (code, out) == (1, "")
        assert "401; check app_id" in err
        assert b"acme-1" in call(GitDialect(), ["get"], GIT).stdout

    @pytest.mark.parametrize("name", ["github-app:acne", "", "..", "\x1b[2J"])
    def test_of_an_unknown_profile_is_exit_2(self, keywright: Terminal, name: str) -> None:
        code, out, err = keywright("refresh", name)
        assert (code, out) == (2, "")
        assert err.count("\n") == 1
        assert "\x1b" not in err

    def test_with_a_url_that_is_none_is_exit_2(self, keywright: Terminal) -> None:
        code, _, err = keywright("refresh", "github-app:acme", "--url", "::")
        assert code == 2
        assert "--url" in err


class TestTheCommandLine:
    @pytest.mark.parametrize(
        ("args", "line"),
        [
            (("why", "git"), "missing argument 'URL'; see `keywright why git --help`"),
            (
                ("vault", "set", "A", "s3cret", "two"),
                "got unexpected extra arguments; see `keywright vault set --help`",
            ),
            (("refresh",), "give either a PROFILE or --due; see `keywright refresh --help`"),
            (("status", "--interval", "3"), "--interval goes with --watch; see `keywright status --help`"),
        ],
    )
    def test_wrong_arguments_are_one_line_with_a_code_too(
        self, keywright: Terminal, args: tuple[str, ...], line: str
    ) -> None:
        assert keywright(*args) == (2, "", f"keywright: {line} [usage]\n")

    def test_an_unknown_command_is_exit_2(self, keywright: Terminal) -> None:
        code, out, err = keywright("frobnicate")
        assert (code, out) == (2, "")
        assert "no such command" in err

    @pytest.mark.parametrize("args", [["--help"], ["status", "--help"], ["--version"]])
    def test_help_and_version_are_exit_0(self, keywright: Terminal, args: list[str]) -> None:
        code, out, _ = keywright(*args)
        assert code == 0
        assert out

    def test_wrong_settings_are_exit_2_with_one_line(self, keywright: Terminal) -> None:
        Path(os.environ["KEYWRIGHT_HOME"], "config.toml").write_text("version = 1\n[profile]\n")
        code, out, err = keywright("status")
        assert (code, out) == (2, "")
        assert err.count("\n") == 1
        assert "did you mean `profiles`?" in err

    def test_a_bug_shows_its_type_and_never_its_text(
        self, keywright: Terminal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: object) -> None:
            raise RuntimeError("ghs_secret")

        monkeypatch.setattr("keywright.manage.status.load", broken)
        code, out, err = keywright("status")
        assert (code, out) == (70, "")
        assert "RuntimeError" in err
        assert "ghs_secret" not in err


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "-"), (0, "-"), (0.9, "-"), (1, "1s"), (59, "59s"), (60, "1m"), (61, "1m 1s"), (3600, "1h"), (7265, "2h 1m")],
)
def test_a_span_in_words(seconds: float, words: str) -> None:
    assert span(seconds) == words
