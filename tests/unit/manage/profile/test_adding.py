"""`keywright profile add`: what it keeps, what it asks for, and what it refuses."""

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fakes.canary import TYPED
from fakes.own_vault import OwnVault
from fakes.profile_script import Script, content_of, kept
from fakes.terminal import Said
from keywright.profiles.instants import instant
from keywright.profiles.model import ApiKey, OAuth, Token
from keywright.profiles.reason import FailureReason
from keywright.profiles.state import ProfileStates
from keywright.secret import Secret

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
GRANT = json.dumps({"access_token": f"{TYPED}-a", "refresh_token": f"{TYPED}-r", "email": "ann@a.example"})

Wrong = tuple[tuple[str, ...], str, int, str]
"""Arguments, standard input, exit code and what is told."""


class TestAdd:
    @pytest.mark.parametrize(
        ("args", "id_", "stdin", "credential"),
        [
            (("openai:work",), "openai:work", TYPED, ApiKey(Secret(TYPED))),
            (("openai",), "openai:default", f"{TYPED}\n", ApiKey(Secret(TYPED))),
            (("OpenAI",), "openai:default", TYPED, ApiKey(Secret(TYPED))),
            (("gemini:work",), "gemini:work", TYPED, ApiKey(Secret(TYPED))),
            (("openai:a", "--mode", "api_key"), "openai:a", TYPED, ApiKey(Secret(TYPED))),
            (("openai:a", "--key-ref", "vault://KEY"), "openai:a", "", ApiKey(None, "vault://KEY")),
            (("github:work",), "github:work", TYPED, Token(Secret(TYPED))),
            (("github:a", "--key-ref", "vault://T"), "github:a", "", Token(None, "vault://T")),
            (
                ("github:a", "--expires-at", "2030-01-01T14:00:00+01:00"),
                "github:a",
                TYPED,
                Token(Secret(TYPED), "", NOON + timedelta(hours=1)),
            ),
            (
                ("gemini", "--mode", "oauth"),
                "gemini:default",
                GRANT,
                OAuth(Secret(f"{TYPED}-a"), Secret(f"{TYPED}-r"), email="ann@a.example"),
            ),
        ],
    )
    def test_keeps_what_is_piped_in(
        self, profile: Script, args: tuple[str, ...], id_: str, stdin: str, credential: object
    ) -> None:
        assert profile("add", *args, stdin=stdin) == Said(0, f"added {id_}\n", "")
        found = kept(id_)
        assert found is not None
        assert (found.credential, found.enabled, found.priority) == (credential, True, 0)
        assert (found.created_at, found.updated_at) == (NOON, NOON)

    def test_keeps_everything_else_that_is_said(self, profile: Script) -> None:
        said = profile(
            *("add", "github:ghe", "--priority", "-2", "--username", "ann", "--disabled", "--json"),
            *("--host", "GHE.example:443", "--host", "ghe.example", "--host", "registry.example:5000"),
            *("--fallback", "GitHub:spare", "--fallback", "github:spare", "--fallback", "static:forge"),
            stdin=TYPED,
        )
        assert (said.code, said.stderr) == (0, "")
        assert json.loads(said.stdout) == {"schema": 1, "success": True, "profile_id": "github:ghe"}
        found = kept("github:ghe")
        assert found is not None
        assert (found.priority, found.username, found.enabled) == (-2, "ann", False)
        assert found.hosts == ("ghe.example", "registry.example:5000")
        assert found.fallback == ("github:spare", "static:forge")

    def test_replaces_nothing_without_force(self, profile: Script) -> None:
        profile("add", "openai", stdin=TYPED)
        assert profile("add", "openai", stdin="other") == Said(
            2, "", "keywright: profile openai:default exists already; `--force` puts the new one in its place [usage]\n"
        )
        found = kept("openai")
        assert found is not None
        assert found.credential == ApiKey(Secret(TYPED))

    def test_by_force_makes_another_one_that_inherits_no_failure(
        self, profile: Script, own: Path, clock: object
    ) -> None:
        profile("add", "openai", stdin=TYPED)
        profile("disable", "openai")
        profile("report-failure", "openai", "--reason", "billing", "--message", "no money")
        assert profile("add", "openai", "--force", stdin="other").code == 0
        facts = json.loads(profile("show", "openai", "--json").stdout)
        assert (facts["enabled"], facts["last_error"], facts["unusable_until"]) == (True, "", None)
        assert facts["usage_stats"]["error_count"] == 0
        states = ProfileStates(os.environ)
        assert (states.decisions("openai").profiles, states.usage("openai").profiles) == ({}, {})

    def test_by_force_sends_the_new_secret_nowhere_else_than_the_old_one(self, profile: Script) -> None:
        options = ("--host", "ghe.example", "--username", "ann", "--fallback", "github:b", "--priority", "4")
        profile("add", "github:ghe", *options, stdin="one")
        profile("add", "github:ghe", "--force", stdin="two")
        found = kept("github:ghe")
        assert found is not None
        assert found.credential == Token(Secret("two"))
        assert (found.hosts, found.username, found.fallback) == (("ghe.example",), "ann", ("github:b",))
        assert found.priority == 4
        profile("add", "github:ghe", "--force", "--host", "other.example", "--priority", "0", stdin="two")
        found = kept("github:ghe")
        assert found is not None
        assert (found.hosts, found.priority) == (("other.example",), 0)

    def test_asks_a_person_twice_and_names_the_names_they_may_use_next(
        self, profile: Script, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        prompts: list[str] = []

        def type_in(prompt: str) -> str:
            prompts.append(prompt)
            return TYPED

        monkeypatch.setattr("keywright.manage.terminal.Asking.is_on_terminal", True)
        monkeypatch.setattr("getpass.getpass", type_in)
        said = profile("add", "openai")
        assert said.stdout == "added openai:default\n"
        assert said.stderr == "keywright: the next account there may be openai:work or openai:personal\n"
        assert prompts == ["API key of openai:default: ", "The same again: "]
        assert profile("add", "openai:work").stderr == ""
        assert "exists already" in profile("add", "openai:work").stderr
        assert len(prompts) == 4, "nobody types a secret for nothing"

    @pytest.mark.parametrize(
        "row",
        [
            (("nobody:a",), TYPED, 1, "unknown provider: nobody"),
            (("",), TYPED, 1, "unknown provider: "),
            (("openai", "--mode", "oauth"), GRANT, 2, "provider openai does not support mode: oauth"),
            (("openai", "--mode", "magic"), TYPED, 2, "provider openai does not support mode: magic"),
            (("openai", "--mode", ""), TYPED, 2, "provider openai does not support mode: "),
            (("openai", "--mode", "token"), TYPED, 2, "provider openai does not support mode: token"),
            (("openai",), "", 2, "api_key is required for api_key mode"),
            (("openai",), "\n", 2, "api_key is required for api_key mode"),
            (("github",), "", 2, "token is required for token mode"),
            (("gemini", "--mode", "oauth"), "", 2, "an OAuth grant is required for oauth mode"),
            (("gemini", "--mode", "oauth"), "{}", 2, "invalid OAuth data: it holds no token"),
            (("gemini", "--mode", "oauth"), "null", 2, "invalid OAuth data: it is no JSON object"),
            (("gemini", "--mode", "oauth"), TYPED, 2, "invalid OAuth data: it is no JSON object"),
            (("openai", "--key-ref", "KEY"), "", 2, "invalid API key data: `key_ref` is not vault://NAME"),
            (("github", "--expires-at", "2030-01-01T14:00:00"), TYPED, 2, "invalid token data: `expires_at` is no RFC"),
            (("openai", "--expires-at", "2030-01-01T14:00:00Z"), TYPED, 2, "`--expires-at` is for mode token"),
            (("openai:a/b",), TYPED, 2, "a profile's name has at most 128"),
            (("openai:a:b",), TYPED, 2, "a profile's name has at most 128"),
            (("openai:a\nb",), TYPED, 2, "a profile's name has at most 128"),
            (("openai", "--host", "a b"), TYPED, 2, "a host is written as"),
            (("openai", "--host", "https://a.example"), TYPED, 2, "a host is written as"),
            (("openai", "--fallback", "a/b"), TYPED, 2, "a provider's name has at most"),
            (("openai", "--fallback", "openai:default"), TYPED, 2, "a profile cannot stand in for itself"),
            (("openai", "--username", "a\nb"), TYPED, 2, "a user name has no control characters"),
            (("openai", "--set", "a=b"), TYPED, 2, "`--set` is for profiles of config.toml"),
        ],
    )
    def test_a_wrong_word_has_its_line_and_keeps_nothing(self, profile: Script, own: Path, row: Wrong) -> None:
        (args, stdin, code, told), before = row, content_of(own)
        said = profile("add", *args, stdin=stdin)
        assert (said.code, said.stdout) == (code, "")
        assert said.stderr.startswith(f"keywright: {told}")
        assert said.stderr.count("\n") == 1
        assert TYPED not in said.stderr
        assert content_of(own) == before
        document = json.loads(profile("add", *args, "--json", stdin=stdin).stdout)
        assert document["success"] is False
        assert document["error"].startswith(told)

    @pytest.mark.parametrize("args", [("add", "openai", TYPED), ("add",), ("add", "openai", "--priority", "high")])
    def test_takes_no_secret_as_an_argument_and_no_word_for_a_number(
        self, profile: Script, args: tuple[str, ...]
    ) -> None:
        said = profile(*args, stdin=TYPED)
        assert (said.code, said.stdout) == (2, "")

    def test_into_a_locked_vault_fails_and_names_the_mend(self, profile: Script, vault: OwnVault) -> None:
        profile("add", "openai", stdin="one")
        vault.lock()
        for id_ in ("openai", "openai:work", "github:work"):
            said = profile("add", id_, "--force", stdin=TYPED)
            assert said == Said(
                4,
                "",
                "keywright: failed to save profile: the vault is locked; run `keywright vault unlock` [vault_locked]\n",
            )
        assert json.loads(profile("add", "github", "--json", stdin=TYPED).stdout) == {
            "schema": 1,
            "success": False,
            "error": "failed to save profile: the vault is locked",
            "code": "vault_locked",
        }


def test_a_replaced_profile_is_asked_for_at_once(profile: Script) -> None:
    from keywright.cache.open import open_cache
    from keywright.errors import Unreachable

    profile("add", "gemini", "--mode", "oauth", stdin=GRANT)
    failures = open_cache(os.environ).failures
    for digest, account in (("a" * 64, "gemini:default"), ("b" * 64, "gemini:other")):
        failures.record(digest, Unreachable("503").about(account, ""), NOON.timestamp(), {})
    profile("add", "gemini", "--mode", "oauth", "--force", stdin=GRANT)
    assert failures.digests() == ["b" * 64]


def test_what_was_decided_of_one_says_nothing_of_another_born_later(profile: Script) -> None:
    profile("add", "openai", stdin=TYPED)
    states, since = ProfileStates(os.environ), instant(NOON)
    states.decide("openai:work", since, lambda decided: decided._replace(disabled_reason=FailureReason.BILLING))
    profile("add", "openai", "--force", stdin=TYPED)
    assert list(states.decisions("openai").profiles) == ["openai:work"]


def test_nothing_typed_is_in_the_arguments_or_the_environment(profile: Script) -> None:
    profile("add", "openai", stdin=TYPED)
    assert not [word for word in (*sys.argv, *os.environ.values()) if TYPED in word]
