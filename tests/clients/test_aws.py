"""AWS: our EKS token against aws-cli's own, every kind of profile through moto's STS, and ECR.

moto answers as AWS does but checks no signature; the demo's issuers check them all.
"""

import json
import urllib.request
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import pytest

from clients.sandbox import Done, Sandbox, find_program
from keywright.demo.ecr import PRIVATE_TARGET, PUBLIC_TARGET, EcrIssuer
from keywright.demo.sigv4 import AccessKey
from keywright.errors import ConfigurationError, KeywrightError, NeedsPerson, Unavailable, Unreachable

KEY: Final = AccessKey(id="AKIADEMO", secret="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
AWS: Final = {"AWS_ACCESS_KEY_ID": KEY.id, "AWS_SECRET_ACCESS_KEY": KEY.secret}
SESSION: Final = {**AWS, "AWS_SESSION_TOKEN": "FwoGZXIvYXdzEXAMPLE//////////wEaDCanary+/=="}
PLUGIN: Final = "kube-credential-keywright"
DOCKER: Final = "docker-credential-keywright"
EKS: Final = ("eks", "--cluster", "prod", "--region", "eu-central-1")
REGISTRY: Final = "111122223333.dkr.ecr.eu-central-1.amazonaws.com"
BASE: Final = f"[profile base]\naws_access_key_id = {KEY.id}\naws_secret_access_key = {KEY.secret}\n"
ROLE: Final = "arn:aws:iam::123456789012:role"


def token_of(done: Done) -> str:
    """Return the token of an ExecCredential."""
    assert done.code == 0, done.stderr
    return str(json.loads(done.stdout)["status"]["token"])


def url_of(token: str) -> str:
    """Return the presigned URL inside a token."""
    encoded = token.removeprefix("k8s-aws-v1.")
    return urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()


def key_id_of(token: str) -> str:
    """Return the access key that signed a token."""
    return parse_qs(urlsplit(url_of(token)).query)["X-Amz-Credential"][0].partition("/")[0]


class TestTheTokenIsTheAwsClis:
    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("env", "cluster", "region"),
        [
            (AWS, "prod", "eu-central-1"),
            (SESSION, "prod", "eu-central-1"),
            (AWS, "prod", "cn-north-1"),
            (AWS, "A-cluster_with.signs-0", "us-gov-west-1"),
        ],
    )
    def test_byte_for_byte_at_the_same_instant(
        self, sandbox: Sandbox, env: Mapping[str, str], cluster: str, region: str
    ) -> None:
        for name in ("faketime", "aws"):
            find_program(name)
        standing_still = ("faketime", "-f", "2026-01-02 03:04:05")
        env = {**env, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}  # waits end by that clock
        ours = sandbox.run(*standing_still, PLUGIN, "eks", "--cluster", cluster, "--region", region, env=env)
        theirs = sandbox.run(
            *standing_still, "aws", "eks", "get-token", "--cluster-name", cluster, "--region", region, env=env
        )
        assert token_of(ours) == token_of(theirs)
        assert json.loads(ours.stdout)["status"] == json.loads(theirs.stdout)["status"]


@dataclass
class Aws:
    """A user's AWS configuration, and a moto server for it."""

    sandbox: Sandbox
    moto: str

    def configure(self, *profiles: str) -> None:
        """Write `~/.aws/config`."""
        self.sandbox.write(self.sandbox.home / ".aws/config", "\n".join(profiles))

    def ask(self, *words: str, **env: str) -> Done:
        """Ask for a token of the cluster `prod`."""
        return self.sandbox.run(PLUGIN, *EKS, *words, env={"AWS_ENDPOINT_URL_STS": self.moto, **env})

    def arn_of(self, token: str) -> str:
        """Return whose access key moto says has signed the token; presigned URLs themselves it does not read."""
        query = urlsplit(url_of(token)).query
        scope = parse_qs(query)["X-Amz-Credential"][0]
        headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}
        request = urllib.request.Request(self.moto, data=query.encode(), headers=headers)
        with urllib.request.urlopen(request, timeout=30) as response:
            text = response.read().decode()
        return str(text.partition("<Arn>")[2].partition("</Arn>")[0])


