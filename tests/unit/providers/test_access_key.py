"""A long-lived access key is traded for a short-lived token: how it is asked for, kept, refused and handed out."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from fakes.access_keys import ROUTE, AccessKeyIssuer
from fakes.bent import Garbage, aborting, bent, down, garbage, redirecting, refusing, slow
from fakes.client import Outcome, call
from keywright import hit
from keywright.cache.open import open_cache
from keywright.demo.exchange import json_reply
from keywright.dialects.git import GitDialect
from keywright.dialects.kube import KubeDialect
from keywright.dialects.person import PersonDialect
from keywright.errors import KeywrightError, Refused, Unavailable, Unreachable, VaultLocked
from keywright.freshness import Margins
from keywright.hit import stamp
from keywright.profiles.classify import classify
from keywright.profiles.reason import FailureReason
from keywright.profiles.state import ProfileStates
from keywright.providers.access_key import NOT_BELIEVED, AccessKeyProvider
from keywright.providers.base import Minted
from keywright.secret import Secret
from keywright.settings.model import AccessKeyOptions
from keywright.vault.vault import open_vault

NOW = datetime.fromtimestamp(1_700_000_000, UTC)
KEY = "CSAK.canary-31c0"
QUARTER = timedelta(minutes=15)


@pytest.fixture
def issuer() -> Iterator[AccessKeyIssuer]:
    with AccessKeyIssuer(keys=(KEY,), clock=lambda: NOW) as issuer:
        yield issuer


class Desk:
    """Makes providers that ask the fake, and asks them."""

    def __init__(self, issuer: AccessKeyIssuer, home: Path) -> None:
        self.issuer = issuer
        self.file = home / "access.key"
        self.file.write_text(f"{KEY}\n")
        self.env = {"HOME": str(home), "KEYWRIGHT_HOME": str(home / "kw"), "KEY": KEY, "EMPTY": ""}

    def provider(self, **options: Any) -> AccessKeyProvider:
        table = {"url": self.issuer.endpoint, "key": "file://~/access.key"} | options
        return AccessKeyProvider(profile="access-key:x", options=AccessKeyOptions(**table), env=self.env)

    def mint(self, *, now: datetime = NOW, timeout_s: float = 10.0, **options: Any) -> Minted:
        return self.provider(**options).fetch(now, timeout_s, {})

    def refusal(self, kind: type[KeywrightError], words: str = ".", **options: Any) -> KeywrightError:
        with pytest.raises(kind, match=words) as caught:
            self.mint(**options)
        assert_plain(caught.value, self.issuer)
        return caught.value


@pytest.fixture
def desk(issuer: AccessKeyIssuer, home: Path) -> Desk:
    return Desk(issuer, home)


def assert_plain(error: KeywrightError, issuer: AccessKeyIssuer) -> None:
    """Check that nothing that was sent or answered is in the message, nor hangs from it."""
    text = f"{error} {error!r}"
    assert text.isprintable()
    assert "canary" not in text
    assert not any(token in text for token in issuer.issued)
    assert error.__cause__ is None


# --- what is asked, and what comes of it ---


def test_a_token_is_minted_and_ends_at_the_instant_the_endpoint_names(desk: Desk, issuer: AccessKeyIssuer) -> None:
    minted = desk.mint()
    assert issuer.accepts(minted.credential.secret.reveal())
    assert (minted.credential.username, minted.credential.issued_at) == (None, NOW)
    assert minted.credential.expires_at == NOW + timedelta(seconds=900)
    assert (minted.is_kept, minted.notes, dict(minted.memory)) == (True, (), {})
    assert dict(minted.inputs) == {str(desk.file): stamp(str(desk.file))} == dict(desk.provider().inputs)
    assert desk.provider().margins == Margins()
    assert desk.provider().parent is None
    assert issuer.calls == {ROUTE: 1}


@pytest.mark.parametrize(
    ("options", "body"),
    [
        ({}, {"accessKey": KEY}),
        ({"audience": "https://api.example"}, {"accessKey": KEY, "audience": "https://api.example"}),
    ],
)
def test_the_question_is_json(desk: Desk, issuer: AccessKeyIssuer, options: dict[str, Any], body: object) -> None:
    desk.mint(**options)
    asked = issuer.facts[0].call
    assert (asked.method, asked.path, json.loads(asked.body)) == ("POST", "/api/authorise", body)
    assert asked.headers["Content-Type"] == asked.headers["Accept"] == "application/json"
    assert asked.headers["Authorization"] is None


def test_the_user_name_is_the_settings_own(desk: Desk) -> None:
    assert desk.mint(username="ci").credential.username == "ci"


@pytest.mark.parametrize("where", ["file://~/access.key", "file://{home}/access.key", "env://KEY", "vault://KEY"])
def test_the_key_is_where_the_settings_say(desk: Desk, issuer: AccessKeyIssuer, where: str) -> None:
    with open_vault(desk.env).edit() as records:
        records.put("KEY", Secret(KEY))
    desk.mint(key=where.format(home=desk.file.parent))
    assert issuer.calls == {ROUTE: 1}


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("env://ABSENT", "variable ABSENT is empty or not set; .*`key = env://…`"),
        ("env://EMPTY", "variable EMPTY is empty or not set"),
        ("file://~/absent", "does not exist; mend `key`"),
        ("vault://ABSENT", "the vault has no secret `ABSENT`"),
    ],
)
def test_without_a_key_nobody_is_asked(desk: Desk, issuer: AccessKeyIssuer, where: str, told: str) -> None:
    assert desk.refusal(Unavailable, told, key=where).mend
    assert issuer.total == 0


def test_a_key_in_a_locked_vault_needs_its_passphrase(
    desk: Desk, issuer: AccessKeyIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(_reference: str, _env: object) -> None:
        raise VaultLocked("the vault is locked", mend="run `keywright vault unlock`")

    monkeypatch.setattr("keywright.vault.reference.resolve", locked)
    desk.refusal(VaultLocked, key="vault://KEY")
    assert issuer.total == 0


# --- when a token ends ---


@pytest.mark.parametrize("off", [timedelta(seconds=-110), timedelta(seconds=50), timedelta(hours=5)])
def test_the_expiry_is_reckoned_on_the_endpoints_clock(desk: Desk, issuer: AccessKeyIssuer, off: timedelta) -> None:
    issuer.clock = lambda: NOW + off
    assert desk.mint().credential.expires_at == NOW + QUARTER


@pytest.mark.parametrize(
    ("expiry", "left"),
    [(1700000900, 900), (1700000900.0, 900), (1700000900.5, 900.5), (1700000001, 1)],
)
def test_an_expiry_is_whole_or_broken_seconds(desk: Desk, issuer: AccessKeyIssuer, expiry: float, left: float) -> None:
    with bent(issuer, lambda _call, _answer: json_reply(200, {"accessToken": "at_1", "expiry": expiry})):
        assert desk.mint().credential.expires_at == NOW + timedelta(seconds=left)


NONSENSE = {
    "missing": "",
    "null": "null",
    "zero": "0",
    "negative": "-1700000900",
    "a span": "900",
    "now": "1700000000",
    "past": "1699999999",
    "milliseconds": "1700000900000",
    "microseconds": "1700000900000000",
    "endless": "1e400",
    "no number": "NaN",
    "beyond every number": "9" * 400,
    "a string": '"1700000900"',
    "a date": '"2023-11-14T22:28:20Z"',
    "a truth": "true",
    "a list": "[1700000900]",
}


@pytest.mark.parametrize("expiry", NONSENSE.values(), ids=NONSENSE)
def test_a_token_without_a_believable_end_is_handed_out_once_and_not_kept(
    desk: Desk, issuer: AccessKeyIssuer, expiry: str
) -> None:
    fact = f', "expiry": {expiry}' if expiry else ""
    with bent(issuer, refusing(200, {}, f'{{"accessToken": "at_1"{fact}}}'.encode())):
        minted = desk.mint()
    assert minted.credential.secret.reveal() == "at_1"
    assert minted.credential.expires_at is None
    assert not minted.is_kept
    assert minted.notes == (NOT_BELIEVED,)


# --- how the endpoint says no ---


@pytest.mark.parametrize(
    ("status", "body", "headers", "kind", "words", "reason", "wait_s"),
    [
        (400, "invalid_grant", {}, Refused, r"not accepted any more \[inv", FailureReason.SESSION_EXPIRED, None),
        (400, "invalid_client", {}, Refused, r"none that is known there \[inv", FailureReason.AUTH_PERMANENT, None),
        (401, "invalid_client", {}, Refused, "; check the access key in file:", FailureReason.AUTH_PERMANENT, None),
        (200, "invalid_client", {}, Refused, r"\[invalid_client\]", FailureReason.AUTH_PERMANENT, None),
        (400, "access_denied", {}, Refused, r"denied \[access_denied\]", FailureReason.AUTH_PERMANENT, None),
        (403, "access_denied", {}, Refused, "authorization was denied", FailureReason.AUTH_PERMANENT, None),
        (400, "invalid_request", {}, Refused, r"it said no \[invalid_request\]", FailureReason.FORMAT, None),
        (402, "", {}, Refused, "usage limit is reached", FailureReason.RATE_LIMIT, 60.0),
        (402, "invalid_client", {}, Refused, "usage limit is reached", FailureReason.RATE_LIMIT, 60.0),
        (402, "", {"Retry-After": "5"}, Refused, "usage limit", FailureReason.RATE_LIMIT, 60.0),
        (402, "", {"Retry-After": "90"}, Refused, "usage limit", FailureReason.RATE_LIMIT, 90.0),
        (401, "", {}, Refused, r"\[status 401\]", FailureReason.AUTH, None),
        (403, "", {}, Refused, r"\[status 403\]", FailureReason.AUTH_PERMANENT, None),
        (403, "", {"Retry-After": "7"}, Unreachable, "status 403", FailureReason.RATE_LIMIT, 7.0),
        (404, "", {}, Refused, "no token endpoint.*mend `url`", FailureReason.AUTH, None),
        (400, "", {}, Refused, r"\[status 400\]", FailureReason.FORMAT, None),
        (429, "", {"Retry-After": "9"}, Unreachable, "status 429", FailureReason.RATE_LIMIT, 9.0),
        (500, "", {}, Unreachable, "status 500", FailureReason.TIMEOUT, None),
        (500, "server_error", {}, Unreachable, "status 500", FailureReason.TIMEOUT, None),
        (503, "", {"Retry-After": "Tue, 14 Nov 2023 22:13:50 GMT"}, Unreachable, "503", FailureReason.TIMEOUT, 30.0),
        (204, "", {}, Unreachable, "status 204", FailureReason.TIMEOUT, None),
    ],
)  # fmt: skip
def test_a_refusal_becomes_what_it_means_to_a_person_and_to_the_profile(
    desk: Desk,
    issuer: AccessKeyIssuer,
    *,
    status: int,
    body: str,
    headers: dict[str, str],
    kind: type[KeywrightError],
    words: str,
    reason: FailureReason,
    wait_s: float | None,
) -> None:
    document = {"error": body, "error_description": f"no: {KEY}"} if body else {"message": KEY}
    content = b"" if status == 204 else json.dumps(document).encode()
    with bent(issuer, refusing(status, headers, content)):
        error = desk.refusal(kind, words)
    assert error.retry_after_s == wait_s
    assert error.evidence is not None
    assert classify(error) is reason
    assert issuer.total == 1


@pytest.mark.parametrize("word", [KEY, "", "x" * 41, "Ünding", 7, None, ["invalid_client"], {"code": "invalid_client"}])
def test_what_is_no_plain_word_is_not_quoted(desk: Desk, issuer: AccessKeyIssuer, word: object) -> None:
    with bent(issuer, lambda _call, _answer: json_reply(400, {"error": word})):
        desk.refusal(Refused, r"\[status 400\]")


def test_the_fake_itself_says_no_as_the_endpoint_does(desk: Desk, issuer: AccessKeyIssuer) -> None:
    desk.refusal(Refused, "access_denied", audience="https://other.example")
    issuer.keys.clear()
    desk.refusal(Refused, "invalid_client")


@pytest.mark.parametrize("kind", list(Garbage))
def test_garbage_is_no_answer(desk: Desk, issuer: AccessKeyIssuer, kind: Garbage) -> None:
    with bent(issuer, garbage(kind)):
        desk.refusal(Unreachable, timeout_s=0.5 if kind is Garbage.TRICKLE else 10.0)


def test_an_endpoint_that_is_down_slow_silent_or_elsewhere_is_unreachable(desk: Desk, issuer: AccessKeyIssuer) -> None:
    with down(issuer):
        desk.refusal(Unreachable, "refused the connection")
    with bent(issuer, slow()):
        desk.refusal(Unreachable, "did not answer in time", timeout_s=0.3)
    with bent(issuer, aborting()):
        desk.refusal(Unreachable, "broke the connection off")
    with bent(issuer, redirecting(f"{issuer.url}/{KEY}")):
        desk.refusal(Unreachable, "redirect; set `url`")
    with bent(issuer, refusing(200, {}, b"[" * 500_000)):
        desk.refusal(Unreachable)


# --- as clients get it ---


class House:
    """A home with one profile and a route to it."""

    def __init__(self, issuer: AccessKeyIssuer, home: Path, clock: time_machine.Traveller) -> None:
        self.issuer, self.clock = issuer, clock
        self.folder = home / "kw"
        self.folder.mkdir(mode=0o700)
        self.settle()

    def settle(self, key: str = "env://ACCESS_KEY", **more: str) -> None:
        table = {"url": self.issuer.endpoint, "key": key, "username": "ci", "site": "https://git.example", **more}
        lines = "".join(f'{name} = "{value}"\n' for name, value in table.items())
        route = '[[routes]]\nclient = "git"\nurl = "https://git.example"\nprofiles = ["access-key:x"]\n'
        path = self.folder / "config.toml"
        path.write_text(f'version = 1\n[profiles."access-key:x"]\n{lines}{route}')
        os.utime(path, (1, 1))

    def git(self, host: str = "git.example") -> Outcome:
        return call(GitDialect(), ["get"], f"protocol=https\nhost={host}\n\n".encode())

    def password(self) -> str:
        found = self.git()
        assert found.code == 0, found.stderr
        return dict(line.split("=", 1) for line in found.stdout.decode().splitlines() if line)["password"]


@pytest.fixture
def house(home: Path, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setenv("KEYWRIGHT_HOME", str(home / "kw"))
    monkeypatch.setenv("ACCESS_KEY", KEY)
    monkeypatch.setattr(hit, "wake", lambda *_: False)
    with AccessKeyIssuer(keys=(KEY, "CSAK.second"), clock=lambda: datetime.now(UTC)) as issuer:
        yield House(issuer, home, clock)


def test_git_gets_it_from_the_cache_until_it_ends_and_the_key_is_never_written(house: House) -> None:
    first = house.password()
    assert house.password() == first
    house.clock.shift(800)
    assert house.password() == first
    assert house.issuer.calls == {ROUTE: 1}
    entry = open_cache(os.environ).entries.read(open_cache(os.environ).entries.digests()[0])
    assert entry is not None
    assert entry[0].credential.expires_at == entry[0].credential.issued_at + QUARTER
    house.clock.shift(100)
    assert house.password() != first
    assert house.issuer.calls == {ROUTE: 2}
    assert not [path for path in house.folder.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]


def test_another_key_in_the_variable_never_gets_the_old_ones_token(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = house.password()
    monkeypatch.setenv("ACCESS_KEY", "CSAK.second")
    assert house.password() != first
    monkeypatch.setenv("ACCESS_KEY", KEY)
    assert house.password() == first
    assert not house.git().is_hit, "no question's digest holds the variable"


def test_a_key_in_a_file_is_answered_from_a_ready_answer_until_the_file_changes(house: House, home: Path) -> None:
    file = home / "access.key"
    file.write_text(KEY)
    os.utime(file, (1, 1))
    house.settle("file://~/access.key")
    first = house.password()
    house.clock.shift(1)
    assert house.git().stdout
    assert house.git().is_hit
    file.write_text("CSAK.second")
    os.utime(file, (1, 1))
    assert not house.git().is_hit
    assert house.password() != first


@pytest.mark.parametrize("asked", ["https://other.example", "https://git.example.evil.example", "http://git.example"])
def test_a_person_who_says_where_it_goes_gets_it_for_its_own_place_alone(house: House, asked: str) -> None:
    for _ in range(2):  # before and after there is something cached
        refused = call(PersonDialect(), ["token", "access-key:x", "--url", asked])
        assert (refused.code, refused.stdout) == (2, b"")
        assert "it is for https://git.example alone; mend the route, or the profile's `site`" in refused.stderr
        assert "access-key:x" in refused.stderr
        assert call(PersonDialect(), ["token", "access-key:x"]).code == 0
    assert house.issuer.calls == {ROUTE: 1}


def test_a_kubectl_that_does_not_say_where_gets_nothing_of_what_is_for_one_place(house: House) -> None:
    refused = call(KubeDialect(), ["profile", "access-key:x"])
    assert (refused.code, refused.stdout) == (2, b"")
    assert "set `provideClusterInfo: true`" in refused.stderr
    house.settle(site="")
    assert call(KubeDialect(), ["profile", "access-key:x"]).code == 0


def test_a_usage_limit_is_remembered_for_a_minute_and_costs_no_good_token(house: House) -> None:
    first = house.password()
    with bent(house.issuer, refusing(402)):
        house.clock.shift(880)
        refused = house.git()
        assert b"password" not in refused.stdout
        assert "usage limit" in refused.stderr
        house.clock.shift(58)
        house.git()
        assert house.issuer.calls == {ROUTE: 2}, "nobody is asked within the minute"
        standing = ProfileStates(os.environ).decisions("access-key").of("access-key:x", "")
        assert standing.disabled_until is None, "a limit is no unpaid bill"
    house.clock.shift(3)
    assert house.password() != first
    assert house.issuer.calls == {ROUTE: 3}


def test_a_token_without_an_end_is_told_of_and_asked_for_each_time(house: House) -> None:
    with bent(house.issuer, lambda _call, _answer: json_reply(200, {"accessToken": "at_1"})):
        for _ in range(2):
            found = house.git()
            assert b"password=at_1\n" in found.stdout
            assert f"access-key:x: {NOT_BELIEVED}" in found.stderr
    assert house.issuer.calls == {ROUTE: 2}
    assert open_cache(os.environ).entries.digests() == []
