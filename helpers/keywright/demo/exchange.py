"""What goes over the wire, as values: one call, one reply, and the fact that is kept of them."""

import binascii
import json
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.message import Message
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request as it arrived.

    Attributes:
        route: the route it matched, such as `POST /app/installations/{id}/access_tokens`; `METHOD /path` for none.
        method: upper case.
        path: percent-encoded, without the query.
        query: what follows the question mark, undecoded.
        values: what the route's braces stood for, decoded.
        headers: by name, whatever its case.
        body: whole, its chunks joined; a `Content-Encoding` is left as it is.
    """

    route: str
    method: str
    path: str
    query: str
    values: Mapping[str, str]
    headers: Message = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer.

    Attributes:
        status: the HTTP status; 0 closes the connection without a byte.
        headers: in this order. Date, and Content-Length or chunking, are added.
        body: bytes, or a stream: sent as it comes, in chunks, or raw where `headers` hold a Content-Length. A stream
            that can be closed is closed, also when the client has gone.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | Iterable[bytes] = field(default=b"", repr=False)


HANG_UP: Final = Reply(status=0)

Answer = Callable[[Call], Reply]
Bend = Callable[[Call, Answer], Reply]


def honestly(call: Call, answer: Answer) -> Reply:
    """Bend nothing: the `bend` of a well-behaved server."""
    return answer(call)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What happened: when (on the server's clock), what was asked, and the status answered."""

    at: datetime
    call: Call
    status: int


def json_reply(status: int, document: object, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """Return a reply that carries `document` as `application/json`, unless `headers` name another type."""
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers = (("Content-Type", "application/json"), *headers)
    return Reply(status=status, headers=headers, body=json.dumps(document).encode())


def authorization(call: Call, scheme: str) -> str | None:
    """Return what follows `scheme` in the Authorization header; None if the header is absent or of another scheme."""
    name, _, rest = str(call.headers.get("Authorization", "")).partition(" ")
    return rest.strip() or None if name.lower() == scheme.lower() else None


def basic_credentials(call: Call) -> tuple[str, str] | None:
    """Return the user name and password of HTTP Basic (RFC 7617); None if there are none."""
    try:
        text = b64decode(authorization(call, "Basic") or "", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    username, colon, password = text.partition(":")
    return (username, password) if colon else None
