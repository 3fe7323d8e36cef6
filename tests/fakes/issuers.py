"""A desk for every provider: the issuer it asks, an environment and files that hold canaries, and a table per option.

A desk is what the conformance suite knows of a provider. Whoever adds a provider adds a desk to `DESKS`.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from fakes.access_keys import AccessKeyIssuer
from fakes.asking import Clock
from fakes.bent import Garbage
from fakes.codecommit import CodeCommit
from keywright.credential import Credential
from keywright.demo.ecr import EcrIssuer
from keywright.demo.github import AppKey, GitHubIssuer, Installation
from keywright.demo.issuer import LoopbackServer
from keywright.demo.pod_identity import PodIdentityAgent
from keywright.demo.sigv4 import AccessKey
from keywright.demo.sts import EksTokenVerifier, TokenRefused
from keywright.providers.aws.packed_keys import unpack
from keywright.providers.base import Minted, Provider
from keywright.providers.registry import make
from keywright.settings.model import OPTIONS, Profile

CANARY: Final = "canary-4d7be1"
TIMEOUT_S: Final = 20.0


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is different from the desk's own: options by name, variables by name (None takes one away)."""

    options: Mapping[str, object] = field(default_factory=dict)
    env: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(kw_only=True)
class Desk:
    """One provider as the suite sees it.

    Attributes:
        name: the provider's.
        issuer: who is asked.
        accepts: whether the issuer, or who trusts it, accepts a credential at an instant.
        secrets: returns every text that must be seen nowhere, those issued so far included.
        lifetime: how long what is fetched lives.
        env: the caller's environment.
        options: the profile's table.
        others: for every option another value than in `options`.
        refused: makes the issuer say no.
        stranded: leaves nobody to be asked.
        clock: the clock to move along with `now`.
        harmless: garbage that is an answer to this provider, and why.
        broken: garbage that is `Unavailable` to this provider, and why.
    """

    name: str
    issuer: LoopbackServer
    accepts: Callable[[Credential, datetime], bool]
    secrets: Callable[[], tuple[str, ...]]
    lifetime: timedelta
    env: Mapping[str, str]
    options: Mapping[str, object]
    others: Mapping[str, object]
    refused: Change
    stranded: Change
    clock: Clock
    harmless: Mapping[Garbage, str] = field(default_factory=dict)
    broken: Mapping[Garbage, str] = field(default_factory=dict)

    def changed_env(self, change: Change) -> dict[str, str]:
        """Return the environment with a change made."""
        changed = {**self.env, **change.env}
        return {name: value for name, value in changed.items() if value is not None}

    def provider(self, change: Change | None = None, *, profile: str = "x") -> Provider:
        """Return the provider by way of the registry, with a change made."""
        change = change or Change()
        table: dict[str, Any] = {**self.options, **change.options}
        options = OPTIONS[self.name](**table)
        return make(Profile(id=f"{self.name}:{profile}", options=options), None, self.changed_env(change))

    def fetch(
        self,
        now: datetime,
        change: Change | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        memory: Mapping[str, str] | None = None,
    ) -> Minted:
        """Fetch as of `now`."""
        return self.provider(change).fetch(now, timeout_s, memory or {})


IDENTITY: Final = {
    "aws_profile": "other",
    "role_arn": "arn:aws:iam::111122223333:role/other",
    "external_id": "other",
    "session_name": "other",
    "mfa_serial": "other",
}
BOTOCORE_CAPS_NO_BODY: Final = "botocore caps no body: JSON after 2 MiB of blanks is an answer to it"
UNSPOILED: Final = "`garbage` spoils the fields of GitHub and ECR; the agent's are named otherwise and stay honest"


@cache
def _app_key() -> AppKey:
    return AppKey.generate()


