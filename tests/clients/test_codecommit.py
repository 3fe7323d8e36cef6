"""AWS CodeCommit: our password against aws-cli's own, and a real git that clones by its real host's name.

The server checks every signature. A tunnel leads the host's name to it, as a proxy would; nothing leaves the machine.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import pytest

from clients.sandbox import Done, Sandbox, find_program
from fakes.codecommit import CodeCommit
from fakes.sts import Sts
from keywright.demo.certificate import make_certificate
from keywright.demo.exchange import basic_credentials
from keywright.demo.git_server import GitServer
from keywright.demo.sigv4 import AccessKey
from keywright.demo.tunnel import Tunnel

KEY: Final = AccessKey(id="AKIADEMO", secret="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
AWS: Final = {"AWS_ACCESS_KEY_ID": KEY.id, "AWS_SECRET_ACCESS_KEY": KEY.secret}
SESSION: Final = {**AWS, "AWS_SESSION_TOKEN": "FwoGZXIvYXdzEXAMPLE//////////wEaDCanary+/=="}
HELPER: Final = "git-credential-keywright"
HOST: Final = "git-codecommit.eu-central-1.amazonaws.com"
REPOSITORY: Final = "v1/repos/rocket"
ROLE: Final = "arn:aws:iam::111122223333:role/deploy"


def question(host: str = HOST, path: str = REPOSITORY, *more: str) -> str:
    """Return what git says to its helpers."""
    return "".join(f"{line}\n" for line in ("protocol=https", f"host={host}", f"path={path}", *more))


def lines_of(done: Done, *names: str) -> dict[str, str]:
    """Return the lines of an answer."""
    assert (done.code, done.stderr) == (0, "")
    found = dict(line.split("=", 1) for line in done.stdout.splitlines())
    return {name: value for name, value in found.items() if not names or name in names}


class TestThePasswordIsTheAwsClis:
    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("env", "host", "path"),
        [
            (AWS, HOST, REPOSITORY),
            (SESSION, "git-codecommit-fips.us-east-1.amazonaws.com", "v1/repos/Rocket.git"),
            (AWS, "vpce-0c1e-a1b2.git-codecommit.us-west-2.vpce.amazonaws.com", "v1/repos/rocket"),
        ],
    )
    def test_byte_for_byte_at_the_same_instant(
        self, sandbox: Sandbox, env: Mapping[str, str], host: str, path: str
    ) -> None:
        for name in ("faketime", "aws"):
            find_program(name)
        standing_still = ("faketime", "-f", "2026-01-02 03:04:05")
        env = {**env, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}  # waits end by that clock
        asked = question(host, path)
        ours = sandbox.run(*standing_still, HELPER, "get", stdin=asked, env=env)
        theirs = sandbox.run(*standing_still, "aws", "codecommit", "credential-helper", "get", stdin=asked, env=env)
        pair = ("username", "password")
        assert lines_of(ours, *pair) == lines_of(theirs, *pair)
        assert set(lines_of(theirs)) == set(pair)


def test_git_is_told_to_keep_it_for_less_than_a_quarter_of_an_hour_and_in_memory_alone(sandbox: Sandbox) -> None:
    before = time.time()
    answers = [
        lines_of(sandbox.run(HELPER, "get", stdin=question(HOST, REPOSITORY, "capability[]=authtype"), env=AWS))
        for _ in range(2)
    ]
    assert answers[0] == answers[1], "the second is a hit"
    assert answers[0]["ephemeral"] == "1"
    assert 13 * 60 < int(answers[0]["password_expiry_utc"]) - before < 15 * 60


@pytest.mark.parametrize(
    "host",
    [
        f"{HOST}.evil.example",
        f"{HOST}:8443",
        "amazonaws.com.evil.example",
        "evil.example",
        "git-codecommit.eu-central-1.evil.example",
    ],
)
def test_a_look_alike_host_gets_nothing(sandbox: Sandbox, host: str) -> None:
    done = sandbox.run(HELPER, "get", stdin=question(host), env=AWS)
    assert (done.code, done.stdout, done.stderr) == (0, "", "")


def test_without_a_path_the_command_that_mends_it_is_told(sandbox: Sandbox) -> None:
    done = sandbox.run(HELPER, "get", stdin=f"protocol=https\nhost={HOST}\n", env=AWS)
    assert (done.code, done.stdout) == (2, "")
    assert f"run `git config --global credential.https://{HOST}.useHttpPath true`" in done.stderr
    assert done.stderr.count("\n") == 1
    erased = sandbox.run(HELPER, "erase", stdin=f"protocol=https\nhost={HOST}\npassword=theirs\n", env=AWS)
    assert (erased.code, erased.stdout, erased.stderr) == (0, "", "")


@dataclass
class User:
    """A user's git, and CodeCommit with one repository at the end of a tunnel."""

    sandbox: Sandbox
    server: GitServer
    codecommit: CodeCommit
    keys: list[AccessKey]

    def git(self, *words: str, **env: str) -> Done:
        """Run git."""
        return self.sandbox.run("git", *words, env=env)

    @property
    def seen(self) -> set[tuple[str, str]]:
        """The pairs of user name and password that the server was shown."""
        return {pair for fact in self.server.facts if (pair := basic_credentials(fact.call))}


