"""`keywright profile show`: all that is known of one account, by looking alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from fakes.accounts import Accounts, oauth, token
from fakes.canary import TYPED
from fakes.own_vault import OwnVault
from fakes.profile_script import Script, content_of
from fakes.terminal import Said
from keywright.profiles.model import ApiKey, Kept, OAuth, Token
from keywright.secret import Secret

NEVER_USED: dict[str, object] = {
    "last_used": None,
    "cooldown_until": None,
    "disabled_until": None,
    "disabled_reason": "",
    "error_count": 0,
    "failure_counts": {},
    "last_failure_at": None,
}


def facts_of(profile: Script, id_: str) -> dict[str, Any]:
    said = profile("show", id_, "--json")
    assert (said.code, said.stderr) == (0, "")
    document: dict[str, Any] = json.loads(said.stdout)
    return document


def test_in_json_has_every_field_of_a_profile(profile: Script, own: Path) -> None:
    fields: dict[str, Any] = {"username": "ann", "hosts": ("a.example",), "fallback": ("openai:b",)}
    Accounts().keep("openai:work", ApiKey(Secret(TYPED)), priority=4, **fields)
    assert facts_of(profile, "OpenAI:work") == {
        "schema": 1,
        "id": "openai:work",
        "provider": "openai",
        "name": "work",
        "mode": "api_key",
        "priority": 4,
        "enabled": True,
        "valid": True,
        "expired": False,
        "is_revoked": False,
        "created_at": "2030-01-01T12:00:00Z",
        "updated_at": "2030-01-01T12:00:00Z",
        "last_used_at": None,
        "last_error": "",
        "last_error_at": None,
        "email": "",
        "username": "ann",
        "hosts": ["a.example"],
        "fallback": ["openai:b"],
        "api_key": {"has_secret": True, "key_ref": ""},
        "usage_stats": NEVER_USED,
        "unusable_until": None,
        "last_good": False,
    }


@pytest.mark.parametrize(
    ("id_", "credential", "mode", "held"),
    [
        ("openai:a", ApiKey(None, "vault://K"), "api_key", {"has_secret": False, "key_ref": "vault://K"}),
        ("github:a", Token(Secret(TYPED)), "token", {"has_secret": True, "token_ref": "", "expires_at": None}),
        (
            "github:a",
            Token(None, "vault://T"),
            "token",
            {"has_secret": False, "token_ref": "vault://T", "expires_at": None},
        ),
        (
            "gemini:a",
            OAuth(Secret(TYPED), Secret(TYPED), client_id="app", scopes=("a", "b"), metadata={"m": Secret(TYPED)}),
            "oauth",
            {
                "has_secret": True,
                "has_refresh_token": True,
                "expires_at": None,
                "client_id": "app",
                "scopes": ["a", "b"],
            },
        ),
        (
            "gemini:a",
            OAuth(Secret(""), Secret(TYPED)),
            "oauth",
            {"has_secret": False, "has_refresh_token": True, "expires_at": None, "client_id": "", "scopes": []},
        ),
    ],
)
def test_tells_what_is_held_and_nothing_of_it(
    profile: Script, id_: str, credential: Kept, mode: str, held: dict[str, object]
) -> None:
    Accounts().keep(id_, credential)
    assert facts_of(profile, id_)[mode] == held
    assert TYPED not in f"{profile('show', id_)}{profile('show', id_, '--json')}"


@pytest.mark.parametrize(
    ("id_", "mode", "options"),
    [
        ("aws-eks:prod", "minted", {"cluster": "prod", "region": "eu-central-1"}),
        ("static:forge", "static", {"url": "https://git.example", "secret": "vault://FORGE"}),
        (
            "github-app:acme",
            "minted",
            {
                "app_id": "1",
                "private_key": "vault://KEY",
                "installation_id": 7,
                "repositories": ["web", "api"],
                "permissions": {"contents": "read"},
            },
        ),
        ("aws-ecr:default", "minted", {}),
    ],
)
def test_of_one_in_the_settings_tells_what_is_written(
    profile: Script, config: Path, id_: str, mode: str, options: dict[str, object]
) -> None:
    facts = facts_of(profile, id_)
    assert facts[mode].items() >= options.items()
    assert (facts["mode"], facts["created_at"], facts["valid"]) == (mode, None, True)
    assert facts["fallback"] == (["aws-ecr:spare"] if id_ == "github-app:acme" else [])


def test_tells_what_happened_and_until_when_it_is_out_of_use(profile: Script, own: Path, clock: Any) -> None:
    people = Accounts()
    people.keep("openai:work")
    profile("report-success", "openai:work")
    clock.shift(10)
    profile("report-failure", "openai:work", "--reason", "rate_limit", "--message", "HTTP 429")
    profile("report-failure", "openai:work", "--reason", "billing", "--message", "no money")
    facts = facts_of(profile, "openai:work")
    assert facts["usage_stats"] == {
        "last_used": "2030-01-01T12:00:00Z",
        "cooldown_until": "2030-01-01T12:00:40Z",
        "disabled_until": "2030-01-01T17:00:10Z",
        "disabled_reason": "billing",
        "error_count": 2,
        "failure_counts": {"billing": 1, "rate_limit": 1},
        "last_failure_at": "2030-01-01T12:00:10Z",
    }
    assert (facts["last_error"], facts["last_error_at"]) == ("no money", "2030-01-01T12:00:10Z")
    assert (facts["last_used_at"], facts["last_good"]) == ("2030-01-01T12:00:00Z", True)
    assert facts["unusable_until"] == "2030-01-01T17:00:10Z"


def test_tells_a_person_what_there_is_and_leaves_out_what_there_is_not(profile: Script, own: Path) -> None:
    people = Accounts()
    people.keep("gemini:work", oauth(refresh="again", email="ann@a.example\x1b[2J", scopes=("a", "b")))
    profile("report-failure", "gemini:work", "--reason", "timeout", "--message", "too slow")
    assert profile("show", "gemini:work") == Said(
        0,
        """\
