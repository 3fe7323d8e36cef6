"""The token endpoint's protocol: what is asked, what is made of each answer, and that nothing of it is quoted."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fakes.bent import aborting, bent, down, redirecting, refusing
from fakes.canary import TYPED
from fakes.grants import GrantIssuer, access, refresh
from fakes.kept import NOON, grant, profile, register
from keywright.demo.exchange import json_reply
from keywright.errors import ConfigurationError, KeywrightError, Refused, TokenRevoked, Unavailable, Unreachable
from keywright.profiles.classify import classify
from keywright.profiles.model import OAuth
from keywright.profiles.reason import FailureReason
from keywright.profiles.token_endpoint import TokenEndpoint
from keywright.secret import Secret

HELD = grant(access_token=Secret(access("ann", 1)), refresh_token=Secret(refresh("ann", 1)), client_id="app")
ANN = profile("acme:ann", HELD)


@pytest.fixture
def issuer() -> Iterator[GrantIssuer]:
    with GrantIssuer() as server:
        yield server


@pytest.fixture
def env(home: Path, issuer: GrantIssuer) -> dict[str, str]:
    register(home / "kw", "acme", issuer.token_url)
    return {"KEYWRIGHT_HOME": str(home / "kw")}


def ask(env: Mapping[str, str], held: OAuth = HELD) -> OAuth:
    return TokenEndpoint(env).refresh(ANN, held, NOON, 20)


def failure(env: Mapping[str, str], kind: type[KeywrightError] = KeywrightError) -> KeywrightError:
    with pytest.raises(kind) as raised:
        ask(env)
    assert TYPED not in str(raised.value)
    return raised.value


# --- what is asked --------------------------------------------------------------------------------------------------

FORMS: dict[str, tuple[OAuth, dict[str, str]]] = {
    "a public client": (HELD, {"client_id": "app"}),
    "a client that proves itself": (
        HELD._replace(metadata={"client_secret": Secret("s"), "region": Secret("cn")}),
        {"client_id": "app", "client_secret": "s"},
    ),
    "no client at all": (HELD._replace(client_id=""), {}),
    "scopes are those granted already": (HELD._replace(scopes=("a", "b"), email="ann@x.example"), {"client_id": "app"}),
}


@pytest.mark.parametrize(("held", "more"), FORMS.values(), ids=FORMS)
def test_the_question_is_the_protocols(
    env: dict[str, str], issuer: GrantIssuer, held: OAuth, more: dict[str, str]
) -> None:
    ask(env, held)
    assert issuer.forms == [{"grant_type": "refresh_token", "refresh_token": refresh("ann", 1), **more}]
    (fact,) = issuer.facts
    assert fact.call.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert fact.call.query == ""


# --- what is made of the answer -------------------------------------------------------------------------------------


def test_an_answer_with_everything(env: dict[str, str], issuer: GrantIssuer) -> None:
    issuer.extra = {"scope": "openid email", "id_token": "whatever"}
    assert ask(env) == OAuth(
        access_token=Secret(access("ann", 2)),
        refresh_token=Secret(refresh("ann", 2)),
        expires_at=NOON + timedelta(hours=1),
        scopes=("openid", "email"),
    )


@pytest.mark.parametrize("nothing", [None, "", 7])
def test_an_answer_without_a_refresh_token_brings_none(
    env: dict[str, str], issuer: GrantIssuer, nothing: object
) -> None:
    issuer.extra = {"refresh_token": nothing}
    assert ask(env).refresh_token is None


@pytest.mark.parametrize(
    ("says", "lives_s"),
    [(None, 3600), (60, 60), ("60", 60), (59.5, 59.5), ("soon", 3600), ([], 3600), (1e300, 3600), ("nan", 3600)],
)
def test_a_token_lives_as_long_as_the_answer_says_or_an_hour(
    env: dict[str, str], issuer: GrantIssuer, says: Any, lives_s: float
) -> None:
    issuer.lifetime_s = says
    found = ask(env)
    assert found.expires_at == NOON + timedelta(seconds=lives_s)
    assert not found.is_expired(NOON)


# --- what is made of a failure --------------------------------------------------------------------------------------

R = FailureReason
Told = tuple[int, dict[str, object], type[KeywrightError], str, FailureReason]
REFUSALS: dict[str, Told] = {
    "taken back": (400, {"error": "invalid_grant"}, TokenRevoked, "took the grant back", R.SESSION_EXPIRED),
    "taken back, as GitHub says it": (
        200,
        {"error": "bad_refresh_token"},
        TokenRevoked,
        "took the grant back (bad_refresh_token)",
        R.SESSION_EXPIRED,
    ),
    "no, with a status that says yes": (
        200,
        {"error": "invalid_client"},
        Refused,
        "with invalid_client",
        R.AUTH_PERMANENT,
    ),
    "an unknown client": (401, {"error": "invalid_client"}, Refused, "with invalid_client", R.AUTH_PERMANENT),
    "a wrong question": (400, {"error": "invalid_request"}, Refused, "with invalid_request", R.FORMAT),
    "no words": (403, {}, Refused, "with status 403", R.AUTH_PERMANENT),
    "words in no code": (400, {"error": f"{TYPED} told"}, Refused, "with status 400", R.FORMAT),
    "an object for a word": (400, {"error": {"code": 7}}, Refused, "with status 400", R.FORMAT),
    "too often": (429, {"error": "slow_down"}, Unreachable, "with slow_down", R.RATE_LIMIT),
    "unpaid": (402, {}, Refused, "with status 402", R.BILLING),
    "unpaid, in words": (402, {"error": "invalid_grant"}, Refused, "with status 402", R.BILLING),
    "broken": (503, {}, Unreachable, "with status 503", R.TIMEOUT),
    "broken, in words": (500, {"error": "invalid_grant"}, Unreachable, "with invalid_grant", R.SESSION_EXPIRED),
}


@pytest.mark.parametrize("told", REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_is_told_in_the_protocols_words_alone(env: dict[str, str], issuer: GrantIssuer, told: Told) -> None:
    status, body, kind, words, reason = told
    with bent(issuer, lambda _call, _answer: json_reply(status, body)):
        error = failure(env, kind)
    assert words in str(error)
    assert classify(error) is reason


def test_how_long_it_wants_to_be_left_alone_is_heard(env: dict[str, str], issuer: GrantIssuer) -> None:
    with bent(issuer, refusing(429, {"Retry-After": "77"})):
        assert failure(env, Unreachable).retry_after_s == 77


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b'{"access_token": ""}', b'{"access_token": 1}', b"\xff"]
)
def test_an_answer_that_is_no_token_is_none(env: dict[str, str], issuer: GrantIssuer, body: bytes) -> None:
    with bent(issuer, refusing(200, body=body)):
        assert "something that is no token" in str(failure(env, Unreachable))


def test_a_redirect_is_not_followed(env: dict[str, str], issuer: GrantIssuer) -> None:
    with GrantIssuer() as other:
        with bent(issuer, redirecting(other.token_url, 307)):
            assert "with status 307" in str(failure(env, Refused))
        assert other.asked == 0


def test_one_who_is_not_there_is_unreachable(env: dict[str, str], issuer: GrantIssuer) -> None:
    with bent(issuer, aborting()):
        failure(env, Unreachable)
    with down(issuer):
        failure(env, Unreachable)


def test_a_provider_whose_endpoint_nobody_knows_is_never_asked(home: Path) -> None:
    register(home / "kw", "acme")
    told = str(failure({"KEYWRIGHT_HOME": str(home / "kw")}, Unavailable))
    assert "nothing is known of where acme renews a grant; run `keywright profile login" in told
    (home / "kw/providers.d/acme.toml").unlink()
    failure({"KEYWRIGHT_HOME": str(home / "kw")}, Unavailable)


def test_an_endpoint_is_never_asked_in_clear_but_on_loopback(home: Path) -> None:
    register(home / "kw", "acme", "http://issuer.example/token")
    failure({"KEYWRIGHT_HOME": str(home / "kw")}, ConfigurationError)


def test_two_accounts_are_asked_for_each_with_its_own_token(env: dict[str, str], issuer: GrantIssuer) -> None:
    bob = HELD._replace(refresh_token=Secret(refresh("bob", 1)))
    assert (ask(env).access_token, ask(env, bob).access_token) == (Secret(access("ann", 2)), Secret(access("bob", 2)))
    assert issuer.revoked == set()
