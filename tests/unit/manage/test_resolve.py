"""`keywright resolve`, as a person or a script runs it; and `keywright token --force`."""

import json
import os
from pathlib import Path

import pytest
import time_machine

from fakes import accounts
from fakes.accounts import Accounts, oauth, token
from fakes.client import call
from fakes.minter import Minter, Minting
from fakes.own_vault import OwnVault
from fakes.terminal import Terminal
from keywright.dialects.person import PersonDialect
from keywright.errors import Refused
from keywright.hit import folder_of
from keywright.profiles.state import ProfileStates

ACME, SPARE = "github-app:acme", "github-app:spare"
CONFIG = """
version = 1
[profiles."github-app:acme"]
app_id = "1"
private_key = "/key.pem"
installation_id = 7
priority = 2
[profiles."github-app:spare"]
app_id = "1"
private_key = "/key.pem"
installation_id = 8
"""


@pytest.fixture
def keywright(home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Terminal:
    folder = home / "kw"
    folder.mkdir(mode=0o700)
    (folder / "config.toml").write_text(CONFIG)
    monkeypatch.setenv("KEYWRIGHT_HOME", str(folder))
    return Terminal(monkeypatch, capfd)


@pytest.fixture
def people(keywright: Terminal) -> Accounts:
    people = Accounts()
    people.keep("openai:work", priority=10)
    people.keep("openai:home", oauth(email="me@example.com"), priority=5)
    people.keep("groq:me")
    return people


@pytest.fixture
def minter(keywright: Terminal, monkeypatch: pytest.MonkeyPatch) -> Minter:
    minter = Minter()
    minter.install(monkeypatch)
    return minter


class TestOne:
    @pytest.mark.parametrize(
        ("args", "secret"),
        [
            (["openai"], "sk-openai:work"),
            (["OpenAI"], "sk-openai:work"),
            (["openai", "home"], "access"),
            (["openai", "openai:home"], "access"),
            (["openai", "--mode", "oauth"], "access"),
            (["openai", "--prefer", "type"], "access"),
            (["openai", "--prefer", "default", "--require-valid"], "sk-openai:work"),
            (["--chain", "nowhere,groq"], "sk-groq:me"),
        ],
    )
    def test_prints_the_secret_and_a_line_break(
        self, keywright: Terminal, people: Accounts, args: list[str], secret: str
    ) -> None:
        said = keywright("resolve", *args)
        assert (said.code, said.stdout) == (0, f"{secret}\n")

    def test_in_json_has_everything_but_the_secret(self, keywright: Terminal, people: Accounts) -> None:
        said = keywright("resolve", "openai", "home", "--json")
        assert said.code == 0
        assert "access" not in said.stdout + said.stderr
        assert json.loads(said.stdout) == {
            "schema": 1,
            "profile": "openai:home",
            "provider": "openai",
            "mode": "oauth",
            "email": "me@example.com",
            "expires_at": "2030-01-01T13:00:00Z",
            "attempted": ["openai:home"],
            "last_resort": False,
            "error": None,
        }

    def test_and_the_secret_too_where_that_is_wished(self, keywright: Terminal, people: Accounts) -> None:
        said = keywright("resolve", "openai", "--json", "--reveal")
        assert json.loads(said.stdout)["credential"] == "sk-openai:work"

    def test_a_failure_is_an_exit_code_a_line_and_a_document(self, keywright: Terminal, people: Accounts) -> None:
        said = keywright("resolve", "nowhere")
        assert (said.code, said.stdout) == (1, "")
        assert said.stderr == (
            "keywright: no valid profile found for provider nowhere; `keywright profile list` shows what there is "
            "[profile_not_found]\n"
        )
        said = keywright("resolve", "openai", "--mode", "token", "--json", "--reveal")
        document = json.loads(said.stdout)
        assert said.code == 1
        assert document["attempted"] == ["openai:work", "openai:home"]
        assert document["error"].startswith(
            "no valid profile found for provider openai: openai:work (unavailable): its mode is"
        )
        assert (document["profile"], document["mode"], document["credential"]) == (None, None, None)

    def test_an_api_key_where_there_is_only_oauth_is_exit_one(self, keywright: Terminal) -> None:
        Accounts().keep("gemini:me", oauth())
        assert keywright("resolve", "gemini", "--mode", "api_key").code == 1

    def test_that_another_account_serves_than_was_wished_is_said(self, keywright: Terminal, people: Accounts) -> None:
        people.decide("openai:home", enabled=False)
        said = keywright("resolve", "openai", "home")
        assert said.stdout == "sk-openai:work\n"
        assert said.stderr == (
            "keywright: openai:home (unavailable): it is disabled; run `keywright profile enable openai:home`; "
            "using openai:work instead\n"
        )
        said = keywright("resolve", "openai", "home", "--force")
        assert (said.stdout, said.stderr) == ("access\n", "")

    def test_what_rests_is_a_last_resort(self, keywright: Terminal, people: Accounts) -> None:
        people.rest("groq:me", 30)
        said = keywright("resolve", "groq", "--json")
        assert json.loads(said.stdout)["last_resort"] is True
        assert said.stderr == (
            "keywright: groq:me: it is cooling down until 2030-01-01T12:00:30Z, and used all the same\n"
        )

    def test_what_is_used_is_noted(self, keywright: Terminal, people: Accounts) -> None:
        keywright("resolve", "openai", "home")
        usage = ProfileStates(os.environ).usage("openai")
        assert usage.last_good == "openai:home"
        assert usage.profiles["openai:home"].last_used == accounts.now()

    @pytest.mark.parametrize("wished", ["default", "valid", "type"])
    def test_the_settings_say_the_order(self, keywright: Terminal, wished: str) -> None:
        people = Accounts()
        people.keep("openai:default")
        people.keep("openai:login", oauth())
        people.keep("openai:top", priority=9)
        Path(os.environ["KEYWRIGHT_HOME"], "config.toml").write_text(f'version = 1\ndefault_preference = "{wished}"\n')
        expected = {"default": "openai:default", "valid": "openai:top", "type": "openai:login"}
        assert json.loads(keywright("resolve", "openai", "--json").stdout)["profile"] == expected[wished]

    @pytest.mark.parametrize("option", [["--prefer", "default"], ["--prefer", "default", "--require-valid"], []])
    def test_what_has_expired_is_tried_only_where_an_order_is_given_and_validity_is_not(
        self, keywright: Terminal, option: list[str]
    ) -> None:
        Accounts().keep("openai:old", token(-1))
        said = keywright("resolve", "openai", *option)
        assert said.code == 1
        why = "it has expired" if option == ["--prefer", "default"] else "what it holds has expired, or is about to"
        assert f"openai:old (credential_expired): {why}" in said.stderr

    def test_a_locked_vault_wants_its_person(self, keywright: Terminal, people: Accounts) -> None:
        OwnVault().lock()
        said = keywright("resolve", "openai", "--json")
        assert said.code == 4
        assert json.loads(said.stdout)["error"].startswith("openai: ")

    @pytest.mark.parametrize("bad", ["two words", "line\nbreak", "ümlaut"])
    def test_a_secret_that_does_not_fit_on_a_line_is_printed_in_json_only(self, keywright: Terminal, bad: str) -> None:
        Accounts().keep("openai:odd", accounts.api_key(bad))
        said = keywright("resolve", "openai")
        if bad == "two words":
            assert (said.code, said.stdout) == (0, "two words\n")
        else:
            assert (said.code, said.stdout) == (1, "")
            assert "do not fit on one line" in said.stderr
        assert json.loads(keywright("resolve", "openai", "--json", "--reveal").stdout)["credential"] == bad


class TestMinted:
    def test_a_profile_of_the_settings_is_minted_once_and_then_from_the_cache(
        self, keywright: Terminal, minter: Minter
    ) -> None:
        for _ in range(2):
            assert keywright("resolve", "github-app").stdout == f"minted-{ACME}-1\n"
        assert minter.calls == 1

    def test_one_that_fails_is_noted_and_told_and_the_other_serves(self, keywright: Terminal, minter: Minter) -> None:
        minter.failure, minter.failing = Refused("HTTP 403"), ACME
        said = keywright("resolve", "github-app")
        assert said.stdout == f"minted-{SPARE}-2\n"
        assert said.stderr == f"keywright: {ACME} (refused): HTTP 403; using {SPARE} instead\n"
        assert ProfileStates(os.environ).decisions("github-app").profiles[ACME].disabled_until
        assert keywright("resolve", "github-app").stdout == f"minted-{SPARE}-2\n"
        assert minter.calls == 2

    def test_nothing_that_is_printed_on_the_way_reaches_standard_output(
        self, keywright: Terminal, minter: Minter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        quiet = Minting.fetch

        def loud(*args: object) -> object:
            os.write(1, b"noise\n")
            return quiet(*args)  # type: ignore[arg-type]  # what it was given

        monkeypatch.setattr(Minting, "fetch", loud)
        said = keywright("resolve", "github-app")
        assert (said.stdout, said.stderr) == (f"minted-{ACME}-1\n", "noise\n")


class TestSeveral:
    def test_all_is_one_document_in_the_order_asked(self, keywright: Terminal, people: Accounts) -> None:
        said = keywright("resolve", "--all", "groq", "openai")
        assert said.code == 0
        document = json.loads(said.stdout)
        assert list(document) == ["schema", "results"]
        assert [row["profile"] for row in document["results"]] == ["groq:me", "openai:home"]
        assert "credential" not in document["results"][0]
        assert "sk-" not in said.stdout

    def test_what_fails_is_in_its_own_place_and_in_the_exit_code(self, keywright: Terminal, people: Accounts) -> None:
        said = keywright("resolve", "--all", "groq", "nowhere", "openai", "--json", "--reveal")
        assert said.code == 1
        rows = json.loads(said.stdout)["results"]
        assert [row["credential"] for row in rows] == ["sk-groq:me", None, "access"]
        assert rows[1]["error"].startswith("no valid credential found for provider nowhere")
        assert said.stderr == f"keywright: {rows[1]['error']} [profile_not_found]\n"

    @pytest.mark.parametrize(
        ("chain", "text"),
        [
            ("a,b", "all providers failed, last error: no valid credential found for provider b"),
            ("a,a", "all providers failed, last error: no valid credential found for provider a"),
            ("", "no providers configured"),
            (" , ", "no providers configured"),
        ],
    )
    def test_a_chain_that_ends_says_why(self, keywright: Terminal, chain: str, text: str) -> None:
        said = keywright("resolve", "--chain", chain)
        assert (said.code, said.stdout) == (1, "")
        assert said.stderr.startswith(f"keywright: {text}; ")

    def test_a_chain_tells_who_stands_in_for_whom(self, keywright: Terminal, people: Accounts) -> None:
        people.decide("openai:work", enabled=False)
        people.decide("openai:home", enabled=False)
        said = keywright("resolve", "--chain", "openai,groq", "--json")
        assert json.loads(said.stdout)["attempted"] == ["openai:home", "openai:work", "groq:me"]
        assert said.stderr.startswith("keywright: no valid credential found for provider openai: ")
        assert said.stderr.endswith("; using groq:me instead\n")


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["a", "b", "c"],
        ["a", "--force"],
        ["a", "--reveal"],
        ["--all"],
        ["--all", "a", "--chain", "b"],
        ["--all", "a", "--mode", "token"],
        ["--all", "a", "--force"],
        ["--chain", "a", "b"],
        ["--chain", "a", "--prefer", "valid"],
        ["--chain", "a", "--require-valid"],
        ["a", "--mode", "password"],
        ["a", "--prefer", "best"],
    ],
)
def test_what_does_not_go_together_is_refused(keywright: Terminal, args: list[str]) -> None:
    said = keywright("resolve", *args)
    assert (said.code, said.stdout) == (2, "")
    assert said.stderr


