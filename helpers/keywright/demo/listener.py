"""The sockets below `LoopbackServer`: HTTP/1.1 on 127.0.0.1, a thread per connection, not a word of log.

Over the standard library's server this adds what real clients need or tests would trip over: chunked request bodies
(git sends them), streamed replies, TLS handshakes outside the accepting thread, and an end that leaves no connection
and no thread behind.
"""

import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from keywright.demo.exchange import Reply

BODY_AT_MOST_BYTES: Final = 64 * 1024 * 1024
LINE_AT_MOST_BYTES: Final = 64 * 1024
IDLE_AT_MOST_S: Final = 60.0
END_WITHIN_S: Final = 5.0

Respond = Callable[[str, str, Message, bytes], Reply]
"""Answers one request: method, target, headers, body."""


class Listener(ThreadingHTTPServer):
    """Accepts connections from its construction until `end`."""

    request_queue_size = 128
    allow_reuse_port = True  # beside a socket that keeps the port for us while we do not listen
    daemon_threads = True

    def __init__(self, port: int, respond: Respond, date: Callable[[], str], tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", port), Conversation)
        self.respond = respond
        self.date = date
        self._tls = tls
        self._bugs: list[BaseException] = []
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()
        self._accepting = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._accepting.start()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.server_address[1])

    def end(self) -> None:
        """Stop accepting, end every open connection, and raise the first bug met while answering, if any."""
        self.shutdown()
        self._accepting.join()
        self.server_close()
        with self._changed:
            for connection in self._open:
                with suppress(OSError):
                    # Not SSLSocket's own: that one would drop the TLS state under the thread that is using it.
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._open, timeout=END_WITHIN_S)
        if self._bugs:
            raise self._bugs[0]

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept one connection; the TLS handshake is left to the connection's own thread."""
        connection, peer = super().get_request()
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        with self._changed:
            self._open.add(connection)
        return connection, peer

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - the standard library's own signature
        """Close one connection."""
        super().shutdown_request(request)
        with self._changed:
            self._open.discard(request)
            self._changed.notify_all()

    def handle_error(self, _request: object, _address: object) -> None:
        """Keep a bug for `end` to raise; a client that went away is none."""
        error = sys.exception()
        if error is not None and not isinstance(error, OSError):
            self._bugs.append(error)


class Conversation(BaseHTTPRequestHandler):
    """One connection: request after request until either side has had enough."""

    protocol_version = "HTTP/1.1"
    # Even what is no HTTP gets a status line: docker tries TLS first, and goes on to http when it sees one.
    default_request_version = "HTTP/1.1"
    timeout = IDLE_AT_MOST_S
    disable_nagle_algorithm = True
    server: Listener

    def handle_one_request(self) -> None:
        """Read one request of any method and answer it."""
        self.close_connection = True
        self.raw_requestline = self.rfile.readline(LINE_AT_MOST_BYTES)
        if not self.raw_requestline or not self.parse_request():
            return
        body = self._body()
        if body is None:
            self._send(Reply(status=400))
            self.close_connection = True
            return
        self._send(self.server.respond(self.command, self.path, self.headers, body))

    def log_message(self, *_args: object) -> None:
        """Say nothing."""

    def _body(self) -> bytes | None:
        """Return the request's whole body; None if it is framed wrongly or too large (RFC 9112, section 6)."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._chunks()
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > BODY_AT_MOST_BYTES:
            return None
        return self.rfile.read(int(length))

    def _chunks(self) -> bytes | None:
        body = b""
        while True:
            size = self.rfile.readline(LINE_AT_MOST_BYTES).partition(b";")[0].strip()
            try:
                length = int(size, 16)
            except ValueError:
                return None
            if length < 0 or len(body) + length > BODY_AT_MOST_BYTES:
                return None
            if length == 0:
                break
            body += self.rfile.read(length)
            self.rfile.readline(LINE_AT_MOST_BYTES)
        while self.rfile.readline(LINE_AT_MOST_BYTES).strip():
            pass  # trailers, which nobody here reads
        return body

    def _send(self, reply: Reply) -> None:
        try:
            if reply.status == 0:
                self.close_connection = True
                return
            self.send_response_only(reply.status)
            self.send_header("Date", self.server.date())
            for name, value in reply.headers:
                self.send_header(name, value)
            self._send_body(reply)
        finally:
            close = getattr(reply.body, "close", None)
            if close is not None:
                close()

    def _send_body(self, reply: Reply) -> None:
        is_chunked = False
        if not any(name.lower() == "content-length" for name, _ in reply.headers):
            if isinstance(reply.body, bytes):
                self.send_header("Content-Length", str(len(reply.body)))
            else:
                self.send_header("Transfer-Encoding", "chunked")
                is_chunked = True
        self.end_headers()
        if self.command == "HEAD":
            return
        pieces: Iterable[bytes] = (reply.body,) if isinstance(reply.body, bytes) else reply.body
        for piece in pieces:
            if piece:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if is_chunked else piece)
        if is_chunked:
            self.wfile.write(b"0\r\n\r\n")
