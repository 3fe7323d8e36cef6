import json
import os
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from fakes.bent import Garbage, aborting, bent, down, garbage, redirecting, refusing, slow
from keywright.deadline import OutOfTime, within
from keywright.demo.ecr import EcrIssuer
from keywright.demo.exchange import json_reply
from keywright.demo.sigv4 import AccessKey
from keywright.errors import ConfigurationError, KeywrightError, Refused, Unavailable, Unreachable
from keywright.freshness import Margins
from keywright.hit import stamp
from keywright.providers.aws.ecr import EcrProvider
from keywright.providers.aws.hosts import find_registry
from keywright.providers.aws.in_place import in_place
from keywright.providers.base import Minted
from keywright.settings.model import EcrOptions

KEY = AccessKey(id="AKIDTEST", secret="canary-secret-9b1e")
REGISTRY = "111122223333.dkr.ecr.eu-central-1.amazonaws.com"
NOW = datetime.now(UTC).replace(microsecond=0)


class Puller:
    """Asks the fake for passwords with a home folder and an environment of its own."""

    def __init__(self, issuer: EcrIssuer, home: Path) -> None:
        self.issuer = issuer
        self.home = home
        self.env = {
            "HOME": str(home),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ACCESS_KEY_ID": KEY.id,
            "AWS_SECRET_ACCESS_KEY": KEY.secret,
            "AWS_ENDPOINT_URL_ECR": issuer.url,
            "AWS_ENDPOINT_URL_ECR_PUBLIC": issuer.url,
        }

    def provider(self, host: str = REGISTRY) -> EcrProvider:
        registry = find_registry(host)
        assert registry is not None
        return EcrProvider(profile="aws-ecr:x", options=EcrOptions(), registry=registry, env=self.env)

    def mint(self, host: str = REGISTRY, *, timeout_s: float = 20.0) -> Minted:
        return self.provider(host).fetch(NOW, timeout_s, {})

    def fail(self, kind: type[KeywrightError], words: str, *, timeout_s: float = 20.0) -> KeywrightError:
        with pytest.raises(kind, match=words) as caught:
            self.mint(timeout_s=timeout_s)
        text = f"{caught.value} {caught.value!r}"
        assert "canary" not in text
        assert "\n" not in text
        assert not any(password in text for password in self.issuer.issued)
        assert caught.value.__cause__ is None
        return caught.value


@pytest.fixture
def ecr() -> Iterator[EcrIssuer]:
    with EcrIssuer(keys=(KEY,), region="eu-central-1") as running:
        yield running


@pytest.fixture
def puller(ecr: EcrIssuer, tmp_path: Path) -> Puller:
    return Puller(ecr, tmp_path)


@pytest.mark.parametrize("host", [REGISTRY, "public.ecr.aws", "ecr-public.aws.com"])
def test_a_password_is_minted_for_a_registry(puller: Puller, ecr: EcrIssuer, host: str) -> None:
    minted = puller.mint(host)
    assert minted.credential.username == "AWS"
    assert ecr.accepts("AWS", minted.credential.secret.reveal())
    assert minted.credential.issued_at == NOW
    paths = [str(puller.home / ".aws" / name) for name in ("config", "credentials")]
    assert dict(minted.inputs) == {path: stamp(path) for path in paths} == dict(puller.provider().inputs)
    assert ecr.total == 1


def test_the_hosts_account_is_asked_for(puller: Puller, ecr: EcrIssuer) -> None:
    puller.mint()
    puller.mint("public.ecr.aws")
    assert [json.loads(fact.call.body) for fact in ecr.facts] == [{"registryIds": ["111122223333"]}, {}]


def test_one_endpoint_for_all_of_aws_is_honoured_too(puller: Puller, ecr: EcrIssuer) -> None:
    del puller.env["AWS_ENDPOINT_URL_ECR"]
    puller.env["AWS_ENDPOINT_URL"] = ecr.url
    assert ecr.accepts("AWS", puller.mint().credential.secret.reveal())