class TestForcedToken:
    """`keywright token PROFILE --force`: this very profile, and no ready answer of it."""

    def test_one_that_is_disabled_serves_if_forced(self, keywright: Terminal, people: Accounts) -> None:
        people.decide("groq:me", enabled=False)
        refused = _asked("groq:me")
        assert refused == (1, b"")
        assert _asked("groq:me", "--force") == (0, b"sk-groq:me\n")
        assert _asked("groq:me") == refused

    def test_what_was_forced_is_never_kept_ready(
        self, keywright: Terminal, minter: Minter, clock: time_machine.Traveller
    ) -> None:
        states = ProfileStates(os.environ)
        states.decide(ACME, "", lambda decided: decided._replace(enabled=False))
        clock.shift(60)
        for _ in range(2):
            assert _asked(ACME, "--force")[0] == 0
            assert not _ready()
            assert _asked(ACME)[0] == 1
        states.decide(ACME, "", lambda decided: decided._replace(enabled=True))
        clock.shift(60)
        assert _asked(ACME, "--force")[0] == 0
        assert not _ready()
        assert _asked(ACME)[0] == 0
        assert _ready()
        assert minter.calls == 1


def _asked(*args: str) -> tuple[int, bytes]:
    outcome = call(PersonDialect(), ["token", *args])
    return outcome.code, outcome.stdout


def _ready() -> list[str]:
    try:
        names = os.listdir(f"{folder_of('cache', os.environ)}/answers")
    except FileNotFoundError:
        return []
    return [name for name in names if "." not in name]
