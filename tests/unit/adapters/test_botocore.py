"""botocore's own clients, with keys of ours, against services that take some keys and reject others."""

import io
import logging
import re
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Final

import botocore.session
import pytest
import time_machine
from botocore.config import Config
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import ClientError

from fakes.sts import sts_error
from keywright.adapters.botocore import KeywrightCredentials, KeywrightProvider, as_credential, install
from keywright.credential import Credential
from keywright.demo.exchange import Call, Reply
from keywright.demo.issuer import LoopbackServer
from keywright.errors import Busy, CacheUnusable, KeywrightError, Unavailable, UsageError
from keywright.library.contract import CredentialProvider
from keywright.library.in_memory import InMemoryCredentialProvider
from keywright.library.static import StaticCredentialProvider
from keywright.secret import Secret

HOUR: Final = timedelta(hours=1)
XML: Final = (("Content-Type", "text/xml"),)
JSON: Final = (("Content-Type", "application/x-amz-json-1.0"),)
CANARY: Final = "secret-canary"


def now() -> datetime:
    return datetime.now(UTC)


class AwsKeys(CredentialProvider):
    """Gives the keys `ASIA1`, and others once those were rejected."""

    def __init__(self, lifetime: timedelta | None = HOUR) -> None:
        self.lifetime = lifetime
        self.number = 1
        self.asked = 0
        self.rejected: list[str] = []
        self.failure: KeywrightError | None = None
        self.deafness: KeywrightError | None = None
        self._lock = threading.Lock()

    def current(self) -> Credential:
        with self._lock:
            self.asked += 1
            if self.failure is not None:
                raise self.failure
            return keys(self.number, self.lifetime)

    def invalidate(self, rejected: Credential | None = None) -> None:
        with self._lock:
            assert rejected is not None
            self.rejected.append(str(rejected.username))
            if rejected.username == f"ASIA{self.number}":
                self.number += 1
            if self.deafness is not None:
                raise self.deafness

    def __repr__(self) -> str:
        return "AwsKeys()"


def keys(number: int, lifetime: timedelta | None = HOUR) -> Credential:
    """Return the keys of that number, which live so long from now on; None for ever."""
    at = now()
    ends = at + lifetime if lifetime else None
    token = "session" if lifetime else None
    return as_credential(f"ASIA{number}", f"{CANARY}-{number}", token, issued_at=at, expires_at=ends)


class Service(LoopbackServer):
    """STS, S3 and DynamoDB as far as they say whose keys they take."""

    def __init__(self, good: str = "ASIA1") -> None:
        super().__init__(
            {
                "POST /": self._post,
                "PUT /bucket/{name}": lambda call: Reply(status=200) if self._is_good(call) else self._refused(XML),
            }
        )
        self.good = good
        self.code = "ExpiredToken"
        self.status = 403

    @property
    def keys(self) -> list[str]:
        """Whose keys each request was signed with."""
        return [signer(fact.call) for fact in self.facts]

    def _is_good(self, call: Call) -> bool:
        return signer(call) == self.good

    def _refused(self, headers: tuple[tuple[str, str], ...]) -> Reply:
        body = sts_error(self.code) if headers is XML else f'{{"__type":"com.amazon#{self.code}"}}'.encode()
        return Reply(status=self.status, headers=headers, body=body)

    def _post(self, call: Call) -> Reply:
        is_json = call.headers.get("X-Amz-Target") is not None
        if not self._is_good(call):
            return self._refused(JSON if is_json else XML)
        if is_json:
            return Reply(status=200, headers=JSON, body=b'{"TableNames": ["one"]}')
        body = (
            "<GetCallerIdentityResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><GetCallerIdentityResult>"
            f"<Arn>{signer(call)}</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>"
        )
        return Reply(status=200, headers=XML, body=body.encode())


def signer(call: Call) -> str:
    found = re.search(r"Credential=([^/]+)/", str(call.headers.get("Authorization", "")))
    return found[1] if found else ""


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as running:
        yield running


