"""What a shell loads, and what it is told at a Tab: never more than offers, and an exit code of 0."""

import os
import sys
from pathlib import Path

import pytest

from keywright.manage.cli import keywright, run
from keywright.manage.completion import offers
from keywright.manage.completion.shells import SHELLS, Bash, script_for


class Tab:
    """Asks as a shell's script does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capfd = capfd

    def __call__(self, line: str, shell: str = "bash") -> list[str]:
        for name, value in {
            "_KEYWRIGHT_COMPLETE": f"{shell}_complete",
            "COMP_LINE": line,
            "COMP_WORDS": line,
            "COMP_CWORD": line.rpartition(" ")[2] if shell == "fish" else str(line.count(" ")),
        }.items():
            self._monkeypatch.setenv(name, value)
        self._monkeypatch.setattr(sys, "argv", ["keywright"])
        assert run() == 0
        told = self._capfd.readouterr()
        assert told.err == ""
        return told.out.splitlines()


@pytest.fixture
def tab(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], own: Path) -> Tab:
    return Tab(monkeypatch, capfd)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_asks_in_its_shells_name(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    script = script_for(shell, keywright)
    assert f"_KEYWRIGHT_COMPLETE={shell}_complete" in script
    assert script.endswith("\n")
    assert "%(" not in script
    assert capsys.readouterr().err == ""


def test_the_command_prints_that_script(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["keywright", "completion", "zsh"])
    assert run() == 0
    assert capsys.readouterr().out == script_for("zsh", keywright)
    assert script_for("zsh", keywright).startswith("#compdef keywright\n")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("keywright st", ([], "st")),
        ("keywright ", ([], "")),
        ("keywright", ([], "")),
        ("", ([], "")),
        ("keywright profile show open", (["profile", "show"], "open")),
        ("keywright export a\\ ", (["export"], "a ")),
        ("keywright 'pro", ([], "pro")),
    ],
)
def test_bash_tells_the_line_up_to_the_cursor(
    monkeypatch: pytest.MonkeyPatch, line: str, words: tuple[list[str], str]
) -> None:
    monkeypatch.setenv("COMP_LINE", line)
    assert Bash(keywright, {}, "keywright", "_KEYWRIGHT_COMPLETE").get_completion_args() == words


def test_each_shell_is_told_in_its_own_way(tab: Tab) -> None:
    assert tab("keywright cache ") == ["plain,stats"]
    assert tab("keywright cache ", "zsh") == ["plain", "stats", "Count what is cached."]
    assert tab("keywright cache ", "fish") == ["plain,stats\tCount what is cached."]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_value_of_an_option_is_offered_with_it(tab: Tab, shell: str) -> None:
    assert any("--mode=oauth" in line for line in tab("keywright profile list --mode=oa", shell))


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("line", ["keywright profile show ", "keywright token ", "keywright install git "])
@pytest.mark.usefixtures("config")
def test_wrong_settings_are_nothing_to_offer(tab: Tab, own: Path, shell: str, line: str) -> None:
    (own / "config.toml").write_text("nonsense")
    assert tab(line, shell) in ([], [""])


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("line", ["keywright profile show '", 'keywright "', "keywright nobody knows --this ", "x"])
def test_no_line_is_an_error(tab: Tab, shell: str, line: str) -> None:
    tab(line, shell)


@pytest.mark.parametrize("value", ["tcsh_complete", "bash_dance", "nonsense"])
def test_a_shell_that_is_none_gets_nothing(tab: Tab, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    assert tab("keywright ", value.removesuffix("_complete")) in ([], [""])


def test_what_breaks_is_not_shown(tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        os.write(2, b"a library's warning\n")
        raise ZeroDivisionError

    monkeypatch.setattr(offers, "_known", broken)
    assert tab("keywright profile show ") == []