@pytest.fixture
def user(sandbox: Sandbox) -> Iterator[User]:
    find_program("git")
    certificate = make_certificate(HOST)
    keys = [KEY]
    codecommit = CodeCommit(host=HOST, path=f"/{REPOSITORY}", region="eu-central-1", keys=keys)
    server = GitServer(authorises=codecommit.accepts, repositories=(REPOSITORY,), tls=certificate.tls)
    with server, Tunnel(HOST, int(server.host.rpartition(":")[2])) as tunnel:
        authority = sandbox.write(sandbox.home / "ca.pem", certificate.ca_pem)
        sandbox.write(
            sandbox.home / ".gitconfig",
            f'[credential]\n\thelper = keywright\n[credential "https://{HOST}"]\n\tuseHttpPath = true\n'
            f'[http]\n\tproxy = "{tunnel.url}"\n\tsslCAInfo = "{authority}"\n',
        )
        yield User(sandbox, server, codecommit, keys)


URL: Final = f"https://{HOST}/{REPOSITORY}"


def test_git_clones_and_fetches_without_any_settings(user: User) -> None:
    cloned = user.git("clone", "--quiet", URL, "rocket", **AWS)
    assert (cloned.code, cloned.stderr) == (0, "")
    assert (user.sandbox.home / "rocket/README").read_text() == "hello\n"
    fetched = user.git("-C", "rocket", "fetch", **AWS)
    assert (fetched.code, fetched.stderr) == (0, "")
    assert len(user.seen) == 1, "one password for both"
    assert user.sandbox.entry()["key"]["profile"] == "aws-codecommit:default"


def test_the_path_is_signed_as_git_knows_it(user: User) -> None:
    user.codecommit.path += ".git"
    listed = user.git("ls-remote", f"{URL}.git", **AWS)
    assert (listed.code, listed.stderr) == (0, "")
    assert "refs/heads/main" in listed.stdout


def test_another_repositorys_password_is_no_use(user: User) -> None:
    user.codecommit.path = "/v1/repos/other"
    assert user.git("ls-remote", URL, **AWS).code == 128
    assert user.sandbox.entries() == [], "git had it erased"


def test_a_role_s_session_is_shared_with_everything_else_of_the_role(user: User) -> None:
    with Sts(callers=(KEY,)) as sts:
        user.keys[:] = [AccessKey(id="ASIALENT1", secret="lent-canary-1", session_token="session-canary-1")]
        env = {**AWS, "AWS_ENDPOINT_URL_STS": sts.url}
        user.sandbox.settings(
            '[profiles."aws-codecommit:team"]',
            f'role_arn = "{ROLE}"',
            f'[[routes]]\nclient = "git"\nurl = "https://{HOST}"\nprofiles = ["aws-codecommit:team"]',
        )
        eks = ("eks", "--cluster", "prod", "--region", "eu-west-1", "--role-arn", ROLE)
        assert user.sandbox.run("kube-credential-keywright", *eks, env=env).code == 0
        listed = user.git("ls-remote", URL, **env)
        assert (listed.code, listed.stderr) == (0, "")
        assert sts.total == 1
    holding = user.sandbox.holds("session-canary-1")
    assert holding == [], "git was not given it to keep"


def test_it_is_renewed_and_forgotten_by_name(user: User) -> None:
    assert user.git("ls-remote", f"{URL}", **AWS).code == 0
    done = user.sandbox.run("keywright", "refresh", "aws-codecommit:default", env=AWS)
    assert done.stdout.startswith(f"aws-codecommit:default for {URL}: renewed, expires in 14m 5")
    token = user.sandbox.run("keywright", "token", "aws-codecommit:default", "--url", URL, env=AWS)
    assert token.stdout.strip() == user.sandbox.entry()["secret"]
    assert user.sandbox.run("keywright", "invalidate", "aws-codecommit:default", env=AWS).code == 0
    assert user.sandbox.entries() == []
