"""The manual pages: clean for mandoc, complete, the same twice, and from nothing but the program itself."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import click
import pytest

from clients.sandbox import find_program
from keywright.bin.renew import DIALECTS
from keywright.dialects.kube import USAGE
from keywright.errors import ERRORS
from keywright.manage.cli import keywright
from keywright.settings.model import MARGINS, OPTIONS, RANKS, WRITTEN
from keywright.settings.turns import OVERRIDES, SPANS, Preference
from page_facts import VARIABLES
from roff import Page, escape
from write_pages import date_of, pages

WRITE: Final = Path(__file__).parents[2] / "packaging" / "manual" / "write_pages.py"
EPOCH: Final = {"SOURCE_DATE_EPOCH": "1767322800"}
OVERSTRUCK: Final = re.compile(r".\x08")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages, written as a package's build does."""
    folder = tmp_path_factory.mktemp("man")
    env = {**os.environ, **EPOCH}
    subprocess.run([sys.executable, str(WRITE), str(folder)], env=env, check=True, capture_output=True, cwd="/")
    return folder


@pytest.fixture(scope="module")
def rendered(folder: Path) -> Mapping[str, str]:
    """Each page as a reader sees it, on one line: a broken one breaks no word."""
    mandoc = find_program("mandoc")
    shown: dict[str, str] = {}
    for path in sorted(folder.glob("*/*")):
        command = [mandoc, "-T", "utf8", "-O", "width=200", str(path)]
        done = subprocess.run(command, check=True, capture_output=True, encoding="utf-8")
        shown[path.name] = " ".join(OVERSTRUCK.sub("", done.stdout).split())
    return shown


def commands(group: click.Group, *above: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        yield (*above, name), command
        if isinstance(command, click.Group):
            yield from commands(command, *above, name)


ALL: Final = dict(commands(keywright))


def test_mandoc_has_nothing_to_say(folder: Path) -> None:
    paths = [str(path) for path in sorted(folder.glob("*/*"))]
    done = subprocess.run(
        [find_program("mandoc"), "-T", "lint", "-W", "warning", *paths], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_there_is_a_page_for_each_command_each_client_and_the_settings(folder: Path) -> None:
    assert {str(path.relative_to(folder)) for path in folder.glob("*/*")} == {
        "man1/keywright.1",
        *(f"man1/keywright-{name}.1" for name in keywright.commands),
        *(f"man1/{name}.1" for name in DIALECTS),
        "man5/keywright-config.5",
    }


def test_they_are_the_same_twice(folder: Path) -> None:
    assert {page.file: page.text for page in pages(EPOCH)} == {
        str(path.relative_to(folder)): path.read_text() for path in folder.glob("*/*")
    }


@pytest.mark.parametrize(
    ("env", "changelog", "date"),
    [
        (EPOCH, "", "2026-01-02"),
        ({}, "## [0.2.0] - unreleased\n## [0.1.0] - 2026-02-03\n## [0.0.1] - 2025-01-01\n", "2026-02-03"),
        ({}, "## [0.1.0] - unreleased\n", ""),
    ],
)
def test_their_date_is_never_today(env: Mapping[str, str], changelog: str, date: str) -> None:
    assert date_of(env, changelog) == date


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_command_and_option_says_what_it_does(words: tuple[str, ...]) -> None:
    command = ALL[words]
    assert command.help
    silent = [param.name for param in command.params if isinstance(param, click.Option) and not param.help]
    assert not silent, f"options of `keywright {' '.join(words)}` without a help text"


@pytest.mark.parametrize(
    "words", [words for words, one in ALL.items() if not isinstance(one, click.Group)], ids=" ".join
)
def test_every_option_and_argument_is_in_its_page(rendered: Mapping[str, str], words: tuple[str, ...]) -> None:
    page, command = rendered[f"keywright-{words[0]}.1"], ALL[words]
    assert f"keywright {' '.join(words)}" in page
    for param in command.params:
        if isinstance(param, click.Option):
            if param.hidden:
                continue
            assert param.help
            assert " ".join(param.help.split()).replace("`", "") in page
            assert all(f" {name}" in page for name in (*param.opts, *param.secondary_opts))
        else:
            assert param.make_metavar(click.Context(command)) in page


def test_the_first_page_lists_every_command_code_and_variable(rendered: Mapping[str, str]) -> None:
    page = rendered["keywright.1"]
    assert all(f"keywright-{name}(1)" in page for name in keywright.commands)
    assert all(f" {code} " in page for code in ERRORS)
    for names, _, readers in VARIABLES:
        own = [
            rendered["keywright.1" if one in {"all", "keywright"} else f"{one}-credential-keywright.1"]
            for one in readers
        ]
        assert all(name in page for page in own for name in names)


@pytest.mark.parametrize("name", sorted(DIALECTS.keys() - {"keywright"}))
def test_a_clients_page_has_exit_codes_environment_and_files(rendered: Mapping[str, str], name: str) -> None:
    page = rendered[f"{name}.1"]
    for head in ("SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "ENVIRONMENT", "FILES", "SEE ALSO"):
        assert head in page
    assert all(f"{code}" in page for code in ERRORS)
    assert "KEYWRIGHT_HOME" in page
    assert ("GIT_TERMINAL_PROMPT" in page) is (name.startswith("git"))


def test_kubes_page_has_every_option_of_its_usage(rendered: Mapping[str, str]) -> None:
    flags = set(re.findall(r"--[a-z-]+", USAGE))
    assert len(flags) > 7
    assert not [flag for flag in flags if flag not in rendered["kube-credential-keywright.1"]]


def test_every_setting_is_in_its_page(rendered: Mapping[str, str]) -> None:
    page = rendered["keywright-config.5"]
    keys = {"version", "provider", "default_preference", "client", "url", "profiles", "prefer", *MARGINS, *RANKS}
    keys |= {*SPANS, *OVERRIDES, *Preference, "[cooldown.by_provider.NAME]", "[[routes]]"}
    assert not [key for key in keys if f" {key} " not in page]
    for provider in WRITTEN:
        part = page.partition(f'[profiles."{provider}:NAME"]')[2].partition("[profiles.")[0]
        assert not [field for field in OPTIONS[provider]._fields if f" {field} = " not in part]


def test_what_roff_would_take_for_its_own_is_escaped() -> None:
    assert escape(".TH") == r"\&.TH"
    assert escape("a\\b 'c' -d …") == r"a\eb \(aqc\(aq \-d \[u2026]"
    page = Page("x", 1, "about `y`", date="", source="z")
    page.head("H")
    page.tell("One.\n\n\b\n  two  three\n\nFour.")
    page.define("--five", "Six.")
    assert page.text.splitlines()[3:] == [
        ".SH H",
        "One.",
        *(".PP", ".RS 4", ".nf", "  two  three", ".fi", ".RE"),
        *(".PP", "Four."),
        *(".TP", r"\fB\-\-five\fR", "Six."),
    ]
