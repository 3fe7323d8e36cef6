"""For urllib3: a pool manager, of whichever kind, whose requests carry a credential.

    >>> pool = CredentialPool(urllib3.PoolManager(), CachedCredentialProvider("github-app:acme"), scheme=bearer)
    >>> pool.request("GET", "https://api.github.com/installation/repositories").status
    200

urllib3 has no interface for this. `CredentialPool` stands before a `PoolManager`, or a `ProxyManager`, and has its one
method that people use. A body is sent a second time if it is in memory, or in a file that can be rewound. What a
generator yields is sent once: after a 401 the credential is named as rejected, and the 401 is the caller's. So it is
where a request that does something was redirected after it: a POST with a 303, say.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urljoin

import urllib3
from urllib3 import HTTPHeaderDict, Retry
from urllib3.response import BaseHTTPResponse
from urllib3.util import Url

from keywright.adapters.body import Body
from keywright.adapters.scheme import Scheme, by_kind
from keywright.adapters.sender import REJECTED, Sender, Sent, is_elsewhere
from keywright.library.contract import CredentialProvider

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""The methods that do nothing (RFC 9110, 9.2.1)."""
_ELSEWHERE: Final = frozenset({307, 308})
"""The redirects of a request that was not done, and is to be made elsewhere."""


class CredentialPool:
    """Sends the current credential with each request.

    It is made new after a 401, and then sent once more. Threads may share it.
    """

    def __init__(
        self,
        pool: urllib3.PoolManager,
        provider: CredentialProvider,
        *,
        scheme: Scheme = by_kind,
        only_for: str | None = None,
    ) -> None:
        """Ask nobody yet.

        Args:
            pool: what does the sending.
            provider: where the credential comes from.
            scheme: how it is sent.
            only_for: the one origin that it may go to, such as `https://api.github.com`; other requests go without.

        Raises:
            UsageError: `only_for` is no origin.
        """
        self._pool = pool
        self._sender = Sender(provider, scheme, only_for)

    def request(
        self,
        method: str,
        url: str,
        *,
        body: Any = None,  # noqa: ANN401 - urllib3's own, and so are `options`
        headers: Mapping[str, str] | None = None,
        **options: Any,  # noqa: ANN401
    ) -> BaseHTTPResponse:
        """Return the answer to a request, as `PoolManager.request` does; the second one, where the first was a 401.

        Raises:
            KeywrightError: there is no credential, and why.
        """
        if not self._sender.covers(url):
            return self._pool.request(method, url, body=body, headers=headers, **options)
        options["retries"] = self._retries(options.get("retries"), options.get("redirect", True))
        again = Body(body)
        sent = self._sender.current()
        response = self._pool.request(method, url, body=body, headers=self._dressed(headers, sent), **options)
        if response.status != REJECTED or _has_left(url, response.retries, self._pool.proxy):
            return response
        try:
            self._sender.reject(sent)
            if _is_done(method, response.retries) or not again.rewind():
                return response
            sent = self._sender.current()
            response.drain_conn()
        except BaseException:
            response.close()
            raise
        response.release_conn()
        return self._pool.request(method, url, body=body, headers=self._dressed(headers, sent), **options)

    def __repr__(self) -> str:
        return f"CredentialPool({self._sender!r})"

    def _dressed(self, headers: Mapping[str, str] | None, sent: Sent) -> HTTPHeaderDict:
        dressed = HTTPHeaderDict(self._pool.headers if headers is None else headers)
        self._sender.dress(dressed, sent)
        return dressed

    def _retries(self, wanted: Retry | bool | int | None, redirect: bool) -> Retry:  # noqa: FBT001 - urllib3's own
        """Return the wanted retries, which take the credential out where a redirect leads to another origin."""
        default = self._pool.connection_pool_kw.get("retries")
        retries = Retry.from_int(wanted, redirect=redirect, default=default)
        return retries.new(remove_headers_on_redirect={*retries.remove_headers_on_redirect, self._sender.scheme.header})


def _has_left(url: str, retries: Retry | None, proxy: Url | None) -> bool:
    """Return whether redirects led to another origin on the way: from there on the credential was not sent.

    Nor was it after any redirect where plain http goes to a proxy: urllib3 compares what comes with that one's host.
    """
    for step in retries.history if retries else ():
        if step.redirect_location:
            if is_elsewhere(url, step.redirect_location) or (proxy and not url.lower().startswith("https:")):
                return True
            url = urljoin(url, step.redirect_location)
    return False


def _is_done(method: str, retries: Retry | None) -> bool:
    """Return whether a redirect says that what was asked for is done: the second attempt would begin with it again."""
    steps = retries.history if retries else ()
    led = {step.status for step in steps if step.redirect_location}
    return method.upper() not in _SAFE and not led <= _ELSEWHERE
