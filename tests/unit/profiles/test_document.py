"""Kept profiles as JSON: what goes in comes out, and what is damaged is refused without a word of it being quoted."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.kept import NOON, grant, profile, secret, token
from keywright.errors import UsageError
from keywright.profiles.document import (
    NewerDocument,
    credential_document,
    document_of,
    parse,
    parse_credential,
    render,
)
from keywright.profiles.model import ApiKey, AuthProfile, Kept, OAuth, Token
from keywright.secret import Secret

FULL = grant(
    email="ann@example.com", client_id="app", scopes=("openid", "email"), metadata={"client_secret": secret("client")}
)
HELD: dict[str, Kept] = {
    "key": ApiKey(secret("key")),
    "key elsewhere": ApiKey(key_ref="vault://THERE"),
    "token": token(),
    "token with an end": token(left=timedelta(hours=1)),
    "token elsewhere": token(ref="vault://THERE", left=timedelta(hours=1)),
    "grant": FULL,
    "grant without an end": grant(left=None),
    "grant that nothing renews": grant(refresh_token=None),
}


def by_id(*profiles: AuthProfile) -> dict[str, AuthProfile]:
    return {str(one.id): one for one in profiles}


# --- what goes in comes out -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("held", HELD.values(), ids=HELD)
def test_a_profile_comes_out_as_it_went_in(held: Kept) -> None:
    plain = profile("acme:work", held)
    rich = profile("acme:play", held, priority=-3, enabled=False, username="ann", hosts=("a.example", "b.example:8443"))
    rich = rich._replace(fallback=("acme:work", "github-app:acme"), updated_at=NOON)
    assert parse(render(by_id(plain, rich))) == by_id(plain, rich)


@pytest.mark.parametrize("held", HELD.values(), ids=HELD)
def test_a_credential_by_itself_comes_out_as_it_went_in(held: Kept) -> None:
    made = profile("acme:work", held)
    assert parse_credential(made.mode, credential_document(made)) == held


def test_the_same_profiles_are_the_same_bytes_in_whatever_order() -> None:
    one, two = profile("acme:a", FULL), profile("acme:b")
    assert render(by_id(one, two)) == render(by_id(two, one))


def test_none_at_all_is_a_short_document() -> None:
    assert json.loads(render({})) == {"version": 1, "profiles": {}}


def test_the_shape_is_the_one_that_is_promised() -> None:
    made = profile("openai:work", ApiKey(Secret("sk-1")))
    assert json.loads(render(by_id(made))) == {
        "version": 1,
        "profiles": {
            "openai:work": {
                "id": "openai:work",
                "provider": "openai",
                "name": "work",
                "mode": "api_key",
                "enabled": True,
                "created_at": "2026-01-02T03:04:05Z",
                "updated_at": "2026-01-02T03:04:05Z",
                "api_key": {"key": "sk-1"},
            }
        },
    }


ALWAYS = ("provider", "profile_name", "access_token", "refresh_token", "expires_at")
SHAPES: dict[str, tuple[Kept, set[str]]] = {
    "key": (ApiKey(secret("key")), {"key"}),
    "key elsewhere": (ApiKey(key_ref="vault://A"), {"key_ref"}),
    "token": (token(), {"token"}),
    "token elsewhere": (token(ref="vault://A", left=timedelta(1)), {"token_ref", "expires_at"}),
    "grant": (FULL, {*ALWAYS, "email", "client_id", "scopes", "metadata"}),
    "bare grant": (OAuth(secret("access")), set(ALWAYS)),
}


@pytest.mark.parametrize(("held", "keys"), SHAPES.values(), ids=SHAPES)
def test_a_credential_has_the_keys_of_its_mode(held: Kept, keys: set[str]) -> None:
    assert set(credential_document(profile("acme:work", held))) == keys


def test_a_bare_grants_missing_parts_are_empty_and_its_end_is_null() -> None:
    assert credential_document(profile("acme:work", OAuth(Secret("a")))) == {
        "provider": "acme",
        "profile_name": "work",
        "access_token": "a",
        "refresh_token": "",
        "expires_at": None,
    }


# --- a credential that somebody hands over --------------------------------------------------------------------------


@pytest.mark.parametrize("unset", [None, "", "0001-01-01T00:00:00Z"])
def test_an_end_that_nobody_set_is_unknown_and_not_long_ago(unset: str | None) -> None:
    held = parse_credential("oauth", {"access_token": "a", "expires_at": unset})
    assert isinstance(held, OAuth)
    assert held.expires_at is None


def test_another_time_zone_is_the_same_instant() -> None:
    held = parse_credential("token", {"token": "t", "expires_at": "2030-01-01T14:00:00+02:00"})
    assert held == Token(Secret("t"), expires_at=NOON)


X = secret("not to be quoted").reveal()
REFUSED: dict[str, tuple[str, Any, str]] = {
    "no mode": ("", {}, "unsupported mode: "),
    "an unknown mode": ("password", {}, "unsupported mode: password"),
    "a mode that only keywright has": ("minted", {}, "unsupported mode: minted"),
    "a mode of control characters": ("\x1b[1m", {}, "unsupported mode"),
    "no key": ("api_key", {}, "invalid API key data: `key` and `key_ref` are empty"),
    "null": ("api_key", None, "invalid API key data: it is no JSON object"),
    "a list": ("api_key", [X], "invalid API key data: it is no JSON object"),
    "a text": ("token", X, "invalid token data: it is no JSON object"),
    "an empty key": ("api_key", {"key": ""}, "invalid API key data: `key` and `key_ref` are empty"),
    "a key that is no text": ("api_key", {"key": 1}, "invalid API key data: `key` is no text"),
    "a key of another mode": ("api_key", {"token": X}, "invalid API key data: it holds other things than key, key_ref"),
    "a reference to a file": ("api_key", {"key_ref": "file:///x"}, "invalid API key data: `key_ref` is not vault://N"),
    "a reference to profiles": ("api_key", {"key_ref": "vault://profiles openai"}, "`key_ref` is not vault://NAME"),
    "a reference upwards": ("api_key", {"key_ref": "vault://../x"}, "invalid API key data: `key_ref` is not vault://N"),
    "no token": ("token", {}, "invalid token data: `token` and `token_ref` are empty"),
    "an end that is none": ("token", {"token": X, "expires_at": "soon"}, "`expires_at` is no RFC 3339 instant"),
    "an end in no time zone": ("token", {"token": X, "expires_at": "2030-01-01T12:00:00"}, "is no RFC 3339 instant"),
    "an end out of all time": ("token", {"token": X, "expires_at": "0001-01-01T00:00:00+09:00"}, "is no RFC 3339"),
    "an end in seconds": ("token", {"token": X, "expires_at": 1767323045}, "`expires_at` is no text"),
    "no grant": ("oauth", {}, "invalid OAuth data: it holds no token"),
    "scopes in one text": ("oauth", {"access_token": X, "scopes": "a b"}, "`scopes` is no list of texts"),
    "metadata of numbers": ("oauth", {"access_token": X, "metadata": {"a": 1}}, "`metadata` is no object of texts"),
    "a surplus key": ("oauth", {"access_token": X, "password": X}, "it holds other things than provider, profile_name"),
}


@pytest.mark.parametrize(("mode", "data", "told"), REFUSED.values(), ids=REFUSED)
def test_a_credential_of_another_shape_is_refused_and_nothing_of_it_is_quoted(mode: str, data: Any, told: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_credential(mode, data)
    assert told in str(raised.value)
    assert X not in str(raised.value)
    assert str(raised.value).isprintable()


# --- damage ---------------------------------------------------------------------------------------------------------

SOUND = document_of(profile("acme:work", FULL))
DAMAGED: dict[str, object] = {
    "a list": [],
    "null": None,
    "no version": {"profiles": {}},
    "no profiles": {"version": 1},
    "profiles that are a list": {"version": 1, "profiles": []},
    "a profile that is a text": {"version": 1, "profiles": {"acme:work": X}},
    **{
        f"a profile without {key}": {
            "version": 1,
            "profiles": {"acme:work": {k: v for k, v in SOUND.items() if k != key}},
        }
        for key in ("provider", "name", "mode", "enabled", "created_at", "updated_at", "oauth")
    },
    **{
        f"{key} that is {value!r}": {"version": 1, "profiles": {"acme:work": SOUND | {key: value}}}
        for key, value in {
            "provider": "../acme",
            "name": "",
            "mode": "password",
            "enabled": "yes",
            "priority": 1.5,
            "created_at": "long ago",
            "updated_at": "0001-01-01T00:00:00+05:00",
            "oauth": {},
            "hosts": None,
            "fallback": 7,
        }.items()
    },
    "one under another's id": {"version": 1, "profiles": {"acme:play": SOUND}},
    "one of another provider": {"version": 1, "profiles": {"acme:work": SOUND | {"provider": "other"}}},
}


@pytest.mark.parametrize("document", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_document_is_refused_whole_and_nothing_of_it_is_quoted(document: object) -> None:
    with pytest.raises(ValueError, match="damaged profiles") as raised:
        parse(json.dumps(document))
    assert X not in str(raised.value)


@pytest.mark.parametrize("text", ["", "{", X, "[" * 100_000, '{"version": 1, "profiles": {"a": ' + "9" * 5000 + "}}"])
def test_what_is_no_document_is_damaged(text: str) -> None:
    with pytest.raises(ValueError, match="damaged profiles") as raised:
        parse(text)
    assert X not in str(raised.value)


@pytest.mark.parametrize("version", [0, 2, "1", None, [1]])
def test_a_document_of_another_version_is_told_from_a_damaged_one(version: object) -> None:
    with pytest.raises(NewerDocument):
        parse(json.dumps({"version": version, "profiles": "whatever they are by then"}))


@given(st.data())
def test_a_document_cut_off_or_with_a_byte_changed_is_refused_or_read_and_never_a_bug(data: st.DataObject) -> None:
    text = render(by_id(profile("acme:work", FULL), profile("acme:play", HELD["token with an end"])))
    at = data.draw(st.integers(0, len(text) - 1))
    spoilt = data.draw(st.sampled_from([text[:at], text[:at] + data.draw(st.characters()) + text[at + 1 :]]))
    try:
        found = parse(spoilt)
    except (NewerDocument, ValueError):
        return
    assert all(id_ == str(one.id) for id_, one in found.items())
