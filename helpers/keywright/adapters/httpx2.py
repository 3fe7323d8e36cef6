"""For httpx2, through which the clients of OpenAI and Anthropic send: the same as for httpx.

    >>> client = httpx2.Client(auth=CredentialAuth(CachedCredentialProvider("github-app:acme"), scheme=bearer))
    >>> client.get("https://api.github.com/installation/repositories")
    <Response [200 OK]>

A body is sent a second time only if it is in memory. What is streamed, multipart forms included, is sent once: after
a 401 the credential is named as rejected, and the 401 is the caller's.
"""

from collections.abc import AsyncGenerator, Generator
from types import TracebackType
from typing import Self

from keywright.adapters.flow import attempts, attempts_async, place_of
from keywright.adapters.scheme import Scheme, by_kind
from keywright.adapters.sender import REJECTED, AnyProvider, Sender, Sent
from keywright.errors import UsageError
from keywright.library.contract import CredentialProvider

try:
    import httpx2
except ImportError as error:
    raise ImportError("this needs httpx2: pip install 'keywright[httpx2]'", name="httpx2") from error


class CredentialAuth(httpx2.Auth):
    """Sends the current credential with each request of an `httpx2.Client` or `httpx2.AsyncClient`.

    It is made new after a 401, and then sent once more. Clients, threads and tasks may share it.
    """

    def __init__(self, provider: AnyProvider, *, scheme: Scheme = by_kind, only_for: str | None = None) -> None:
        """Ask nobody yet.

        Args:
            provider: where the credential comes from; a client of tasks takes one of either kind.
            scheme: how it is sent.
            only_for: the one origin that it may go to, such as `https://api.github.com`; other requests go without.

        Raises:
            UsageError: `only_for` is no origin; or `scheme` goes by a header that is not `Authorization`, and httpx2
                would carry that one to wherever a redirect leads.
        """
        if not scheme.is_authorization:
            what = f"httpx2 carries {scheme.header} to wherever it is redirected"
            raise UsageError(what, mend="use CredentialTransport or AsyncCredentialTransport")
        self._sender = Sender(provider, scheme, only_for)

    def sync_auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Return the attempts at a request.

        Raises:
            KeywrightError: there is no credential, and why.
        """
        return attempts(self._sender, request, _is_replayable)

    def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Return the attempts at a request of a task; the loop never waits for a credential.

        Raises:
            KeywrightError: there is no credential, and why.
        """
        return attempts_async(self._sender, request, _is_replayable)

    def __repr__(self) -> str:
        return f"CredentialAuth({self._sender!r})"


class CredentialTransport(httpx2.BaseTransport):
    """Sends the current credential, in whichever header, with what goes to one origin; redirects lead it nowhere else.

    The client's own requests never hold it, so neither do their `repr` and its event hooks.

        >>> transport = CredentialTransport(provider, only_for="https://api.example.com", scheme=header("X-API-Key"))
        >>> httpx2.Client(transport=transport)
        <httpx2.Client object at …>
    """

    def __init__(
        self,
        provider: CredentialProvider,
        *,
        only_for: str,
        scheme: Scheme = by_kind,
        inner: httpx2.BaseTransport | None = None,
    ) -> None:
        """Ask nobody yet.

        Args:
            provider: where the credential comes from.
            only_for: the origin that it goes to, such as `https://api.example.com`.
            scheme: how it is sent.
            inner: what does the sending; by default an `httpx2.HTTPTransport`. As with any transport that a client is
                given, proxies of the environment are for it to know.

        Raises:
            UsageError: `only_for` is no origin.
        """
        self._sender = Sender(provider, scheme, only_for)
        self._inner = inner or httpx2.HTTPTransport()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return the answer to a request; the second one, where the first was a 401.

        Raises:
            KeywrightError: there is no credential, and why.
        """
        if not self._sender.covers(place_of(request)):
            return self._inner.handle_request(request)
        sent = self._sender.current()
        response = self._inner.handle_request(_dressed(self._sender, request, sent))
        if response.status_code != REJECTED:
            return response
        try:
            self._sender.reject(sent)
            if not _is_replayable(request):
                return response
            again = self._sender.current()
            response.read()
        except BaseException:
            response.close()
            raise
        response.close()
        return self._inner.handle_request(_dressed(self._sender, request, again))

    def __enter__(self) -> Self:
        self._inner.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        self._inner.__exit__(kind, error, trace)

    def close(self) -> None:
        """Close what does the sending."""
        self._inner.close()

    def __repr__(self) -> str:
        return f"CredentialTransport({self._sender!r})"


class AsyncCredentialTransport(httpx2.AsyncBaseTransport):
    """The same for an `httpx2.AsyncClient`; the loop never waits for a credential."""

    def __init__(
        self,
        provider: AnyProvider,
        *,
        only_for: str,
        scheme: Scheme = by_kind,
        inner: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """Ask nobody yet; the arguments are `CredentialTransport`'s.

        Raises:
            UsageError: `only_for` is no origin.
        """
        self._sender = Sender(provider, scheme, only_for)
        self._inner = inner or httpx2.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return the answer to a request; the second one, where the first was a 401.

        Raises:
            KeywrightError: there is no credential, and why.
        """
        if not self._sender.covers(place_of(request)):
            return await self._inner.handle_async_request(request)
        sent = await self._sender.current_async()
        response = await self._inner.handle_async_request(_dressed(self._sender, request, sent))
        if response.status_code != REJECTED:
            return response
        try:
            await self._sender.reject_async(sent)
            if not _is_replayable(request):
                return response
            again = await self._sender.current_async()
            await response.aread()
        except BaseException:
            await response.aclose()
            raise
        await response.aclose()
        return await self._inner.handle_async_request(_dressed(self._sender, request, again))

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        await self._inner.__aexit__(kind, error, trace)

    async def aclose(self) -> None:
        """Close what does the sending."""
        await self._inner.aclose()

    def __repr__(self) -> str:
        return f"AsyncCredentialTransport({self._sender!r})"


def _is_replayable(request: httpx2.Request) -> bool:
    return isinstance(request.stream, httpx2.ByteStream)


def _dressed(sender: Sender, request: httpx2.Request, sent: Sent) -> httpx2.Request:
    """Return a copy of the request that carries the credential: a redirect goes by the client's own."""
    headers = httpx2.Headers(request.headers)
    sender.dress(headers, sent)
    return httpx2.Request(
        request.method, request.url, headers=headers, stream=request.stream, extensions=request.extensions
    )