@pytest.mark.parametrize(
    ("host", "endpoint"),
    [
        (REGISTRY, "https://api.ecr.eu-central-1.amazonaws.com"),
        ("111122223333.dkr.ecr-fips.us-east-1.amazonaws.com", "https://api.ecr-fips.us-east-1.amazonaws.com"),
        ("111122223333.dkr-ecr.eu-central-1.on.aws", "https://ecr.eu-central-1.api.aws"),
        ("111122223333.dkr-ecr-fips.us-east-1.on.aws", "https://ecr-fips.us-east-1.api.aws"),
        ("111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn", "https://api.ecr.cn-north-1.amazonaws.com.cn"),
        ("public.ecr.aws", "https://api.ecr-public.us-east-1.amazonaws.com"),
    ],
)
def test_the_host_chooses_the_endpoint(
    puller: Puller, monkeypatch: pytest.MonkeyPatch, host: str, endpoint: str
) -> None:
    from botocore.exceptions import EndpointConnectionError
    from botocore.httpsession import URLLib3Session

    asked: list[str] = []

    def send(_self: URLLib3Session, request: object) -> None:
        asked.append(str(getattr(request, "url", "")))
        raise EndpointConnectionError(endpoint_url=asked[-1], error="canary")

    monkeypatch.setattr(URLLib3Session, "send", send)
    for name in ("AWS_ENDPOINT_URL_ECR", "AWS_ENDPOINT_URL_ECR_PUBLIC"):
        del puller.env[name]
    with pytest.raises(Unreachable, match=f"no connection to {endpoint.removeprefix('https://')}$"):
        puller.mint(host)
    assert {url.rstrip("/") for url in asked} == {endpoint}
    assert len(asked) <= 2


@pytest.mark.parametrize("off", [timedelta(0), timedelta(minutes=-4), timedelta(minutes=4)])
def test_the_expiry_is_reckoned_on_ecrs_clock(puller: Puller, ecr: EcrIssuer, off: timedelta) -> None:
    ecr.clock = lambda: NOW + off
    with time_machine.travel(NOW, tick=False):
        assert puller.mint().credential.expires_at == NOW + timedelta(hours=12)


def test_without_an_expiry_a_password_lives_12_hours(puller: Puller, ecr: EcrIssuer) -> None:
    data = {"authorizationData": [{"authorizationToken": b64encode(b"AWS:pw").decode()}]}
    with bent(ecr, lambda _call, _answer: json_reply(200, data)):
        minted = puller.mint()
    assert minted.credential.expires_at == NOW + timedelta(hours=12)


@pytest.mark.parametrize("password", ["pw", "p:w:", "=" * 4000])
def test_a_password_may_hold_colons(puller: Puller, ecr: EcrIssuer, password: str) -> None:
    data = {"authorizationData": [{"authorizationToken": b64encode(f"AWS:{password}".encode()).decode()}]}
    with bent(ecr, lambda _call, _answer: json_reply(200, data)):
        assert puller.mint().credential.secret.reveal() == password


@pytest.mark.parametrize(
    "token",
    [
        "",
        "canary",
        "????",
        "Q0FOQVJZ",
        b64encode(b":pw").decode(),
        b64encode(b"AWS:").decode(),
        b64encode(b"\xff:x").decode(),
    ]
    + [b64encode(f"AWS:canary{c}x".encode()).decode() for c in "\n\r\0 "]
    + [b64encode(f"A{c}S:canary".encode()).decode() for c in "\n\0 "],
)
def test_what_is_not_name_and_password_is_no_token(puller: Puller, ecr: EcrIssuer, token: str) -> None:
    data = {"authorizationData": [{"authorizationToken": token, "expiresAt": 1}]}
    with bent(ecr, lambda _call, _answer: json_reply(200, data)):
        puller.fail(Unreachable, "^ECR answered with something that is no token$")


@pytest.mark.parametrize("document", [{}, {"authorizationData": []}, {"authorizationData": None}])
def test_an_answer_without_a_token_is_none(puller: Puller, ecr: EcrIssuer, document: object) -> None:
    with bent(ecr, lambda _call, _answer: json_reply(200, document)):
        puller.fail(Unreachable, "no token")


