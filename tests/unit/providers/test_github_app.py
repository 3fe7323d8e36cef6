import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from fakes.bent import Garbage, aborting, bent, down, garbage, redirecting, refusing, slow
from keywright import __version__
from keywright.demo.exchange import json_reply
from keywright.demo.github import TOKENS_ROUTE, AppKey, GitHubIssuer, Installation
from keywright.demo.issuer import LoopbackServer
from keywright.errors import ConfigurationError, KeywrightError, Refused, Unavailable, Unreachable
from keywright.freshness import Margins
from keywright.hit import stamp
from keywright.providers.base import Minted
from keywright.providers.github_app import GithubAppProvider
from keywright.providers.registry import make
from keywright.request import Url
from keywright.settings.model import GithubAppOptions, Profile

NOW = datetime.fromtimestamp(1_700_000_000, UTC)
LOOK_UP = "GET /users/{owner}/installation"
CANARY = "canary-77aa"


@pytest.fixture(scope="module")
def key() -> AppKey:
    return AppKey.generate()


@pytest.fixture
def github(key: AppKey) -> Iterator[GitHubIssuer]:
    installations = (
        Installation(id=789, owner="acme", repositories=("app", "tools")),
        Installation(id=790, owner="ann", is_organization=False),
    )
    issuer = GitHubIssuer(app_id="123456", public_key=key.public_pem, installations=installations, clock=lambda: NOW)
    with issuer:
        yield issuer


@pytest.fixture
def key_file(key: AppKey, tmp_path: Path) -> Path:
    path = tmp_path / "app.pem"
    path.write_text(key.private_pem)
    return path


class Desk:
    """Makes providers that ask the fake, and asks them."""

    def __init__(self, github: GitHubIssuer, home: Path) -> None:
        self.github = github
        self.home = home

    def provider(self, **options: Any) -> GithubAppProvider:
        table: dict[str, Any] = {"app_id": "123456", "private_key": "~/app.pem", "api_url": self.github.url}
        if not {"owner", "installation_id"} & set(options):
            table["installation_id"] = 789
        env = {"HOME": str(self.home)}
        return GithubAppProvider(profile="github-app:x", options=GithubAppOptions(**(table | options)), env=env)

    def mint(
        self,
        memory: Mapping[str, str] | None = None,
        *,
        now: datetime = NOW,
        timeout_s: float = 10.0,
        **options: Any,
    ) -> Minted:
        return self.provider(**options).fetch(now, timeout_s, memory or {})


@pytest.fixture
def desk(github: GitHubIssuer, key_file: Path) -> Desk:
    return Desk(github, key_file.parent)


def test_a_token_is_minted_with_its_name_and_expiry(desk: Desk, github: GitHubIssuer, key_file: Path) -> None:
    minted = desk.mint()
    assert github.accepts(minted.credential.secret.reveal())
    assert minted.credential.username == "x-access-token"
    assert minted.credential.issued_at == NOW
    assert minted.credential.expires_at == NOW + timedelta(hours=1)
    assert dict(minted.inputs) == {str(key_file): stamp(str(key_file))} == dict(desk.provider().inputs)
    assert minted.memory == {}
    assert desk.provider().margins == Margins()
    assert github.calls == {TOKENS_ROUTE: 1}


def test_a_pkcs8_key_mints_as_well_as_the_pkcs1_key_github_hands_out(desk: Desk, key: AppKey, key_file: Path) -> None:
    assert "BEGIN RSA PRIVATE KEY" in key.private_pem
    loaded = serialization.load_pem_private_key(key.private_pem.encode(), None)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    key_file.write_bytes(loaded.private_bytes(encoding, form, serialization.NoEncryption()))
    assert desk.mint().credential.secret.reveal().startswith("ghs_")


def test_the_request_is_the_one_github_documents(desk: Desk, github: GitHubIssuer, key: AppKey) -> None:
    desk.mint()
    call = github.facts[0].call
    assert call.path == "/app/installations/789/access_tokens"
    assert call.headers["Accept"] == "application/vnd.github+json"
    assert call.headers["X-GitHub-Api-Version"] == "2022-11-28"
    assert call.headers["User-Agent"] == f"keywright/{__version__}"
    assert call.body == b""
    scheme, _, token = call.headers["Authorization"].partition(" ")
    claims = jwt.decode(token, key.public_pem, algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False})
    assert (scheme, claims) == ("Bearer", {"iat": 1699999940, "exp": 1700000540, "iss": "123456"})