@pytest.fixture
def provider() -> AwsKeys:
    return AwsKeys()


def client(name: str, service: Service, provider: CredentialProvider, **settings: Any) -> Any:
    session = botocore.session.Session()
    install(session, provider)
    config = Config(retries={"mode": "standard"}, s3={"addressing_style": "path"})
    return session.create_client(
        name,
        region_name="eu-central-1",
        endpoint_url=service.url,
        config=config,
        **settings,
    )


def arn(client: Any) -> str:
    return str(client.get_caller_identity()["Arn"])


class TestCredentials:
    def test_they_are_refreshable_and_know_their_end(self, provider: AwsKeys) -> None:
        found = KeywrightProvider(provider).load()
        assert isinstance(found, RefreshableCredentials)
        frozen = found.get_frozen_credentials()
        assert (frozen.access_key, frozen.secret_key, frozen.token) == ("ASIA1", f"{CANARY}-1", "session")
        assert (found.method, provider.asked) == ("keywright", 1)
        assert vars(found)["_expiry_time"] == now() + HOUR
        assert KeywrightProvider.METHOD == KeywrightProvider.CANONICAL_NAME == "keywright"

    def test_they_are_asked_for_again_in_botocores_last_15_minutes(
        self, provider: AwsKeys, clock: time_machine.Traveller
    ) -> None:
        found = KeywrightProvider(provider).load()
        clock.shift(timedelta(minutes=44))
        assert (found.access_key, provider.asked) == ("ASIA1", 1)
        clock.shift(timedelta(minutes=2))
        provider.number = 2
        assert (found.access_key, found.secret_key, provider.asked) == ("ASIA2", f"{CANARY}-2", 2)

    def test_twenty_threads_ask_once(self, provider: AwsKeys, clock: time_machine.Traveller) -> None:
        found = KeywrightProvider(provider).load()
        clock.shift(HOUR)
        provider.number = 2
        starts = threading.Barrier(20, timeout=20)

        def freeze(_number: int) -> str:
            starts.wait()
            return str(found.get_frozen_credentials().access_key)

        with ThreadPoolExecutor(20) as pool:
            assert {*pool.map(freeze, range(20))} == {"ASIA2"}
        assert provider.asked == 2

    def test_keys_that_live_long_are_looked_at_for_each_request(self, clock: time_machine.Traveller) -> None:
        provider = AwsKeys(lifetime=None)
        found = KeywrightProvider(provider).load()
        assert not found.get_frozen_credentials().token
        clock.shift(timedelta(days=400))
        provider.number = 2
        assert found.get_frozen_credentials().access_key == "ASIA2", "somebody has rotated them"

    def test_a_session_shorter_than_botocores_margins_works(self, service: Service) -> None:
        provider = AwsKeys(lifetime=timedelta(minutes=5))
        assert [arn(client("sts", service, provider)) for _ in range(2)] == ["ASIA1"] * 2

    def test_a_failed_renewal_counts_only_once_they_are_about_to_end(
        self, provider: AwsKeys, clock: time_machine.Traveller
    ) -> None:
        found = KeywrightProvider(provider).load()
        provider.failure = Busy("another process has been renewing it for too long")
        clock.shift(timedelta(minutes=46))
        assert found.access_key == "ASIA1"
        clock.shift(timedelta(minutes=10))
        with pytest.raises(Busy) as caught:
            _ = found.access_key
        assert caught.value is provider.failure

    def test_none_is_the_providers_own_error_and_no_other_source_is_tried(
        self, service: Service, provider: AwsKeys, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOTHER")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
        provider.failure = Busy("another process has been renewing it for too long")
        with pytest.raises(Busy):
            client("sts", service, provider)
        assert service.total == 0

    def test_what_holds_no_aws_keys_is_told(self) -> None:
        with pytest.raises(Unavailable, match="AWS session cannot be read"):
            KeywrightProvider(StaticCredentialProvider("t0k3n")).load()

    def test_no_secret_is_in_a_repr(self, provider: AwsKeys) -> None:
        source = KeywrightProvider(provider)
        told = repr([source, source.load(), provider.current()])
        assert "AwsKeys()" in told
        assert CANARY not in told

    def test_a_provider_in_memory_mints_once_for_twenty_threads(self, service: Service) -> None:
        minted: list[datetime] = []

        def mint(at: datetime) -> Credential:
            minted.append(at)
            return keys(len(minted))

        shared = client("sts", service, InMemoryCredentialProvider(mint))
        with ThreadPoolExecutor(20) as pool:
            assert {*pool.map(lambda _: arn(shared), range(20))} == {"ASIA1"}
        assert len(minted) == 1


class TestRejection:
    @pytest.mark.parametrize(
        ("name", "ask", "code"),
        [
            ("sts", lambda client: client.get_caller_identity(), "ExpiredToken"),
            ("sts", lambda client: client.get_caller_identity(), "InvalidClientTokenId"),
            ("dynamodb", lambda client: client.list_tables(), "ExpiredTokenException"),
            ("dynamodb", lambda client: client.list_tables(), "UnrecognizedClientException"),
            ("s3", lambda client: client.put_object(Bucket="bucket", Key="a", Body=b"all of it"), "InvalidAccessKeyId"),
        ],
    )
    def test_rejected_keys_are_replaced_and_the_request_is_signed_once_more(
        self, service: Service, provider: AwsKeys, name: str, ask: Any, code: str
    ) -> None:
        service.good, service.code, service.status = "ASIA2", code, 400 if name == "dynamodb" else 403
        assert ask(client(name, service, provider))["ResponseMetadata"]["RetryAttempts"] == 1
        assert (service.keys, provider.asked, provider.rejected) == (["ASIA1", "ASIA2"], 2, ["ASIA1"])

    def test_a_second_rejection_is_the_callers(self, service: Service, provider: AwsKeys) -> None:
        service.good = "nobody's"
        shared = client("sts", service, provider)
        with pytest.raises(ClientError, match="ExpiredToken"):
            arn(shared)
        assert (service.keys, provider.asked, provider.rejected) == (["ASIA1", "ASIA2"], 2, ["ASIA1"])
        with pytest.raises(ClientError):
            arn(shared)
        assert service.total == 4, "the next request has its own two attempts"

    @pytest.mark.parametrize("code", ["AccessDenied", "SignatureDoesNotMatch", "RequestExpired", "ValidationError"])
    def test_no_other_error_is_a_rejection(self, service: Service, provider: AwsKeys, code: str) -> None:
        service.good, service.code = "nobody's", code
        with pytest.raises(ClientError, match=code):
            arn(client("sts", service, provider))
        assert (service.total, provider.asked, provider.rejected) == (1, 1, [])

    def test_botocore_goes_on_retrying_what_it_retries(
        self, service: Service, provider: AwsKeys, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _seconds: None))
        service.good = "ASIA2"
        service.bend = lambda call, answer: Reply(status=500) if service.total == 2 else answer(call)
        assert arn(client("sts", service, provider)) == "ASIA2"
        assert [fact.status for fact in service.facts] == [403, 500, 200]
        assert provider.rejected == ["ASIA1"]

    def test_keys_that_the_user_gave_the_client_are_none_of_ours(self, service: Service, provider: AwsKeys) -> None:
        own = {"aws_access_key_id": "AKIAOWN", "aws_secret_access_key": "own"}
        with pytest.raises(ClientError, match="ExpiredToken"):
            arn(client("sts", service, provider, **own))
        assert (service.keys, provider.rejected) == (["AKIAOWN"], [])

    def test_twenty_threads_cost_one_refresh(self, service: Service, provider: AwsKeys) -> None:
        service.good = "ASIA2"
        shared = client("sts", service, provider)
        starts = threading.Barrier(20, timeout=20)

        def ask(_number: int) -> str:
            starts.wait()
            return arn(shared)

        with ThreadPoolExecutor(20) as pool:
            assert {*pool.map(ask, range(20))} == {"ASIA2"}
        assert (provider.asked, provider.rejected) == (2, ["ASIA1"])

    def test_a_late_rejection_costs_the_newer_keys_nothing(self, provider: AwsKeys) -> None:
        found = KeywrightCredentials(provider, now)
        assert found.reject("ASIA1")
        assert found.access_key == "ASIA2"
        assert found.reject("ASIA1"), "whoever was sent away with the old ones may try the new ones"
        assert not found.reject("AKIAOTHER")
        assert (found.access_key, provider.asked, provider.rejected) == ("ASIA2", 2, ["ASIA1"])

    def test_whoever_loads_them_has_the_same_and_hears_of_the_rejection(
        self, service: Service, provider: AwsKeys
    ) -> None:
        session = botocore.session.Session()
        install(session, provider)
        first = session.create_client("sts", region_name="eu-central-1", endpoint_url=service.url)
        chain = session.get_component("credential_provider")
        assert chain.load_credentials() is session.get_credentials()
        service.good = "ASIA2"
        assert arn(first) == "ASIA2"

    def test_keys_that_were_given_long_ago_are_still_ours(self, provider: AwsKeys) -> None:
        provider.lifetime = timedelta(minutes=5)  # so botocore asks each time
        found = KeywrightCredentials(provider, now)
        provider.number = 2
        assert {found.access_key for _ in range(40)} == {"ASIA2"}
        assert found.reject("ASIA1")

    def test_that_they_could_not_be_forgotten_is_told_and_hinders_nobody(
        self, service: Service, provider: AwsKeys, caplog: pytest.LogCaptureFixture
    ) -> None:
        provider.deafness = CacheUnusable("the folder is open to others")
        service.good = "ASIA2"
        assert arn(client("sts", service, provider)) == "ASIA2"
        assert "the folder is open to others" in caplog.text

    def test_a_body_that_cannot_be_rewound_is_sent_once_and_the_keys_renewed_for_the_next(
        self, service: Service, provider: AwsKeys
    ) -> None:
        class Pipe(io.BytesIO):
            def seekable(self) -> bool:
                return False

        service.good = "ASIA2"
        shared = client("s3", service, provider)
        with pytest.raises(ClientError, match="ExpiredToken"):
            shared.put_object(Bucket="bucket", Key="a", Body=Pipe(b"all of it"), ContentLength=9)
        assert (service.keys, provider.rejected) == (["ASIA1"], ["ASIA1"])
        shared.put_object(Bucket="bucket", Key="a", Body=io.BytesIO(b"all of it"))
        assert service.keys == ["ASIA1", "ASIA2"]

    @pytest.mark.parametrize(("start", "sent"), [(0, [b"before|all of it"] * 2), (7, [b"all of it"])])
    def test_a_file_is_sent_twice_only_from_its_beginning_where_botocore_rewinds_it_to(
        self, service: Service, provider: AwsKeys, start: int, sent: list[bytes]
    ) -> None:
        service.good = "ASIA2"
        body = io.BytesIO(b"before|all of it")
        body.seek(start)
        with suppress(ClientError):
            client("s3", service, provider).put_object(Bucket="bucket", Key="a", Body=body)
        assert [fact.call.body for fact in service.facts] == sent
        assert provider.rejected == ["ASIA1"]

    def test_no_secret_key_is_in_a_log(
        self, service: Service, provider: AwsKeys, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        service.good = "ASIA2"
        arn(client("sts", service, provider))
        assert CANARY not in caplog.text


def test_a_session_that_has_found_keys_already_is_refused(provider: AwsKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOTHER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
    session = botocore.session.Session()
    found = session.get_credentials()
    assert found is not None
    assert found.access_key == "AKIAOTHER"
    with pytest.raises(UsageError, match="acts with other AWS keys already"):
        install(session, provider)


def test_as_credential_is_what_providers_give(provider: AwsKeys) -> None:
    made: Mapping[str, object] = keys(1)._asdict()
    assert made["username"] == "ASIA1"
    assert isinstance(made["secret"], Secret)