# botocore caps no body: 2 MiB of blanks before honest JSON is an answer to it.
@pytest.mark.parametrize("kind", [kind for kind in Garbage if kind is not Garbage.HUGE])
def test_garbage_is_no_answer(puller: Puller, ecr: EcrIssuer, kind: Garbage) -> None:
    with bent(ecr, garbage(kind)):
        puller.fail(Unreachable, ".", timeout_s=1.0 if kind is Garbage.TRICKLE else 20.0)


def test_an_ecr_that_is_down_silent_slow_or_elsewhere_is_unreachable(puller: Puller, ecr: EcrIssuer) -> None:
    with down(ecr):
        puller.fail(Unreachable, "no connection to 127.0.0.1")
    with bent(ecr, aborting()):
        puller.fail(Unreachable, "127.0.0.1 broke the connection off")
    with bent(ecr, slow()):
        puller.fail(Unreachable, "did not answer in time", timeout_s=0.5)
    with bent(ecr, redirecting("http://127.0.0.1:1/canary")):
        puller.fail(Unreachable, "redirect")


@pytest.mark.timeout(60, method="thread")  # the other method is the alarm that strikes here
@pytest.mark.parametrize("timeout_s", [0.5, 20.0], ids=["its own time", "the bound around it"])
def test_a_fetch_that_was_given_up_asks_nobody_later_on(
    puller: Puller, ecr: EcrIssuer, tmp_path: Path, timeout_s: float
) -> None:
    keys = tmp_path / "keys"
    os.mkfifo(keys)
    config = tmp_path / ".aws" / "config"
    config.parent.mkdir()
    config.write_text(f"[default]\ncredential_process = head -n 1 {keys}\n", encoding="utf-8")
    del puller.env["AWS_ACCESS_KEY_ID"], puller.env["AWS_SECRET_ACCESS_KEY"]
    others = set(threading.enumerate())
    # The next fetch's environment is in place when the late one goes on, and the same as its own.
    with in_place(puller.env), keys.open("r+b", buffering=0) as pipe:
        with pytest.raises((Unreachable, OutOfTime)), within(1.0):
            puller.mint(timeout_s=timeout_s)
        assert [thread.name for thread in threading.enumerate() if thread not in others] == ["keywright-fetch"]
        found = {"Version": 1, "AccessKeyId": KEY.id, "SecretAccessKey": KEY.secret}
        pipe.write(json.dumps(found).encode() + b"\n")
        until_s = time.monotonic() + 30
        while set(threading.enumerate()) - others:
            assert time.monotonic() < until_s
            time.sleep(0.01)
    assert ecr.total == 0


def test_a_throttled_ecr_is_asked_twice_and_left_alone_for_as_long_as_it_says(puller: Puller, ecr: EcrIssuer) -> None:
    body = json.dumps({"__type": "ThrottlingException", "message": "canary"}).encode()
    with bent(ecr, refusing(400, {"Retry-After": "3"}, body)):
        error = puller.fail(Unreachable, "GetAuthorizationToken with ThrottlingException")
    assert error.retry_after_s == 3.0
    assert ecr.total == 2


def test_unknown_keys_are_refused_by_their_code(puller: Puller) -> None:
    puller.env["AWS_ACCESS_KEY_ID"] = "AKIDOTHER"
    puller.fail(Refused, "AWS answered GetAuthorizationToken with UnrecognizedClientException")


def test_without_credentials_ecr_is_not_asked(puller: Puller, ecr: EcrIssuer) -> None:
    del puller.env["AWS_ACCESS_KEY_ID"]
    puller.fail(Unavailable, "no AWS credentials were found")
    assert ecr.total == 0


def test_plain_http_to_another_machine_is_refused_before_anything_is_sent(puller: Puller, ecr: EcrIssuer) -> None:
    puller.env["AWS_ENDPOINT_URL_ECR"] = "http://ecr.example.com"
    puller.fail(ConfigurationError, "AWS may be asked over https only; see AWS_ENDPOINT_URL")
    assert ecr.total == 0


def test_docker_asks_for_every_pull_so_no_floor_is_needed(puller: Puller) -> None:
    assert puller.provider().margins == Margins()
