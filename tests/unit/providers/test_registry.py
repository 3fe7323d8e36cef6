import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from keywright.errors import ConfigurationError, KeywrightError, ProviderNotFound, UsageError
from keywright.providers.registry import PROVIDERS, READERS, VARIABLES, make
from keywright.request import Url
from keywright.settings.model import (
    OPTIONS,
    AccessKeyOptions,
    EcrOptions,
    EksOptions,
    GithubAppOptions,
    Options,
    Profile,
)

CANARY = "canary-5f1d2c"
ENV = {"HOME": "/h/me", "AWS_ACCESS_KEY_ID": "AKIDTEST", "AWS_SECRET_ACCESS_KEY": CANARY}
ECR = Url(scheme="", host="123456789012.dkr.ecr.eu-central-1.amazonaws.com")

EKS = {"cluster": "prod", "region": "eu-central-1"}
APP = {"app_id": "1", "private_key": "/k.pem", "installation_id": 7}

Ask = tuple[Options, Url | None, Mapping[str, str]]


ACCESS = {"url": "https://auth.example/t", "key": "file:///k"}


def access(env: Mapping[str, str] = ENV, **changes: Any) -> Ask:
    return AccessKeyOptions(**{**ACCESS, **changes}), None, env


def eks(env: Mapping[str, str] = ENV, **changes: Any) -> Ask:
    return EksOptions(**{**EKS, **changes}), None, env


def ecr(host: str = ECR.host, env: Mapping[str, str] = ENV, **changes: Any) -> Ask:
    return EcrOptions(**changes), Url(scheme="", host=host), env


def app(env: Mapping[str, str] = ENV, **changes: Any) -> Ask:
    return GithubAppOptions(**{**APP, **changes}), None, env


NAMES = {kind: name for name, kind in OPTIONS.items()}

DIFFERENT: tuple[Ask, ...] = (
    eks(),
    eks(cluster="test"),
    eks(region="eu-west-1"),
    eks(role_arn="arn:aws:iam::1:role/a"),
    eks(external_id="x"),
    eks(session_name="ci"),
    eks(aws_profile="work"),
    eks(url_expires_s=900),
    eks({**ENV, "AWS_ACCESS_KEY_ID": "AKIDOTHER"}),
    eks({**ENV, "AWS_SECRET_ACCESS_KEY": "other"}),
    eks({**ENV, "AWS_SESSION_TOKEN": "t"}),
    eks({**ENV, "AWS_PROFILE": "work"}),
    eks({**ENV, "AWS_CONFIG_FILE": "/other"}),
    eks({**ENV, "AWS_ENDPOINT_URL_STS": "https://sts.example.com"}),
    eks({**ENV, "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1/a"}),
    eks({**ENV, "HOME": "/h/you"}),
    ecr(),
    ecr("210987654321.dkr.ecr.eu-central-1.amazonaws.com"),
    ecr("123456789012.dkr.ecr.eu-west-1.amazonaws.com"),
    ecr("123456789012.dkr.ecr-fips.eu-central-1.amazonaws.com"),
    ecr("public.ecr.aws"),
    ecr(aws_profile="work"),
    ecr(role_arn="arn:aws:iam::1:role/a"),
    ecr(env={**ENV, "AWS_PROFILE": "work"}),
    app(),
    app(app_id="2"),
    app(private_key="/other.pem"),
    app(private_key="~/k.pem"),
    app({"HOME": "/h/you"}, private_key="~/k.pem"),
    app(installation_id=8),
    app(installation_id=None, owner="7"),
    app(installation_id=None, owner="acme"),
    app(api_url="https://ghe.example.com/api/v3"),
    app(repositories=("a",)),
    app(repositories=("a", "b")),
    app(repositories=("a,b",)),
    app(permissions={"contents": "read"}),
    app(permissions={"contents": "write"}),
    access(),
    access(url="https://auth.example/u"),
    access(key="file:///l"),
    access(key="file://~/k"),
    access({"HOME": "/h/you"}, key="file://~/k"),
    access(key="vault://K"),
    access(key="env://K"),
    access({**ENV, "K": CANARY}, key="env://K"),
    access({**ENV, "K": "other"}, key="env://K"),
    access({**ENV, "L": CANARY}, key="env://L"),
    access(audience="a"),
    access(site="https://a.example"),
    access(username="a"),
)


def digest(ask: Ask, name: str = "x") -> str:
    options, url, env = ask
    return make(Profile(id=f"{NAMES[type(options)]}:{name}", options=options), url, env).key.digest


