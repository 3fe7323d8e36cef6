import gzip
import os
import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fakes.asking import ask
from fakes.bent import kept_port
from keywright.demo.exchange import authorization
from keywright.demo.git_server import READ_ROUTE, REFS_ROUTE, WRITE_ROUTE, GitServer

Run = Callable[..., subprocess.CompletedProcess[str]]
PAIR = ("x-access-token", "the-right-token")
BASIC = {"Authorization": "Basic " + b64encode(":".join(PAIR).encode()).decode()}


@pytest.fixture
def server() -> Iterator[GitServer]:
    with GitServer(authorises=lambda *pair: pair == PAIR, repositories=("acme/app", "acme/deep/tool")) as running:
        yield running


@pytest.fixture
def git(tmp_path: Path) -> Run:
    """Run git with nobody's configuration and the given password."""

    def run(*arguments: str, password: str = PAIR[1]) -> subprocess.CompletedProcess[str]:
        who = {
            f"GIT_{role}_{what}": "demo@example.invalid"
            for role in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        }
        nobody = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
        helper = f'credential.helper=!f() {{ echo username={PAIR[0]}; echo "password={password}"; }}; f'
        return subprocess.run(
            ["git", "-c", helper, *arguments],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)} | nobody | who,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.mark.parametrize("repository", ["acme/app", "acme/deep/tool"])
def test_git_clones_what_is_there(git: Run, server: GitServer, tmp_path: Path, repository: str) -> None:
    done = git("clone", f"{server.url}/{repository}.git", "copy")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "copy" / "README").read_text() == "hello\n"
    assert server.facts[0].status == 401
    assert authorization(server.facts[0].call, "Basic") is None
    assert server.calls[REFS_ROUTE] == 2
    assert server.calls[READ_ROUTE] >= 1


@pytest.mark.parametrize("version", ["0", "2"])
def test_git_lists_refs_in_either_protocol(git: Run, server: GitServer, version: str) -> None:
    done = git("-c", f"protocol.version={version}", "ls-remote", f"{server.url}/acme/app.git")
    assert done.returncode == 0, done.stderr
    assert [line.split()[1] for line in done.stdout.splitlines()] == ["HEAD", "refs/heads/main"]
    assert bool(server.calls[READ_ROUTE]) == (version == "2")


def test_two_starts_make_the_same_commit(git: Run, server: GitServer) -> None:
    first = git("ls-remote", f"{server.url}/acme/app.git").stdout
    with kept_port(server):
        server.stop()
        server.start()
    assert first == git("ls-remote", f"{server.url}/acme/app.git").stdout != ""


@pytest.mark.parametrize("post_buffer", ["1048576", "1024"])
def test_git_pushes_and_fetches_in_one_piece_or_in_chunks(
    git: Run, server: GitServer, tmp_path: Path, post_buffer: str
) -> None:
    assert git("clone", f"{server.url}/acme/app.git", "one").returncode == 0
    assert git("clone", f"{server.url}/acme/app.git", "two").returncode == 0
    (tmp_path / "one" / "big").write_bytes(os.urandom(200_000))
    assert git("-C", "one", "add", "big").returncode == 0
    assert git("-C", "one", "commit", "--quiet", "--message", "big").returncode == 0
    pushed = git("-C", "one", "-c", f"http.postBuffer={post_buffer}", "push", "origin", "main")
    assert pushed.returncode == 0, pushed.stderr
    was_chunked = any(fact.call.headers["Transfer-Encoding"] for fact in server.facts)
    assert was_chunked == (post_buffer == "1024")
    assert server.calls[WRITE_ROUTE] >= 1
    fetched = git("-C", "two", "pull", "--ff-only")
    assert fetched.returncode == 0, fetched.stderr
    assert (tmp_path / "two" / "big").read_bytes() == (tmp_path / "one" / "big").read_bytes()


def test_git_fails_with_a_wrong_password(git: Run, server: GitServer) -> None:
    done = git("ls-remote", f"{server.url}/acme/app.git", password="wrong")
    assert done.returncode == 128
    assert "Authentication failed" in done.stderr
    assert [fact.status for fact in server.facts] == [401, 401]


def test_a_zipped_request_is_passed_on_as_it_came(server: GitServer) -> None:
    request = b"0014command=ls-refs\n0000"
    headers = BASIC | {
        "Content-Type": "application/x-git-upload-pack-request",
        "Content-Encoding": "gzip",
        "Git-Protocol": "version=2",
    }
    got = ask(server, "POST /acme/app.git/git-upload-pack", headers=headers, body=gzip.compress(request))
    assert got.status == 200
    assert b"refs/heads/main" in got.body


@pytest.mark.parametrize("path", ["/acme/none.git/info/refs", "/../acme/app.git/info/refs", "/%2e%2e/x.git/info/refs"])
def test_a_repository_that_is_not_there_is_not_found(server: GitServer, path: str) -> None:
    assert ask(server, f"GET {path}?service=git-upload-pack", headers=BASIC).status == 404


def test_a_file_of_a_repository_is_no_route(server: GitServer) -> None:
    assert ask(server, "GET /acme/app.git/HEAD", headers=BASIC).status == 404


def test_the_repositories_are_removed_at_the_end() -> None:
    server = GitServer(authorises=lambda *_pair: True)
    server.start()
    assert server._folder is not None
    folder = Path(server._folder.name)
    assert (folder / "acme" / "app.git" / "HEAD").exists()
    server.stop()
    assert not folder.exists()
