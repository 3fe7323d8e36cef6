"""boto3 and botocore in a program: the identity of a profile of keywright's settings, against moto."""

from typing import Any, Final

import boto3  # type: ignore[import-untyped]
import botocore.session
import pytest

from clients.sandbox import Sandbox
from keywright.adapters.botocore import SessionCredentialProvider, install

ROLE: Final = "arn:aws:iam::123456789012:role/deploy"
PLUGIN: Final = "kube-credential-keywright"


@pytest.fixture
def user(sandbox: Sandbox, moto: str) -> Sandbox:
    """A user with long-lived keys, whose cluster wants a role."""
    keys = {"AWS_ACCESS_KEY_ID": "AKIADEMO", "AWS_SECRET_ACCESS_KEY": "long-lived-canary"}
    user = Sandbox(sandbox.home, {**sandbox.env, **keys, "AWS_ENDPOINT_URL_STS": moto})
    user.settings(
        '[profiles."aws-eks:prod"]',
        'cluster = "prod"',
        'region = "eu-central-1"',
        f'role_arn = "{ROLE}"',
    )
    return user


def client_of(user: Sandbox, moto: str, *, is_boto3: bool) -> Any:
    session = botocore.session.Session()
    install(session, SessionCredentialProvider("aws-eks:prod", env=user.env))
    maker = boto3.Session(botocore_session=session).client if is_boto3 else session.create_client
    return maker("sts", region_name="eu-central-1", endpoint_url=moto)


@pytest.mark.parametrize("is_boto3", [True, False], ids=["boto3", "botocore"])
def test_a_program_acts_in_the_role_that_kubectl_acts_in(user: Sandbox, moto: str, is_boto3: bool) -> None:
    assert user.run(PLUGIN, "profile", "aws-eks:prod").code == 0
    sts = client_of(user, moto, is_boto3=is_boto3)
    assert sts.get_caller_identity()["Arn"] == "arn:aws:sts::123456789012:assumed-role/deploy/keywright"
    row = user.run("keywright", "status", "--json")
    assert row.stdout.count('"aws-session:deploy"') == 1, "one entry for both"
