"""The declared variables are complete: whatever botocore looks up is declared, or known not to matter."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from keywright.providers.aws.environment import is_declared

IRRELEVANT = {
    "AWS_ACCOUNT_ID": "an account id beside the keys, for endpoints that STS, ECR and SSO do not have",
    "AWS_ACCOUNT_ID_ENDPOINT_MODE": "whether such endpoints are used",
    "AWS_AUTH_SCHEME_PREFERENCE": "how a request is signed, not by whom",
    "AWS_BEARER_TOKEN_ECR": "bearer tokens are for services that take them; ECR takes signatures",
    "AWS_BEARER_TOKEN_ECR_PUBLIC": "the same",
    "AWS_BEARER_TOKEN_STS": "the same",
    "AWS_CSM_CLIENT_ID": "client-side monitoring",
    "AWS_CSM_ENABLED": "client-side monitoring",
    "AWS_CSM_HOST": "client-side monitoring",
    "AWS_CSM_PORT": "client-side monitoring",
    "AWS_DEFAULTS_MODE": "timeouts and retries",
    "AWS_DISABLE_HOST_PREFIX_INJECTION": "host prefixes, which these services do not have",
    "AWS_DISABLE_REQUEST_COMPRESSION": "how a request is sent",
    "AWS_ENDPOINT_DISCOVERY_ENABLED": "for services with endpoints of a resource's own",
    "AWS_EXECUTION_ENV": "the User-Agent",
    "AWS_LAMBDA_FUNCTION_NAME": "a tracing header",
    "AWS_MAX_ATTEMPTS": "how often a request is sent",
    "AWS_REQUEST_CHECKSUM_CALCULATION": "how a request is sent",
    "AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES": "how a request is sent",
    "AWS_RESPONSE_CHECKSUM_VALIDATION": "how an answer is read",
    "AWS_RETRY_MODE": "how often a request is sent",
    "AWS_S3_DISABLE_EXPRESS_SESSION_AUTH": "S3",
    "AWS_S3_DISABLE_MULTIREGION_ACCESS_POINTS": "S3",
    "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT": "S3",
    "AWS_S3_USE_ARN_REGION": "S3",
    "AWS_SDK_UA_APP_ID": "the User-Agent",
    "AWS_SIGV4A_SIGNING_REGION_SET": "how a request is signed, for services that take SigV4a",
}

RECORD = """
import json, os, sys
from datetime import UTC, datetime

names = set()

class Recording(type(os.environ)):
    def note(self, name):
        if "botocore" in sys._getframe(2).f_code.co_filename:
            names.add(name)
    def __getitem__(self, name):
        self.note(name)
        return super().__getitem__(name)
    def __contains__(self, name):
        self.note(name)
        return super().__contains__(name)
    def get(self, name, default=None):
        self.note(name)
        return super().get(name, default)

old = os.environ
os.environ = Recording(old._data, old.encodekey, old.decodekey, old.encodevalue, old.decodevalue)

from keywright.errors import KeywrightError
from keywright.providers.registry import make
from keywright.request import Url
from keywright.settings.model import EcrOptions, EksOptions, Profile

role = json.loads(sys.argv[1])
asks = (
    (Profile(id="aws-eks:x", options=EksOptions(cluster="c", region="eu-central-1", **role)), None),
    (Profile(id="aws-ecr:x", options=EcrOptions(**role)), "111122223333.dkr.ecr.eu-central-1.amazonaws.com"),
    (Profile(id="aws-ecr:x", options=EcrOptions(**role)), "public.ecr.aws"),
)
for profile, host in asks[: int(sys.argv[2])]:
    url = Url(scheme="", host=host) if host else None
    try:
        make(profile, url, os.environ).fetch(datetime.now(UTC), 10, {})
    except KeywrightError:
        pass
print(json.dumps(sorted(names)))
"""

KEYS = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
ROLE = {"role_arn": "arn:aws:iam::111122223333:role/x"}


@pytest.mark.parametrize(
    ("env", "role", "expected"),
    [
        (KEYS, {}, {"AWS_ACCESS_KEY_ID", "AWS_CONFIG_FILE", "AWS_CA_BUNDLE"}),
        (KEYS, ROLE, {"AWS_SECRET_ACCESS_KEY", "AWS_STS_REGIONAL_ENDPOINTS"}),
        (KEYS | {"AWS_DEFAULTS_MODE": "auto", "AWS_EXECUTION_ENV": "x"}, {}, {"AWS_REGION"}),
        ({}, {}, {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_SHARED_CREDENTIALS_FILE"}),
        (
            {"AWS_WEB_IDENTITY_TOKEN_FILE": "/dev/null", "AWS_ROLE_ARN": ROLE["role_arn"]},
            {},
            {"AWS_ROLE_SESSION_NAME", "AWS_ROLE_ARN"},
        ),
        (
            {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/"},
            {},
            {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN"},
        ),
    ],
)
def test_every_variable_botocore_looks_up_is_declared(
    env: dict[str, str], role: dict[str, str], expected: set[str], tmp_path: Path
) -> None:
    # botocore sleeps between its attempts at a container's endpoint; one provider's worth shows them all
    asks = "1" if "AWS_CONTAINER_CREDENTIALS_FULL_URI" in env else "3"
    base = {"HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    run = subprocess.run(
        [sys.executable, "-c", RECORD, json.dumps(role), asks],
        env=base | env,
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    looked_up = {name for name in json.loads(run.stdout) if name.startswith("AWS_")}
    assert expected <= looked_up, "the recorder misses what botocore does look up"
    assert {name for name in looked_up if not is_declared(name) and name not in IRRELEVANT} == set()


def test_nothing_is_both_declared_and_irrelevant() -> None:
    assert not [name for name in IRRELEVANT if is_declared(name)]
