"""For httpx: an `auth=` for clients and requests, and a transport for secrets that go by a header of their own.

    >>> client = httpx.Client(auth=CredentialAuth(CachedCredentialProvider("github-app:acme"), scheme=bearer))
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
    import httpx
except ImportError as error:
    raise ImportError("this needs httpx: pip install 'keywright[httpx]'", name="httpx") from error


class CredentialAuth(AuthFlow[httpx.Request], httpx.Auth):
    """Sends the current credential with each request of an `httpx.Client` or `httpx.AsyncClient`.

    It is made new after a 401, and then sent once more. Clients, threads and tasks may share it.
    """

    in_memory = httpx.ByteStream


class CredentialTransport(Transport[httpx.Request, httpx.Response], httpx.BaseTransport):
    """Sends the current credential, in whichever header, with what goes to one origin; redirects lead it nowhere else.

    The client's own requests never hold it, so neither do their `repr` and its event hooks.

        >>> transport = CredentialTransport(provider, only_for="https://api.example.com", scheme=header("X-API-Key"))
        >>> httpx.Client(transport=transport)
        <httpx.Client object at …>
    """

    in_memory = httpx.ByteStream

    def __init__(
        self,
        provider: CredentialProvider,
        *,
        only_for: str,
        scheme: Scheme = by_kind,
        inner: httpx.BaseTransport | None = None,
    ) -> None:
        """Ask nobody yet.

        Args:
            provider: where the credential comes from.
            only_for: the origin that it goes to, such as `https://api.example.com`.
            scheme: how it is sent.
            inner: what does the sending; by default an `httpx.HTTPTransport`. As with any transport that a client is
                given, proxies of the environment are for it to know.

        Raises:
            UsageError: `only_for` is no origin.
        """
        super().__init__(Sender(provider, scheme, only_for), _copy, inner or httpx.HTTPTransport())


class AsyncCredentialTransport(AsyncTransport[httpx.Request, httpx.Response], httpx.AsyncBaseTransport):
    """The same for an `httpx.AsyncClient`; the loop never waits for a credential."""

    in_memory = httpx.ByteStream

    def __init__(
        self,
        provider: AnyProvider,
        *,
        only_for: str,
        scheme: Scheme = by_kind,
        inner: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Ask nobody yet; the arguments are `CredentialTransport`'s.

        Raises:
            UsageError: `only_for` is no origin.
        """
        super().__init__(Sender(provider, scheme, only_for), _copy, inner or httpx.AsyncHTTPTransport())


def _copy(request: httpx.Request) -> httpx.Request:
    headers = httpx.Headers(request.headers)
    return httpx.Request(
        request.method, request.url, headers=headers, stream=request.stream, extensions=request.extensions
    )
