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
from fakes.terminal import Said, Terminal
from keywright.cache.lock import hold
from keywright.profiles.identity import ProfileId
from keywright.profiles.login.once import LoggingIn
from keywright.profiles.model import ApiKey
from keywright.profiles.renewing import renewal_lock
from keywright.profiles.state import ProfileStates
from keywright.secret import Secret

_SECRET = ("--set", "secret=env://A")
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


@pytest.fixture
def terminal(own: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(monkeypatch, capfd)


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

    def test_is_what_a_person_is_led_to_who_has_no_grant_to_pipe(self, profile: Script) -> None:
        said = profile("add", "gemini:work", "--mode", "oauth")
        assert (said.code, "run `keywright profile login gemini:work`" in said.stderr) == (2, True)

    def test_waits_for_who_renews_the_old_grant_with_what_it_got(
        self, profile: Script, issuer: OAuthIssuer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert profile("login", "acme:work", "--device").code == 0
        states = ProfileStates(os.environ)
        held = renewal_lock(states, ProfileId("acme", "work"))
        kept_meanwhile: list[bool] = []
        keep = LoggingIn._keep

        def look(self: LoggingIn, *args: object) -> object:
            with hold(held, 0) as is_free:
                kept_meanwhile.append(is_free)
            return keep(self, *args)  # type: ignore[arg-type]  # as they came

        monkeypatch.setattr(LoggingIn, "_keep", look)
        assert profile("login", "acme:work", "--device", "--force").code == 0
        assert kept_meanwhile == [False]
        with hold(held, 0) as is_free:
            assert is_free


@pytest.mark.usefixtures("vault")
def test_damaged_state_leaves_what_is_cached_countable(terminal: Terminal, profile: Script, own: Path) -> None:
    assert profile("add", "openai:work", stdin=TYPED).code == 0
    assert profile("disable", "openai:work").code == 0
    (own / "state" / "profiles" / "openai.json").write_text("{")
    assert terminal("status").code == 1
    assert terminal("cache", "stats") == Said(0, "0 cached: 0 valid, 0 expired\n", "")


@pytest.mark.usefixtures("vault")
def test_damaged_state_stops_what_could_not_be_finished(profile: Script, own: Path) -> None:
    assert profile("add", "openai:work", stdin=TYPED).code == 0
    assert profile("add", "static:a", "--mode", "static", "--set", "url=https://a.example", *_SECRET).code == 0
    assert profile("disable", "openai:work").code == 0
    for provider in ("openai", "static"):
        (own / "state" / "profiles" / f"{provider}.json").write_text("{")
    settings = (own / "config.toml").read_text()
    for args in (
        ("remove", "openai:work"),
        ("add", "openai:work", "--force"),
        ("add", "openai:new"),
        ("remove", "static:a"),
        ("add", "static:b", "--mode", "static", "--set", "url=https://b.example", *_SECRET),
    ):
        said = profile(*args, stdin=f"{TYPED}-new")
        assert (said.code, said.stdout) == (1, "")
        assert said.stderr.startswith("keywright: failed to ")
    found = kept("openai:work")
    assert found is not None
    assert found.credential == ApiKey(Secret(TYPED))
    assert kept("openai:new") is None
    assert (own / "config.toml").read_text() == settings


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


@pytest.mark.usefixtures("vault")
class TestSecrets:
    def test_end_where_their_line_does_as_windows_ends_it(self, profile: Script) -> None:
        assert profile("add", "openai:work", stdin=f"{TYPED}\r\n").code == 0
        found = kept("openai:work")
        assert found is not None
        assert found.credential == ApiKey(Secret(TYPED))

    @pytest.mark.parametrize("secret", ["  ", f"{TYPED}\n{TYPED}", f"{TYPED}\0", f"{TYPED}\x1b[2J"])
    def test_that_no_client_could_be_handed_are_refused_at_once(self, profile: Script, secret: str) -> None:
        assert profile("add", "openai:work", stdin=secret).code == 2
        data = json.dumps({"key": secret})
        said = profile("import", "openai:work", "--mode", "api_key", stdin=data)
        assert said == Said(
            2,
            "",
            "keywright: the secret is blank, or is no single line of printable characters; nothing was kept [usage]\n",
        )
        assert kept("openai:work") is None

    def test_are_exported_to_no_file_that_others_may_read(
        self, profile: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert profile("add", "openai:work", stdin=TYPED).code == 0
        path = tmp_path / "exported"
        for mode, code, length in ((0o644, 2, 0), (0o640, 2, 0), (0o600, 0, 1)):
            path.touch()
            path.chmod(mode)
            with path.open("w") as file, monkeypatch.context() as patch:
                patch.setattr(sys, "stdout", file)
                assert profile("export", "openai:work", "--reveal").code == code
            assert (TYPED in path.read_text()) == bool(length)


@pytest.mark.usefixtures("vault")
class TestJson:
    def test_of_an_export_says_which_mode_the_data_is_of(self, profile: Script, tmp_path: Path) -> None:
        assert profile("add", "openai:work", stdin=TYPED).code == 0
        told = {"schema": 1, "success": True, "profile_id": "openai:work", "mode": "api_key"}
        said = profile("export", "openai:work", "--json")
        assert json.loads(said.stdout) == told | {"data": {"key": "***"}}
        file = str(tmp_path / "own.json")
        said = profile("export", "openai:work", "--json", "--reveal", "--output", file)
        assert json.loads(said.stdout) == told | {"file": file}
        assert json.loads(Path(file).read_text()) == {"key": TYPED}
        said = profile("export", "openai:nobody", "--json")
        assert (said.code, json.loads(said.stdout)["success"]) == (1, False)

    @pytest.mark.parametrize(
        ("args", "code", "document"),
        [
            (("classify", "HTTP 402", "--json"), 0, {"schema": 1, "reason": "billing"}),
            (
                ("provider", "show", "x", "--json"),
                1,
                {"schema": 1, "success": False, "error": "unknown provider: x", "code": "profile_not_found"},
            ),
            (
                ("provider", "scopes", "x", "--json"),
                1,
                {"schema": 1, "success": False, "error": "unknown provider: x", "code": "profile_not_found"},
            ),
            (
                ("provider", "add", "/nowhere/x.toml", "--json"),
                2,
                {
                    "schema": 1,
                    "success": False,
                    "error": "/nowhere/x.toml cannot be read (ENOENT)",
                    "code": "configuration",
                },
            ),
        ],
    )
    def test_is_what_every_command_prints_that_is_asked_for_it(
        self, terminal: Terminal, args: tuple[str, ...], code: int, document: dict[str, object]
    ) -> None:
        said = terminal(*args)
        assert (said.code, json.loads(said.stdout)) == (code, document)

    def test_of_an_added_provider_names_its_file(self, terminal: Terminal, own: Path, tmp_path: Path) -> None:
        (tmp_path / "acme.toml").write_text('modes = ["api_key"]\n')
        said = terminal("provider", "add", str(tmp_path / "acme.toml"), "--json")
        added = str(own / "providers.d" / "acme.toml")
        assert json.loads(said.stdout) == {"schema": 1, "success": True, "file": added}


@pytest.mark.usefixtures("vault")
def test_invalidate_knows_the_profiles_of_the_vault(profile: Script, terminal: Terminal) -> None:
    assert profile("add", "openai:work", stdin=TYPED).code == 0
    assert terminal("invalidate", "openai:work") == Said(0, "openai:work: nothing was cached\n", "")
    assert terminal("invalidate", "openai:wrok").code == 2


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
            'version = 1\nprofiles."aws-ecr:a".aws_profile = "x"\n# b comes\nprofiles."aws-ecr:b".aws_profile = "y"\n',
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
