"""git's file: scopes, and what of it is shown."""

import os
from pathlib import Path

import pytest

from keywright.errors import UsageError
from keywright.manage.install.base import CHANGED
from keywright.manage.install.git import GitFile, git_path, scope_of, scopes_of, wishes_for
from keywright.request import Client, Url
from keywright.settings.model import Route, Settings

HELPER = "/opt/bin/git-credential-keywright"
FILE = GitFile("/home/me/.gitconfig", "git", {})
ROUTES = Settings(
    source="/config.toml",
    stamp="",
    routes=(
        Route(Client.GIT, Url("https", "github.com", "acme"), ("github-app:acme",)),
        Route(Client.GIT, Url("https", "github.com", "umbrella"), ("github-app:acme",)),
        Route(Client.GIT, Url("https", "*.example.com"), ("github-app:acme",)),
        Route(Client.DOCKER, Url("", "ghcr.io", "acme"), ("github-app:acme",)),
    ),
)


@pytest.mark.parametrize(
    ("url", "scope"),
    [
        ("https://github.com", "https://github.com"),
        ("https://GitHub.com:443/", "https://github.com"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("https://*.example.com", "https://*.example.com"),
    ],
)
def test_a_scope_is_scheme_and_host(url: str, scope: str) -> None:
    assert scope_of(url) == scope


@pytest.mark.parametrize(
    "url", ["github.com", "https://github.com/acme", "ssh://github.com", "https://u:p@github.com", "", "https://a\nb"]
)
def test_what_is_no_scope_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        scope_of(url)


def test_every_host_of_the_routes_is_one_scope() -> None:
    assert scopes_of(ROUTES) == ["https://*.example.com", "https://github.com"]


def test_the_path_is_asked_for_where_a_route_needs_it() -> None:
    wishes = wishes_for(scopes_of(ROUTES), HELPER, ROUTES, is_alone=True)
    assert [(wish.target, wish.value) for wish in wishes] == [
        ("credential.https://*.example.com.helper", ["", HELPER]),
        ("credential.https://github.com.helper", ["", HELPER]),
        ("credential.https://github.com.useHttpPath", ["true"]),
    ]


def test_a_helper_for_every_host_asks_for_the_paths_too() -> None:
    wishes = wishes_for([""], HELPER, ROUTES, is_alone=False)
    assert [(wish.target, wish.value) for wish in wishes] == [
        ("credential.helper", [HELPER]),
        ("credential.https://github.com.useHttpPath", ["true"]),
    ]


def test_a_path_with_blanks_is_quoted_for_gits_shell() -> None:
    (wish,) = wishes_for(["https://a.b"], f"/my tools{HELPER}", Settings("", ""), is_alone=False)
    assert wish.value == [f"!'/my tools{HELPER}'"]
    assert FILE.is_ours(wish.target, wish.value)


@pytest.mark.parametrize(
    ("target", "value", "is_ours"),
    [
        ("credential.helper", ["keywright"], True),
        ("credential.helper", ["", HELPER], True),
        ("credential.helper", ["store"], False),
        ("credential.helper", [HELPER, "store"], False),
        ("credential.helper", ["true"], False),
        ("credential.https://a.b.useHttpPath", ["yes"], True),
        ("credential.https://a.b.useHttpPath", ["false"], False),
    ],
)
def test_what_is_ours_is_told_from_what_is_not(target: str, value: list[str], is_ours: bool) -> None:
    assert FILE.is_ours(target, value) is is_ours
    assert FILE.may_be_secret(target, value) is not is_ours


@pytest.mark.parametrize(
    ("found", "left"),
    [
        (["", HELPER], ["gh"]),
        (["", HELPER, "store"], ["gh", "store"]),
        (["cache", "", HELPER], ["cache", "gh"]),
        ([HELPER], CHANGED),
        (["store"], CHANGED),
    ],
)
def test_helpers_that_came_since_stay(found: list[str], left: object) -> None:
    assert FILE.without(found, ["", HELPER], ["gh"]) == left


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('[credential "https://github.com"]', '[credential "https://github.com"]'),
        ('[credential "https://me:canary@github.com"]', "<masked>"),
        ('[url "https://canary@github.com/"]', "<masked>"),
        ("\thelper = store", "\thelper = store"),
        ("\thelper = ", "\thelper = "),
        ("\thelper = store --file /canary", "\thelper = store <masked>"),
        ("\thelper = !f() { echo password=canary; }; f", "\thelper = <masked>"),
        ('\thelper = "canary=1 x"', "\thelper = <masked>"),
        ("\textraHeader = Authorization: canary", "<masked>"),
        ("canary continued", "<masked>"),
        ("\tuseHttpPath = true", "\tuseHttpPath = true"),
    ],
)
def test_only_plain_lines_are_shown(line: str, shown: str) -> None:
    assert FILE.lines(f"{line}\n".encode()) == [shown]


def test_the_file_is_the_one_that_git_writes(home: Path) -> None:
    env = {"HOME": str(home)}
    own, xdg = home / ".gitconfig", home / ".config/git/config"
    assert git_path(env) == str(own)
    xdg.parent.mkdir(parents=True)
    xdg.write_text("")
    assert git_path(env) == str(xdg)
    own.write_text("")
    assert git_path(env) == str(own)
    assert git_path({**env, "GIT_CONFIG_GLOBAL": "/other"}) == "/other"
    assert os.path.isabs(git_path({**env, "GIT_CONFIG_GLOBAL": "other"}))


@pytest.mark.parametrize(
    ("text", "is_ours"),
    [
        ("keywright", True),
        ("/x/git-credential-keywright", True),
        ("!'/x y/git-credential-keywright'", True),
        ("!/x/git-credential-keywright", True),
        ('!f() { curl -H "T: canary"; }; f; /x/git-credential-keywright', False),
        ("!canary=1 /x/git-credential-keywright", False),
        ("!$(canary)/git-credential-keywright", False),
        ("/x/git-credential-keywright --canary", False),
        ("x/git-credential-keywright", False),
        ("!'/x/git-credential-keywright", False),
    ],
)
def test_a_line_of_shell_that_ends_in_our_path_is_somebody_elses(text: str, is_ours: bool) -> None:
    editor = GitFile("/home/me/.gitconfig", "git", {})
    assert editor.is_ours("credential.helper", [text]) == is_ours
    assert editor.may_be_secret("credential.helper", [text]) != is_ours


def test_codecommit_is_told_the_path_without_any_route() -> None:
    scope = "https://git-codecommit.eu-central-1.amazonaws.com"
    wishes = wishes_for([scope], "/x/git-credential-keywright", Settings(source="/c", stamp="-"), is_alone=False)
    assert [(wish.target, wish.value) for wish in wishes][1:] == [(f"credential.{scope}.useHttpPath", ["true"])]
