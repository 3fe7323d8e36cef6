"""What the `keywright profile` commands keep their hands off: limits, decisions, comments, others' descriptors."""

import json
import os
import subprocess
import sys
import tomllib
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


_COMMENTED = """\
# my settings
version = 1

[profiles."static:a"]  # first
url = "https://a.example"
secret = "env://A" # where
# role = "of a"

# ---- second ----
[profiles."static:b"]
url = "https://b.example"
secret = "env://B"

# [profiles."static:old"]
# url = "https://old.example"

# ---- who is asked where ----
[[routes]] # git
client = "git"
url = "https://z.example"
profiles = ["github:work"]
"""
_NEW = ("--mode", "static", "--set", "url=https://c.example", "--set", "secret=env://C")


class TestSettings:
    """A comment is about what follows it, and stays there."""

    def test_lose_no_comment_of_another_table_with_a_profile_that_is_removed(self, profile: Script, own: Path) -> None:
        path = own / "config.toml"
        path.write_text(_COMMENTED)
        assert profile("remove", "static:b").code == 0
        gone = '[profiles."static:b"]\nurl = "https://b.example"\nsecret = "env://B"\n'
        assert path.read_text() == _COMMENTED.replace(gone, "")
        assert profile("remove", "static:a").code == 0
        left = path.read_text()
        assert left.startswith("# my settings\nversion = 1\n\n\n# ---- second ----\n")
        assert left.endswith(_COMMENTED[_COMMENTED.index('\n# [profiles."static:old"]') :])
        assert "of a" not in left

    def test_lose_none_with_one_that_is_replaced(self, profile: Script, own: Path) -> None:
        path = own / "config.toml"
        path.write_text(_COMMENTED)
        assert profile("add", "static:a", *_NEW, "--force").code == 0
        left = path.read_text()
        start, end = left.index('[profiles."static:a"]'), left.index("\n# ---- second ----")
        assert 'url = "https://c.example"\nsecret = "env://C"\n' in left[start:end]
        assert left[end:] == _COMMENTED[_COMMENTED.index("\n# ---- second ----") :]

    def test_have_a_new_one_before_what_stands_above_the_next_table(self, profile: Script, own: Path) -> None:
        path = own / "config.toml"
        path.write_text(_COMMENTED)
        assert profile("add", "static:c", *_NEW).code == 0
        new = '\n[profiles."static:c"]\nurl = "https://c.example"\nsecret = "env://C"\n'
        before, what_follows = _COMMENTED.split('secret = "env://B"\n')
        assert path.read_text() == f'{before}secret = "env://B"\n{new}{what_follows}'
        assert profile("remove", "static:c").code == 0
        assert path.read_text().replace("\n\n\n", "\n\n") == _COMMENTED

    @pytest.mark.parametrize("line", ["\n", "\r\n"])
    def test_keep_a_comment_that_nobody_can_tell_whose_it_is(self, profile: Script, own: Path, line: str) -> None:
        path = own / "config.toml"
        text = 'version = 1\n[profiles."aws-ecr:a"]\n# perhaps of b\n[profiles."aws-ecr:b"]\n# the end\n'
        path.write_bytes(text.replace("\n", line).encode())
        assert profile("remove", "aws-ecr:a").code == 0
        assert profile("remove", "aws-ecr:b").code == 0
        assert path.read_bytes() == f"version = 1{line}# perhaps of b{line}# the end{line}".encode()

    @pytest.mark.parametrize(
        "text",
        [
            'version = 1\n[profiles]\n# mine\n[profiles."aws-ecr:a"] # a\n# b follows\n[profiles."aws-ecr:b"]\n',
            'version = 1\nprofiles = { "aws-ecr:a" = { aws_profile = "x" }, "aws-ecr:b" = {} } # both\n',
            'version = 1\nprofiles."aws-ecr:a".aws_profile = "x"\n# b\nprofiles."aws-ecr:b".aws_profile = "y"\n',
            'version = 1\n[profiles]\n"aws-ecr:a" = { }\n# b follows\n"aws-ecr:b" = {}\n# the end',
            'version = 1\r\n[profiles."aws-ecr:a"]\r\naws_profile = "x"\r\n\r\n# windows\r\n[cooldown]\r\n# end\r\n',
            (
                'version = 1\n[profiles."github-app:b"]\napp_id = "1"\nprivate_key = "~/k"\ninstallation_id = 7\n'
                '[profiles."github-app:b".permissions]\ncontents = "read"\n\n# a follows\n[profiles."aws-ecr:a"]\n'
            ),
            (
                'version = 1\n[profiles."aws-ecr:a"]\n\n# rests\n[cooldown]\nrate_limit_seconds = 5\n\n# z follows\n'
                '[profiles."aws-ecr:z"]\n'
            ),
        ],
    )
    @pytest.mark.parametrize("command", [("remove",), ("add", "--force", "--set", "aws_profile=new")])
    def test_however_they_are_written_are_edited_or_left_as_they_are(
        self, profile: Script, own: Path, text: str, command: tuple[str, ...]
    ) -> None:
        path = own / "config.toml"
        for id_ in sorted(tomllib.loads(text)["profiles"]):
            path.write_bytes(text.encode())
            meant = tomllib.loads(text)["profiles"]
            if command[0] == "remove":
                del meant[id_]
            elif id_.startswith("aws-ecr"):
                meant[id_] = {"aws_profile": "new"}
            else:
                continue
            said = profile(command[0], id_, *command[1:])
            if said.code == 0:
                after = path.read_text()
                assert tomllib.loads(after).get("profiles", {}) == meant
                comments = {line.partition("#")[2].strip() for line in text.splitlines() if "#" in line} - {"a", ""}
                assert [comment for comment in comments if comment not in after] == []
            else:
                assert "edit it by hand" in said.stderr
                assert path.read_bytes() == text.encode()
