import base64
import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.credentials import ReadOnlyCredentials

from keywright.demo.sigv4 import AccessKey
from keywright.demo.sts import EksTokenVerifier
from keywright.providers.aws.hosts import sts_host
from keywright.providers.aws.presign import eks_token

NOW = datetime.fromtimestamp(1_700_000_000, UTC)
KEY_ID, SECRET = "AKIDTEST", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SESSION_TOKEN = "FwoGZXIvYXdzE/+=canary"
AWS = Path(sys.executable).with_name("aws")


def token(
    *,
    region: str = "us-east-1",
    cluster: str = "prod-cluster",
    expires_s: int = 60,
    session_token: str | None = None,
    now: datetime = NOW,
) -> str:
    credentials = ReadOnlyCredentials(KEY_ID, SECRET, session_token)
    return eks_token(credentials, host=sts_host(region), region=region, cluster=cluster, expires_s=expires_s, now=now)


def url_of(text: str) -> str:
    encoded = text.removeprefix("k8s-aws-v1.")
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()


@pytest.mark.parametrize(
    ("expires_s", "signature", "digest"),
    [
        (
            900,
            "80c7505957e0e7c1530986c096e4cafdbcdd1af5777a112764765019349d2755",
            "54b2486897aac5115c08f36d5b0d9e6665060dc1578ba8d1c4753b46666f24df",
        ),
        (
            60,
            "db8e1ae01e85f9b2e81f7b1bd36d23211f062070bcc157cc7d51357417c7263b",
            "af326f7d9c29aacef1e605206cd838dfb85c5f91dd623117ed3f1fac1dbb0cf4",
        ),
    ],
)
def test_a_token_is_the_known_one_for_its_inputs(expires_s: int, signature: str, digest: str) -> None:
    text = token(expires_s=expires_s)
    assert url_of(text).endswith(f"&X-Amz-Signature={signature}")
    assert sha256(text.encode()).hexdigest() == digest


@pytest.mark.parametrize("session_token", [None, SESSION_TOKEN])
@pytest.mark.parametrize(
    ("region", "cluster"), [("us-east-1", "prod-cluster"), ("cn-north-1", "a_b-C9"), ("eu-central-1", "x" * 100)]
)
def test_it_is_byte_for_byte_what_the_aws_cli_makes_at_the_same_second(
    region: str, cluster: str, session_token: str | None, tmp_path: Path
) -> None:
    env = {"HOME": str(tmp_path), "AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET}
    if session_token:
        env["AWS_SESSION_TOKEN"] = session_token
    command = [str(AWS), "eks", "get-token", "--cluster-name", cluster, "--region", region, "--output", "json"]
    told = subprocess.run(command, env=env, check=True, capture_output=True, timeout=120)
    theirs = json.loads(told.stdout)["status"]["token"]
    signed_at = datetime.strptime(parse_qs(urlsplit(url_of(theirs)).query)["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ")
    ours = token(region=region, cluster=cluster, session_token=session_token, now=signed_at.replace(tzinfo=UTC))
    assert ours == theirs


@pytest.mark.parametrize("session_token", [None, SESSION_TOKEN])
def test_a_verifier_that_is_not_botocore_accepts_it_for_its_cluster_alone(session_token: str | None) -> None:
    verifier = EksTokenVerifier((AccessKey(id=KEY_ID, secret=SECRET, session_token=session_token or ""),))
    text = token(session_token=session_token)
    assert verifier.verify(text, "prod-cluster", NOW).key_id == KEY_ID
    with pytest.raises(Exception, match="the signature is wrong"):
        verifier.verify(text, "other-cluster", NOW)


def test_the_cluster_is_signed_and_never_in_the_url() -> None:
    assert "prod-cluster" not in url_of(token())
    assert token(cluster="other") != token()
    assert parse_qs(urlsplit(url_of(token())).query)["X-Amz-SignedHeaders"] == ["host;x-k8s-aws-id"]


def test_a_token_is_unpadded_base64url() -> None:
    texts = [token(region=region) for region in ("us-east-1", "us-east-2", "eu-central-1", "eusc-de-east-1")]
    assert all(re.fullmatch(r"k8s-aws-v1\.[A-Za-z0-9_-]+", text) for text in texts)