id                 gemini:work
provider           gemini
name               work
mode               oauth
priority           0
enabled            yes
valid              yes
expired            no
is_revoked         no
created_at         2030-01-01T12:00:00Z
updated_at         2030-01-01T12:00:00Z
last_error         too slow
last_error_at      2030-01-01T12:00:00Z
email              ann@a.example\\x1b[2J
has_secret         yes
has_refresh_token  yes
expires_at         2030-01-01T13:00:00Z
scopes             a, b
error_count        1
failure_counts     timeout 1
last_failure_at    2030-01-01T12:00:00Z
last_good          no
""",
        "",
    )


def test_status_is_the_same(profile: Script, config: Path) -> None:
    Accounts().keep("github:a", token(60))
    for id_ in ("github:a", "static:forge"):
        for args in ((id_,), (id_, "--json")):
            assert profile("status", *args) == profile("show", *args)


def test_looking_changes_no_file_even_where_a_rest_is_over(profile: Script, config: Path, clock: Any) -> None:
    Accounts().keep("openai:work")
    profile("report-failure", "openai:work", "--reason", "rate_limit")
    profile("report-failure", "aws-eks:prod", "--reason", "billing")
    clock.shift(90_000)
    before = content_of(config.parent)
    for id_ in ("openai:work", "aws-eks:prod", "static:forge", "openai:absent", "groq:absent"):
        profile("show", id_)
        profile("status", id_, "--json")
    assert content_of(config.parent) == before
    assert facts_of(profile, "openai:work")["unusable_until"] is None


@pytest.mark.parametrize("id_", ["openai:absent", "nobody:a", "nobody", "static:absent", "", ":", "a:b:c", "ö:ü", "-"])
def test_an_unknown_one_is_not_found(profile: Script, config: Path, id_: str) -> None:
    said = profile("show", id_, "--json")
    assert (said.code, json.loads(said.stdout)) == (
        1,
        {"schema": 1, "success": False, "error": f"profile not found: {id_}", "code": "profile_not_found"},
    )
    assert (
        said.stderr
        == f"keywright: profile not found: {id_}; `keywright profile list` shows what there is [profile_not_found]\n"
    )


def test_of_a_locked_vault_names_the_mend(profile: Script, config: Path, vault: OwnVault) -> None:
    Accounts().keep("openai:work")
    vault.lock()
    assert profile("show", "openai:work") == Said(
        4, "", "keywright: the vault is locked; run `keywright vault unlock` [vault_locked]\n"
    )
    assert profile("show", "static:forge").code == 0