def test_the_host_that_is_asked_about_is_not_the_api(desk: Desk, github: GitHubIssuer) -> None:
    """A repository's URL is a stranger's: who signs in where it points to hands over a signed request."""
    with LoopbackServer({}) as other:
        options = GithubAppOptions(app_id="123456", private_key="~/app.pem", installation_id=789, api_url=github.url)
        profile = Profile(id="github-app:x", options=options)
        place = Url(scheme="http", host=other.url.removeprefix("http://"), path="acme/app")
        make(profile, place, {"HOME": str(desk.home)}).fetch(NOW, 10.0, {})
        assert (other.total, github.total) == (0, 1)


def test_a_token_is_narrowed_only_where_the_settings_say_so(desk: Desk, github: GitHubIssuer) -> None:
    desk.mint(repositories=("tools", "app"), permissions={"contents": "read"})
    desk.mint(repositories=("app",))
    desk.mint(permissions={"metadata": "read"})
    assert [json.loads(fact.call.body) for fact in github.facts] == [
        {"repositories": ["app", "tools"], "permissions": {"contents": "read"}},
        {"repositories": ["app"]},
        {"permissions": {"metadata": "read"}},
    ]
    assert {fact.call.headers["Content-Type"] for fact in github.facts} == {"application/json"}


def test_a_base_with_a_path_and_a_slash_is_an_api_too(desk: Desk, github: GitHubIssuer) -> None:
    with pytest.raises(Refused):
        desk.mint(api_url=f"{github.url}/api/v3/")
    assert github.facts[0].call.path == "/api/v3/app/installations/789/access_tokens"


@pytest.mark.parametrize(("owner", "number"), [("acme", "789"), ("ann", "790")])
def test_an_organisation_and_a_user_are_looked_up_once_and_remembered(
    desk: Desk, github: GitHubIssuer, owner: str, number: str
) -> None:
    first = desk.mint(owner=owner)
    assert first.memory == {"installation_id": number}
    second = desk.mint(first.memory, owner=owner)
    assert second.memory == first.memory
    assert github.calls == {LOOK_UP: 1, TOKENS_ROUTE: 2}


@pytest.mark.parametrize("stale", ["555", "../../../user", "", "0", "-1", "٣"])
def test_a_remembered_number_that_is_gone_or_no_number_is_looked_up_once_more(
    desk: Desk, github: GitHubIssuer, stale: str
) -> None:
    assert desk.mint({"installation_id": stale}, owner="acme").memory == {"installation_id": "789"}
    assert github.calls[LOOK_UP] == 1
    assert github.calls[TOKENS_ROUTE] == (2 if stale == "555" else 1)


def test_memory_never_overrules_the_settings(desk: Desk, github: GitHubIssuer) -> None:
    desk.mint({"installation_id": "790"}, installation_id=789)
    assert github.facts[0].call.values["id"] == "789"


@pytest.mark.parametrize("owner", ["", "..", "a/b", "a?b", "é"])
def test_an_owner_that_is_no_login_is_a_configuration_error(desk: Desk, github: GitHubIssuer, owner: str) -> None:
    with pytest.raises(ConfigurationError, match="set owner"):
        desk.mint(owner=owner)
    assert github.total == 0


@pytest.mark.parametrize("id_", [None, "789", True, -1, 1.5])
def test_a_lookup_that_names_no_installation_is_no_answer(desk: Desk, github: GitHubIssuer, id_: object) -> None:
    with bent(github, lambda _call, _answer: json_reply(200, {"id": id_})), pytest.raises(Unreachable):
        desk.mint(owner="acme")


@pytest.mark.parametrize("off", [timedelta(seconds=-110), timedelta(seconds=50)])
def test_the_expiry_is_reckoned_on_githubs_clock(desk: Desk, github: GitHubIssuer, off: timedelta) -> None:
    github.clock = lambda: NOW + off
    assert desk.mint().credential.expires_at == NOW + timedelta(hours=1)


@pytest.mark.parametrize("expires_at", [None, "", "soon", "2023-11-14T23:13:20", 1700003600, ["x"]])
def test_without_a_readable_expiry_a_token_lives_55_minutes(
    desk: Desk, github: GitHubIssuer, expires_at: object
) -> None:
    with bent(github, lambda _call, _answer: json_reply(201, {"token": "ghs_1", "expires_at": expires_at})):
        assert desk.mint().credential.expires_at == NOW + timedelta(minutes=55)


