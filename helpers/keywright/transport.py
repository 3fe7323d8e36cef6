"""The one door to the network: a single HTTP request, bounded in time and size, that follows nothing.

A redirect would carry an `Authorization` header to whoever the issuer names (https://github.com/python/cpython/issues/77842),
a compressed body can be a thousand times what was received (CVE-2025-66471), and a server that sends one byte a second
keeps every per-read timeout happy. So redirects are answers like any other, bodies are asked for uncompressed and cut
off at 1 MiB, and the whole exchange has one deadline.

    >>> send("GET", "https://api.example.com/zen", headers={}, timeout_s=5, env=os.environ).status
    200

Requests go through `HTTPS_PROXY` unless `NO_PROXY` names the host; loopback is never proxied.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from keywright import __version__, trace
from keywright.authorities import elsewhere
from keywright.errors import ConfigurationError, Unreachable
from keywright.foreign import silenced, wait_for
from keywright.request import Url, parse_url

if TYPE_CHECKING:
    import urllib3

BODY_AT_MOST: Final = 1 << 20
CONNECT_AT_MOST_S: Final = 10.0
CONNECT_ATTEMPTS: Final = 2
_CHUNK: Final = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What came back, whatever its status.

    Attributes:
        status: the HTTP status code.
        headers: by lower-case name; repeated ones joined by a comma.
        body: as received, never decompressed; at most 1 MiB.
        date: the issuer's clock, from `Date` (aware UTC); None if it gave none.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    date: datetime | None

    @property
    def retry_after_s(self) -> float | None:
        """How long to leave the issuer alone, in seconds (RFC 9110 §10.2.3); None if it said nothing.

        The header's date form is reckoned on the issuer's own clock.
        """
        return parse_retry_after(self.headers.get("retry-after", ""), self.date)


class Deadline:
    """An instant after which nobody waits any more."""

    __slots__ = ("_at_s",)

    def __init__(self, timeout_s: float) -> None:
        self._at_s = time.monotonic() + timeout_s

    @property
    def left_s(self) -> float:
        """Seconds left; 0 once it has passed."""
        return max(0.0, self._at_s - time.monotonic())


def send(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes | None = None,
    timeout_s: float,
    env: Mapping[str, str],
) -> Response:
    """Send one request and return the answer, whatever its status.

    Args:
        method: `GET`, `POST`, …
        url: absolute, without a query; `https://`, or `http://` to loopback.
        headers: sent as they are.
        body: sent as it is; None for none.
        timeout_s: for all of it in seconds: name lookup, connection, TLS, and the last byte of the body.
        env: where `HTTPS_PROXY` and `NO_PROXY` are looked up.

    Raises:
        ConfigurationError: `url` or the proxy is not one we would send a credential to.
        Unreachable: no connection, no trust, no answer in time, or one that is cut short or too long.
    """
    place = parse_url(url)
    if place is None or not place.scheme:
        raise ConfigurationError("an issuer's address is not a URL", mend="write it as https://HOST/PATH")
    if place.scheme != "https" and not (place.scheme == "http" and place.is_loopback):
        raise ConfigurationError(f"{place.host} may be asked over https only", mend=f"write https://{place.host}")
    if timeout_s <= 0:
        raise Unreachable(f"no time was left to ask {place.host}")

    question = _Question(method=method, url=url, place=place, headers=headers, body=body)

    def exchange() -> Response:
        return _exchange(question, Deadline(timeout_s), env)

    with trace.timed("http", method=method, url=place) as told:
        response = wait_for(exchange, timeout_s, late=f"{place.host} did not answer in time")
        told["status"], told["size"] = response.status, len(response.body)
    return response


def parse_http_date(text: str) -> datetime | None:
    """Return the instant an HTTP date names (RFC 9110 §5.6.7; aware UTC), or None if it names none."""
    from email.utils import parsedate_to_datetime

    try:
        instant = parsedate_to_datetime(text)
        return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def parse_retry_after(text: str, date: datetime | None) -> float | None:
    """Return the seconds `Retry-After: text` asks for; a date is reckoned from `date`, the issuer's own clock."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    instant = parse_http_date(text)
    if instant is None or date is None:
        return None
    return max(0.0, (instant - date).total_seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """The arguments of `send`, checked."""

    method: str
    url: str
    place: Url
    headers: Mapping[str, str]
    body: bytes | None


def _exchange(question: _Question, deadline: Deadline, env: Mapping[str, str]) -> Response:
    import urllib3

    host = question.place.host
    with silenced("urllib3"), _manager(question.place, env) as manager:
        try:
            with _open(manager, question, deadline) as response:
                content = _read(response, deadline, host)
        except urllib3.exceptions.HTTPError as error:
            raise Unreachable(_reason(error, host)) from None
    received = {name.lower(): value for name, value in response.headers.items()}
    date = parse_http_date(received.get("date", ""))
    return Response(status=response.status, headers=received, body=content, date=date)


def _open(manager: "urllib3.PoolManager", question: _Question, deadline: Deadline) -> "urllib3.BaseHTTPResponse":
    """Return the answer with its body unread. Tried again only if no connection was made: nothing was sent then."""
    import urllib3

    headers = {"User-Agent": f"keywright/{__version__}", **question.headers, "Accept-Encoding": "identity"}
    for attempts_left in reversed(range(CONNECT_ATTEMPTS)):
        left_s = max(deadline.left_s, 0.001)
        try:
            return manager.request(
                question.method,
                question.url,
                headers=headers,
                body=question.body,
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
                timeout=urllib3.Timeout(connect=min(left_s, CONNECT_AT_MOST_S), read=left_s),
            )
        except urllib3.exceptions.NewConnectionError:
            if not attempts_left:
                raise
    raise AssertionError  # the last attempt returns or raises


def _read(response: "urllib3.BaseHTTPResponse", deadline: Deadline, host: str) -> bytes:
    content = bytearray()
    while chunk := response.read1(_CHUNK, decode_content=False):
        content += chunk
        if len(content) > BODY_AT_MOST:
            raise Unreachable(f"{host} answered with more than {BODY_AT_MOST >> 20} MiB")
        if not deadline.left_s:
            raise Unreachable(f"{host} did not answer in time")
    return bytes(content)


def _manager(place: Url, env: Mapping[str, str]) -> "urllib3.PoolManager":
    import urllib3

    proxy, authorities = _proxy(place, env), elsewhere(env)
    if not proxy:
        return urllib3.PoolManager(ca_certs=authorities)
    from urllib.parse import unquote

    try:
        address = urllib3.util.parse_url(proxy if "://" in proxy else f"http://{proxy}")
    except urllib3.exceptions.LocationParseError:
        address = urllib3.util.Url()
    if address.scheme not in {"http", "https"} or not address.host:
        raise ConfigurationError("HTTPS_PROXY is not the address of an HTTP proxy", mend="write http://HOST:PORT")
    login = urllib3.make_headers(proxy_basic_auth=unquote(address.auth)) if address.auth else None
    return urllib3.ProxyManager(address._replace(auth=None).url, proxy_headers=login, ca_certs=authorities)


def _proxy(place: Url, env: Mapping[str, str]) -> str:
    """Return the proxy's address for `place`, or an empty string. The lower-case variable wins, as in curl.

    `NO_PROXY` is a list of `*`, hosts with their subdomains, and `host:port`.
    """
    proxy = env.get("https_proxy", env.get("HTTPS_PROXY", ""))
    if not proxy or place.is_loopback:
        return ""
    for entry in env.get("no_proxy", env.get("NO_PROXY", "")).lower().split(","):
        name = entry.strip().removeprefix(".")
        if name == "*" or (name and (name == place.host or f".{place.name}".endswith(f".{name}"))):
            return ""
    return proxy


def _reason(error: Exception, host: str) -> str:
    """Return our own words for one of urllib3's exceptions."""
    from urllib3 import exceptions

    if isinstance(error, exceptions.ProxyError):
        return f"the proxy for {host} did not connect"
    if isinstance(error, exceptions.NameResolutionError):
        return f"the name of {host} could not be resolved"
    if isinstance(error, exceptions.NewConnectionError):
        refused = isinstance(error.__cause__, ConnectionRefusedError)
        return f"{host} refused the connection" if refused else f"no connection to {host}"
    if isinstance(error, exceptions.TimeoutError):
        return f"{host} did not answer in time"
    if isinstance(error, exceptions.SSLError):
        return f"no TLS connection to {host} that can be trusted"
    if isinstance(error, exceptions.ProtocolError):
        return f"{host} broke the connection off, or does not speak HTTP"
    return f"no sensible answer from {host}"
