"""A proxy that knows CONNECT and the names it is told: docker finds a registry on loopback under its real host's name.

    CONNECT 111122223333.dkr.ecr.eu-central-1.amazonaws.com:443 HTTP/1.1

    HTTP/1.1 200 OK
    (an empty line, and then whatever the two sides say to each other)

RFC 9110, section 9.3.6. Every other name is refused: nothing leaves this machine.
"""

import selectors
import socket
import threading
from contextlib import suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer
from types import TracebackType
from typing import Final, Self

PIECE_BYTES: Final = 64 * 1024
IDLE_AT_MOST_S: Final = 60.0


class Tunnel(ThreadingTCPServer):
    """Leads `name:443` to a port of 127.0.0.1, in threads of its own, for the length of a `with` block.

    Attributes:
        ports: where each name leads to.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, name: str, port: int) -> None:
        """Prepare a tunnel that leads `name` to the `port`, and listen."""
        super().__init__(("127.0.0.1", 0), _Passage)
        self.ports = {name: port}
        self._accepting = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        """What `HTTPS_PROXY` has to say."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, _request: object, _address: object) -> None:
        """Say nothing: a client that went away is no event."""


class _Passage(StreamRequestHandler):
    """One connection. Nothing is read ahead: what follows the empty line belongs to the other side."""

    rbufsize = 0
    timeout = IDLE_AT_MOST_S
    server: Tunnel

    def handle(self) -> None:
        method, _, rest = self.rfile.readline(PIECE_BYTES).decode("latin-1").partition(" ")
        while self.rfile.readline(PIECE_BYTES).strip():
            pass  # headers say nothing that matters here
        name, _, port = rest.partition(" ")[0].partition(":")
        if method != "CONNECT" or port != "443" or name not in self.server.ports:
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        with socket.create_connection(("127.0.0.1", self.server.ports[name])) as far, suppress(OSError):
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            _join(self.connection, far)


def _join(near: socket.socket, far: socket.socket) -> None:
    """Copy both ways until both sides have ended, or nothing was said for a minute."""
    with selectors.DefaultSelector() as open_sides:
        for side, other in ((near, far), (far, near)):
            open_sides.register(side, selectors.EVENT_READ, (side, other))
        while open_sides.get_map():
            spoken = open_sides.select(IDLE_AT_MOST_S)
            if not spoken:
                return
            for key, _ in spoken:
                side, other = key.data
                piece = side.recv(PIECE_BYTES)
                if piece:
                    other.sendall(piece)
                else:
                    open_sides.unregister(side)
                    other.shutdown(socket.SHUT_WR)
