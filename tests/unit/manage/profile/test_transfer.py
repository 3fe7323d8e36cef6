"""`keywright profile export`, `import` and `remove`: an account handed over whole, and one that is no more."""

import json
import os
import sys
from pathlib import Path

import pytest

from fakes.canary import TYPED
from fakes.profile_script import Script, content_of, kept
from fakes.terminal import Said
from keywright.profiles.kept import KeptProfiles
from keywright.profiles.state import ProfileStates

GRANT = {
    "provider": "gemini",
    "profile_name": "a",
    "access_token": f"{TYPED}-a",
    "refresh_token": f"{TYPED}-r",
    "expires_at": "2030-01-01T13:00:00Z",
    "email": "ann@a.example",
    "client_id": "abc",
    "scopes": ["openid"],
    "metadata": {"client_secret": f"{TYPED}-s"},
}
HELD = [
    ("openai", "api_key", {"key": TYPED}),
    ("openai", "api_key", {"key_ref": "vault://KEY"}),
    ("github", "token", {"token": TYPED}),
    ("github", "token", {"token": TYPED, "expires_at": "2030-01-02T00:00:00Z"}),
    ("github", "token", {"token_ref": "vault://KEY"}),
    ("gemini", "oauth", GRANT),
    ("gemini", "oauth", {**GRANT, "expires_at": None}),
    ("access-key", "minted", {"url": "https://a.example/api/authorise", "key": "vault://KEY", "audience": "b"}),
    ("aws-eks", "minted", {"cluster": "c", "region": "eu-central-1"}),
    ("github-app", "minted", {"app_id": "1", "private_key": "vault://KEY", "owner": "o", "permissions": {"a": "read"}}),
    ("static", "static", {"url": "https://a.example", "secret": "env://A"}),
]  # fmt: skip


@pytest.mark.parametrize(("provider", "mode", "data"), HELD)
def test_what_is_exported_is_imported_again(profile: Script, provider: str, mode: str, data: dict[str, object]) -> None:
    assert profile("import", f"{provider}:a", "--mode", mode, stdin=json.dumps(data)) == Said(
        0, f"added {provider}:a\n", ""
    )
    exported = profile("export", f"{provider}:a", "--reveal")
    assert json.loads(exported.stdout) == data
    assert profile("import", f"{provider}:b", "--mode", mode, stdin=exported.stdout).code == 0
    again = json.loads(profile("export", f"{provider}:b", "--reveal").stdout)
    assert again == ({**data, "profile_name": "b"} if mode == "oauth" else data)


def test_without_being_asked_for_no_secret_is_written(profile: Script) -> None:
    profile("import", "gemini:a", "--mode", "oauth", stdin=json.dumps(GRANT))
    said = profile("export", "gemini:a")
    assert TYPED not in said.stdout + said.stderr
    masked = json.loads(said.stdout)
    assert masked["access_token"] == masked["refresh_token"] == masked["metadata"]["client_secret"] == "***"
    assert profile("import", "gemini:b", "--mode", "oauth", stdin=said.stdout).code == 2
    assert kept("gemini:b") is None


class TestFile:
    def test_holds_the_secret_for_its_owner_alone(self, profile: Script, tmp_path: Path) -> None:
        path = tmp_path / "held.json"
        profile("add", "openai:a", stdin=TYPED)
        assert profile("export", "openai:a", "--reveal", "--output", str(path)) == Said(0, "", "")
        assert (path.stat().st_mode & 0o777, json.loads(path.read_text())) == (0o600, {"key": TYPED})
        assert profile("import", "openai:b", "--mode", "api_key", str(path)).code == 0

    def test_that_is_there_is_replaced_only_if_forced(self, profile: Script, tmp_path: Path) -> None:
        path = tmp_path / "held.json"
        path.write_text("mine")
        profile("add", "openai:a", stdin=TYPED)
        said = profile("export", "openai:a", "--reveal", "--output", str(path))
        assert (said.code, path.read_text()) == (2, "mine")
        assert profile("export", "openai:a", "--reveal", "--output", str(path), "--force").code == 0
        assert path.stat().st_mode & 0o777 == 0o600

    def test_that_cannot_be_written_is_told(self, profile: Script, tmp_path: Path) -> None:
        profile("add", "openai:a", stdin=TYPED)
        said = profile("export", "openai:a", "--reveal", "--output", str(tmp_path / "absent" / "held.json"))
        assert said.code == 1
        assert "cannot be written (ENOENT)" in said.stderr

    @pytest.mark.parametrize("content", [None, b"\xff", b"{", b""])
    def test_that_is_none_is_told(self, profile: Script, tmp_path: Path, content: bytes | None) -> None:
        path = tmp_path / "held.json"
        if content is not None:
            path.write_bytes(content)
        said = profile("import", "openai:a", "--mode", "api_key", str(path))
        assert said.code in {1, 2}
        assert said.stderr.count("\n") == 1
        assert kept("openai:a") is None


