"""What the shell offers where a profile command wants an id."""

from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from fakes.accounts import Accounts
from fakes.own_vault import OwnVault
from keywright.manage.cli import keywright

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
