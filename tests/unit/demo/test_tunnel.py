import socket

import pytest

from keywright.demo.exchange import json_reply
from keywright.demo.issuer import LoopbackServer
from keywright.demo.tunnel import Tunnel

NAME = "registry.example"


def _say(tunnel: Tunnel, *words: bytes) -> bytes:
    """Return everything that the tunnel says to a connection that says `words` and then ends its side."""
    with socket.create_connection(("127.0.0.1", int(tunnel.url.rpartition(":")[2])), timeout=10) as connection:
        for word in words:
            connection.sendall(word)
        connection.shutdown(socket.SHUT_WR)
        said = b""
        while piece := connection.recv(65536):
            said += piece
    return said


def _port(server: LoopbackServer) -> int:
    return int(server.host.rpartition(":")[2])


def test_what_follows_connect_reaches_the_server_and_its_answer_comes_back() -> None:
    with (
        LoopbackServer({"GET /here": lambda _call: json_reply(200, {"you": "are"})}) as server,
        Tunnel(NAME, _port(server)) as tunnel,
    ):
        request = b"GET /here HTTP/1.1\r\nHost: registry.example\r\nConnection: close\r\n\r\n"
        said = _say(tunnel, f"CONNECT {NAME}:443 HTTP/1.1\r\nHost: {NAME}:443\r\n\r\n".encode() + request)
        assert said.startswith(b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200")
        assert said.endswith(b'{"you": "are"}')
        assert server.calls["GET /here"] == 1


@pytest.mark.parametrize(
    "line",
    [
        b"CONNECT elsewhere.example:443 HTTP/1.1",
        b"CONNECT registry.example:80 HTTP/1.1",
        b"CONNECT registry.example:443.elsewhere.example HTTP/1.1",
        b"GET http://registry.example/ HTTP/1.1",
        b"",
    ],
)
def test_every_other_request_is_refused(line: bytes) -> None:
    with LoopbackServer({}) as server, Tunnel(NAME, _port(server)) as tunnel:
        assert _say(tunnel, line + b"\r\n\r\n").startswith(b"HTTP/1.1 403 ")
        assert server.total == 0


def test_nobody_listens_after_the_block() -> None:
    with LoopbackServer({}) as server, Tunnel(NAME, _port(server)) as tunnel:
        port = int(tunnel.url.rpartition(":")[2])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=10)
