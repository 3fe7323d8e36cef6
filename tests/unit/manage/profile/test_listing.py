"""`keywright profile list` and `show`: what is told of accounts, and what never is."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine

from fakes.canary import TYPED
from fakes.own_vault import OwnVault
from fakes.profile_script import Script, content_of
from keywright.profiles.instants import instant
from keywright.profiles.state import ProfileStates

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
GRANT = {"access_token": f"{TYPED}-a", "expires_at": "2030-01-01T13:00:00Z", "email": "ann@a.example"}
GOLDEN = """\
Authentication Profiles (7 total):

📦 Google Gemini:
  ✓ ann (oauth) - ann@a.example
  ✗ late (oauth) - ann@a.example

📦 GitHub:
  ✓ ended (token) [error: rate_limit] [cooling down 30s: rate_limit]
  ⚠ old (token)

📦 OpenAI:
  ⊘ play (api_key)
  ✓ spent (api_key) [error: billing] [disabled until 2030-01-01T17:00:00Z: billing]
  ✓ work (api_key) [priority:10]
"""


@pytest.fixture
def filled(profile: Script) -> Script:
    """Accounts of every kind and condition."""
    for args in (("openai:work", "--priority", "10"), ("openai:play", "--disabled"), ("openai:spent",)):
        assert profile("add", *args, stdin=TYPED).code == 0
    assert profile("add", "github:ended", "--key-ref", "vault://GONE").code == 0
    assert profile("add", "github:old", "--expires-at", "2029-12-31T00:00:00Z", stdin=TYPED).code == 0
    assert profile("import", "gemini:ann", "--mode", "oauth", stdin=json.dumps(GRANT)).code == 0
    late = json.dumps(GRANT | {"expires_at": "2030-01-01T12:03:00Z"})
    assert profile("import", "gemini:late", "--mode", "oauth", stdin=late).code == 0
    assert profile("report-failure", "github:ended", "--reason", "rate_limit").code == 0
    assert profile("report-failure", "openai:spent", "--reason", "billing").code == 0
    return profile


def rows(profile: Script, *args: str) -> list[dict[str, Any]]:
    document = json.loads(profile("list", "--json", *args).stdout)
    assert document["total"] == len(document["profiles"])
    return list(document["profiles"])


def test_nobody_is_listed_in_one_line(profile: Script) -> None:
    assert profile("list").stdout == "No authentication profiles configured.\n"
    assert rows(profile) == []


def test_everybody_is_listed_by_provider_with_a_mark(filled: Script) -> None:
    said = filled("list")
    assert said.stdout == f"{GOLDEN}\n"
    assert said.stdout == filled("list").stdout
    assert TYPED not in said.stdout + said.stderr


@pytest.mark.parametrize(
    ("args", "ids"),
    [
        (("--provider", "OPENAI"), ["openai:play", "openai:spent", "openai:work"]),
        (("--mode", "token"), ["github:ended", "github:old"]),
        (("--enabled", "--provider", "openai"), ["openai:spent", "openai:work"]),
        (("--disabled",), ["openai:play"]),
        (("--provider", "openai", "--mode", "oauth"), []),
    ],
)
def test_filters_combine(filled: Script, args: tuple[str, ...], ids: list[str]) -> None:
    assert [row["id"] for row in rows(filled, *args)] == ids


def test_a_row_has_the_documented_fields_and_leaves_out_what_never_was(filled: Script) -> None:
    first, second = rows(filled, "--provider", "openai", "--enabled")
    assert second == {
        "id": "openai:work",
        "provider": "openai",
        "name": "work",
        "mode": "api_key",
        "enabled": True,
        "valid": True,
        "expired": False,
        "email": "",
        "priority": 10,
    }
    assert (first["last_error"], first["disabled_until"]) == ("billing", "2030-01-01T17:00:00Z")


def test_those_of_the_settings_are_listed_too(profile: Script, config: Path) -> None:
    assert config.exists()
    assert [(row["id"], row["mode"], row["priority"]) for row in rows(profile)] == [
        ("aws-ecr:spare", "minted", 0),
        ("aws-eks:prod", "minted", 3),
        ("github-app:acme", "minted", 0),
        ("static:forge", "static", 0),
    ]


def test_a_locked_vault_is_told_and_lists_nobody(filled: Script, vault: OwnVault) -> None:
    vault.lock()
    said = filled("list")
    assert (said.code, said.stdout) == (0, "No authentication profiles configured.\n")
    assert said.stderr.count("\n") == 1
    assert said.stderr == (
        "keywright: the vault is locked, and what is kept there is not listed; run `keywright vault unlock` "
        "[vault_locked]\n"
    )
    assert rows(filled) == []


@pytest.mark.parametrize("command", ["show", "status"])
def test_one_is_shown_with_its_failures_and_without_its_secret(
    filled: Script, own: Path, clock: time_machine.Traveller, command: str
) -> None:
    before = content_of(own)
    said = filled(command, "openai:spent", "--json")
    shown = json.loads(said.stdout)
    assert shown["usage_stats"] == {
        "last_used": None,
        "cooldown_until": None,
        "disabled_until": "2030-01-01T17:00:00Z",
        "disabled_reason": "billing",
        "error_count": 1,
        "failure_counts": {"billing": 1},
        "last_failure_at": "2030-01-01T12:00:00Z",
    }
    assert (shown["mode"], shown["api_key"]["has_secret"]) == ("api_key", True)
    assert shown["unusable_until"] == "2030-01-01T17:00:00Z"
    clock.shift(6 * 3600)
    assert json.loads(filled(command, "openai:spent", "--json").stdout)["unusable_until"] is None
    assert filled(command, "openai:spent").code == 0
    assert content_of(own) == before, "to look changes nothing, not even a rest that is over"
    assert TYPED not in said.stdout


def test_what_was_used_last_is_shown(filled: Script) -> None:
    kept = json.loads(filled("show", "openai:work", "--json").stdout)
    ProfileStates(os.environ).note_use("openai:work", kept["created_at"], NOON)
    shown = json.loads(filled("show", "openai:work", "--json").stdout)
    assert (shown["last_good"], shown["usage_stats"]["last_used"]) == (True, instant(NOON))
    assert rows(filled, "--provider", "openai")[-1]["last_used_at"] == instant(NOON)


@pytest.mark.parametrize("command", ["show", "test", "enable", "disable", "export"])
@pytest.mark.parametrize("id_", ["openai:nobody", "aws-eks:nobody", "a b", "../../x:y", "", "openai:a:b", "x\ny:z"])
def test_who_is_not_there_is_told_in_one_line(filled: Script, own: Path, command: str, id_: str) -> None:
    before = content_of(own)
    said = filled(command, id_)
    assert (said.code, said.stdout) == (1, "")
    assert said.stderr.startswith("keywright: profile not found: ")
    assert said.stderr.count("\n") == 1
    assert content_of(own) == before


def test_who_is_not_there_is_told_to_a_script(filled: Script) -> None:
    said = filled("show", "openai:nobody", "--json")
    assert json.loads(said.stdout) == {
        "schema": 1,
        "success": False,
        "error": "profile not found: openai:nobody",
        "code": "profile_not_found",
    }
    assert said.code == 1
