"""`keywright profile login` and `logout`, from the command to what is kept, with an issuer as strict as can be."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import time_machine

from fakes.canary import TYPED
from fakes.oauth_issuer import TOKEN, Browser, OAuthIssuer
from fakes.own_vault import OwnVault
from fakes.profile_script import Script, kept
from keywright.cache.lock import hold
from keywright.profiles.document import credential_document
from keywright.profiles.identity import ProfileId
from keywright.profiles.instants import instant
from keywright.profiles.login import once
from keywright.profiles.model import OAuth
from keywright.profiles.renewing import entry_of
from keywright.profiles.state import ProfileStates


@pytest.fixture
def issuer(own: Path) -> Iterator[OAuthIssuer]:
    with OAuthIssuer() as server:
        folder = own / "providers.d"
        folder.mkdir(mode=0o700)
        (folder / "acme.toml").write_text(server.toml)
        yield server


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Browser:
    browser = Browser()
    monkeypatch.setattr("keywright.profiles.login.browser.is_here", lambda _env: True)
    monkeypatch.setattr("keywright.profiles.login.browser.open_page", browser)
    return browser


def grant_of(id_: str) -> OAuth:
    profile = kept(id_)
    assert profile is not None
    assert isinstance(profile.credential, OAuth)
    return profile.credential


def test_a_login_is_kept_told_and_shows_no_token(
    profile: Script, issuer: OAuthIssuer, browser: Browser, own: Path
) -> None:
    said = profile("login", "acme:ann")
    assert (said.code, said.stdout) == (0, "logged in acme:ann as ann@example.com\n")
    assert browser.visited[0] in said.stderr
    assert TOKEN not in said.stdout + said.stderr
    assert grant_of("acme:ann").access_token.reveal() in issuer.live
    assert not [path for path in own.rglob("*") if path.is_file() and TOKEN in path.read_text("utf-8", "replace")]


def test_a_script_is_told_in_a_document(profile: Script, issuer: OAuthIssuer, browser: Browser) -> None:
    told = json.loads(profile("login", "acme:ann", "--json").stdout)
    assert (told["success"], told["profile_id"], told["email"]) == (True, "acme:ann", "ann@example.com")
    assert (told["scopes"], told["is_renewable"]) == (["openid", "email"], True)
    assert issuer.calls["POST /token"] == len(browser.visited) == 1


def test_a_grant_that_is_good_is_replaced_only_if_forced(
    profile: Script, issuer: OAuthIssuer, browser: Browser
) -> None:
    profile("login", "acme:ann")
    first = grant_of("acme:ann")
    said = profile("login", "acme:ann")
    assert (said.code, said.stdout) == (2, "")
    assert len(browser.visited) == 1, "nobody is sent to a browser for nothing"
    assert profile("login", "acme:ann", "--force").code == 0
    assert grant_of("acme:ann") != first
    assert issuer.live


def test_a_grant_that_was_taken_back_is_replaced_and_used_again(
    profile: Script, issuer: OAuthIssuer, browser: Browser
) -> None:
    profile("login", "acme:ann")
    found, states = kept("acme:ann"), ProfileStates(os.environ)
    assert found is not None
    states.decide("acme:ann", instant(found.created_at), lambda one: one._replace(is_revoked=True))
    assert profile("login", "acme:ann").code == 0
    assert not states.decisions("acme").profiles
    assert json.loads(profile("show", "acme:ann", "--json").stdout)["is_revoked"] is False
    assert browser.pages
    assert issuer.live


def test_a_device_gets_a_code(
    profile: Script,
    issuer: OAuthIssuer,
    browser: Browser,
    clock: time_machine.Traveller,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("keywright.manage.profile.login.sleep", clock.shift)
    issuer.given.device_answers = ["authorization_pending"]
    said = profile("login", "acme:ann", "--device", "--device-url", f"{issuer.url}/device")
    assert (said.code, said.stdout) == (0, "logged in acme:ann as ann@example.com\n")
    assert "WDJB-MJHT" in said.stderr
    assert TOKEN not in said.stdout + said.stderr
    assert grant_of("acme:ann").access_token.reveal() in issuer.live
    assert (len(browser.visited), issuer.early) == (1, 0)


def test_a_locked_vault_is_told_before_anybody_consents(
    profile: Script, issuer: OAuthIssuer, browser: Browser, vault: OwnVault
) -> None:
    profile("add", "openai:a", stdin=TYPED)
    vault.lock()
    said = profile("login", "acme:ann")
    assert (said.code, said.stdout) == (4, "")
    assert "vault is locked" in said.stderr
    assert browser.visited == []
    assert issuer.total == 0


def test_of_two_who_log_in_one_waits_and_not_for_ever(
    profile: Script, issuer: OAuthIssuer, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(once.LoggingIn.__init__, "__kwdefaults__", {"wait_s": 0.05})
    path = ProfileStates(os.environ).lock_path(f"login-{entry_of(ProfileId('acme', 'ann'))[:16]}")
    with hold(path, 0) as is_locked:
        assert is_locked
        said = profile("login", "acme:ann")
    assert (said.code, said.stdout) == (5, "")
    assert "another process is logging in to acme:ann; waiting for it" in said.stderr
    assert browser.visited == []
    assert issuer.total == 0


@pytest.mark.parametrize(
    "row",
    [
        (("nobody:a",), 1, "unknown provider: nobody"),
        (("openai:a",), 2, "provider openai does not support mode: oauth"),
        (("acme:a/b",), 2, "a profile's name has at most"),
        (("acme:a", "--device"), 2, "nothing is known of where a device gets its code"),
        (("gemini:a",), 1, "--client-id"),
        (("acme:a", "--port", "99999"), 2, "99999"),
        (("acme:a", "--auth-url", "http://evil.example/auth"), 2, "https"),
        (("acme:a", "--token-url", "ftp://evil.example/token"), 2, "https"),
    ],
)
def test_what_is_wrong_is_told_before_anybody_consents(
    profile: Script, issuer: OAuthIssuer, browser: Browser, row: tuple[tuple[str, ...], int, str]
) -> None:
    args, code, told = row
    said = profile("login", *args)
    assert (said.code, said.stdout) == (code, "")
    assert told in said.stderr
    assert browser.visited == []
    assert issuer.total == 0


def test_who_says_no_is_heard(profile: Script, issuer: OAuthIssuer, browser: Browser) -> None:
    issuer.given.secret = "another"
    said = profile("login", "acme:ann")
    assert (said.code, said.stdout) == (1, "")
    assert "invalid_client" in said.stderr
    assert kept("acme:ann") is None
    assert browser.pages


class TestLogout:
    def test_gives_the_grant_back_and_forgets_it(self, profile: Script, issuer: OAuthIssuer, browser: Browser) -> None:
        profile("login", "acme:ann")
        grant = credential_document(found) if (found := kept("acme:ann")) else {}
        said = profile("logout", "acme:ann")
        assert (said.code, said.stdout) == (0, "logged out acme:ann; its issuer took the grant back\n")
        assert grant["refresh_token"] in issuer.revoked
        assert kept("acme:ann") is None
        assert browser.pages

    def test_forgets_it_although_the_issuer_is_down(
        self, profile: Script, issuer: OAuthIssuer, browser: Browser
    ) -> None:
        profile("login", "acme:ann")
        issuer.stop()
        said = profile("logout", "acme:ann", "--json")
        assert json.loads(said.stdout)["is_revoked"] is False
        assert said.stderr.endswith("; end its access on the provider's website, or let it expire [unreachable]\n")
        assert kept("acme:ann") is None
        assert browser.pages

    @pytest.mark.parametrize(("id_", "code"), [("acme:nobody", 1), ("openai:work", 2), ("a b", 1)])
    def test_of_what_holds_no_grant_is_told(self, profile: Script, id_: str, code: int) -> None:
        profile("add", "openai:work", stdin=TYPED)
        said = profile("logout", id_)
        assert (said.code, said.stdout) == (code, "")
        assert said.stderr.count("\n") == 1
        assert kept("openai:work")
