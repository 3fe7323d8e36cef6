"""Each adapter behind its real client, asked in one and the same way."""

import asyncio
import ssl
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple, Protocol

import httpx
import httpx2
import requests
import urllib3

from keywright.adapters import httpx as httpx_adapter
from keywright.adapters import httpx2 as httpx2_adapter
from keywright.adapters import requests as requests_adapter
from keywright.adapters.headers import CredentialHeaders
from keywright.adapters.scheme import Scheme
from keywright.adapters.urllib3 import CredentialPool
from keywright.library.contract import CredentialProvider

TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Nobody here speaks it; a context of certificates for each client would take longer than its test."""

Body = bytes | Iterable[bytes] | None


class Answer(NamedTuple):
    """What the caller got."""

    status: int
    text: str


class Adapted(Protocol):
    """One adapter in one client, which threads share."""

    @property
    def adapter(self) -> object: ...

    def ask(self, url: str, method: str = "GET", body: Body = None) -> Answer:
        """Ask, and follow redirects."""

    def close(self) -> None: ...


Make = Callable[[CredentialProvider, Scheme, str | None], Adapted]


class _Httpx:
    def __init__(self, client: Any, adapter: object) -> None:
        self.client = client
        self.adapter = adapter

    def ask(self, url: str, method: str = "GET", body: Body = None) -> Answer:
        answer = self.client.request(method, url, content=body)
        return Answer(answer.status_code, answer.text)

    def close(self) -> None:
        self.client.close()


class _HttpxInTasks:
    """A client and a loop for each question: threads cannot share a loop."""

    def __init__(self, client: Callable[[], Any], adapter: object) -> None:
        self.client = client
        self.adapter = adapter

    def ask(self, url: str, method: str = "GET", body: Body = None) -> Answer:
        return asyncio.run(self._ask(url, method, body))

    async def _ask(self, url: str, method: str, body: Body) -> Answer:
        async with self.client() as client:
            is_stream = body is not None and not isinstance(body, bytes)
            answer = await client.request(method, url, content=_in_tasks(body) if is_stream else body)
            return Answer(answer.status_code, answer.text)

    def close(self) -> None:
        pass


async def _in_tasks(pieces: Any) -> Any:
    for piece in pieces:
        yield piece


def _httpx(library: Any, module: Any) -> dict[str, Make]:
    name = library.__name__

    def auth(provider: CredentialProvider, scheme: Scheme, only_for: str | None) -> Adapted:
        adapter = module.CredentialAuth(provider, scheme=scheme, only_for=only_for)
        return _Httpx(library.Client(auth=adapter, follow_redirects=True, verify=TLS), adapter)

    def auth_in_tasks(provider: CredentialProvider, scheme: Scheme, only_for: str | None) -> Adapted:
        adapter = module.CredentialAuth(provider, scheme=scheme, only_for=only_for)
        return _HttpxInTasks(lambda: library.AsyncClient(auth=adapter, follow_redirects=True, verify=TLS), adapter)

    def transport(provider: CredentialProvider, scheme: Scheme, only_for: str | None) -> Adapted:
        inner = library.HTTPTransport(verify=TLS)
        adapter = module.CredentialTransport(provider, scheme=scheme, only_for=only_for, inner=inner)
        return _Httpx(library.Client(transport=adapter, follow_redirects=True), adapter)

    def transport_in_tasks(provider: CredentialProvider, scheme: Scheme, only_for: str | None) -> Adapted:
        def adapter() -> Any:
            inner = library.AsyncHTTPTransport(verify=TLS)
            return module.AsyncCredentialTransport(provider, scheme=scheme, only_for=only_for, inner=inner)

        return _HttpxInTasks(lambda: library.AsyncClient(transport=adapter(), follow_redirects=True), adapter())

    return {
        name: auth,
        f"{name} in tasks": auth_in_tasks,
        f"{name} transport": transport,
        f"{name} transport in tasks": transport_in_tasks,
    }


class _Requests:
    def __init__(self, provider: CredentialProvider, scheme: Scheme, only_for: str | None) -> None:
        self.adapter = requests_adapter.CredentialAuth(provider, scheme=scheme, only_for=only_for)
        self.session = requests.Session()
        self.session.auth = self.adapter

    def ask(self, url: str, method: str = "GET", body: Body = None) -> Answer:
        answer = self.session.request(method, url, data=body)
        return Answer(answer.status_code, answer.text)

    def close(self) -> None:
        self.session.close()


class _Urllib3:
    def __init__(self, provider: CredentialProvider, scheme: Scheme, only_for: str | None) -> None:
        self.pool = urllib3.PoolManager(maxsize=20)
        self.adapter = CredentialPool(self.pool, provider, scheme=scheme, only_for=only_for)

    def ask(self, url: str, method: str = "GET", body: Body = None) -> Answer:
        answer = self.adapter.request(method, url, body=body)
        return Answer(answer.status, answer.data.decode())

    def close(self) -> None:
        self.pool.clear()


class _Headers:
    """The loop of `attempts`, around a client that knows nothing of credentials."""

    def __init__(self, provider: CredentialProvider, scheme: Scheme, only_for: str | None) -> None:
        self.adapter = CredentialHeaders(provider, scheme=scheme)
        self.pool = urllib3.PoolManager(maxsize=20)

    def ask(self, url: str, method: str = "GET", body: Body = None) -> Answer:
        answer: urllib3.BaseHTTPResponse | None = None
        for attempt in self.adapter.attempts():
            answer = self.pool.request(method, url, body=body, headers=attempt.headers)
            attempt.answered(answer.status)
        assert answer is not None
        return Answer(answer.status, answer.data.decode())

    def close(self) -> None:
        self.pool.clear()


ADAPTERS: Final[dict[str, Make]] = {
    **_httpx(httpx, httpx_adapter),
    **_httpx(httpx2, httpx2_adapter),
    "requests": _Requests,
    "urllib3": _Urllib3,
    "headers": _Headers,
}
"""Every adapter that speaks HTTP, in each of its forms."""
REDIRECTED: Final = [name for name in ADAPTERS if name != "headers"]
"""Those that see to redirects; with bare headers these are their user's."""
OF_ANY_HEADER: Final = [name for name in ADAPTERS if "transport" in name or not name.startswith("httpx")]
"""Those that send by any header."""


def pieces(*texts: bytes) -> Iterator[bytes]:
    """A body that can be read once."""
    yield from texts