@pytest.fixture
def aws(sandbox: Sandbox, moto: str) -> Aws:
    """A user of AWS."""
    return Aws(sandbox, moto)


class TestEveryKindOfProfileMints:
    def test_a_role_of_the_settings(self, aws: Aws) -> None:
        aws.sandbox.settings(
            '[profiles."aws-eks:prod"]',
            'cluster = "prod"',
            'region = "eu-central-1"',
            f'role_arn = "{ROLE}/settings"',
            'external_id = "x-1"',
            'session_name = "laptop"',
        )
        env = {**AWS, "AWS_ENDPOINT_URL_STS": aws.moto}
        done = aws.sandbox.run(PLUGIN, "profile", "aws-eks:prod", env=env)
        assert aws.arn_of(token_of(done)) == "arn:aws:sts::123456789012:assumed-role/settings/laptop"

    def test_a_role_of_the_command_line(self, aws: Aws) -> None:
        done = aws.ask("--role-arn", f"{ROLE}/line", **AWS)
        assert aws.arn_of(token_of(done)) == "arn:aws:sts::123456789012:assumed-role/line/keywright"

    @pytest.mark.parametrize("how", ["--aws-profile", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
    def test_a_role_of_the_aws_config(self, aws: Aws, how: str) -> None:
        aws.configure(BASE, f"[profile dev]\nrole_arn = {ROLE}/dev\nsource_profile = base\nrole_session_name = me\n")
        done = aws.ask(how, "dev") if how.startswith("--") else aws.ask(**{how: "dev"})
        assert aws.arn_of(token_of(done)) == "arn:aws:sts::123456789012:assumed-role/dev/me"

    def test_a_credential_process(self, aws: Aws) -> None:
        ends = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=5)
        made = {
            "Version": 1,
            "AccessKeyId": "ASIAPROCESS",
            "SecretAccessKey": "process-secret",
            "SessionToken": "process-session",
            "Expiration": ends.isoformat(),
        }
        script = aws.sandbox.write(aws.sandbox.home / "process", f"#!/bin/sh\necho '{json.dumps(made)}'\n")
        script.chmod(0o700)
        aws.configure(f"[profile made]\ncredential_process = {script}\n")
        done = aws.ask("--aws-profile", "made")
        assert key_id_of(token_of(done)) == "ASIAPROCESS"
        told = datetime.fromisoformat(json.loads(done.stdout)["status"]["expirationTimestamp"])
        assert told < ends, "a token dies with the session that signed it"

    @pytest.mark.parametrize("how", ["config", "environment"])
    def test_a_web_identity(self, aws: Aws, how: str) -> None:
        token = aws.sandbox.write(aws.sandbox.home / "web-token", "header.claims.signature")
        if how == "config":
            aws.configure(f"[profile web]\nrole_arn = {ROLE}/web\nweb_identity_token_file = {token}\n")
            done = aws.ask("--aws-profile", "web")
        else:
            done = aws.ask(AWS_ROLE_ARN=f"{ROLE}/web", AWS_WEB_IDENTITY_TOKEN_FILE=str(token))
        assert ":assumed-role/web/" in aws.arn_of(token_of(done))


def test_an_edited_role_is_seen_by_the_very_next_call(aws: Aws) -> None:
    def switch_to(role: str) -> None:
        aws.configure(BASE, f"[profile dev]\nrole_arn = {ROLE}/{role}\nsource_profile = base\n")

    def who() -> str:
        return aws.arn_of(token_of(aws.ask("--aws-profile", "dev"))).split("/")[1]

    switch_to("one")
    assert [who(), who()] == ["one", "one"]
    switch_to("two")
    assert [who(), who()] == ["two", "two"]


def test_switched_keys_of_the_environment_are_seen_by_the_very_next_call(aws: Aws) -> None:
    keys = [key_id_of(token_of(aws.ask(**{**AWS, "AWS_ACCESS_KEY_ID": name}))) for name in ("AKIAONE", "AKIATWO")]
    assert keys == ["AKIAONE", "AKIATWO"]
    assert key_id_of(token_of(aws.ask(**{**AWS, "AWS_ACCESS_KEY_ID": "AKIAONE"}))) == "AKIAONE"


@pytest.fixture
def ecr() -> Iterator[EcrIssuer]:
    """ECR, private and public, of the region eu-central-1."""
    with EcrIssuer(keys=(KEY,), region="eu-central-1") as issuer:
        yield issuer


def ask_for(sandbox: Sandbox, registry: str, *endpoints: str, **env: str) -> Done:
    """Ask for a registry's password, with ECR at the first of `endpoints` and ECR Public at the second."""
    names = ("AWS_ENDPOINT_URL_ECR", "AWS_ENDPOINT_URL_ECR_PUBLIC")
    at = dict(zip(names, endpoints, strict=False))
    return sandbox.run(DOCKER, "get", stdin=registry, env={**AWS, **at, **env})


@pytest.mark.parametrize(
    ("registry", "target"),
    [
        (REGISTRY, PRIVATE_TARGET),
        ("111122223333.dkr.ecr-fips.eu-central-1.amazonaws.com", PRIVATE_TARGET),
        ("111122223333.dkr-ecr.eu-central-1.on.aws", PRIVATE_TARGET),
        ("public.ecr.aws", PUBLIC_TARGET),
        ("ecr-public.aws.com", PUBLIC_TARGET),
    ],
)
def test_a_registry_password_is_minted_once_without_any_settings(
    sandbox: Sandbox, ecr: EcrIssuer, registry: str, target: str
) -> None:
    for _ in range(2):
        done = ask_for(sandbox, registry, ecr.url, ecr.url)
        assert (done.code, done.stderr) == (0, "")
        answer = json.loads(done.stdout)
        assert answer["ServerURL"] == registry
        assert ecr.accepts(answer["Username"], answer["Secret"])
    assert [str(fact.call.headers["X-Amz-Target"]) for fact in ecr.facts] == [target]


@pytest.mark.parametrize(
    "registry",
    [
        "111122223333.dkr.ecr.eu-central-1.amazonaws.com.evil.example",
        "11112222333.dkr.ecr.eu-central-1.amazonaws.com",
        "111122223333.dkr.ecr.eu-central-1.amazonaws.com:8443",
        "http://111122223333.dkr.ecr.eu-central-1.amazonaws.com",
        "public.ecr.aws.evil.example",
        "127.0.0.1:5000",
    ],
)
def test_a_look_alike_registry_gets_nothing(sandbox: Sandbox, ecr: EcrIssuer, registry: str) -> None:
    done = ask_for(sandbox, registry, ecr.url, ecr.url)
    assert (done.code, done.stdout, done.stderr) == (1, "credentials not found in native keychain\n", "")
    assert ecr.total == 0


def test_a_password_whose_expiry_is_past_is_served_once(aws: Aws) -> None:
    """moto's passwords have expired in 2015: what was just fetched is handed over all the same, and never again."""
    generations = []
    for _ in range(2):
        done = ask_for(aws.sandbox, "123456789012.dkr.ecr.eu-central-1.amazonaws.com", aws.moto)
        assert (done.code, done.stderr) == (0, "")
        assert json.loads(done.stdout)["Secret"] == "123456789012-auth-token"
        generations.append(aws.sandbox.entry()["generation"])
    assert generations[0] < generations[1]


def expired_sso(sandbox: Sandbox) -> None:
    """Leave an AWS SSO login of yesterday."""
    config = (
        "[profile sso]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = dev\n"
        "[sso-session corp]\nsso_region = eu-central-1\nsso_start_url = https://corp.awsapps.example/start\n"
    )
    sandbox.write(sandbox.home / ".aws/config", config)
    ended = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    login = {
        "startUrl": "https://corp.awsapps.example/start",
        "region": "eu-central-1",
        "accessToken": "sso-canary",
        "expiresAt": ended,
    }
    name = sha1(b"corp", usedforsecurity=False).hexdigest()
    sandbox.write(sandbox.home / f".aws/sso/cache/{name}.json", json.dumps(login))


def failing_process(sandbox: Sandbox) -> None:
    """Name a credential process that prints a secret and fails."""
    script = sandbox.write(
        sandbox.home / "process", "#!/bin/sh\necho process-canary; echo process-canary >&2; exit 3\n"
    )
    script.chmod(0o700)
    sandbox.write(sandbox.home / ".aws/config", f"[profile made]\ncredential_process = {script}\n")


class TestFailures:
    """One line, the command that mends it, an exit code for scripts, and never a secret."""

    @pytest.mark.parametrize(
        ("prepare", "env", "kind", "said"),
        [
            (
                None,
                {},
                Unavailable,
                "no AWS credentials were found; run `aws configure` or `aws sso login --profile default`",
            ),
            (expired_sso, {"AWS_PROFILE": "sso"}, NeedsPerson, "run `aws sso login --profile sso`"),
            (None, {"AWS_PROFILE": "nope"}, ConfigurationError, "the AWS profile nope is not in"),
            (
                failing_process,
                {"AWS_PROFILE": "made"},
                Unavailable,
                "the credential_process of the AWS profile made failed",
            ),
            (
                None,
                {**AWS, "AWS_ENDPOINT_URL_ECR": "http://ecr.example.com"},
                ConfigurationError,
                "AWS may be asked over https only",
            ),
            (None, {**AWS, "AWS_ENDPOINT_URL_ECR": "http://127.0.0.1:1"}, Unreachable, "no connection to 127.0.0.1"),
        ],
        ids=["no credentials", "expired SSO", "unknown profile", "failing process", "plain http", "nobody there"],
    )
    def test_a_failure_is_one_line(
        self, sandbox: Sandbox, prepare: object, env: Mapping[str, str], kind: type[KeywrightError], said: str
    ) -> None:
        if callable(prepare):
            prepare(sandbox)
        done = sandbox.run(DOCKER, "get", stdin=REGISTRY, env=env)
        assert done.code == kind.exit_code
        assert done.stderr.startswith(f"{DOCKER}: aws-ecr:default for {REGISTRY}: ")
        assert said in done.stderr
        assert done.stderr.count("\n") == 1
        told = done.stdout.removesuffix("\n")
        assert done.stderr == f"{DOCKER}: {told} [{kind.code}]\n"
        for secret in (KEY.secret, "sso-canary", "process-canary"):
            assert secret not in done.stderr

    @pytest.mark.parametrize(
        ("env", "reason"),
        [
            ({"AWS_SECRET_ACCESS_KEY": "denied-canary"}, "InvalidSignatureException"),
            ({"AWS_ACCESS_KEY_ID": "AKIASTRANGER"}, "UnrecognizedClientException"),
        ],
    )
    def test_a_denial_is_told_by_its_code_alone(
        self, sandbox: Sandbox, ecr: EcrIssuer, env: Mapping[str, str], reason: str
    ) -> None:
        done = ask_for(sandbox, REGISTRY, ecr.url, **env)
        assert done.code == 1
        assert f"AWS answered GetAuthorizationToken with {reason}; see `aws sts get-caller-identity" in done.stderr
        assert "canary" not in done.stderr + done.stdout
        assert done.stderr.count("\n") == 1

    def test_a_mended_configuration_is_tried_at_once(self, sandbox: Sandbox, ecr: EcrIssuer) -> None:
        """The failure memory does not make the person wait who has just mended the cause."""
        env = {"AWS_ENDPOINT_URL_ECR": ecr.url, "AWS_PROFILE": "base"}
        sandbox.write(sandbox.home / ".aws/config", BASE.replace(KEY.secret, "typo"))
        assert sandbox.run(DOCKER, "get", stdin=REGISTRY, env=env).code == 1
        sandbox.prolong_failures()
        again = sandbox.run(DOCKER, "get", stdin=REGISTRY, env=env)
        assert "asking again in" in again.stderr
        assert ecr.total == 1
        sandbox.write(sandbox.home / ".aws/config", BASE)
        assert sandbox.run(DOCKER, "get", stdin=REGISTRY, env=env).code == 0

    def test_nothing_of_a_failure_holds_a_secret_on_disk(self, sandbox: Sandbox, ecr: EcrIssuer) -> None:
        ask_for(sandbox, REGISTRY, ecr.url, AWS_SECRET_ACCESS_KEY="denied-canary")
        assert len(sandbox.failures()) == 1
        files: list[Path] = [path for path in sandbox.own.rglob("*") if path.is_file()]
        assert not any(b"denied-canary" in path.read_bytes() for path in files)
