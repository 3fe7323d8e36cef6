"""Every document, as its command really prints it: of an empty house, a full one and one where things fail."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import time_machine

from fakes.documents import check_document, closed, name_of, validator
from fakes.full_house import furnish, issuer_of_logins
from fakes.minter import Minter
from fakes.oauth_issuer import OAuthIssuer
from fakes.own_vault import OwnVault
from fakes.profile_script import Script
from fakes.terminal import Said, Terminal
from keywright.errors import ERRORS, Unreachable
from keywright.manage.cli import keywright
from keywright.manage.schema.documents import ALIASES, DOCUMENTS, schema_of
from keywright.profiles.mode import Mode

ANY = -1
"""Whatever the exit code is: what `doctor` finds depends on the machine."""
OF_NO_COMMAND = {"failure"}
"""Documents of no one command: what many print that fail."""


class Commands:
    """Runs commands with `--json`, each checked against its schema; remembers which."""

    def __init__(self, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
        self._terminal = terminal
        self._script = Script(terminal, monkeypatch)
        self.seen: set[str] = set()

    def __call__(self, line: str, stdin: str = "", code: int = 0) -> Any:
        args = (*line.split(), "--json")
        said: Said = self._script(*args[1:], stdin=stdin) if args[0] == "profile" else self._terminal(*args)
        assert code in {ANY, said.code}, said
        self.seen.add(ALIASES.get(name_of(args), name_of(args)))
        check_document(args, said.stdout)
        return json.loads(said.stdout)


@pytest.fixture
def own(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = home / "kw"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("KEYWRIGHT_HOME", str(folder))
    return folder


@pytest.fixture
def terminal(own: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(monkeypatch, capfd)


@pytest.fixture
def commands(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> Commands:
    return Commands(terminal, monkeypatch)


@pytest.fixture
def full(own: Path, monkeypatch: pytest.MonkeyPatch) -> Minter:
    return furnish(own, monkeypatch)


@pytest.fixture
def issuer(own: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OAuthIssuer]:
    with issuer_of_logins(own, monkeypatch) as server:
        yield server


def test_of_an_empty_house(commands: Commands) -> None:
    assert commands("status")["credentials"] == []
    assert commands("cache stats")["total_entries"] == 0
    assert commands("vault status")["state"] == "none"
    assert commands("why docker ghcr.io")["outcome"] == "not_mine"
    assert commands("profile list")["profiles"] == []
    assert commands("refresh --due")["renewed"] == []
    assert commands("resolve openai", code=1)["error"]


def test_of_a_full_house(commands: Commands, full: Minter, issuer: OAuthIssuer, tmp_path: Path) -> None:
    commands("profile report-failure openai:work --reason billing --message no-money")
    commands("profile report-failure github:me --reason rate_limit --retry-after 60")
    commands("profile disable openai:home")
    (row,) = (row for row in commands("status")["credentials"] if row["clients"])
    assert (row["state"], row["clients"]) == ("fresh", ["docker"])
    commands("cache stats")
    assert len(commands("vault list")["records"]) > 2
    commands("vault status")
    assert {row["mode"] for row in commands("profile list")["profiles"]} == {*Mode}
    for id_ in ("openai:work", "openai:home", "github:me", "github-app:acme", "static:forge"):
        assert commands(f"profile show {id_}")["id"] == id_
        commands(f"profile test {id_}", code=1 if id_ == "openai:home" else 0)
    commands("profile enable openai:home")
    commands("profile report-success github:me")
    commands("profile set-priority openai:work -3")
    commands("profile add groq:me", stdin="gsk-typed")
    commands("profile export groq:me")
    commands(f"profile export groq:me --output {tmp_path}/groq.json --reveal")
    commands(f"profile import groq:new {tmp_path}/groq.json --mode api_key")
    commands("profile delete groq:me")
    commands("profile login acme:ann")
    commands("profile show acme:ann")
    commands("profile logout acme:ann")
    commands("provider list")
    for provider in ("openai", "gemini", "github", "acme", "aws-eks"):
        commands(f"provider show {provider}")
    commands("provider scopes gemini")
    assert commands("resolve openai")["profile"]
    assert commands("resolve openai --reveal")["credential"]
    assert len(commands("resolve --all openai groq")["results"]) == 2
    commands("classify HTTP402")
    assert commands("why docker ghcr.io")["outcome"] == "cached"
    assert commands("why git https://git.example/app")["outcome"] == "not_mine"
    assert commands("why token openai:home")["profiles"]
    commands("why kube https://kube.example")
    assert commands("doctor --offline", code=ANY)["findings"]
    (tmp_path / "other.toml").write_text('modes = ["api_key"]\nhosts = ["a.example"]\nenv_key = "A"\n')
    commands(f"provider add {tmp_path}/other.toml")
    commands("refresh --due")
    assert commands.seen == DOCUMENTS.keys() - OF_NO_COMMAND


def test_of_a_house_where_things_fail(
    commands: Commands, full: Minter, own: Path, clock: time_machine.Traveller
) -> None:
    full.failure = Unreachable("down", mend="wait")
    clock.shift(3000)
    (failed,) = commands("refresh --due", code=1)["failed"]
    assert (failed["code"], failed["mend"]) == ("unreachable", "wait")
    (row,) = (row for row in commands("status")["credentials"] if row["last_error"])
    assert row["last_error"]["code"] == "unreachable"
    assert commands("resolve github-app acme", code=0)["profile"] == "github-app:acme"
    assert commands("why docker ghcr.io")["profiles"][0]["last_failure"]["code"] == "unreachable"
    clock.shift(3000)
    assert "down" in commands("resolve github-app acme", code=1)["error"]
    assert commands("profile show openai:nobody", code=1)["code"] == "profile_not_found"
    OwnVault().lock()
    assert commands("vault status")["state"] == "locked"
    assert commands("profile add groq:me", stdin="gsk-typed", code=4)["code"] == "vault_locked"
    (own / "config.toml").write_text("nonsense")
    assert commands("why docker ghcr.io")["error"]["code"] == "configuration"
    assert commands("profile list", code=2)["code"] == "configuration"


def with_json(group: click.Group, *above: str) -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from with_json(command, *above, name)
        elif any("--json" in param.opts for param in command.params):
            yield "-".join((*above, name))


def test_every_command_that_prints_a_document_has_its_schema() -> None:
    found = set(with_json(keywright))
    assert {ALIASES.get(name, name) for name in found} == DOCUMENTS.keys() - OF_NO_COMMAND
    assert ALIASES.keys() <= found


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_a_schema_is_valid_versioned_and_open_to_later_fields(name: str) -> None:
    schema = schema_of(name)
    validator(name)
    assert schema["$id"] == f"urn:keywright:schema:{name}:1"
    assert '"additionalProperties": false' not in json.dumps(schema)
    assert '"additionalProperties": false' in json.dumps(closed(schema))


def test_what_is_not_announced_fails_in_tests() -> None:
    told = {"schema": 1, "reason": "billing"}
    check_document(("classify", "--json"), json.dumps(told))
    for wrong in (told | {"more": 1}, {"reason": "billing"}, told | {"reason": "whatever"}, told | {"schema": 2}):
        with pytest.raises(AssertionError, match="its schema does not know"):
            check_document(("classify", "--json"), json.dumps(wrong))


def test_the_codes_of_failures_are_those_of_errors_with_their_exit_codes() -> None:
    told = {one["const"]: one["description"] for one in schema_of("failure")["properties"]["code"]["oneOf"]}
    assert told.keys() == ERRORS.keys()
    assert all(told[code].startswith(f"exit code {kind.exit_code}: ") for code, kind in ERRORS.items())


def test_the_command_lists_and_prints_them(terminal: Terminal) -> None:
    assert terminal("schema").stdout.split() == sorted(DOCUMENTS)
    assert json.loads(terminal("schema", "profile", "delete").stdout) == schema_of("profile-remove")
    assert terminal("schema", "vault-list").stdout == terminal("schema", "vault", "list").stdout
    assert terminal("schema", "nonsense") == (
        2,
        "",
        "keywright: there is no document `nonsense`; `keywright schema` lists them [usage]\n",
    )
