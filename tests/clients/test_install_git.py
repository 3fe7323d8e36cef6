"""`keywright install git` with the real git: what it writes, git reads, and what was there comes back."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

from clients.app import App
from clients.sandbox import WAIT_AT_MOST_S, Done, Sandbox, find_program, route
from fakes.own_vault import OwnVault
from fakes.terminal import Terminal
from keywright.demo.git_server import GitServer
from keywright.demo.github import GitHubIssuer
from keywright.manage.install import git as install_git
from keywright.manage.install.program import run_tool

HELPER: Final = "git-credential-keywright"
HOST: Final = "https://github.com"
MINE: Final = """\
# kept: with its comment
[user]
\tname = Me  ; and this one
[credential "https://github.com"]
\tusername = me
[alias]
\tco = checkout
"""
SHELL: Final = '!f() { test $1 = get && echo "password=can\\\\ary;#"; }; f'


@pytest.fixture
def gitconfig(sandbox: Sandbox) -> Path:
    """The file that git writes."""
    find_program("git")
    return sandbox.home / ".gitconfig"


def values(sandbox: Sandbox, key: str) -> list[str]:
    """Return what git reads at a key."""
    return sandbox.run("git", "config", "--global", "--get-all", key).stdout.splitlines()


def install(sandbox: Sandbox, *words: str, env: Mapping[str, str] | None = None) -> Done:
    """Run `keywright install git`, which has to succeed."""
    done = sandbox.run("keywright", "install", "git", *words, env=env)
    assert done.code == 0, done.stderr
    return done


@pytest.mark.parametrize("words", [(HOST,), (HOST, "--only"), (HOST, "http://localhost:1"), ("--all",)])
@pytest.mark.parametrize("before", [MINE, "", None])
def test_in_and_out_again_is_byte_for_byte(
    sandbox: Sandbox, gitconfig: Path, words: tuple[str, ...], before: str | None
) -> None:
    if before is not None:
        gitconfig.write_text(before)
        gitconfig.chmod(0o640)
    install(sandbox, *words)
    key = "credential.helper" if words == ("--all",) else f"credential.{HOST}.helper"
    reset = [""] if "--only" in words else []
    assert values(sandbox, key) == [*reset, str(find_program(HELPER))]
    during = gitconfig.read_bytes()
    assert install(sandbox, *words).stdout == f"{gitconfig}: already set up\n"
    assert gitconfig.read_bytes() == during
    done = sandbox.run("keywright", "uninstall", "git")
    assert (done.code, done.stderr) == (0, "")
    if before is None:
        assert not gitconfig.exists()
    else:
        assert (gitconfig.read_text(), gitconfig.stat().st_mode & 0o777) == (before, 0o640)


def test_a_dry_run_shows_what_the_real_one_does(sandbox: Sandbox, gitconfig: Path) -> None:
    gitconfig.write_text(MINE)
    done = install(sandbox, HOST, "--only", "--dry-run")
    assert gitconfig.read_text() == MINE
    assert done.stdout == (
        f"--- {gitconfig}\n+++ {gitconfig}\n@@ -5,0 +6,2 @@\n+\thelper = \n+\thelper = {find_program(HELPER)}\n"
    )
    install(sandbox, HOST, "--only")
    assert gitconfig.read_text() == MINE.replace(
        "\tusername = me\n", f"\tusername = me\n\thelper = \n\thelper = {find_program(HELPER)}\n"
    )


def test_git_asks_us_after_it(sandbox: Sandbox, gitconfig: Path, app: App, github: GitHubIssuer) -> None:
    with GitServer(authorises=lambda _username, password: github.accepts(password)) as server:
        sandbox.settings(app.profile(), route("git", f"{server.url}/acme", "github-app:acme"))
        gitconfig.write_text('[credential]\n\thelper = "!f() { echo username=x; echo password=theirs; }; f"\n')
        install(sandbox, "--only")
        assert values(sandbox, f"credential.{server.url}.useHttpPath") == ["true"]
        done = sandbox.run("git", "ls-remote", f"{server.url}/acme/app.git")
        assert (done.code, done.stderr) == (0, "")
        assert sandbox.run("keywright", "uninstall", "git").code == 0
        assert sandbox.run("git", "ls-remote", f"{server.url}/acme/app.git").code == 128


def test_a_star_is_one_label_for_git_as_for_us(sandbox: Sandbox, gitconfig: Path, app: App) -> None:
    sandbox.settings(app.profile(), route("git", "https://*.example.com", "github-app:acme"))
    install(sandbox)
    for host, is_ours in (("git.example.com", True), ("example.com", False), ("a.b.example.com", False)):
        done = sandbox.run("git", "credential", "fill", stdin=f"url=https://{host}\n\n")
        assert ("username=x-access-token" in done.stdout) is is_ours
    assert sandbox.run("keywright", "uninstall", "git", "https://*.example.com").code == 0
    assert not gitconfig.exists()


def test_what_we_do_not_serve_goes_on_to_the_next_helper(sandbox: Sandbox, gitconfig: Path) -> None:
    install(sandbox, "--all")
    with gitconfig.open("a") as file:
        file.write('\thelper = "!f() { echo username=x; echo password=theirs; }; f"\n')
    done = sandbox.run("git", "credential", "fill", stdin="url=https://git.example.com\n\n")
    assert (done.code, done.stderr) == (0, "")
    assert "password=theirs" in done.stdout


def test_a_helper_of_shell_is_refused_then_forced_then_put_back(
    terminal: Terminal, sandbox: Sandbox, gitconfig: Path, own_vault: OwnVault
) -> None:
    for value in ("", SHELL, "store --file ~/canary  ", " \ttabs\nand lines\\"):
        added = sandbox.run("git", "config", "--global", "--add", f"credential.{HOST}.helper", value)
        assert added.code == 0
    before = gitconfig.read_bytes()
    said = [terminal("install", "git", HOST), terminal("install", "git", HOST, "--force", "--dry-run")]
    assert [done.code for done in said] == [2, 0]
    assert "store <masked>" in said[0].stderr
    assert "--force" in said[0].stderr
    assert gitconfig.read_bytes() == before
    assert own_vault.records == {}
    said.append(terminal("install", "git", HOST, "--force"))
    assert values(sandbox, f"credential.{HOST}.helper") == [str(find_program(HELPER))]
    said += [terminal("uninstall", "git", "--dry-run"), terminal("uninstall", "git", HOST)]
    assert gitconfig.read_bytes() == before
    assert own_vault.records == {}
    assert [done.code for done in said[2:]] == [0, 0, 0]
    assert not [done for done in said if "ary" in done.stdout + done.stderr]


def test_nothing_of_a_helper_is_on_a_command_line(
    terminal: Terminal, sandbox: Sandbox, gitconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.run("git", "config", "--global", f"credential.{HOST}.helper", SHELL)
    lines: list[str] = []
    real = run_tool

    def noted(command: Sequence[str], env: Mapping[str, str]) -> bytes | None:
        lines.append(" ".join(command))
        return real(command, env)

    monkeypatch.setattr(install_git, "run_tool", noted)
    assert terminal("install", "git", HOST, "--force").code == 0
    assert terminal("uninstall", "git").code == 0
    assert values(sandbox, f"credential.{HOST}.helper") == [SHELL]
    assert lines
    assert not [line for line in lines if "ary" in line]


def test_a_helper_that_came_since_stays(sandbox: Sandbox, gitconfig: Path) -> None:
    install(sandbox, HOST, "--only")
    sandbox.run("git", "config", "--global", "--add", f"credential.{HOST}.helper", "store")
    done = sandbox.run("keywright", "uninstall", "git", HOST)
    assert (done.code, done.stderr) == (0, "")
    assert values(sandbox, f"credential.{HOST}.helper") == ["store"]


def test_a_helper_that_replaced_ours_stays_and_that_is_said(sandbox: Sandbox, gitconfig: Path) -> None:
    install(sandbox, HOST)
    sandbox.run("git", "config", "--global", "--replace-all", f"credential.{HOST}.helper", "store")
    during = gitconfig.read_bytes()
    done = sandbox.run("keywright", "uninstall", "git")
    assert (done.code, done.stdout) == (0, "")
    assert "was changed by somebody else; left as it is" in done.stderr
    assert gitconfig.read_bytes() == during


def test_the_readmes_own_helper_becomes_the_absolute_path(sandbox: Sandbox, gitconfig: Path) -> None:
    gitconfig.write_text(f'[credential "{HOST}"]\n\thelper = keywright\n')
    install(sandbox, HOST)
    assert values(sandbox, f"credential.{HOST}.helper") == [str(find_program(HELPER))]
    assert sandbox.run("keywright", "uninstall", "git").code == 0
    assert values(sandbox, f"credential.{HOST}.helper") == ["keywright"]


def test_use_http_path_that_somebody_switched_off_is_refused(sandbox: Sandbox, gitconfig: Path, app: App) -> None:
    sandbox.settings(app.profile(), route("git", f"{HOST}/acme", "github-app:acme"))
    gitconfig.write_text(f'[credential "{HOST}"]\n\tuseHttpPath = false\n')
    done = sandbox.run("keywright", "install", "git")
    assert done.code == 2
    assert f"credential.{HOST}.useHttpPath is taken by `false`" in done.stderr


def test_dotfiles_stay_links(sandbox: Sandbox, gitconfig: Path) -> None:
    kept = sandbox.write(sandbox.home / "dotfiles/gitconfig", MINE)
    gitconfig.symlink_to(kept)
    install(sandbox, HOST)
    assert gitconfig.is_symlink()
    assert HELPER in kept.read_text()


@pytest.mark.parametrize("content", ["[credential\n", '[a]\n\tb = "canary\n', "\x00"])
def test_a_file_that_git_cannot_read_is_one_clear_line(sandbox: Sandbox, gitconfig: Path, content: str) -> None:
    gitconfig.write_text(content)
    done = sandbox.run("keywright", "install", "git", HOST)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"keywright: {gitconfig} is not what git can read; ")
    assert done.stderr.count("\n") == 1
    assert "canary" not in done.stderr
    assert gitconfig.read_text() == content


@pytest.mark.slow
def test_many_at_once_lose_nothing(sandbox: Sandbox, gitconfig: Path) -> None:
    """Beside them, git itself writes all the time, as often as it gets its own lock."""
    gitconfig.write_text(MINE)
    hosts = [f"https://git{number}.example.com" for number in range(6)]
    env = dict(sandbox.env)
    ours = [subprocess.Popen([find_program("keywright"), "install", "git", host], env=env, stdout=-3) for host in hosts]
    written = 0
    while any(process.poll() is None for process in ours):
        written += sandbox.run("git", "config", "--global", f"test.n{written}", "1").code == 0
    assert [process.wait(WAIT_AT_MOST_S) for process in ours] == [0] * len(hosts)
    helper = str(find_program(HELPER))
    assert [values(sandbox, f"credential.{host}.helper") for host in hosts] == [[helper]] * len(hosts)
    assert [values(sandbox, f"test.n{number}") for number in range(written)] == [["1"]] * written
    assert sandbox.run("keywright", "uninstall", "git").code == 0
    assert gitconfig.read_text().startswith(MINE)
    assert HELPER not in gitconfig.read_text()
