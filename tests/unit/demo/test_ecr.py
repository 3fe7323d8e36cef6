import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from fakes.asking import Clock, ask
from keywright.demo import sigv4
from keywright.demo.ecr import PRIVATE_TARGET, PUBLIC_TARGET, EcrIssuer
from keywright.demo.sigv4 import AccessKey, Scope

Sign = Callable[..., dict[str, str]]

LASTING = AccessKey(id="AKIDLASTING", secret="lasting-secret")
PASSING = AccessKey(id="ASIDPASSING", secret="passing-secret", session_token="a+session/token==")


@pytest.fixture
def ecr(clock: Clock) -> Iterator[EcrIssuer]:
    with EcrIssuer(keys=(LASTING, PASSING), region="eu-central-1", clock=clock) as issuer:
        yield issuer


@pytest.fixture
def sign(ecr: EcrIssuer, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Sign:
    """The headers that botocore signs for the call at the clock's time."""
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: clock.now.replace(tzinfo=None))

    def signed(
        key: AccessKey = LASTING, target: str = PRIVATE_TARGET, service: str = "ecr", region: str = "eu-central-1"
    ) -> dict[str, str]:
        headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
        request = AWSRequest(method="POST", url=f"{ecr.url}/", headers=headers, data=b"{}")
        SigV4Auth(Credentials(key.id, key.secret, key.session_token or None), service, region).add_auth(request)
        return dict(request.headers.items())

    return signed


@pytest.mark.parametrize("key", [LASTING, PASSING])
def test_a_rightly_signed_call_gets_a_password_that_is_accepted_until_it_expires(
    ecr: EcrIssuer, clock: Clock, sign: Sign, key: AccessKey
) -> None:
    got = ask(ecr, "POST /", headers=sign(key=key), body=b"{}")
    assert (got.status, got.headers["Content-Type"]) == (200, "application/x-amz-json-1.1")
    (data,) = json.loads(got.body)["authorizationData"]
    username, _, password = b64decode(data["authorizationToken"]).decode().partition(":")
    assert data["proxyEndpoint"] == "https://111122223333.dkr.ecr.eu-central-1.amazonaws.com"
    assert data["expiresAt"] == (clock.now + timedelta(hours=12)).timestamp()
    assert ecr.issued == (password,)
    assert ecr.accepts(username, password)
    assert not ecr.accepts("somebody", password)
    assert not ecr.accepts(username, password + "x")
    clock.advance(timedelta(hours=12))
    assert not ecr.accepts(username, password)


def test_the_public_registry_answers_with_one_object_and_no_endpoint(ecr: EcrIssuer, clock: Clock, sign: Sign) -> None:
    ecr.lifetime = timedelta(seconds=9)
    headers = sign(target=PUBLIC_TARGET, service="ecr-public", region="us-east-1")
    data = json.loads(ask(ecr, "POST /", headers=headers, body=b"{}").body)["authorizationData"]
    assert data.keys() == {"authorizationToken", "expiresAt"}
    assert data["expiresAt"] == clock.now.timestamp() + 9
    assert ecr.accepts("AWS", ecr.issued[0])
    ecr.revoke(ecr.issued[0])
    assert not ecr.accepts("AWS", b64decode(data["authorizationToken"]).decode().partition(":")[2])


STRANGER = AccessKey(id="AKIDSTRANGER", secret="x")
IMPOSTOR = AccessKey(id=LASTING.id, secret="another-secret")
ENDED = AccessKey(id=PASSING.id, secret=PASSING.secret, session_token="an-older-token")
BARE = AccessKey(id=PASSING.id, secret=PASSING.secret)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"key": STRANGER}, "UnrecognizedClientException"),
        ({"key": ENDED}, "UnrecognizedClientException"),
        ({"key": BARE}, "UnrecognizedClientException"),
        ({"key": IMPOSTOR}, "InvalidSignatureException"),
        ({"region": "us-west-2"}, "InvalidSignatureException"),
        ({"service": "sts"}, "InvalidSignatureException"),
        ({"target": PUBLIC_TARGET}, "InvalidSignatureException"),
    ],
)
def test_a_wrong_key_secret_session_or_scope_is_refused(
    ecr: EcrIssuer, clock: Clock, sign: Sign, changes: dict[str, Any], kind: str
) -> None:
    got = ask(ecr, "POST /", headers=sign(**changes), body=b"{}")
    assert (got.status, json.loads(got.body)["__type"], ecr.issued) == (403, kind, ())


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"Authorization": ""}, "MissingAuthenticationTokenException"),
        ({"Authorization": "Basic dTpw"}, "MissingAuthenticationTokenException"),
        ({"X-Amz-Date": "yesterday"}, "InvalidSignatureException"),
        ({"X-Amz-Date": "20260102T030406Z"}, "InvalidSignatureException"),
        ({"X-Amz-Date": "20260103T030405Z"}, "InvalidSignatureException"),
        ({"Content-Type": "application/json"}, "InvalidSignatureException"),
        ({"X-Amz-Security-Token": "x"}, "UnrecognizedClientException"),
    ],
)
def test_a_signed_header_changed_on_the_way_is_refused(
    ecr: EcrIssuer, clock: Clock, sign: Sign, changed: dict[str, str], kind: str
) -> None:
    got = ask(ecr, "POST /", headers=sign() | changed, body=b"{}")
    assert (got.status, json.loads(got.body)["__type"], ecr.issued) == (403, kind, ())


def test_a_body_changed_on_the_way_is_refused(ecr: EcrIssuer, clock: Clock, sign: Sign) -> None:
    assert ask(ecr, "POST /", headers=sign(), body=b'{"a":1}').status == 403


def test_a_signature_that_leaves_the_operation_out_is_refused(ecr: EcrIssuer, clock: Clock) -> None:
    scope = Scope(key_id=LASTING.id, day="20260102", region="eu-central-1", service="ecr")
    headers = {"Host": ecr.host, "X-Amz-Date": "20260102T030405Z"}
    right = sigv4.signature(
        LASTING, scope, "20260102T030405Z", method="POST", query=(), headers=headers.items(), body=b"{}"
    )
    headers["X-Amz-Target"] = PRIVATE_TARGET
    headers["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={LASTING.id}/20260102/eu-central-1/ecr/aws4_request, "
        f"SignedHeaders=host;x-amz-date, Signature={right}"
    )
    assert ask(ecr, "POST /", headers=headers, body=b"{}").status == 403


@pytest.mark.parametrize(("age_s", "status"), [(300, 200), (301, 403), (-300, 200), (-301, 403)])
def test_a_signature_is_good_for_five_minutes_either_way(
    ecr: EcrIssuer, clock: Clock, sign: Sign, age_s: int, status: int
) -> None:
    headers = sign()
    clock.advance(timedelta(seconds=age_s))
    assert ask(ecr, "POST /", headers=headers, body=b"{}").status == status


def test_another_operation_is_unknown(ecr: EcrIssuer, clock: Clock, sign: Sign) -> None:
    target = PRIVATE_TARGET.replace("GetAuthorizationToken", "DescribeImages")
    got = ask(ecr, "POST /", headers=sign(target=target), body=b"{}")
    assert (got.status, json.loads(got.body)["__type"]) == (400, "UnknownOperationException")


def test_a_key_keeps_its_secrets_to_itself() -> None:
    assert "secret" not in repr(LASTING).replace("secret=", "")
    assert PASSING.session_token not in repr(PASSING)
