"""git: clone, fetch and push through our helper, and `git credential` in the manner of git's own t0300 and t0303."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from clients.app import BOTH_WAYS, App, Tokens
from clients.sandbox import Done, Sandbox, find_program, route
from fakes.bent import bent, refusing, slow
from keywright.demo.exchange import basic_credentials
from keywright.demo.git_server import GitServer
from keywright.demo.github import TOKENS_ROUTE, GitHubIssuer

HELPER: Final = "git-credential-keywright"
REPOSITORIES: Final = ("acme/app", "acme/lib", "umbrella/app")
CONFIG: Final = ("user.name=Test", "user.email=test@example.invalid", "init.defaultBranch=main")
CODE_OF_THE_REPOSITORY: Final = "import os\nopen(os.environ['HOME'] + '/imported', 'w').close()\n"


@dataclass
class Git:
    """A user's git, configured to ask our helper, and the server it clones from."""

    sandbox: Sandbox
    server: GitServer

    def __call__(
        self, *words: str | Path, cwd: Path | None = None, stdin: str = "", env: Mapping[str, str] | None = None
    ) -> Done:
        """Run git."""
        return self.sandbox.run("git", *words, cwd=cwd, stdin=stdin, env=env)

    def configure(self, *settings: str) -> None:
        """Add `name=value` settings to the user's own configuration."""
        with open(self.sandbox.env["GIT_CONFIG_GLOBAL"], "a", encoding="utf-8") as file:
            for setting in settings:
                name, _, value = setting.partition("=")
                section, _, key = name.rpartition(".")
                kind, _, place = section.partition(".")
                file.write(f'[{kind} "{place}"]\n' if place else f"[{kind}]\n")
                file.write(f'\t{key} = "{value}"\n')

    def clone(self, repository: str = "acme/app", folder: str = "app") -> Path:
        """Clone a repository into the home folder; returns the working copy."""
        done = self("clone", "--quiet", self.url(repository), folder)
        assert (done.code, done.stderr) == (0, "")
        return self.sandbox.home / folder

    def url(self, repository: str = "acme/app") -> str:
        """Return where a repository is cloned from."""
        return f"{self.server.url}/{repository}.git"

    def asked_with(self, path: str = "/") -> set[str]:
        """Return the passwords the server saw on paths that start so."""
        calls = [fact.call for fact in self.server.facts if fact.call.path.startswith(path)]
        return {pair[1] for pair in map(basic_credentials, calls) if pair}

    def lines(self, operation: str, *lines: str, env: Mapping[str, str] | None = None) -> Done:
        """Run `git credential` with these lines."""
        return self("credential", operation, stdin="".join(f"{line}\n" for line in lines), env=env)

    @property
    def place(self) -> tuple[str, str]:
        """The lines that name the server."""
        return ("protocol=http", f"host={self.server.host}")


@pytest.fixture
def git(sandbox: Sandbox, tokens: Tokens) -> Iterator[Git]:
    """Git with our helper, and a server that lets in whom GitHub's tokens name."""
    find_program("git")
    with GitServer(authorises=tokens.accepts, repositories=REPOSITORIES) as server:
        git = Git(sandbox, server)
        git.configure(*CONFIG, "credential.helper=keywright")
        yield git


@pytest.fixture
def acme(git: Git, app: App) -> App:
    """Everything on the server belongs to the profile `github-app:acme`."""
    git.sandbox.settings(app.profile(), route("git", git.server.url, "github-app:acme"))
    return app


def password_of(done: Done) -> str:
    """Return the password that `git credential fill` printed."""
    (password,) = (line.partition("=")[2] for line in done.stdout.splitlines() if line.startswith("password="))
    return password