def test_a_terminal_is_not_shown_a_secret(profile: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    profile("add", "openai:a", stdin=TYPED)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    said = profile("export", "openai:a", "--reveal")
    assert (said.code, said.stdout) == (2, "")
    assert "would show the secret" in said.stderr


@pytest.mark.parametrize(
    "row",
    [
        ("nobody:a", "token", {"token": TYPED}, 1, "unknown provider: nobody"),
        ("openai:a", "", {"key": TYPED}, 2, "unsupported mode: "),
        ("openai:a", "magic", {"key": TYPED}, 2, "unsupported mode: magic"),
        ("openai:a", "oauth", GRANT, 2, "provider openai does not support mode: oauth"),
        ("openai:a", "api_key", {}, 2, "invalid API key data: "),
        ("openai:a", "api_key", None, 2, "invalid API key data: "),
        ("openai:a", "api_key", {"key": 5}, 2, "invalid API key data: "),
        ("openai:a", "api_key", {"token": TYPED}, 2, "invalid API key data: "),
        ("github:a", "token", {"token": ""}, 2, "invalid token data: "),
        ("github:a", "token", {"token": TYPED, "expires_at": "soon"}, 2, "invalid token data: "),
        ("gemini:a", "oauth", {"access_token": ""}, 2, "invalid OAuth data: "),
        ("gemini:a", "oauth", [], 2, "invalid OAuth data: "),
        ("aws-eks:a", "minted", {"cluster": "c"}, 2, "`region` is missing"),
        ("aws-eks:a", "minted", {"cluster": "c", "region": "r", "regoin": "r"}, 2, "there is no key `regoin`"),
        ("aws-eks:a", "token", {"token": TYPED}, 2, "provider aws-eks does not support mode: token"),
        ("openai:a/b", "api_key", {"key": TYPED}, 2, "a profile's name has at most"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_and_nothing_kept(
    profile: Script, own: Path, row: tuple[str, str, object, int, str]
) -> None:
    (id_, mode, data, code, told), before = row, content_of(own)
    said = profile("import", id_, "--mode", mode, stdin=json.dumps(data))
    assert (said.code, said.stdout) == (code, "")
    assert told in said.stderr
    assert TYPED not in said.stderr
    assert {name: content for name, content in content_of(own).items() if not name.endswith(".lock")} == before


class TestRemove:
    @pytest.mark.parametrize("command", ["remove", "delete"])
    def test_leaves_nothing_to_inherit(self, profile: Script, command: str) -> None:
        profile("add", "openai:a", "--priority", "5", stdin=TYPED)
        profile("report-failure", "openai:a", "--reason", "billing")
        profile("disable", "openai:a")
        assert profile(command, "openai:a").stdout == "removed openai:a\n"
        states = ProfileStates(os.environ)
        assert (KeptProfiles(os.environ).all(), states.decisions("openai").profiles) == ({}, {})
        assert (states.usage("openai").profiles, states.usage("openai").last_good) == ({}, "")
        profile("add", "openai:a", stdin=TYPED)
        assert profile("list").stdout.endswith("  ✓ a (api_key)\n\n")

    def test_of_nobody_is_told(self, profile: Script) -> None:
        said = profile("remove", "openai:nobody", "--json")
        assert json.loads(said.stdout) == {
            "schema": 1,
            "success": False,
            "error": "failed to delete profile: profile openai:nobody not found",
            "code": "profile_not_found",
        }
        assert said.code == 1

    def test_of_one_that_a_route_of_the_settings_needs_is_refused(self, profile: Script, config: Path) -> None:
        before = config.read_bytes()
        said = profile("remove", "static:forge")
        assert said.code == 2
        assert "https://git.example" in said.stderr
        assert config.read_bytes() == before

    def test_of_one_that_a_route_still_names_says_so(self, profile: Script, config: Path) -> None:
        profile("add", "openai:work", stdin=TYPED)
        said = profile("remove", "openai:work")
        assert said.code == 0
        assert f"still names openai:work; mend that in {config}" in said.stderr