def test_no_two_accounts_share_a_key() -> None:
    digests = [digest(ask) for ask in DIFFERENT] + [digest(eks(), "y")]
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (eks(), eks({**ENV, "PATH": "/bin", "HTTPS_PROXY": "http://p", "AWS_EXECUTION_ENV": "x"})),
        (eks(), eks(session_name="keywright")),
        (ecr("public.ecr.aws"), ecr("ecr-public.aws.com")),
        (ecr(), ecr("123456789012.dkr-ecr.eu-central-1.on.aws")),
        (app(repositories=("a", "b")), app(repositories=("b", "a"))),
        (app(), app(api_url="https://api.github.com/")),
        (access(), access({"HOME": "/h/you", "K": CANARY})),
    ],
)
def test_what_does_not_change_the_answer_does_not_change_the_key(one: Ask, other: Ask) -> None:
    assert digest(one) == digest(other)


@pytest.mark.parametrize("ask", DIFFERENT)
def test_a_key_and_a_providers_repr_hold_no_secret(ask: Ask) -> None:
    options, url, env = ask
    provider = make(Profile(id=f"{NAMES[type(options)]}:x", options=options), url, env)
    assert CANARY not in f"{provider.key.document()}{provider!r}"


def test_every_kind_of_settings_has_its_provider_and_its_variables() -> None:
    assert set(PROVIDERS) == set(OPTIONS) - set(READERS) == set(VARIABLES)


def test_an_unknown_provider_is_named_with_those_that_exist() -> None:
    with pytest.raises(
        ProviderNotFound, match="there is no provider 'gitlab'; known are access-key, aws-codecommit, aws-ecr, aws-eks"
    ):
        make(Profile(id="gitlab:x", options=EksOptions(cluster="c", region="r")), None, {})


@pytest.mark.parametrize(
    ("registry", "url", "kind", "words"),
    [
        ("", None, UsageError, "needs a registry host"),
        ("ghcr.io", None, ConfigurationError, "ghcr.io is not an Amazon ECR registry; mend the route"),
        ("", Url(scheme="", host="ghcr.io"), ConfigurationError, "ghcr.io is not an Amazon ECR registry"),
        (ECR.host, Url(scheme="", host="ghcr.io"), ConfigurationError, "ghcr.io"),
    ],
)
def test_ecr_needs_the_host_of_a_registry(
    registry: str, url: Url | None, kind: type[KeywrightError], words: str
) -> None:
    with pytest.raises(kind, match=words):
        make(Profile(id="aws-ecr:x", options=EcrOptions(registry=registry)), url, ENV)


def test_the_settings_name_the_registry_where_the_client_does_not() -> None:
    named = Profile(id="aws-ecr:x", options=EcrOptions(registry=ECR.host))
    assert make(named, None, ENV).key.digest == digest(ecr())


def test_a_profile_with_another_providers_options_is_a_bug() -> None:
    with pytest.raises(TypeError):
        make(Profile(id="aws-eks:x", options=EcrOptions()), None, {})


LIGHT = """
import sys
from keywright.providers.registry import make
from keywright.request import Url
from keywright.settings.model import AccessKeyOptions, EcrOptions, EksOptions, GithubAppOptions, Profile
env = {"HOME": "/h/me", "AWS_CONFIG_FILE": "$HOME/aws"}
before = set(sys.modules)
for id, options, host in (
    ("access-key:x", AccessKeyOptions(url="https://auth.example/t", key="file://~/k"), ""),
    ("aws-eks:x", EksOptions(cluster="c", region="eu-central-1"), ""),
    ("aws-ecr:x", EcrOptions(), "public.ecr.aws"),
    ("github-app:x", GithubAppOptions(app_id="1", private_key="~/k", owner="acme"), ""),
):
    provider = make(Profile(id=id, options=options), Url(scheme="", host=host) if host else None, env)
    provider.key.digest, provider.margins, dict(provider.inputs)
print(*sys.modules)
"""


def test_a_key_is_built_without_anything_heavy() -> None:
    found = subprocess.run([sys.executable, "-c", LIGHT], check=True, capture_output=True, text=True, timeout=60)
    heavy = {"botocore", "urllib3", "cryptography", "jwt", "filelock", "hashlib", "subprocess", "pathlib", "logging"}
    heavy |= {"argparse", "socket", "ssl", "email", "http", "threading", "urllib.request", "msgspec", "tomllib"}
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert not heavy & (set(found.stdout.split()) - set(bare.stdout.split()))
