"""For requests: an `auth=` for sessions and requests.

    >>> session = requests.Session()
    >>> session.auth = CredentialAuth(CachedCredentialProvider("github-app:acme"), scheme=bearer)
    >>> session.get("https://api.github.com/installation/repositories")
    <Response [200]>

A body is sent a second time if it is in memory, or in a file that can be rewound. What a generator yields is sent once:
after a 401 the credential is named as rejected, and the 401 is the caller's.
"""

from typing import Any

from keywright.adapters.body import Body
from keywright.adapters.scheme import Scheme, by_kind
from keywright.adapters.sender import Sender, Sent, is_elsewhere
from keywright.library.contract import CredentialProvider

try:
    import requests
    from requests.auth import AuthBase
except ImportError as error:
    raise ImportError("this needs requests: pip install 'keywright[requests]'", name="requests") from error


class CredentialAuth(AuthBase):
    """Sends the current credential with each request.

    It is made new after a 401, and then sent once more. Sessions and threads may share it; a `PreparedRequest` is for
    one thread at a time, because its headers follow its attempts.
    """

    def __init__(self, provider: CredentialProvider, *, scheme: Scheme = by_kind, only_for: str | None = None) -> None:
        """Ask nobody yet.

        Args:
            provider: where the credential comes from.
            scheme: how it is sent.
            only_for: the one origin that it may go to, such as `https://api.github.com`; other requests go without.

        Raises:
            UsageError: `only_for` is no origin.
        """
        self._sender = Sender(provider, scheme, only_for)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Return the request with the credential, and see to its answers.

        Raises:
            KeywrightError: there is no credential, and why.
        """
        if self._sender.covers(request.url or ""):
            sent = self._sender.current()
            self._sender.dress(request.headers, sent)
            request.hooks["response"].append(_Attempts(self._sender, sent, Body(request.body)))
        return request

    def __repr__(self) -> str:
        return f"CredentialAuth({self._sender!r})"


class _Attempts:
    """The hook that one request and what it is redirected to share: requests calls it with each of their answers."""

    def __init__(self, sender: Sender, sent: Sent, body: Body) -> None:
        self._sender = sender
        self._sent = sent
        self._body = body
        self._is_spent = False

    def __call__(self, response: requests.Response, **options: Any) -> requests.Response:  # noqa: ANN401 - requests' own
        """Return the answer that counts: the second one, where the first rejects the credential."""
        if not self._is_spent and self._sender.is_rejected(self._sent, response.status_code, response.request.headers):
            response = self._again(response, **options)
        location = response.headers.get("Location") if response.is_redirect else None
        # requests itself takes out Authorization, and nothing else.
        if location is not None and is_elsewhere(response.url, location):
            self._sender.undress(response.request.headers)
        self._is_spent = self._is_spent and location is not None  # a request that is sent anew starts anew
        return response

    def _again(self, first: requests.Response, **options: Any) -> requests.Response:  # noqa: ANN401
        try:
            self._sender.reject(self._sent)
            if not self._body.rewind():
                return first
            sent = self._sender.current()
            if not options.get("stream"):
                _ = first.content  # the connection can be used again once this was read
        except BaseException:
            first.close()
            raise
        first.close()
        # The session goes on with this very request, to redirects too; what was sent first is kept beside its answer.
        request, first.request = first.request, first.request.copy()
        self._sent = sent
        self._sender.dress(request.headers, sent)
        second: requests.Response = first.connection.send(request, **options)
        second.history.append(first)
        second.request = request
        self._is_spent = True
        return second
