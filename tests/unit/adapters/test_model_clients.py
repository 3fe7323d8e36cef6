"""OpenAI's and Anthropic's own clients: the current key and no other one, and the next key after a 401."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import anthropic
import httpx2
import openai
import pytest

from fakes.adapted import TLS
from fakes.keys import CANARY, AsyncKeys, Keys, key
from keywright.adapters.headers import token_of
from keywright.adapters.httpx2 import AsyncCredentialTransport, CredentialAuth, CredentialTransport
from keywright.adapters.scheme import bearer, header
from keywright.demo.exchange import Call, Reply, json_reply
from keywright.demo.issuer import LoopbackServer
from keywright.errors import Busy

X_API_KEY: Final = header("x-api-key").instead_of("Authorization")
BEARER: Final = bearer.instead_of("X-Api-Key")
COMPLETION: Final[dict[str, object]] = {
    "id": "c",
    "object": "chat.completion",
    "created": 0,
    "model": "m",
    "choices": [],
}
MESSAGE: Final[dict[str, object]] = {
    "id": "m",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


class Models(LoopbackServer):
    """Both APIs, for whoever has the one key that is good."""

    def __init__(self) -> None:
        super().__init__(
            {
                "POST /v1/chat/completions": lambda call: self._told(call, COMPLETION),
                "POST /v1/messages": lambda call: self._told(call, MESSAGE),
            }
        )
        self.good = key(1)

    @property
    def sent(self) -> list[tuple[str | None, str | None]]:
        """The `Authorization` and `x-api-key` of each request."""
        return [(fact.call.headers.get("Authorization"), fact.call.headers.get("x-api-key")) for fact in self.facts]

    def _told(self, call: Call, document: object) -> Reply:
        if f"Bearer {self.good}" == call.headers.get("Authorization") or self.good == call.headers.get("x-api-key"):
            return json_reply(200, document)
        return json_reply(401, {"error": {"type": "authentication_error", "message": "no"}})


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> Iterator[Models]:
    monkeypatch.setenv("OPENAI_API_KEY", "of-the-environment")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "of-the-environment")
    with Models() as server:
        yield server


@pytest.fixture
def keys() -> Keys:
    return Keys()


def openai_client(models: Models, **how: Any) -> openai.OpenAI:
    http_client = openai.DefaultHttpx2Client(verify=TLS, **how)
    return openai.OpenAI(api_key="keywright", base_url=f"{models.url}/v1", http_client=http_client)


def anthropic_client(models: Models, **how: Any) -> anthropic.Anthropic:
    http_client = anthropic.DefaultHttpxClient(verify=TLS, **how)
    return anthropic.Anthropic(api_key="keywright", base_url=models.url, http_client=http_client)


def complete(client: Any) -> Any:
    """Ask OpenAI; in a task, what is returned is awaited."""
    return client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hello"}])


def converse(client: Any) -> Any:
    """Ask Anthropic; in a task, what is returned is awaited."""
    return client.messages.create(model="m", max_tokens=1, messages=[{"role": "user", "content": "hello"}])


def ask_openai(models: Models, **how: Any) -> None:
    with openai_client(models, **how) as client:
        complete(client)


def ask_anthropic(models: Models, **how: Any) -> None:
    with anthropic_client(models, **how) as client:
        converse(client)


def ask_openai_in_tasks(models: Models, **how: Any) -> None:
    async def ask() -> None:
        http_client = openai.DefaultAsyncHttpx2Client(verify=TLS, **how)
        base_url = f"{models.url}/v1"
        async with openai.AsyncOpenAI(api_key="keywright", base_url=base_url, http_client=http_client) as client:
            await complete(client)

    asyncio.run(ask())


def ask_anthropic_in_tasks(models: Models, **how: Any) -> None:
    async def ask() -> None:
        http_client = anthropic.DefaultAsyncHttpxClient(verify=TLS, **how)
        async with anthropic.AsyncAnthropic(
            api_key="keywright", base_url=models.url, http_client=http_client
        ) as client:
            await converse(client)

    asyncio.run(ask())


CLIENTS: Final = [ask_openai, ask_openai_in_tasks, ask_anthropic, ask_anthropic_in_tasks]
REJECTED: Final = (openai.AuthenticationError, anthropic.AuthenticationError)
every = pytest.mark.parametrize("client", CLIENTS, ids=[made.__name__ for made in CLIENTS])


@every
def test_the_current_key_is_sent_and_no_other_one(models: Models, keys: Keys, client: Any) -> None:
    auth = CredentialAuth(keys, scheme=BEARER, only_for=models.url)
    client(models, auth=auth)
    models.good, keys.number = key(2), 2
    client(models, auth=auth)
    assert models.sent == [(f"Bearer {key(1)}", None), (f"Bearer {key(2)}", None)]
    assert (keys.asked, keys.rejected) == (2, [])


@every
def test_a_401_costs_one_refresh_and_the_caller_nothing(models: Models, keys: Keys, client: Any) -> None:
    models.good = key(2)
    client(models, auth=CredentialAuth(keys, scheme=BEARER, only_for=models.url))
    assert models.sent == [(f"Bearer {key(1)}", None), (f"Bearer {key(2)}", None)]
    assert (keys.asked, keys.rejected) == (2, [key(1)])


@every
def test_a_second_401_is_the_callers_and_the_client_retries_neither(models: Models, keys: Keys, client: Any) -> None:
    models.good = "nobody's"
    with pytest.raises(REJECTED) as caught:
        client(models, auth=CredentialAuth(keys, scheme=BEARER, only_for=models.url))
    assert CANARY not in repr(caught.value)
    assert (models.total, keys.asked, keys.rejected) == (2, 2, [key(1)])


@every
def test_a_header_of_its_own_is_the_only_one(models: Models, keys: Keys, client: Any) -> None:
    models.good = key(2)
    kind = AsyncCredentialTransport if "in_tasks" in client.__name__ else CredentialTransport
    inner: Any = (httpx2.AsyncHTTPTransport if "in_tasks" in client.__name__ else httpx2.HTTPTransport)(verify=TLS)
    client(models, transport=kind(keys, scheme=X_API_KEY, only_for=models.url, inner=inner))
    assert models.sent == [(None, key(1)), (None, key(2))]
    assert (keys.asked, keys.rejected) == (2, [key(1)])


@every
def test_no_credential_is_the_providers_own_error(models: Models, keys: Keys, client: Any) -> None:
    keys.failure = Busy("another process has been renewing it for too long")
    with pytest.raises((openai.APIConnectionError, anthropic.APIConnectionError, Busy)) as caught:
        client(models, auth=CredentialAuth(keys, scheme=BEARER, only_for=models.url))
    assert keys.failure in {caught.value, caught.value.__cause__}
    assert models.total == 0


@pytest.mark.parametrize(("make", "ask"), [(openai_client, complete), (anthropic_client, converse)])
def test_twenty_threads_share_a_client(models: Models, keys: Keys, make: Any, ask: Any) -> None:
    models.good = key(2)
    starts = threading.Barrier(20, timeout=20)
    with make(models, auth=CredentialAuth(keys, scheme=BEARER, only_for=models.url)) as client:

        def once(_number: int) -> None:
            starts.wait()
            ask(client)

        with ThreadPoolExecutor(20) as pool:
            list(pool.map(once, range(20)))
    assert (keys.number, {*keys.rejected}) == (2, {key(1)})


@pytest.mark.parametrize("client", [ask_openai_in_tasks, ask_anthropic_in_tasks])
def test_tasks_may_bring_a_provider_of_their_own(models: Models, keys: Keys, client: Any) -> None:
    models.good = key(2)
    client(models, auth=CredentialAuth(AsyncKeys(keys), scheme=BEARER, only_for=models.url))
    assert (keys.asked, keys.rejected) == (2, [key(1)])


def test_openai_takes_a_function_where_a_401_is_the_callers_own_affair(models: Models, keys: Keys) -> None:
    http_client = openai.DefaultHttpx2Client(verify=TLS)
    with openai.OpenAI(api_key=token_of(keys), base_url=f"{models.url}/v1", http_client=http_client) as client:
        for number in (1, 2):
            models.good, keys.number = key(number), number
            complete(client)
    assert models.sent == [(f"Bearer {key(1)}", None), (f"Bearer {key(2)}", None)]
    assert keys.asked == 2