@contextmanager
def _access_key(home: Path, clock: Clock) -> Iterator[Desk]:
    key = f"{CANARY}-key"
    (home / "access.key").write_text(f"{key}\n")
    (home / "other.key").write_text(f"{CANARY}-other\n")
    with AccessKeyIssuer(keys=(key,), clock=clock) as issuer:
        yield Desk(
            name="access-key",
            issuer=issuer,
            accepts=lambda credential, _now: credential.username is None and issuer.accepts(credential.secret.reveal()),
            secrets=lambda: (CANARY, *issuer.issued),
            lifetime=issuer.lifetime,
            env={"HOME": str(home), "ACCESS_KEY": CANARY},
            options={"url": issuer.endpoint, "key": "file://~/access.key"},
            others={
                "url": "https://auth.example/api/authorise",
                "key": "file://~/other.key",
                "audience": "https://api.example",
                "site": "https://api.example",
                "username": "ci",
            },
            refused=Change(options={"key": "file://~/other.key"}),
            stranded=Change(options={"key": "file://~/absent.key"}),
            clock=clock,
        )


@contextmanager
def _github_app(home: Path, clock: Clock) -> Iterator[Desk]:
    key = _app_key()
    (home / "app.pem").write_text(key.private_pem)
    installations = (Installation(id=789, owner="acme"), Installation(id=790, owner="ann", is_organization=False))
    with GitHubIssuer(app_id="123", public_key=key.public_pem, installations=installations, clock=clock) as issuer:
        yield Desk(
            name="github-app",
            issuer=issuer,
            accepts=lambda credential, _now: (
                credential.username == "x-access-token" and issuer.accepts(credential.secret.reveal())
            ),
            secrets=lambda: (CANARY, "eyJ", *key.private_pem.splitlines()[1:-1], *issuer.issued),
            lifetime=issuer.lifetime,
            env={"HOME": str(home), "GITHUB_TOKEN": CANARY},
            options={"app_id": "123", "private_key": "~/app.pem", "owner": "acme", "api_url": issuer.url},
            others={
                "app_id": "124",
                "private_key": "~/other.pem",
                "installation_id": 789,
                "owner": "ann",
                "api_url": "https://ghe.example.com/api/v3",
                "repositories": ("app",),
                "permissions": {"contents": "read"},
            },
            refused=Change(options={"app_id": "124"}),
            stranded=Change(options={"private_key": "~/absent.pem"}),
            clock=clock,
        )


