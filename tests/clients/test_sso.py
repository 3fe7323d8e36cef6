"""AWS SSO from the login to the token, and what is said once the login has ended: a portal on loopback."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from typing import Final

import pytest

from clients.sandbox import Done, Sandbox
from fakes.sso import SsoPortal
from keywright.demo.sts import EksTokenVerifier

PLUGIN: Final = "kube-credential-keywright"
START_URL: Final = "https://corp.awsapps.example/start"
ROLE: Final = "sso_account_id = 111122223333\nsso_role_name = dev\n"
CONFIG: Final = f"""\
[profile new]
sso_session = corp
{ROLE}
[sso-session corp]
sso_region = eu-central-1
sso_start_url = {START_URL}
[profile old]
sso_region = eu-central-1
sso_start_url = {START_URL}
{ROLE}
"""
LOGINS: Final = {"new": "corp", "old": START_URL}
"""What the name of each form's login file is made of."""


@dataclass
class User:
    """Someone with an AWS SSO profile in either form, and their portal."""

    sandbox: Sandbox
    portal: SsoPortal
    profile: str

    def log_in(self, token: str, *, lasts: timedelta = timedelta(hours=8)) -> None:
        """Leave what `aws sso login` leaves."""
        document = {
            "startUrl": START_URL,
            "region": "eu-central-1",
            "accessToken": token,
            "expiresAt": (datetime.now(UTC) + lasts).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        name = sha1(LOGINS[self.profile].encode(), usedforsecurity=False).hexdigest()
        self.sandbox.write(self.sandbox.home / f".aws/sso/cache/{name}.json", json.dumps(document))

    def ask(self, cluster: str = "prod") -> Done:
        """Ask for a token of a cluster."""
        words = ("eks", "--cluster", cluster, "--region", "eu-central-1", "--aws-profile", self.profile)
        return self.sandbox.run(PLUGIN, *words, env={"AWS_ENDPOINT_URL_SSO": self.portal.url})

    def is_let_in(self, done: Done, cluster: str = "prod") -> bool:
        """Return whether the cluster lets the token in."""
        assert (done.code, done.stderr) == (0, "")
        token = json.loads(done.stdout)["status"]["token"]
        verified = EksTokenVerifier(tuple(self.portal.keys)).verify(token, cluster, datetime.now(UTC))
        return verified.arn == "arn:aws:iam::111122223333:role/dev"

    def is_sent_to_log_in(self, done: Done) -> bool:
        """Return whether the one line says what to do."""
        assert (done.code, done.stdout) == (4, "")
        assert "canary" not in done.stderr
        assert done.stderr.count("\n") == 1
        told = f"aws-eks:prod for eks prod: the AWS SSO session has ended; run `aws sso login --profile {self.profile}`"
        return done.stderr.rstrip("\n") == f"{PLUGIN}: {told} [needs_person]"


@pytest.fixture(params=LOGINS)
def user(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[User]:
    sandbox.write(sandbox.home / ".aws/config", CONFIG)
    with SsoPortal() as portal:
        portal.tokens = {"canary-1", "canary-2"}
        yield User(sandbox, portal, request.param)


def test_one_login_opens_every_cluster_with_one_session(user: User) -> None:
    user.log_in("canary-1")
    for cluster in ("prod", "test", "prod"):
        assert user.is_let_in(user.ask(cluster), cluster)
    assert user.portal.total == 1
    assert {entry["key"]["profile"] for entry in user.sandbox.entries()} == {
        f"aws-session:{user.profile}",
        "aws-eks:prod",
        "aws-eks:test",
    }


def test_without_a_login_the_command_is_told_and_after_it_the_very_next_call_works(user: User) -> None:
    assert user.is_sent_to_log_in(user.ask())
    user.log_in("canary-1")
    assert user.is_let_in(user.ask())


def test_after_a_login_that_has_run_out_too(user: User) -> None:
    user.log_in("canary-1", lasts=timedelta(days=-1))
    assert user.is_sent_to_log_in(user.ask())
    assert user.portal.total == 0, "an expired token is not worth a call"
    user.log_in("canary-2")
    assert user.is_let_in(user.ask())


def test_after_a_login_that_the_portal_has_ended_too(user: User) -> None:
    user.log_in("canary-1")
    user.portal.tokens = {"canary-2"}
    assert user.is_sent_to_log_in(user.ask())
    user.sandbox.prolong_failures()
    assert "asked once" in user.ask().stderr, "nobody asks a second time"
    assert user.portal.total == 1
    user.log_in("canary-2")
    assert user.is_let_in(user.ask())


def test_another_login_is_another_session_at_once(user: User) -> None:
    user.log_in("canary-1")
    assert user.is_let_in(user.ask())
    user.log_in("canary-2")
    assert user.is_let_in(user.ask())
    seen = [str(fact.call.headers["x-amz-sso_bearer_token"]) for fact in user.portal.facts]
    assert seen == ["canary-1", "canary-2"]


def test_a_logout_ends_what_was_made_with_the_login(user: User) -> None:
    user.log_in("canary-1")
    assert user.is_let_in(user.ask())
    for path in (user.sandbox.home / ".aws/sso/cache").iterdir():
        path.unlink()
    assert "aws sso login" in user.ask().stderr
