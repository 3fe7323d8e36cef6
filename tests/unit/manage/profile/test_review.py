"""What the `keywright profile` commands keep their hands off: limits, decisions, comments, others' descriptors."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from fakes.canary import TYPED
from fakes.oauth_issuer import OAuthIssuer
from fakes.profile_script import Script, kept

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
_OPEN_PAGE = "import sys; from keywright.profiles.login.browser import open_page; sys.exit(not open_page(sys.argv[1]))"


@pytest.fixture
def issuer(own: Path) -> Iterator[OAuthIssuer]:
    ticks = count()
    with OAuthIssuer(clock=lambda: NOON + timedelta(seconds=6 * next(ticks))) as issuer:
        (own / "providers.d").mkdir()
        device = f'device_url = "{issuer.url}/device"\n'
        (own / "providers.d" / "acme.toml").write_text(issuer.toml + device)
        yield issuer


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits between two polls of a device's code; the issuer's clock goes on by itself."""
    monkeypatch.setattr("keywright.manage.profile.login.sleep", lambda _seconds: None)


@pytest.mark.usefixtures("vault", "hurry")
class TestLogin:
    def test_over_another_secret_keeps_its_limits_and_what_was_decided(
        self, profile: Script, issuer: OAuthIssuer
    ) -> None:
        limits = ("--host", "only.example", "--username", "bob", "--priority", "5", "--fallback", "acme:spare")
        assert profile("add", "acme:work", "--mode", "api_key", *limits, stdin=TYPED).code == 0
        assert profile("disable", "acme:work").code == 0
        said = profile("login", "acme:work", "--device", "--force")
        assert said.code == 0
        assert "still disabled" in said.stderr
        found = kept("acme:work")
        assert found is not None
        assert (found.mode, found.hosts, found.username) == ("oauth", ("only.example",), "bob")
        assert (found.priority, found.fallback) == (5, ("acme:spare",))
        assert json.loads(profile("show", "acme:work", "--json").stdout)["enabled"] is False


@pytest.mark.usefixtures("vault", "hurry")
class TestLogout:
    def test_gives_nothing_back_that_it_could_not_forget(self, profile: Script, issuer: OAuthIssuer, own: Path) -> None:
        assert profile("login", "acme:work", "--device").code == 0
        (own / "state" / "profiles" / "acme.json").write_text('{"version": 1')
        said = profile("logout", "acme:work", "--json")
        assert (said.code, json.loads(said.stdout)["success"]) == (1, False)
        assert issuer.revoked == []
        assert kept("acme:work") is not None


class TestBrowser:
    @pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", ">&- 2>&-"])
    def test_opens_whatever_descriptors_the_caller_closed(self, tmp_path: Path, closed: str) -> None:
        browser, opened = tmp_path / "browser", tmp_path / "opened"
        browser.write_text(f'#!/bin/sh\nprintf %s "$1" >"{opened}"\n')
        browser.chmod(0o700)
        script = f'exec "$0" -c "$1" https://login.example/ {closed}'
        env = os.environ | {"BROWSER": str(browser)}
        code = subprocess.run(["/bin/sh", "-c", script, sys.executable, _OPEN_PAGE], env=env, check=False).returncode
        assert (code, opened.read_text()) == (0, "https://login.example/")
