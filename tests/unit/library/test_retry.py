import asyncio
import urllib.error
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from http import HTTPStatus
from typing import Any

import pytest
from botocore.exceptions import ClientError

from keywright import (
    Busy,
    Credential,
    CredentialProvider,
    KeywrightError,
    RateLimited,
    Refused,
    Rejected,
    StaticCredentialProvider,
    Unreachable,
    error_of_status,
    is_rejection,
    to_async,
    with_refresh,
    with_refresh_async,
)
from keywright.errors import Evidence


@dataclass
class Counting(CredentialProvider):
    """Gives `key-0`, and after each rejection the next one."""

    asked: int = 0
    rejected: list[Credential | None] = field(default_factory=list)
    fails: list[KeywrightError] = field(default_factory=list)
    """What the next calls of `current` raise."""
    failing: Exception | None = None
    """What `invalidate` raises."""

    def current(self) -> Credential:
        self.asked += 1
        if self.fails:
            raise self.fails.pop(0)
        return StaticCredentialProvider(f"key-{len(self.rejected)}").current()

    def invalidate(self, rejected: Credential | None = None) -> None:
        self.rejected.append(rejected)
        if self.failing:
            raise self.failing


@dataclass
class Server:
    """Answers what it is told to, in turn, and notes the keys it saw."""

    answers: list[Exception | str]
    keys: list[str] = field(default_factory=list)

    def ask(self, credential: Credential) -> str:
        self.keys.append(credential.secret.reveal())
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest) -> Callable[[CredentialProvider, Server], str]:
    def run(provider: CredentialProvider, server: Server) -> str:
        if request.param == "sync":
            return with_refresh(provider, server.ask)

        async def ask(credential: Credential) -> str:
            return server.ask(credential)

        return asyncio.run(with_refresh_async(to_async(provider), ask))

    return run


Run = Callable[[CredentialProvider, Server], str]


def test_the_provider_is_asked_once_for_a_call_that_goes_well(run: Run) -> None:
    provider, server = Counting(), Server(["good"])
    assert run(provider, server) == "good"
    assert (provider.asked, provider.rejected, server.keys) == (1, [], ["key-0"])


def test_a_rejection_is_followed_by_one_refresh_and_one_more_try(run: Run) -> None:
    provider, server = Counting(), Server([Rejected("no"), "good"])
    assert run(provider, server) == "good"
    assert (provider.asked, len(provider.rejected), server.keys) == (2, 1, ["key-0", "key-1"])
    assert provider.rejected[0]
    assert provider.rejected[0].secret.reveal() == "key-0"


def test_a_second_rejection_is_the_callers(run: Run) -> None:
    first, second = Rejected("first"), Rejected("second")
    provider, server = Counting(), Server([first, second, "never"])
    with pytest.raises(Rejected) as raised:
        run(provider, server)
    assert raised.value is second
    assert (provider.asked, len(provider.rejected), server.keys) == (2, 1, ["key-0", "key-1"])


@pytest.mark.parametrize(("failing", "told"), [(Busy("locked"), "locked [busy]"), (OSError("canary"), "OSError")])
def test_whatever_comes_of_the_refresh_there_is_a_second_try_and_its_error_counts(
    run: Run, failing: Exception, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    second = Rejected("second")
    provider, server = Counting(failing=failing), Server([Rejected("first"), second])
    with pytest.raises(Rejected) as raised:
        run(provider, server)
    assert raised.value is second
    assert provider.asked == 2
    assert told in caplog.text
    assert "canary" not in caplog.text


@pytest.mark.parametrize("error", [error_of_status(429), error_of_status(500), error_of_status(400), ValueError("own")])
def test_any_other_error_comes_through_at_once(run: Run, error: Exception) -> None:
    provider, server = Counting(), Server([error, "never"])
    with pytest.raises(type(error)) as raised:
        run(provider, server)
    assert raised.value is error
    assert (provider.asked, provider.rejected) == (1, [])


def test_after_the_refresh_any_other_error_comes_through(run: Run) -> None:
    error = ValueError("own")
    provider, server = Counting(), Server([Rejected("no"), error])
    with pytest.raises(ValueError, match="own"):
        run(provider, server)
    assert provider.asked == 2


def test_each_call_may_refresh_once(run: Run) -> None:
    provider = Counting()
    for number in range(3):
        assert run(provider, Server([Rejected("no"), "good"])) == "good"
        assert len(provider.rejected) == number + 1


def test_a_rejection_on_the_way_to_the_credential_counts_too(run: Run) -> None:
    provider, server = Counting(fails=[Rejected("no")]), Server(["good"])
    assert run(provider, server) == "good"
    assert (provider.asked, provider.rejected, server.keys) == (2, [None], ["key-1"])


def test_a_failure_to_get_one_is_raised(run: Run) -> None:
    provider = Counting(fails=[Unreachable("down")])
    with pytest.raises(Unreachable, match="down"):
        run(provider, Server([]))
    assert provider.rejected == []


def test_a_fixed_key_is_tried_again_as_it_is(run: Run) -> None:
    server = Server([Rejected("no"), "good"])
    assert run(StaticCredentialProvider("fixed"), server) == "good"
    assert server.keys == ["fixed", "fixed"]


class Carrying(Exception):
    """An error of a client library's."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__("theirs")
        self.__dict__.update(attributes)


@dataclass
class Response:
    status_code: int


def client_error(status: int) -> ClientError:
    answer: Any = {"Error": {"Code": "ExpiredToken"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "ListBuckets")


@pytest.mark.parametrize(
    "make",
    [
        lambda status: Carrying(response=Response(status)),
        lambda status: Carrying(status_code=status),
        lambda status: Carrying(status=status),
        lambda status: Carrying(code="not_a_number", status=status),
        lambda status: urllib.error.HTTPError("https://api.example", status, "no", Message(), None),
        client_error,
        error_of_status,
        lambda status: Refused("no").as_told(Evidence(status=status)),
    ],
    ids=[
        "httpx, requests",
        "openai, anthropic",
        "aiohttp, kubernetes, PyGithub",
        "a code",
        "urllib",
        "botocore",
        "ours",
        "an issuer's",
    ],
)
@pytest.mark.parametrize(
    ("status", "is_one"),
    [(401, True), (403, True), (400, False), (404, False), (407, False), (429, False), (500, False)],
)
def test_a_rejection_is_told_by_the_status_that_an_error_carries(
    make: Callable[[int], Exception], status: int, *, is_one: bool
) -> None:
    assert is_rejection(make(status)) is is_one


@pytest.mark.parametrize(
    "error", [ValueError(), Carrying(status="401"), Carrying(response=None), Carrying(response={}), Unreachable("401")]
)
def test_what_carries_no_status_is_no_rejection(error: Exception) -> None:
    assert not is_rejection(error)


@pytest.mark.parametrize(
    ("status", "kind", "is_retryable"),
    [
        (400, Refused, False),
        (401, Rejected, False),
        (403, Rejected, False),
        (404, Refused, False),
        (408, Unreachable, True),
        (429, RateLimited, True),
        (500, Unreachable, True),
        (501, Refused, False),
        (503, Unreachable, True),
    ],
)
def test_each_status_is_an_error_of_its_kind(status: int, kind: type[KeywrightError], *, is_retryable: bool) -> None:
    error = error_of_status(status, retry_after_s=7)
    assert type(error) is kind
    assert error.is_retryable is is_retryable
    assert str(status) in str(error)
    assert error.evidence == Evidence(status=HTTPStatus(status))
    assert error.retry_after_s == (7 if is_retryable else None)
