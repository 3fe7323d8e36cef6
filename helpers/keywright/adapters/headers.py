"""For any other client: the headers of one request, and the two attempts at it as a loop.

    >>> headers = CredentialHeaders(CachedCredentialProvider("anthropic:main"), scheme=header("x-api-key"))
    >>> for attempt in headers.attempts():
    ...     response = post("https://api.anthropic.com/v1/messages", headers={**attempt.headers, **others})
    ...     attempt.answered(response.status)

OpenAI's and Anthropic's own clients send through httpx2, where each attempt has its credential and a 401 its refresh:

    >>> auth = CredentialAuth(provider, scheme=bearer.instead_of("X-Api-Key"), only_for="https://api.anthropic.com")
    >>> anthropic.Anthropic(api_key="keywright", http_client=anthropic.DefaultHttpxClient(auth=auth))
    >>> auth = CredentialAuth(provider, scheme=bearer, only_for="https://api.openai.com")
    >>> openai.OpenAI(api_key="keywright", http_client=openai.DefaultHttpx2Client(auth=auth))

with `CredentialAuth` of `keywright.adapters.httpx2`, or `.httpx` for their versions that send through that. The
`api_key` is never sent: it only keeps them from looking for another one. `OpenAI(api_key=token_of(provider))` does
without any of that; a 401 is then the caller's.
"""

from collections.abc import Callable, Iterator

from keywright.adapters.scheme import Scheme, by_kind
from keywright.adapters.sender import REJECTED, Sender
from keywright.library.contract import CredentialProvider


class Attempt:
    """One attempt at a request."""

    def __init__(self, headers: dict[str, str]) -> None:
        self.headers = headers
        """What carries the credential; another attempt has others."""
        self.status: int | None = None
        """The answer's status, once it is known."""

    def answered(self, status: int) -> None:
        """Say what the HTTP status of the answer was: after a 401 there is a second attempt."""
        self.status = status

    def __repr__(self) -> str:
        return f"Attempt(headers={sorted(self.headers)}, status={self.status})"


class CredentialHeaders:
    """Gives the headers that carry the current credential. Threads may share it."""

    def __init__(self, provider: CredentialProvider, *, scheme: Scheme = by_kind) -> None:
        """Ask nobody yet.

        Args:
            provider: where the credential comes from.
            scheme: how it is sent.
        """
        self._sender = Sender(provider, scheme, None)

    def __call__(self) -> dict[str, str]:
        """Return the headers for one attempt at one request.

        Raises:
            KeywrightError: there is no credential, and why.
        """
        headers: dict[str, str] = {}
        self._sender.dress(headers, self._sender.current())
        return headers

    def attempts(self) -> Iterator[Attempt]:
        """Yield one attempt and, if that one was answered by a 401, a second one with another credential.

        Raises:
            KeywrightError: there is no credential, and why.
        """
        sent = self._sender.current()
        attempt = Attempt({self._sender.scheme.header: sent.value.reveal()})
        yield attempt
        if attempt.status == REJECTED:
            self._sender.reject(sent)
            yield Attempt(self())

    def __repr__(self) -> str:
        return f"CredentialHeaders({self._sender!r})"


def token_of(provider: CredentialProvider) -> Callable[[], str]:
    """Return what gives the bare secret at each call, for clients that want a function where others want a key."""

    def token() -> str:
        return provider.current().secret.reveal()

    return token