def test_clone_fetch_list_and_push_share_one_token(git: Git, acme: App, github: GitHubIssuer) -> None:
    copy = git.clone()
    assert (copy / "README").read_text() == "hello\n"
    assert git("fetch", cwd=copy).code == 0
    assert "refs/heads/main" in git("ls-remote", git.url()).stdout
    (copy / "README").write_text("changed\n")
    assert git("commit", "--quiet", "--all", "--message", "Change", cwd=copy).code == 0
    pushed = git("push", "--quiet", "origin", "main", cwd=copy)
    assert (pushed.code, pushed.stderr) == (0, "")
    assert (git.clone(folder="again") / "README").read_text() == "changed\n"
    assert git.asked_with() == set(github.issued)
    assert github.calls[TOKENS_ROUTE] == 1


def test_a_get_and_the_store_after_its_success_are_hits(git: Git, acme: App) -> None:
    git.clone()
    done = git("ls-remote", git.url(), env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert done.code == 0
    assert done.stderr.count("keywright.hit") == 2, "get and store"
    assert "keywright.serve" not in done.stderr


def test_the_store_after_a_success_leaves_the_token_nowhere(git: Git, acme: App, github: GitHubIssuer) -> None:
    git.clone()
    (token,) = github.issued
    assert git.sandbox.holds(token) == []
    assert git.sandbox.entry()["secret"] == token


def test_a_rejected_token_costs_one_command_and_the_next_one_has_a_new_token(
    git: Git, acme: App, github: GitHubIssuer
) -> None:
    git.clone()
    (old,) = github.issued
    github.revoke(old)
    failed = git("ls-remote", git.url())
    assert failed.code == 128
    assert "Authentication failed" in failed.stderr
    assert git.sandbox.entries() == []
    done = git("ls-remote", git.url())
    assert (done.code, done.stderr) == (0, "")
    assert len(github.issued) == 2


def test_a_late_rejection_of_an_older_token_leaves_the_newer_one(git: Git, acme: App, github: GitHubIssuer) -> None:
    assert git.lines("fill", *git.place).code == 0
    assert git.sandbox.run("keywright", "refresh", "github-app:acme").code == 0
    old, new = github.issued
    done = git.lines("reject", *git.place, "username=x-access-token", f"password={old}")
    assert (done.code, done.stderr) == (0, "")
    assert git.sandbox.entry()["secret"] == new
    assert git.lines("reject", *git.place, "username=x-access-token", f"password={new}").code == 0
    assert git.sandbox.entries() == []


def test_a_push_that_the_issuer_cannot_serve_fails_with_our_reason(git: Git, acme: App, github: GitHubIssuer) -> None:
    with bent(github, refusing(401)):
        done = git("ls-remote", git.url())
    assert done.code == 128
    assert f"{HELPER}: github-app:acme for {git.server.url}: " in done.stderr
    assert "does not accept the app's signature" in done.stderr
    assert "terminal prompts disabled" in done.stderr


def test_two_owners_on_one_host_get_a_token_each(git: Git, app: App, github: GitHubIssuer) -> None:
    git.configure(f"credential.{git.server.url}.useHttpPath=true")
    git.sandbox.settings(
        app.profile("acme", 1),
        app.profile("umbrella", 2),
        route("git", f"{git.server.url}/acme", "github-app:acme"),
        route("git", f"{git.server.url}/umbrella", "github-app:umbrella"),
    )
    git.clone("acme/app", "one")
    git.clone("acme/lib", "two")
    git.clone("umbrella/app", "three")
    secrets = {entry["key"]["profile"]: entry["secret"] for entry in git.sandbox.entries()}
    assert git.asked_with("/acme/") == {secrets["github-app:acme"]}
    assert git.asked_with("/umbrella/") == {secrets["github-app:umbrella"]}
    assert len(github.issued) == 2


def test_without_use_http_path_the_routes_by_owner_say_what_is_missing(git: Git, app: App) -> None:
    git.sandbox.settings(app.profile(), route("git", f"{git.server.url}/acme", "github-app:acme"))
    done = git("ls-remote", git.url())
    assert done.code == 128
    assert f"run `git config --global credential.{git.server.url}.useHttpPath true`" in done.stderr


def test_a_foreign_host_goes_on_silently_to_the_next_helper(git: Git, acme: App) -> None:
    git.configure("credential.helper=!f() { echo username=other; echo password=theirs; }; f")
    done = git.lines("fill", "protocol=https", "host=git.example.com")
    assert (done.code, done.stderr) == (0, "")
    assert password_of(done) == "theirs"
    mine = git.lines("fill", *git.place)
    assert password_of(mine) == git.sandbox.entry()["secret"]


def test_a_foreign_host_is_a_hit_the_second_time(git: Git, acme: App) -> None:
    lines = "protocol=https\nhost=git.example.com\n"
    first = git.sandbox.run(HELPER, "get", stdin=lines)
    second = git.sandbox.run(HELPER, "get", stdin=lines, env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert (first.code, first.stdout, first.stderr) == (0, "", "")
    assert (second.code, second.stdout) == (0, "")
    assert "keywright.serve" not in second.stderr


def test_helpers_of_the_chain_are_asked_not_to_keep_the_token(git: Git, acme: App, github: GitHubIssuer) -> None:
    """git 2.46 announces that it knows the word, and an older git never hears it."""
    asked = "".join(f"{line}\n" for line in git.place)
    capable = git.sandbox.run(HELPER, "get", stdin=f"capability[]=authtype\n{asked}")
    plain = git.sandbox.run(HELPER, "get", stdin=asked)
    assert capable.stdout.splitlines()[0] == "capability[]=authtype"
    assert "ephemeral=1" in capable.stdout.splitlines()
    assert "ephemeral" not in plain.stdout
    assert "capability" not in plain.stdout
    assert len(github.issued) == 1


def test_git_credential_store_in_the_chain_does_not_answer_for_us(git: Git, acme: App, github: GitHubIssuer) -> None:
    """git-credential-store keeps whatever git approves; we come first, so a token it kept is never used."""
    git.configure(f"credential.helper=store --file={git.sandbox.home}/stored")
    git.clone()
    github.revoke(github.issued[0])
    assert git("ls-remote", git.url()).code == 128
    assert git("ls-remote", git.url()).code == 0
    assert git.asked_with() == set(github.issued)


ASKPASS: Final = """\
#!/bin/sh
echo >&2 "askpass: $*"
case "$*" in Username*) echo asked-name ;; *) echo asked-password ;; esac
"""


@pytest.fixture
def asking(git: Git) -> dict[str, str]:
    """An environment in which git asks a program for what no helper knows, as in git's tests."""
    program = git.sandbox.write(git.sandbox.home / "askpass", ASKPASS)
    program.chmod(0o700)
    return {"GIT_ASKPASS": str(program)}


class TestAsInGitsOwnTests:
    """t/lib-credential.sh where a route serves; `test_stored_git.py` has what no route serves."""

    def test_a_helper_without_data_lets_git_ask(self, git: Git, acme: App, asking: dict[str, str]) -> None:
        done = git.lines("fill", "protocol=https", "host=example.com", env=asking)
        assert done.stdout == "protocol=https\nhost=example.com\nusername=asked-name\npassword=asked-password\n"
        assert done.stderr.splitlines() == [
            "askpass: Username for 'https://example.com': ",
            "askpass: Password for 'https://asked-name@example.com': ",
        ]

    def test_what_is_approved_for_a_minting_route_does_not_replace_the_token(self, git: Git, acme: App) -> None:
        approved = git.lines("approve", *git.place, "username=x-access-token", "password=store-pass")
        assert (approved.code, approved.stdout, approved.stderr) == (0, "", "")
        assert password_of(git.lines("fill", *git.place)) == git.sandbox.entry()["secret"]

    def test_fill_prints_what_git_knows_and_what_we_know(self, git: Git, acme: App) -> None:
        done = git.lines("fill", *git.place)
        entry = git.sandbox.entry()
        assert done.stderr == ""
        assert done.stdout.splitlines()[:4] == [
            "protocol=http",
            f"host={git.server.host}",
            "username=x-access-token",
            f"password={entry['secret']}",
        ]
        expiry = [
            line.partition("=")[2] for line in done.stdout.splitlines() if line.startswith("password_expiry_utc=")
        ]
        assert all(0 <= entry["expires_at_unix_s"] - int(told) <= 31 for told in expiry)

    @pytest.mark.parametrize(
        "line",
        ["username=somebody-else", "password=not-ours\nusername=x-access-token"],
        ids=["another user", "another password"],
    )
    def test_a_rejection_of_what_is_not_ours_leaves_ours(self, git: Git, acme: App, line: str) -> None:
        git.lines("fill", *git.place)
        before = git.sandbox.entry()
        done = git.lines("reject", *git.place, line, *(() if "password" in line else ("password=x",)))
        assert (done.code, done.stderr) == (0, "")
        assert git.sandbox.entry() == before

    def test_another_users_credential_is_not_ours(self, git: Git, acme: App, asking: dict[str, str]) -> None:
        done = git.lines("fill", *git.place, "username=somebody", env=asking)
        assert password_of(done) == "asked-password"

    @pytest.mark.parametrize("path", ["acme/app.git", "acme/app", "acme/app.git/info/lfs", "/acme/app.git/"])
    def test_a_path_finds_its_owners_token(self, git: Git, app: App, path: str) -> None:
        git.configure("credential.useHttpPath=true")
        git.sandbox.settings(app.profile(), route("git", f"{git.server.url}/acme", "github-app:acme"))
        done = git.lines("fill", *git.place, f"path={path}")
        assert password_of(done) == git.sandbox.entry()["secret"]

    @pytest.mark.parametrize(
        "path", ["acme-evil/app.git", "umbrella/../acme/app.git", "acme%2fapp.git", "", "ACM/app", "./acme/app"]
    )
    def test_a_look_alike_path_finds_nothing(self, git: Git, app: App, asking: dict[str, str], path: str) -> None:
        git.configure("credential.useHttpPath=true")
        git.sandbox.settings(app.profile(), route("git", f"{git.server.url}/acme", "github-app:acme"))
        done = git.lines("fill", *git.place, f"path={path}", env=asking)
        assert password_of(done) == "asked-password"
        assert git.sandbox.entries() == []

    @pytest.mark.parametrize(
        "request_text",
        [
            "protocol=http\nhost={host}\rhost=evil.example\n",
            "protocol=http\nhost={host}\nhost=evil.example\n",
            "protocol=http\nhost=\n",
            "protocol=http\n",
            "host={host}\n",
            "protocol=http\nhost={host}\0.evil.example\n",
            "",
            "\n",
        ],
    )
    def test_a_forged_or_cut_request_gets_nothing(self, git: Git, acme: App, request_text: str) -> None:
        git.lines("fill", *git.place)
        before = git.sandbox.entry()
        for operation in ("get", "store", "erase"):
            done = git.sandbox.run(HELPER, operation, stdin=request_text.format(host=git.server.host))
            assert done.stdout == ""
            assert done.stderr.startswith(f"{HELPER}: ")
            assert git.sandbox.entry() == before

    @pytest.mark.parametrize("url", ["https://{host}%0ahost=evil.example/", "http://{host}%0d/", "http:///x", "{host}"])
    def test_a_url_that_git_refuses_gets_nothing(self, git: Git, acme: App, url: str) -> None:
        done = git.lines("fill", f"url={url.format(host=git.server.host)}")
        assert done.code != 0
        assert "password=" not in done.stdout
        assert git.sandbox.entries() == []

    def test_an_operation_of_the_future_is_ignored_silently(self, sandbox: Sandbox) -> None:
        done = sandbox.run(HELPER, "teleport", stdin="protocol=https\nhost=example.com\n")
        assert (done.code, done.stdout, done.stderr) == (0, "", "")


def add_submodule(git: Git, copy: Path, url: str) -> None:
    """Commit and push a submodule at `lib`, without ever asking `url`."""
    commit = git("rev-parse", "HEAD", cwd=copy).stdout.strip()
    (copy / ".gitmodules").write_text(f'[submodule "lib"]\n\tpath = lib\n\turl = {url}\n')
    assert git("add", ".gitmodules", cwd=copy).code == 0
    assert git("update-index", "--add", "--cacheinfo", f"160000,{commit},lib", cwd=copy).code == 0
    assert git("commit", "--quiet", "--message", "Add lib", cwd=copy).code == 0
    assert git("push", "--quiet", "origin", "main", cwd=copy).code == 0


def test_a_submodule_on_the_same_host_is_cloned(git: Git, acme: App) -> None:
    add_submodule(git, git.clone(), git.url("acme/lib"))
    done = git("clone", "--quiet", "--recurse-submodules", git.url(), "whole")
    assert (done.code, done.stderr) == (0, "")
    assert (git.sandbox.home / "whole/lib/README").exists()


def test_a_submodule_on_a_look_alike_host_gets_nothing(git: Git, acme: App) -> None:
    seen: list[str] = []

    def lets_in(_username: str, password: str) -> bool:
        seen.append(password)
        return True

    with GitServer(authorises=lets_in, repositories=("acme/lib",)) as evil:
        add_submodule(git, git.clone(), f"{evil.url}/acme/lib.git")
        done = git("clone", "--quiet", "--recurse-submodules", git.url(), "whole")
        assert done.code != 0
        assert f"could not read Username for '{evil.url}'" in done.stderr
        assert evil.total > 0
    assert seen == []


def test_another_name_for_the_same_server_gets_nothing(git: Git, acme: App) -> None:
    done = git("ls-remote", git.url().replace("127.0.0.1", "localhost"))
    assert done.code == 128
    assert "could not read Username for 'http://localhost:" in done.stderr
    assert git.asked_with() == set()


def test_code_in_the_repository_is_not_imported(git: Git, acme: App) -> None:
    """git runs its helpers in the folder it works in."""
    copy = git.clone()
    for name in ("json.py", "os.py", "keywright/__init__.py", "keywright/hit.py", "botocore.py", "sitecustomize.py"):
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text(CODE_OF_THE_REPOSITORY)
    assert git("fetch", cwd=copy).code == 0
    assert git.sandbox.run("keywright", "invalidate", "github-app:acme").code == 0
    done = git("fetch", cwd=copy)
    assert (done.code, done.stderr) == (0, "")
    assert not (git.sandbox.home / "imported").exists()


@pytest.mark.slow
@BOTH_WAYS
def test_a_stale_token_is_served_while_its_renewal_is_held_open(
    git: Git, app: App, github: GitHubIssuer, env: dict[str, str]
) -> None:
    """Both streams of git are pipes: an inherited one would keep it until the renewal had ended."""
    git.sandbox.settings(app.soon_stale(), route("git", git.server.url, "github-app:acme"))
    assert git("ls-remote", git.url()).code == 0
    minted, asked = git.sandbox.until_stale("github-app:acme"), github.calls[TOKENS_ROUTE]
    held = slow()
    with bent(github, held, route=TOKENS_ROUTE):
        done = git("ls-remote", git.url(), env=env)
        held.wait_for(1)
        assert (done.code, done.stderr) == (0, "")
        assert (git.sandbox.entry(), git.sandbox.failures()) == (minted, [])
    git.sandbox.until_renewed(minted["generation"])
    assert github.calls[TOKENS_ROUTE] == asked + 1
