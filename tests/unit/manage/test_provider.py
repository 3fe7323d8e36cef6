"""`keywright provider`, as a person or a script runs it."""

import json
from pathlib import Path

import pytest

from fakes.terminal import Said, Terminal
from keywright.errors import ConfigurationError, KeywrightError, ProfileNotFound, Unavailable

TEN = ["anthropic", "cohere", "deepseek", "gemini", "groq", "minimax", "mistral", "openai", "qwen", "xai"]
ACME = """\
label = "Acme"
modes = ["api_key"]
hosts = ["api.acme.example"]
headers = ["x-acme-key: {secret}", "x-acme-version: 2"]
username = "me"
validate = "GET https://api.acme.example/me"
cooldown_bypass = true
"""


@pytest.fixture
def own(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KEYWRIGHT_HOME", str(home / "kw"))
    return home / "kw"


@pytest.fixture
def keywright(own: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(monkeypatch, capfd)


@pytest.fixture
def acme(home: Path) -> str:
    path = home / "acme.toml"
    path.write_text(ACME)
    return str(path)


class TestList:
    def test_in_json_has_six_facts_of_each_sorted_by_name(self, keywright: Terminal) -> None:
        document = json.loads(keywright("provider", "list", "--json").stdout)
        assert list(document) == ["schema", "providers"]
        assert document["schema"] == 1
        names = [row["name"] for row in document["providers"]]
        assert names == sorted(names)
        assert [name for name in names if name in TEN] == TEN
        for row in document["providers"]:
            assert list(row) == ["name", "label", "description", "modes", "env_key", "website"]
        assert next(row for row in document["providers"] if row["name"] == "anthropic") == {
            "name": "anthropic",
            "label": "Anthropic",
            "description": "Anthropic API (Claude)",
            "modes": ["api_key", "oauth"],
            "env_key": "ANTHROPIC_API_KEY",
            "website": "https://console.anthropic.com/settings/keys",
        }

    @pytest.mark.parametrize(
        ("mode", "names"),
        [
            ("oauth", ["anthropic", "gemini", "minimax", "qwen"]),
            ("token", ["docker", "github", "gitlab", "npm", "pypi"]),
            ("api_key", TEN),
            ("static", ["static"]),
            ("minted", ["access-key", "aws-codecommit", "aws-ecr", "aws-eks", "github-app"]),
        ],
    )
    def test_by_mode(self, keywright: Terminal, mode: str, names: list[str]) -> None:
        document = json.loads(keywright("provider", "list", "--mode", mode, "--json").stdout)
        assert [row["name"] for row in document["providers"]] == names
        lines = keywright("provider", "list", "--mode", mode).stdout.splitlines()
        assert [line.split()[0] for line in lines] == ["NAME", *names]

    def test_is_a_table_for_people(self, keywright: Terminal) -> None:
        assert keywright("provider", "list", "--mode", "oauth").stdout.splitlines()[:3] == [
            "NAME       LABEL           MODES           VARIABLE",
            "anthropic  Anthropic       api_key, oauth  ANTHROPIC_API_KEY",
            "gemini     Google Gemini   oauth, api_key  GOOGLE_API_KEY",
        ]


class TestShow:
    def test_in_json_has_all_there_is_and_nothing_empty(self, keywright: Terminal) -> None:
        assert json.loads(keywright("provider", "show", "gemini", "--json").stdout) == {
            "schema": 1,
            "name": "gemini",
            "label": "Google Gemini",
            "description": "Google Gemini API",
            "modes": ["oauth", "api_key"],
            "env_key": "GOOGLE_API_KEY",
            "website": "https://ai.google.dev/",
            "oauth_endpoint": {
                "auth_url": "https://accounts.google.com/o/oauth2/v2/auth",
                "token_url": "https://oauth2.googleapis.com/token",
                "scopes": ["openid", "email", "profile", "https://www.googleapis.com/auth/cloud-platform"],
            },
            "hosts": ["generativelanguage.googleapis.com"],
            "headers": ["x-goog-api-key: {secret}"],
            "validate": "GET https://generativelanguage.googleapis.com/v1beta/models",
        }
        assert json.loads(keywright("provider", "show", "qwen", "--json").stdout)["oauth_endpoint"] == {
            "scopes": ["openid", "email", "profile"]
        }

    def test_finds_a_name_in_any_case(self, keywright: Terminal) -> None:
        said = keywright("provider", "show", "OpenAI")
        assert (said.code, said.stderr) == (0, "")
        assert said.stdout.splitlines() == [
            "name         openai",
            "label        OpenAI",
            "description  OpenAI API (GPT-4, GPT-3.5)",
            "modes        api_key",
            "env_key      OPENAI_API_KEY",
            "website      https://platform.openai.com/api-keys",
            "hosts        api.openai.com",
            "headers      Authorization: Bearer {secret}",
            "validate     GET https://api.openai.com/v1/models",
        ]


class TestScopes:
    @pytest.mark.parametrize(
        ("args", "scopes"),
        [
            (("anthropic",), ["openid", "email", "profile"]),
            (("GEMINI",), ["openid", "email", "profile", "https://www.googleapis.com/auth/cloud-platform"]),
            (("anthropic", "unknown"), ["openid", "email", "profile"]),
        ],
    )
    def test_are_one_per_line_or_a_document(
        self, keywright: Terminal, args: tuple[str, ...], scopes: list[str]
    ) -> None:
        assert keywright("provider", "scopes", *args) == Said(0, "".join(f"{scope}\n" for scope in scopes), "")
        assert json.loads(keywright("provider", "scopes", *args, "--json").stdout) == {
            "schema": 1,
            "provider": args[0].lower(),
            "service": args[1] if len(args) > 1 else "",
            "scopes": scopes,
        }

    def test_of_a_service_of_ones_own_are_its_own(self, keywright: Terminal, home: Path) -> None:
        path = home / "gemini-drive.toml"
        path.write_text('modes = ["oauth"]\nparent_provider = "gemini"\nscopes = ["drive"]\n')
        assert keywright("provider", "add", str(path)).code == 0
        assert keywright("provider", "scopes", "gemini", "drive") == Said(0, "drive\n", "")


class TestAdd:
    def test_keeps_it_for_every_call_that_follows(self, keywright: Terminal, own: Path, acme: str) -> None:
        kept = f"{own}/providers.d/acme.toml"
        assert keywright("provider", "add", acme) == Said(0, f"added {kept}\n", "")
        assert Path(kept).read_text() == ACME
        assert json.loads(keywright("provider", "show", "acme", "--json").stdout) == {
            "schema": 1,
            "name": "acme",
            "label": "Acme",
            "modes": ["api_key"],
            "hosts": ["api.acme.example"],
            "headers": ["x-acme-key: {secret}", "x-acme-version: 2"],
            "username": "me",
            "validate": "GET https://api.acme.example/me",
            "cooldown_bypass": True,
            "file": kept,
        }
        assert f"file             {kept}" in keywright("provider", "show", "acme").stdout
        assert "cooldown_bypass  yes" in keywright("provider", "show", "acme").stdout
        rows = [line.split() for line in keywright("provider", "list").stdout.splitlines()]
        assert ["acme", "Acme", "api_key"] in rows

    def test_twice_is_an_error(self, keywright: Terminal, acme: str) -> None:
        keywright("provider", "add", acme)
        assert keywright("provider", "add", acme) == Said(2, "", "keywright: provider acme already exists [usage]\n")


@pytest.mark.parametrize(
    ("args", "told", "kind"),
    [
        (("show", "nobody"), "unknown provider: nobody", ProfileNotFound),
        (("show", ""), "unknown provider: ", ProfileNotFound),
        (("show", "a\x1b[31mb"), "unknown provider: a\\x1b[31mb", ProfileNotFound),
        (("show", "nobody", "--json"), "unknown provider: nobody", ProfileNotFound),
        (("scopes", "nobody"), "unknown provider: nobody", ProfileNotFound),
        (("scopes", "openai"), "no OAuth scopes defined for provider openai", Unavailable),
        (("scopes", "openai", "files", "--json"), "no OAuth scopes defined for provider openai", Unavailable),
        (("add", "/nowhere.toml"), "/nowhere.toml cannot be read (ENOENT)", ConfigurationError),
    ],
)
def test_what_is_not_there_is_one_line(
    keywright: Terminal, args: tuple[str, ...], told: str, kind: type[KeywrightError]
) -> None:
    document = (
        json.dumps({"schema": 1, "success": False, "error": told, "code": kind.code}) + "\n" if "--json" in args else ""
    )
    assert keywright("provider", *args) == Said(kind.exit_code, document, f"keywright: {told} [{kind.code}]\n")


@pytest.mark.parametrize("args", [("list", "--mode", "password"), ("show",), ("add",), ("frobnicate",)])
def test_a_wrong_word_is_exit_2(keywright: Terminal, args: tuple[str, ...]) -> None:
    said = keywright("provider", *args)
    assert (said.code, said.stdout) == (2, "")


@pytest.mark.parametrize("args", [("list",), ("show", "openai"), ("scopes", "gemini"), ("list", "--json")])
def test_a_wrong_file_is_told_in_one_line_by_every_command(
    keywright: Terminal, own: Path, args: tuple[str, ...]
) -> None:
    path = own / "providers.d/acme.toml"
    path.parent.mkdir(parents=True)
    path.write_text('modes = ["api_key"]\nhost = ["a.example"]\n')
    said = keywright("provider", *args)
    what = f"{path}: there is no key `host`"
    document = (
        json.dumps({"schema": 1, "success": False, "error": what, "code": "configuration"}) + "\n"
        if "--json" in args
        else ""
    )
    assert said == Said(2, document, f"keywright: {what}; did you mean `hosts`? [configuration]\n")
