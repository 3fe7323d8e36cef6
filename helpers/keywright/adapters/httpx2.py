"""For httpx2, through which the clients of OpenAI and Anthropic send: the same as for httpx.

    >>> client = httpx2.Client(auth=CredentialAuth(CachedCredentialProvider("github-app:acme"), scheme=bearer))
    >>> client.get("https://api.github.com/installation/repositories")
    <Response [200 OK]>

A body is sent a second time only if it is in memory. What is streamed, multipart forms included, is sent once: after
a 401 the credential is named as rejected, and the 401 is the caller's.
"""

from keywright.adapters.flow import AuthFlow
from keywright.adapters.scheme import Scheme, by_kind
from keywright.adapters.sender import AnyProvider, Sender
from keywright.adapters.transport import AsyncTransport, Transport
from keywright.library.contract import CredentialProvider

try:
    import httpx2
except ImportError as error:
    raise ImportError("this needs httpx2: pip install 'keywright[httpx2]'", name="httpx2") from error


class CredentialAuth(AuthFlow[httpx2.Request], httpx2.Auth):
    """Sends the current credential with each request of an `httpx2.Client` or `httpx2.AsyncClient`.

    It is made new after a 401, and then sent once more. Clients, threads and tasks may share it.
    """

    in_memory = httpx2.ByteStream


class CredentialTransport(Transport[httpx2.Request, httpx2.Response], httpx2.BaseTransport):
    """Sends the current credential, in whichever header, with what goes to one origin; redirects lead it nowhere else.

    The client's own requests never hold it, so neither do their `repr` and its event hooks.

        >>> transport = CredentialTransport(provider, only_for="https://api.example.com", scheme=header("X-API-Key"))
        >>> httpx2.Client(transport=transport)
        <httpx2.Client object at …>
    """

    in_memory = httpx2.ByteStream

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
        super().__init__(Sender(provider, scheme, only_for), _copy, inner or httpx2.HTTPTransport())


class AsyncCredentialTransport(AsyncTransport[httpx2.Request, httpx2.Response], httpx2.AsyncBaseTransport):
    """The same for an `httpx2.AsyncClient`; the loop never waits for a credential."""

    in_memory = httpx2.ByteStream

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
        super().__init__(Sender(provider, scheme, only_for), _copy, inner or httpx2.AsyncHTTPTransport())


def _copy(request: httpx2.Request) -> httpx2.Request:
    headers = httpx2.Headers(request.headers)
    return httpx2.Request(
        request.method, request.url, headers=headers, stream=request.stream, extensions=request.extensions
    )
