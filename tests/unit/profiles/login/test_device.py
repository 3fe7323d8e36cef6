"""Logging in with a code for another device: asked for as often as the issuer wants, while the code lasts."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from fakes.oauth_issuer import OAuthIssuer
from keywright.demo.exchange import Reply, json_reply
from keywright.errors import KeywrightError, NeedsPerson, Refused, Unreachable
from keywright.profiles.login import device
from keywright.profiles.login.person import Person
from keywright.profiles.login.plan import Plan
from keywright.profiles.model import OAuth
from keywright.secret import Secret


@pytest.fixture
def issuer() -> Iterator[OAuthIssuer]:
    with OAuthIssuer() as server:
        yield server


class Login:
    """One person who logs in, and who waits by moving the clock."""

    def __init__(self, issuer: OAuthIssuer, clock: time_machine.Traveller) -> None:
        self.issuer = issuer
        self.said: list[str] = []
        self.opened: list[str] = []
        self.slept: list[float] = []
        self._clock = clock
        self.plan = Plan(
            token_url=f"{issuer.url}/token",
            device_url=f"{issuer.url}/device",
            client_id="abc",
            scopes=("openid", "email"),
        )

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._clock.shift(timedelta(seconds=seconds))

    def open(self, url: str) -> bool:
        self.opened.append(url)
        return True

    def __call__(self, *, has_browser: bool = False) -> OAuth:
        browse = self.open if has_browser else None
        return device.log_in(
            self.plan, Person(say=self.said.append, browse=browse, now=lambda: datetime.now(UTC), sleep=self.sleep), {}
        )


@pytest.fixture
def login(issuer: OAuthIssuer, clock: time_machine.Traveller) -> Login:
    return Login(issuer, clock)


def test_code_and_address_are_both_told_and_become_a_grant(login: Login) -> None:
    login.issuer.given.device_answers = ["authorization_pending", "authorization_pending"]
    grant = login()
    assert grant.access_token.reveal() in login.issuer.live
    assert (grant.email, grant.scopes) == ("ann@example.com", ("openid", "email"))
    assert login.said == [
        f"to log in, open {login.issuer.url}/activate and enter the code WDJB-MJHT",
        f"or open {login.issuer.url}/activate?code=WDJB-MJHT and check that it shows the code WDJB-MJHT",
    ]
    asked, *polls = login.issuer.forms
    assert asked == {"client_id": "abc", "scope": "openid email"}
    assert [poll["grant_type"] for poll in polls] == ["urn:ietf:params:oauth:grant-type:device_code"] * 3
    assert login.slept == [5, 5, 5]
    assert login.issuer.early == 0


def test_an_issuer_without_an_address_that_has_the_code_in_it(login: Login) -> None:
    login.issuer.given.complete = False
    login(has_browser=True)
    assert len(login.said) == 1
    assert login.opened == [f"{login.issuer.url}/activate"]


def test_a_secret_client_says_its_secret(login: Login) -> None:
    login.issuer.given.secret = "hunter2"
    login.plan = login.plan._replace(client_secret=Secret("hunter2"))
    login()
    assert all(form["client_secret"] == "hunter2" for form in login.issuer.forms)


@pytest.mark.parametrize(
    ("interval_s", "answers", "slept"),
    [
        (None, [], [5]),
        (1, [], [5]),
        (0, [], [5]),
        (7, ["authorization_pending"], [7, 7]),
        (5, ["slow_down", "authorization_pending", "authorization_pending"], [5, 10, 10, 10]),
        (5, ["slow_down", "slow_down", "authorization_pending"], [5, 10, 15, 15]),
        (5, ["down", "down", "down", "authorization_pending"], [5, 10, 20, 40, 5]),
        (5, ["down"] * 6, [5, 10, 20, 40, 60, 60, 60]),
        (5, ["html", "authorization_pending", "down"], [5, 10, 5, 10]),
        (90, ["down", "authorization_pending"], [90, 90, 90]),
        (5, ["slow_down", "down", "authorization_pending"], [5, 10, 20, 10]),
    ],
)
def test_it_is_asked_for_as_often_as_the_issuer_wants(
    login: Login, interval_s: float | None, answers: list[str], slept: list[float]
) -> None:
    login.issuer.given.interval_s = interval_s
    login.issuer.given.device_answers = answers
    assert login().access_token
    assert login.slept == slept
    assert login.issuer.early == 0


def test_an_issuer_that_cannot_be_reached_is_asked_again_later(login: Login) -> None:
    def hang_up(call: object, answer: object) -> Reply:
        return Reply(status=0) if login.issuer.calls["POST /token"] in {1, 2} else answer(call)  # type: ignore[operator]

    login.issuer.bend = hang_up
    assert login().access_token
    assert login.slept == [5, 10, 20]


def test_a_wish_to_be_left_alone_is_honoured(login: Login) -> None:
    login.issuer.bend = lambda call, answer: (
        Reply(status=429, headers=(("Retry-After", "100"),)) if login.issuer.calls["POST /token"] == 1 else answer(call)
    )
    assert login().access_token
    assert login.slept == [5, 100]


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (
            "access_denied",
            Refused,
            "the login was refused where the code was entered (access_denied)",
        ),
        ("expired_token", NeedsPerson, "nobody entered the code before it expired; try again"),
        ("invalid_grant", NeedsPerson, "nobody entered the code before it expired; try again"),
        ("invalid_client", Refused, "the token endpoint answered with invalid_client"),
        ("Evil\x1b[31m", Refused, "the token endpoint answered with status 400"),
    ],
)
def test_a_no_ends_it(login: Login, answer: str, kind: type[KeywrightError], told: str) -> None:
    login.issuer.given.device_answers = ["authorization_pending", answer]
    with pytest.raises(kind) as raised:
        login()
    assert str(raised.value) == told
    assert login.slept == [5, 5]


@pytest.mark.parametrize(
    ("expires_in", "polls"),
    [(20, 3), (21, 4), (5, 0), (1, 0), (0, 0), (1e9, 359)],
)
def test_a_code_is_asked_for_no_longer_than_it_lasts(login: Login, expires_in: float, polls: int) -> None:
    login.issuer.given.expires_in = expires_in
    login.issuer.given.device_answers = ["authorization_pending"] * 1000
    with pytest.raises(NeedsPerson, match="nobody entered the code before it expired"):
        login()
    assert login.issuer.calls["POST /token"] == polls


GOOD = {"device_code": "d", "user_code": "u", "verification_uri": "https://a.example", "expires_in": 60}


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        {**GOOD, "device_code": ""},
        {**GOOD, "device_code": 5},
        {**GOOD, "user_code": None},
        {**GOOD, "verification_uri": "javascript:alert(1)"},
        {**GOOD, "verification_uri": "https://a.example\n"},
        {**GOOD, "verification_uri": ["https://a.example"]},
        {**GOOD, "expires_in": "soon"},
        {**GOOD, "expires_in": "nan"},
        {**GOOD, "expires_in": 1e400},
        {**GOOD, "interval": "nan"},
        {**GOOD, "interval": "inf"},
        {**GOOD, "interval": []},
        {name: value for name, value in GOOD.items() if name != "expires_in"},
    ],
)
def test_what_is_no_code_is_not_shown(login: Login, answer: object) -> None:
    login.issuer.bend = lambda _call, _answer: json_reply(200, answer)
    with pytest.raises(Unreachable, match="asked for a code, answered with something that is none"):
        login()
    assert not login.said


@pytest.mark.parametrize("status", [200, 400])
def test_an_issuer_that_gives_no_code_says_why(login: Login, status: int) -> None:
    login.issuer.bend = lambda _call, _answer: json_reply(status, {"error": "unauthorized_client"})
    with pytest.raises(Refused, match="the issuer, asked for a code, answered with unauthorized_client"):
        login()


def test_an_issuer_that_says_pending_with_status_200_is_understood(login: Login) -> None:
    login.issuer.bend = lambda call, answer: (
        json_reply(200, {"error": "authorization_pending"}) if login.issuer.calls["POST /token"] == 1 else answer(call)
    )
    assert login().access_token


def test_an_interruption_ends_it(login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(login, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        login()
    assert login.issuer.calls["POST /token"] == 0
