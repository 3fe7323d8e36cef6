import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from fakes.asking import Clock, ask
from keywright.demo.github import TOKENS_ROUTE, AppKey, GitHubIssuer, Installation

APP = "123456"
ACME = Installation(id=789, owner="Acme", repositories=("app", "tool"), permissions={"contents": "write"})
MAYA = Installation(id=790, owner="maya", is_organization=False)
ISSUE = "POST /app/installations/789/access_tokens"


@pytest.fixture(scope="module")
def key() -> AppKey:
    return AppKey.generate()


@pytest.fixture
def github(key: AppKey, clock: Clock) -> Iterator[GitHubIssuer]:
    with GitHubIssuer(app_id=APP, public_key=key.public_pem, installations=(ACME, MAYA), clock=clock) as issuer:
        yield issuer


def signed(key: AppKey, now: datetime, **changes: object) -> str:
    """The App's JWT as GitHub's guide makes it: issued a minute ago, for ten minutes in all."""
    unix_s = int(now.timestamp())
    claims: dict[str, object] = {"iat": unix_s - 60, "exp": unix_s + 540, "iss": APP} | changes
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, key.private_pem, "RS256")


def bearer(token: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def right(key: AppKey, clock: Clock) -> Mapping[str, str]:
    """The header with the right JWT for the clock's time."""
    return bearer(signed(key, clock.now))


def test_the_private_key_is_pkcs1_as_github_hands_it_out(key: AppKey) -> None:
    assert key.private_pem.startswith("-----BEGIN RSA PRIVATE KEY-----\n")
    assert "PRIVATE" not in repr(key)


def test_a_right_jwt_gets_a_token_that_is_accepted_until_it_expires(
    github: GitHubIssuer, right: Mapping[str, str], clock: Clock
) -> None:
    got = ask(github, ISSUE, headers=right)
    document = json.loads(got.body)
    assert got.status == 201
    assert document["token"].startswith("ghs_")
    assert len(document["token"]) == 40
    assert document["expires_at"] == "2026-01-02T04:04:05Z"
    assert document["permissions"] == {"contents": "write"}
    assert document["repository_selection"] == "all"
    assert github.calls[TOKENS_ROUTE] == 1
    clock.advance(timedelta(minutes=59, seconds=59))
    assert github.accepts(document["token"])
    clock.advance(timedelta(seconds=1))
    assert not github.accepts(document["token"])


def test_every_token_is_another_one_and_lives_as_long_as_was_set(
    github: GitHubIssuer, right: Mapping[str, str]
) -> None:
    github.lifetime = timedelta(seconds=8)
    documents = [json.loads(ask(github, ISSUE, headers=right).body) for _ in range(3)]
    tokens = tuple(document["token"] for document in documents)
    assert len(set(tokens)) == 3
    assert github.issued == tokens
    assert {document["expires_at"] for document in documents} == {"2026-01-02T03:04:13Z"}


def test_a_revoked_token_and_one_from_elsewhere_are_not_accepted(
    github: GitHubIssuer, right: Mapping[str, str]
) -> None:
    token = json.loads(ask(github, ISSUE, headers=right).body)["token"]
    assert github.accepts(token)
    github.revoke(token)
    github.revoke("ghs_unknown")
    assert not github.accepts(token)
    assert not github.accepts("ghs_unknown")


def confused(key: AppKey, now: datetime) -> str:
    """The classic attack on verifiers that let the token choose its algorithm."""
    parts = [json.dumps({"alg": "HS256", "typ": "JWT"}), json.dumps(claims_at(now))]
    text = b".".join(urlsafe_b64encode(part.encode()).rstrip(b"=") for part in parts)
    mac = hmac.digest(key.public_pem.encode(), text, "sha256")
    return (text + b"." + urlsafe_b64encode(mac).rstrip(b"=")).decode()


WRONG: dict[str, Callable[[AppKey, datetime], str]] = {
    "none at all": lambda _key, _now: "",
    "no jwt": lambda _key, _now: "abc",
    "another key": lambda _key, now: signed(AppKey.generate(), now),
    "another app": lambda key, now: signed(key, now, iss="654321"),
    "no iss": lambda key, now: signed(key, now, iss=None),
    "no iat": lambda key, now: signed(key, now, iat=None),
    "no exp": lambda key, now: signed(key, now, exp=None),
    "a fraction in iat": lambda key, now: signed(key, now, iat=now.timestamp() + 0.5),
    "a fraction in exp": lambda key, now: signed(key, now, exp=now.timestamp() + 0.5),
    "issued in the future": lambda key, now: signed(key, now, iat=int(now.timestamp()) + 61),
    "expired": lambda key, now: signed(key, now, exp=int(now.timestamp())),
    "longer than ten minutes": lambda key, now: signed(key, now, exp=int(now.timestamp()) + 541),
    "unsigned": lambda _key, now: jwt.encode(claims_at(now), "", "none"),
    "signed with the public key as an hmac secret": confused,
    "another algorithm": lambda key, now: jwt.encode(claims_at(now), key.private_pem, "RS512"),
    "a signature cut short": lambda key, now: signed(key, now)[:-4],
}


def claims_at(now: datetime) -> dict[str, Any]:
    return {"iat": int(now.timestamp()) - 60, "exp": int(now.timestamp()) + 540, "iss": APP}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("route", [ISSUE, "GET /users/acme/installation", "GET /orgs/acme/installation"])
def test_a_wrong_jwt_is_refused_on_every_route_in_githubs_own_shape(
    github: GitHubIssuer, key: AppKey, clock: Clock, wrong: str, route: str
) -> None:
    got = ask(github, route, headers=bearer(WRONG[wrong](key, clock.now)))
    assert got.status == 401
    assert json.loads(got.body).keys() == {"message", "documentation_url", "status"}
    assert github.issued == ()


@pytest.mark.parametrize(("iat", "exp"), [(-60, 540), (0, 600), (60, 660), (-599, 1)])
def test_the_edges_of_the_rules_are_accepted(
    github: GitHubIssuer, key: AppKey, clock: Clock, iat: int, exp: int
) -> None:
    unix_s = int(clock.now.timestamp())
    assert ask(github, ISSUE, headers=bearer(signed(key, clock.now, iat=unix_s + iat, exp=unix_s + exp))).status == 201


@pytest.mark.parametrize(
    ("route", "answer"),
    [
        ("GET /users/acme/installation", 789),
        ("GET /orgs/ACME/installation", 789),
        ("GET /users/maya/installation", 790),
        ("GET /orgs/maya/installation", None),
        ("GET /users/nobody/installation", None),
    ],
)
def test_an_owners_installation_is_found(
    github: GitHubIssuer, right: Mapping[str, str], route: str, answer: int | None
) -> None:
    got = ask(github, route, headers=right)
    assert (got.status, json.loads(got.body).get("id")) == ((200, answer) if answer else (404, None))


def test_an_unknown_installation_is_not_found(github: GitHubIssuer, right: Mapping[str, str]) -> None:
    got = ask(github, "POST /app/installations/1/access_tokens", headers=right)
    assert (got.status, github.issued) == (404, ())


@pytest.mark.parametrize(
    ("wish", "status", "facts"),
    [
        ({"repositories": ["app"]}, 201, {"repository_selection": "selected", "permissions": {"contents": "write"}}),
        ({"permissions": {"contents": "read"}}, 201, {"permissions": {"contents": "read"}}),
        ({"repositories": ["app", "other"]}, 422, {}),
        ({"permissions": {"contents": "admin"}}, 422, {}),
        ({"permissions": {"contents": "nonsense"}}, 422, {}),
        ({"permissions": {"issues": "read"}}, 422, {}),
        (["app"], 400, {}),
    ],
)
def test_a_token_is_narrowed_to_what_was_granted_or_not_issued(
    github: GitHubIssuer, right: Mapping[str, str], wish: object, status: int, facts: Mapping[str, object]
) -> None:
    got = ask(github, ISSUE, headers=right, body=json.dumps(wish))
    assert got.status == status
    assert facts.items() <= json.loads(got.body).items()
    assert len(github.issued) == (status == 201)


def test_a_narrowed_token_names_its_repositories(github: GitHubIssuer, right: Mapping[str, str]) -> None:
    got = ask(github, ISSUE, headers=right, body=b'{"repositories": ["tool"]}')
    assert json.loads(got.body)["repositories"] == [{"name": "tool", "full_name": "Acme/tool"}]


def test_a_body_that_is_no_json_is_a_bad_request(github: GitHubIssuer, right: Mapping[str, str]) -> None:
    assert ask(github, ISSUE, headers=right, body=b"{").status == 400


def test_it_judges_by_the_real_clock_unless_given_another(key: AppKey) -> None:
    with GitHubIssuer(app_id=APP, public_key=key.public_pem, installations=(ACME,)) as issuer:
        assert ask(issuer, ISSUE, headers=bearer(signed(key, datetime.now(UTC)))).status == 201
