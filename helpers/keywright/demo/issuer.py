"""The small HTTP(S) server that every issuer, and every service that accepts what they issue, shares here.

It listens on 127.0.0.1 and an unused port, writes no log, counts calls per route and keeps what happened as facts.
Its one seam is `bend`, which stands between a call and its honest answer and makes the server slow, wrong or silent:

    server.bend = lambda call, answer: Reply(status=503) if server.total == 1 else answer(call)
"""

import re
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.message import Message
from email.utils import format_datetime
from types import TracebackType
from typing import Self
from urllib.parse import unquote

from keywright.demo.exchange import Answer, Bend, Call, Fact, Reply, honestly, json_reply
from keywright.demo.listener import Listener

Clock = Callable[[], datetime]


def real_clock() -> datetime:
    """Return the machine's time (aware UTC)."""
    return datetime.now(UTC)


class LoopbackServer:
    """Serves a table of routes on loopback, in threads of its own, from `start` (or `with`) to `stop`.

    Attributes:
        calls: how often each route was asked, counted as a call arrives; 0 for one never asked.
        facts: what was asked and answered, in the order of the answers.
        bend: stands between each call and its honest answer; assign another to misbehave.
        clock: the server's time, also its `Date` header.
    """

    def __init__(
        self, routes: Mapping[str, Answer], *, tls: ssl.SSLContext | None = None, clock: Clock = real_clock
    ) -> None:
        """Prepare a server; nothing listens yet.

        Args:
            routes: handlers by `METHOD /path`. In the path `{name}` stands for one component and `{name*}` for one or
                more. The first match counts. GET routes serve HEAD too, counted as GET.
            tls: a server context for https; None for http.
            clock: the server's time (aware UTC).
        """
        self.calls: Counter[str] = Counter()
        self.facts: list[Fact] = []
        self.bend: Bend = honestly
        self.clock = clock
        self._tls = tls
        self._routes = [(route, _pattern(route), answer) for route, answer in routes.items()]
        self._lock = threading.Lock()
        self._port = 0
        self._listener: Listener | None = None

    @property
    def total(self) -> int:
        """How many calls arrived, on all routes together."""
        with self._lock:
            return self.calls.total()

    @property
    def host(self) -> str:
        """`127.0.0.1:PORT`, once started. The port stays the same when the server is stopped and started again."""
        return f"127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return f"{'https' if self._tls else 'http'}://{self.host}"

    def start(self) -> None:
        """Listen, on the port of the last time if there was one."""
        self._listener = Listener(self._port, self._respond, self._date, self._tls)
        self._port = self._listener.port

    def stop(self) -> None:
        """Stop listening and end every open connection. A bug met while answering is raised here."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.end()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _respond(self, method: str, target: str, headers: Message, body: bytes) -> Reply:
        path, _, query = target.partition("?")
        route, values, answer = self._match("GET" if method == "HEAD" else method, path)
        call = Call(route=route, method=method, path=path, query=query, values=values, headers=headers, body=body)
        with self._lock:
            self.calls[route] += 1
        reply = self.bend(call, answer)
        with self._lock:
            self.facts.append(Fact(at=self.clock(), call=call, status=reply.status))
        return reply

    def _match(self, method: str, path: str) -> tuple[str, Mapping[str, str], Answer]:
        for route, pattern, answer in self._routes:
            if found := pattern.fullmatch(f"{method} {path}"):
                return route, {name: unquote(value) for name, value in found.groupdict().items()}, answer
        return f"{method} {path}", {}, lambda _call: json_reply(404, {"message": "Not Found"})

    def _date(self) -> str:
        return format_datetime(self.clock().astimezone(UTC), usegmt=True)


def _pattern(route: str) -> re.Pattern[str]:
    literal, *rest = re.split(r"\{([a-z_]+)(\*?)\}", route)
    pattern = re.escape(literal)
    for name, many, following in zip(rest[0::3], rest[1::3], rest[2::3], strict=True):
        pattern += f"(?P<{name}>{'.+' if many else '[^/]+'})" + re.escape(following)
    return re.compile(pattern)
