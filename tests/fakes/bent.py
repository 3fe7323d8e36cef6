"""The issuers of `keywright.demo`, bent: slow, down, refusing, redirecting, lying and hanging up.

A bend stands between a call and its honest answer:

    with bent(github, refusing(503, {"Retry-After": "7"}), times=1):
        ...  # the first call is refused, the next one is answered honestly

Nothing here sleeps for a guessed while. What waits, waits until the test lets it go, or until a bound that is only
reached when the test itself is broken.
"""

import json
import socket
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from enum import Enum
from typing import Final

from keywright.demo.exchange import HANG_UP, Answer, Bend, Call, Reply, honestly
from keywright.demo.issuer import LoopbackServer

HELD_AT_MOST_S: Final = 30.0
PACE_S: Final = 0.05
BODY_2_MIB: Final = 2 * 1024 * 1024


@contextmanager
def bent(
    server: LoopbackServer, bend: Bend, *, route: str | None = None, times: int | None = None
) -> Iterator[LoopbackServer]:
    """Bend `server` inside the block: only calls of `route` if one is named, only the first `times` of them if given.

    A `Slow` bend is released at the end of the block.
    """
    left = threading.Semaphore(times) if times is not None else None

    def selected(call: Call, answer: Answer) -> Reply:
        if route not in {None, call.route} or (left is not None and not left.acquire(blocking=False)):
            return answer(call)
        return bend(call, answer)

    server.bend = selected
    try:
        yield server
    finally:
        server.bend = honestly
        if isinstance(bend, Slow):
            bend.release()


class Slow:
    """Holds every call until `release`, then answers it honestly."""

    def __init__(self) -> None:
        self._released = threading.Event()
        self._arrived = threading.Condition()
        self._count = 0

    def __call__(self, call: Call, answer: Answer) -> Reply:
        with self._arrived:
            self._count += 1
            self._arrived.notify_all()
        self._released.wait(HELD_AT_MOST_S)
        return answer(call)

    def wait_for(self, calls: int = 1) -> None:
        """Return once that many calls are held here."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: self._count >= calls, HELD_AT_MOST_S):
                raise AssertionError(f"{self._count} of {calls} calls arrived")

    def release(self) -> None:
        """Let every held and every later call go."""
        self._released.set()


def slow() -> Slow:
    """Return a bend that holds calls until the test releases them."""
    return Slow()


@contextmanager
def kept_port(server: LoopbackServer) -> Iterator[None]:
    """Keep the port of a running server for it, whether it is stopped meanwhile or not.

    Else another process may be given it, for a connection of its own say.
    """
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        keeper.bind(("127.0.0.1", int(server.host.rpartition(":")[2])))  # not listening: the kernel refuses
        yield


@contextmanager
def down(server: LoopbackServer) -> Iterator[None]:
    """Take `server` off its port inside the block: connections are refused, and nobody else can have the port."""
    with kept_port(server):
        server.stop()
        try:
            yield
        finally:
            server.start()


def refusing(status: int, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Bend:
    """Return a bend that answers `status`."""
    return lambda _call, _answer: Reply(status=status, headers=tuple((headers or {}).items()), body=body)


def redirecting(to: str, status: int = 302) -> Bend:
    """Return a bend that sends every call elsewhere."""
    return refusing(status, {"Location": to})


def aborting() -> Bend:
    """Return a bend that takes the request and closes the connection without a byte."""
    return lambda _call, _answer: HANG_UP


class Garbage(Enum):
    """What `garbage` makes of an honest answer; its status and headers stay."""

    TRUNCATED_JSON = "the first half of the body, framed as if it were whole"
    CUT_OFF = "the first half of a longer body that Content-Length promises, then the end of the connection"
    HTML = "the page of some proxy in between"
    NOT_AN_OBJECT = "JSON, but a list"
    WITHOUT_TOKEN = "the honest JSON, its tokens left out"
    LF = "a token with a line feed in it"
    CR = "a token with a carriage return in it"
    NUL = "a token with a NUL in it"
    HUGE = "the honest JSON after 2 MiB of blanks"
    TRICKLE = "an endless body, a byte every 50 ms"


def garbage(kind: Garbage) -> Bend:
    """Return a bend that spoils the body of the honest answer."""

    def bend(call: Call, answer: Answer) -> Reply:
        reply = answer(call)
        body = reply.body
        assert isinstance(body, bytes), "only an issuer's answer can be spoiled"
        promised = (("Content-Length", str(len(body) + 10_000)), ("Connection", "close"))
        headers = (*reply.headers, *promised) if kind in BROKEN_OFF else reply.headers
        return replace(reply, headers=headers, body=SPOIL[kind](body))

    return bend


def _trickle(_body: bytes) -> Iterator[bytes]:
    """Yield blanks until the client hangs up, or for as long as a held call would wait."""
    pace = threading.Event()
    for _ in range(int(HELD_AT_MOST_S / PACE_S)):
        yield b" "
        pace.wait(PACE_S)


def _with_tokens(body: bytes, change: Callable[[str], str | None]) -> bytes:
    """Return the JSON with each token changed, ECR's inside its base64; dropped where that is None."""

    def walk(value: object) -> object:
        if isinstance(value, list):
            return [walk(item) for item in value]
        if not isinstance(value, dict):
            return value
        changed = {name: spoil(name, inner) if name in TOKENS else walk(inner) for name, inner in value.items()}
        return {name: inner for name, inner in changed.items() if inner is not None}

    def spoil(name: str, token: str) -> str | None:
        if name != "authorizationToken":
            return change(token)
        password = change(b64decode(token).decode())
        return None if password is None else b64encode(password.encode()).decode()

    return json.dumps(walk(json.loads(body))).encode()


TOKENS: Final = {"accessToken", "token", "authorizationToken"}
BROKEN_OFF: Final = {Garbage.CUT_OFF, Garbage.TRICKLE}
SPOIL: Final[Mapping[Garbage, Callable[[bytes], bytes | Iterator[bytes]]]] = {
    Garbage.TRUNCATED_JSON: lambda body: body[: len(body) // 2],
    Garbage.CUT_OFF: lambda body: body[: len(body) // 2],
    Garbage.HTML: lambda _body: b"<html><body>502 Bad Gateway</body></html>",
    Garbage.NOT_AN_OBJECT: lambda _body: b"[1, 2]",
    Garbage.WITHOUT_TOKEN: lambda body: _with_tokens(body, lambda _token: None),
    Garbage.LF: lambda body: _with_tokens(body, lambda token: f"{token}\nx"),
    Garbage.CR: lambda body: _with_tokens(body, lambda token: f"{token}\rx"),
    Garbage.NUL: lambda body: _with_tokens(body, lambda token: f"{token}\0x"),
    Garbage.HUGE: lambda body: b" " * BODY_2_MIB + body,
    Garbage.TRICKLE: _trickle,
}