@contextmanager
def _aws_ecr(home: Path, clock: Clock) -> Iterator[Desk]:
    _write_aws_files(home)
    key = AccessKey(id="ASIADEMO", secret=f"{CANARY}-secret", session_token=f"{CANARY}-session")
    # The SDK signs as of this machine's clock, which stands still: so does the issuer's, whatever `now` is.
    with EcrIssuer(keys=(key,), region="eu-central-1", clock=Clock(now=clock.now)) as issuer:
        yield Desk(
            name="aws-ecr",
            issuer=issuer,
            accepts=lambda credential, _now: issuer.accepts(credential.username or "", credential.secret.reveal()),
            secrets=lambda: (CANARY, *issuer.issued),
            lifetime=issuer.lifetime,
            env={
                "HOME": str(home),
                "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_ACCESS_KEY_ID": key.id,
                "AWS_SECRET_ACCESS_KEY": key.secret,
                "AWS_SESSION_TOKEN": key.session_token,
                "AWS_ENDPOINT_URL_ECR": issuer.url,
            },
            options={"registry": "111122223333.dkr.ecr.eu-central-1.amazonaws.com"},
            others={"registry": "444455556666.dkr.ecr.eu-central-1.amazonaws.com"} | IDENTITY,
            refused=Change(env={"AWS_ACCESS_KEY_ID": "ASIAOTHER"}),
            stranded=Change(env={"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "AWS_SESSION_TOKEN": None}),
            clock=clock,
            harmless={Garbage.HUGE: BOTOCORE_CAPS_NO_BODY},
        )


@contextmanager
def _aws_eks(home: Path, clock: Clock) -> Iterator[Desk]:
    _write_aws_files(home)
    with PodIdentityAgent(clock=clock) as issuer:
        # A key without its id is passed over, so the environment can hold secrets and the agent is asked all the same.
        passed_over = {"AWS_SECRET_ACCESS_KEY": f"{CANARY}-secret", "AWS_SESSION_TOKEN": f"{CANARY}-session"}

        def accepts(credential: Credential, now: datetime) -> bool:
            try:
                EksTokenVerifier(issuer.keys).verify(credential.secret.reveal(), "prod", now)
            except TokenRefused:
                return False
            return True

        lent = ("secret", "session_token")
        yield Desk(
            name="aws-eks",
            issuer=issuer,
            accepts=accepts,
            secrets=lambda: (
                CANARY,
                issuer.variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"],
                *(getattr(key, part) for key in issuer.keys for part in lent),
            ),
            lifetime=timedelta(minutes=15),
            env={"HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true", **passed_over, **issuer.variables},
            options={"cluster": "prod", "region": "eu-central-1"},
            others={"cluster": "test", "region": "eu-west-1", "url_expires_s": 61} | IDENTITY,
            refused=Change(env={"AWS_CONTAINER_AUTHORIZATION_TOKEN": CANARY}),
            stranded=Change(
                env={"AWS_CONTAINER_CREDENTIALS_FULL_URI": None, "AWS_CONTAINER_AUTHORIZATION_TOKEN": None}
            ),
            clock=clock,
            harmless={
                Garbage.HUGE: BOTOCORE_CAPS_NO_BODY,
                **dict.fromkeys((Garbage.WITHOUT_TOKEN, Garbage.LF, Garbage.CR, Garbage.NUL), UNSPOILED),
            },
            broken={Garbage.NOT_AN_OBJECT: "botocore does not say which of its sources it cannot read"},
        )


@contextmanager
def _aws_codecommit(home: Path, clock: Clock) -> Iterator[Desk]:
    """Signed here, as an EKS token is, with keys from the same agent."""
    with _aws_eks(home, clock) as desk:
        issuer = desk.issuer
        assert isinstance(issuer, PodIdentityAgent)

        def accepts(credential: Credential, now: datetime) -> bool:
            server = CodeCommit(
                host="git.example.com", path="/v1/repos/app.git", region="eu-central-1", keys=issuer.keys
            )
            return server.accepts(credential.username or "", credential.secret.reveal(), now)

        yield replace(
            desk,
            name="aws-codecommit",
            accepts=accepts,
            options={"repository": "https://git.example.com:8443/v1/repos/app.git", "region": "eu-central-1"},
            others={"repository": "https://git.example.com:8443/v1/repos/app", "region": "eu-west-1"} | IDENTITY,
        )


@contextmanager
def _aws_session(home: Path, clock: Clock) -> Iterator[Desk]:
    """The agent's keys by themselves; those of STS and SSO, which are kept, have tests of their own."""
    with _aws_eks(home, clock) as desk:
        issuer = desk.issuer
        assert isinstance(issuer, PodIdentityAgent)

        def accepts(credential: Credential, _now: datetime) -> bool:
            keys = unpack(credential)
            return (keys.access_key, keys.secret_key, keys.token) in {
                (key.id, key.secret, key.session_token) for key in issuer.keys
            }

        yield replace(
            desk,
            name="aws-session",
            accepts=accepts,
            lifetime=issuer.lifetime,
            options={},
            others=IDENTITY,
        )


def _write_aws_files(home: Path) -> None:
    folder = home / ".aws"
    folder.mkdir()
    (folder / "config").write_text("[profile unused]\nregion = eu-west-1\n")
    (folder / "credentials").write_text(
        f"[unused]\naws_access_key_id = AKIDUNUSED\naws_secret_access_key = {CANARY}\naws_session_token = {CANARY}\n"
    )


DESKS: Final[Mapping[str, Callable[[Path, Clock], AbstractContextManager[Desk]]]] = {
    "access-key": _access_key,
    "aws-codecommit": _aws_codecommit,
    "aws-ecr": _aws_ecr,
    "aws-eks": _aws_eks,
    "aws-session": _aws_session,
    "github-app": _github_app,
}
