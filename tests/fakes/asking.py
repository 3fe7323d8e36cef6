"""What tests of the issuers need besides them: one HTTP request, and a clock that moves when told."""

import http.client
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from keywright.demo.issuer import LoopbackServer


@dataclass
class Clock:
    """A clock for a `LoopbackServer`."""

    now: datetime = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        """Move on."""
        self.now += by


@dataclass(frozen=True)
class Received:
    """One response, read to its end."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


def ask(
    server: LoopbackServer,
    route: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | str | Iterable[bytes] | None = None,
) -> Received:
    """Send one request, `METHOD /target`, over a connection of its own; an iterable body goes in chunks."""
    method, _, target = route.partition(" ")
    connection = http.client.HTTPConnection(server.host, timeout=30)
    try:
        connection.request(method, target, body=body, headers=dict(headers or {}))
        response = connection.getresponse()
        return Received(response.status, response.headers, response.read())
    finally:
        connection.close()
