"""What the shell offers where a profile command wants an id."""

from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from fakes.accounts import Accounts
from fakes.own_vault import OwnVault
from keywright.manage.cli import keywright
from keywright.secret import Secret
from keywright.vault.keys import Kind

KNOWN = ["aws-ecr:spare", "aws-eks:prod", "github-app:acme", "openai:home", "openai:work", "static:forge"]
WRITTEN = [id_ for id_ in KNOWN if not id_.startswith("openai")]
OF_KNOWN = [
    *("delete", "disable", "enable", "export", "logout", "priority", "remove", "report-failure"),
    *("report-success", "set-priority", "show", "status", "test"),
]


@pytest.fixture(autouse=True)
def people(config: Path) -> None:
    for id_ in ("openai:work", "openai:home"):
        Accounts().keep(id_)


def offered(*words: str, begun: str = "") -> list[str]:
    found = ShellComplete(keywright, {}, "keywright", "_KEYWRIGHT_COMPLETE").get_completions([*words], begun)
    return [item.value for item in found]


@pytest.mark.parametrize("command", OF_KNOWN)
def test_of_what_there_is_the_ids(command: str) -> None:
    assert offered("profile", command) == KNOWN
    assert offered("profile", command, begun="open") == ["openai:home", "openai:work"]
    assert offered("profile", command, begun="nobody") == []


@pytest.mark.parametrize("command", ["add", "import", "login"])
def test_of_what_may_be_added_the_suggested_names_of_each_provider(command: str) -> None:
    assert offered("profile", command, begun="gemini") == ["gemini:default", "gemini:personal", "gemini:work"]
    assert len(offered("profile", command)) > len(KNOWN)


def test_every_command_that_wants_an_id_offers_some() -> None:
    group = keywright.commands["profile"]
    assert isinstance(group, click.Group)
    wanting = {
        name
        for name, command in group.commands.items()
        if any(isinstance(one, click.Argument) and one.name == "id_" for one in command.params)
    }
    assert wanting == {*OF_KNOWN, "add", "import", "login"}


def test_of_a_locked_vault_only_what_is_written_and_silently(
    vault: OwnVault, capfd: pytest.CaptureFixture[str]
) -> None:
    vault.lock()
    assert offered("profile", "show") == WRITTEN
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["config.toml", "providers.d/acme.toml"])
def test_of_wrong_files_what_can_be_read_and_silently(own: Path, capfd: pytest.CaptureFixture[str], name: str) -> None:
    (own / "providers.d").mkdir(mode=0o700)
    (own / name).write_text("nonsense")
    assert offered("profile", "show", begun="openai") == ["openai:home", "openai:work"]
    offered("profile", "add")
    assert capfd.readouterr() == ("", "")


def test_aliases_say_what_they_are_the_same_as() -> None:
    group = keywright.commands["profile"]
    assert isinstance(group, click.Group)
    told = {name: command.help for name, command in group.commands.items() if (command.help or "").startswith("Same")}
    assert told == {
        "delete": "Same as `remove`.",
        "set-priority": "Same as `priority`.",
        "status": "Same as `show`.",
        "providers": "Same as `keywright provider list`.",
    }


@pytest.mark.parametrize("command", ["token", "refresh", "invalidate"])
def test_who_takes_a_profile_is_offered_them(command: str) -> None:
    assert offered(command) == KNOWN


def test_token_auto_offers_providers() -> None:
    assert offered("token", "--auto", begun="open") == ["openai"]


def test_resolve_offers_a_provider_and_then_its_profiles_names() -> None:
    assert offered("resolve", begun="open") == ["openai"]
    assert offered("resolve", "openai") == ["home", "work"]
    assert offered("resolve", "--all", "openai", begun="an") == ["anthropic"]


@pytest.mark.parametrize(
    "words", [("provider", "show"), ("provider", "scopes"), ("profile", "list", "--provider"), ("resolve", "--chain")]
)
def test_who_takes_a_provider_is_offered_them(words: tuple[str, ...]) -> None:
    assert offered(*words, begun="gem") == ["gemini"]


def test_wrong_providers_hide_no_known_ones(own: Path) -> None:
    (own / "providers.d").mkdir(mode=0o700)
    (own / "providers.d" / "acme.toml").write_text("nonsense")
    assert offered("provider", "show", begun="gem") == ["gemini"]


def test_who_takes_a_mode_is_offered_them() -> None:
    assert offered("profile", "add", "--mode") == ["api_key", "minted", "oauth", "static", "token"]


def test_a_persons_own_secrets_are_offered_by_name(vault: OwnVault) -> None:
    with vault.vault.edit() as records:
        records.put("FORGE", Secret("s"))
    assert offered("vault", "get") == ["FORGE"]
    assert offered("vault", "remove", begun="X") == []
    assert offered("profile", "add", "--key-ref") == ["vault://FORGE"]
    vault.lock()
    assert offered("vault", "get") == []


def test_the_places_of_routes_are_offered_to_be_set_up() -> None:
    assert offered("install", "git") == ["https://git.example"]
    assert offered("install", "docker") == []


def test_no_keyring_is_asked_while_somebody_types(vault: OwnVault, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(*_: object, **__: object) -> bytes:
        raise AssertionError("the keyring was asked")

    monkeypatch.setattr("keywright.vault.keys.kind_of", lambda *_: Kind.KEYRING)
    monkeypatch.setattr("keywright.vault.os_keyring.read", ask)
    assert offered("profile", "show") == WRITTEN
    assert offered("vault", "get") == []


def test_every_parameter_that_names_a_thing_of_ours_offers_it() -> None:
    silent = {
        (*path, name)
        for path, command in commands(keywright)
        for name in (option.name for option in command.params if _takes_a_word(option))
        if name in {"profile", "id_", "provider", "names", "key_ref", "fallback", "chain"}
        and not any(param.name == name and param._custom_shell_complete for param in command.params)
    }
    assert silent == set()


def _takes_a_word(parameter: click.Parameter) -> bool:
    return not getattr(parameter, "is_flag", False)


def commands(group: click.Group, *above: str) -> list[tuple[tuple[str, ...], click.Command]]:
    found: list[tuple[tuple[str, ...], click.Command]] = []
    for name, command in group.commands.items():
        found += commands(command, *above, name) if isinstance(command, click.Group) else [((*above, name), command)]
    return found