@pytest.mark.parametrize(
    ("status", "headers", "kind", "words", "wait"),
    [
        (401, {}, Refused, "does not accept the app's signature; check app_id 123456 and private_key", None),
        (403, {}, Refused, "forbids it to the app", None),
        (403, {"Retry-After": "60"}, Unreachable, "status 403", 60.0),
        (403, {"X-RateLimit-Remaining": "0"}, Unreachable, "status 403", None),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1700000090"}, Unreachable, "status 403", 90.0),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "x"}, Unreachable, "status 403", None),
        (403, {"X-RateLimit-Remaining": "5", "X-RateLimit-Reset": "1700000090"}, Refused, "forbids", None),
        (404, {}, Refused, r"the app is not installed there \(789\); install it", None),
        (422, {}, Refused, "asks for a repository or permission the installation lacks", None),
        (429, {}, Unreachable, "status 429", None),
        (429, {"Retry-After": "7"}, Unreachable, "status 429", 7.0),
        (429, {"Retry-After": "Tue, 14 Nov 2023 22:13:50 GMT"}, Unreachable, "status 429", 30.0),
        (500, {}, Unreachable, "status 500", None),
        (503, {"Retry-After": "5"}, Unreachable, "status 503", 5.0),
        (400, {}, Unreachable, "status 400", None),
        (204, {}, Unreachable, "status 204", None),
    ],
)
def test_a_status_becomes_what_it_means_to_a_person(
    desk: Desk,
    github: GitHubIssuer,
    *,
    status: int,
    headers: dict[str, str],
    kind: type[KeywrightError],
    words: str,
    wait: float | None,
) -> None:
    body = b"" if status == 204 else CANARY.encode()
    with bent(github, refusing(status, headers, body)), pytest.raises(kind, match=words) as caught:
        desk.mint()
    assert caught.value.retry_after_s == wait
    assert github.total == 1
    assert_plain(caught.value, github)


def test_a_redirect_is_not_followed_and_says_what_to_set(desk: Desk, github: GitHubIssuer) -> None:
    with (
        bent(github, redirecting(f"{github.url}/{CANARY}")),
        pytest.raises(Unreachable, match="redirect; set api_url") as caught,
    ):
        desk.mint()
    assert github.total == 1
    assert_plain(caught.value, github)


@pytest.mark.parametrize("kind", list(Garbage))
def test_garbage_is_no_answer(desk: Desk, github: GitHubIssuer, kind: Garbage) -> None:
    with bent(github, garbage(kind)), pytest.raises(Unreachable) as caught:
        desk.mint(timeout_s=0.5 if kind is Garbage.TRICKLE else 10.0)
    assert_plain(caught.value, github)


def test_json_nested_without_end_is_no_answer(desk: Desk, github: GitHubIssuer) -> None:
    with bent(github, refusing(201, {}, b"[" * 500_000)), pytest.raises(Unreachable):
        desk.mint()


def test_a_server_that_is_down_slow_or_silent_is_unreachable(desk: Desk, github: GitHubIssuer) -> None:
    with down(github), pytest.raises(Unreachable, match="refused the connection"):
        desk.mint()
    with bent(github, slow()), pytest.raises(Unreachable, match="did not answer in time"):
        desk.mint(timeout_s=0.3)
    with bent(github, aborting()), pytest.raises(Unreachable, match="broke the connection off"):
        desk.mint()


def test_lookup_and_mint_share_one_time_limit(desk: Desk, github: GitHubIssuer) -> None:
    with bent(github, slow(), route=TOKENS_ROUTE), pytest.raises(Unreachable, match=r"in time|no time was left"):
        desk.mint(owner="acme", timeout_s=0.5)


def test_a_clock_that_is_off_is_named_when_the_signature_is_refused(desk: Desk, github: GitHubIssuer) -> None:
    with pytest.raises(Refused, match="clock is 3600 s off") as caught:
        desk.mint(now=NOW + timedelta(hours=1))
    assert_plain(caught.value, github)


def test_a_wrong_key_is_refused_by_github_and_a_missing_one_before_it_is_asked(
    desk: Desk, github: GitHubIssuer, key_file: Path
) -> None:
    key_file.write_text(AppKey.generate().private_pem)
    with pytest.raises(Refused, match=f"check app_id 123456 and private_key {key_file}"):
        desk.mint()
    key_file.unlink()
    with pytest.raises(Unavailable, match="does not exist"):
        desk.mint()
    assert github.total == 1
    assert dict(desk.provider().inputs) == {str(key_file): "-"}


def test_plain_http_to_another_machine_is_refused(desk: Desk) -> None:
    with pytest.raises(ConfigurationError, match=r"ghe\.example\.com may be asked over https only"):
        desk.mint(api_url="http://ghe.example.com/api/v3")


def assert_plain(error: KeywrightError, github: GitHubIssuer) -> None:
    """Check that nothing that was sent or answered is in the message, nor hangs from it."""
    text = f"{error} {error!r}"
    assert "\n" not in text
    assert CANARY not in text
    assert "eyJ" not in text
    assert not any(token in text for token in github.issued)
    assert error.__cause__ is None
