"""The loopback address that an issuer sends a person's browser back to, with a code (RFC 8252, section 7.3).

    GET /oauth/callback?code=4%2F0Ad…&state=tJ2…&iss=https%3A%2F%2Faccounts.example HTTP/1.1
    Host: 127.0.0.1:49152

Any page that the person visits meanwhile, and any program of any user of the machine, can ask here too. So whatever is
not this very redirect, `/favicon.ico` and a wrong `state` among it, is answered and changes nothing; the page of the
answer runs nothing, is kept nowhere and names nobody (RFC 9700, section 4.2.4).
"""

import queue
import threading
from collections.abc import Sequence
from html import escape
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from types import TracebackType
from typing import Final, NamedTuple, Self
from urllib.parse import parse_qs

from keywright.errors import Evidence, KeywrightError, NeedsPerson, Refused, Unavailable
from keywright.secret import Secret

PATH: Final = "/oauth/callback"
WAIT_S: Final = 300.0
"""How long a person may take in their browser, in seconds."""
TOLD_AT_MOST: Final = 200
"""How much of an issuer's own words is shown, in characters."""
_LOOPBACK: Final = "127.0.0.1"
_IDLE_AT_MOST_S: Final = 10.0
_PARAMETERS_AT_MOST: Final = 32
_CODE_AT_MOST: Final = 4096
_HEADERS: Final = (
    ("Content-Type", "text/html; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("Connection", "close"),
)


class Callback:
    """Listens on loopback from `with` to its end, for one redirect."""

    def __init__(self, port: int, state: Secret, issuer: str = "") -> None:
        """Listen on `port`, 0 for any that is free.

        Raises:
            Unavailable: it is taken, or not to be had.
        """
        try:
            self._listener = _Listener(port, state, issuer)
        except PermissionError:
            raise Unavailable(
                f"port {port} of this machine cannot be listened on: the system keeps it for itself",
                mend="give a `--port` of 1024 or more that the client is registered with",
            ) from None
        except (OSError, OverflowError):
            raise Unavailable(
                f"port {port} of this machine cannot be listened on: another program has it",
                mend="end that one, or give another `--port` that the client is registered with",
            ) from None
        self._thread = threading.Thread(
            target=self._listener.serve_forever, kwargs={"poll_interval": 0.05}, name="keywright-callback", daemon=True
        )

    @property
    def redirect_uri(self) -> str:
        """The address, with the port that is really listened on."""
        return f"http://{self._listener.host}{PATH}"

    def wait(self, wait_s: float) -> Secret:
        """Return the code that the browser brings.

        Raises:
            Refused: it brings the issuer's no, or an answer of another issuer.
            NeedsPerson: it brings nothing within `wait_s` seconds.
        """
        try:
            end = self._listener.ends.get(timeout=wait_s)
        except queue.Empty:
            raise NeedsPerson(f"nobody logged in within {wait_s:.0f} s", mend="try again") from None
        if isinstance(end, KeywrightError):
            raise end
        return end

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown()
        self._listener.server_close()
        self._thread.join()


class _Verdict(NamedTuple):
    """What a request is answered, and what it ends the waiting with; None for nothing."""

    status: int
    title: str
    text: str
    end: Secret | KeywrightError | None = None


_NOT_FOUND: Final = _Verdict(404, "Not found", "There is nothing here.")
_WRONG_HOST: Final = _Verdict(400, "Wrong address", "This is no address of this program.")
_WRONG_REQUEST: Final = _Verdict(400, "Wrong request", "This is no answer to the login that is under way.")
_OVER: Final = _Verdict(410, "Over", "This login has ended.")
_REFUSED: Final = _Verdict(400, "Wrong request", "This request cannot be answered.")
_NO_SUCH_METHOD: Final = _Verdict(405, "Wrong method", "Only GET is answered here.")


class _Listener(ThreadingTCPServer):
    """Accepts connections; a thread for each, because browsers open some that they never use."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int, state: Secret, issuer: str) -> None:
        super().__init__((_LOOPBACK, port), _Conversation)
        self.host = f"{_LOOPBACK}:{self.server_address[1]}"
        self.ends: queue.SimpleQueue[Secret | KeywrightError] = queue.SimpleQueue()
        self._state = state
        self._issuer = issuer
        self._is_over = False
        self._lock = threading.Lock()

    def judge(self, target: str, hosts: Sequence[str]) -> _Verdict:
        """Return what a GET is answered; only the first that ends the waiting does."""
        if list(hosts) != [self.host]:
            return _WRONG_HOST
        path, _, query = target.partition("?")
        if path != PATH:
            return _NOT_FOUND
        verdict = self._answer(query)
        if verdict.end is not None:
            with self._lock:
                if self._is_over:
                    return _OVER
                self._is_over = True
        return verdict

    def handle_error(self, _request: object, _address: object) -> None:
        """Say nothing: a browser that goes away is no trouble of ours."""

    def _answer(self, query: str) -> _Verdict:
        try:
            told = parse_qs(query, keep_blank_values=True, max_num_fields=_PARAMETERS_AT_MOST)
        except ValueError:
            return _WRONG_REQUEST
        if any(len(values) > 1 for values in told.values()):  # RFC 6749, section 3.1
            return _WRONG_REQUEST
        fields = {name: values[0] for name, values in told.items()}
        if Secret(fields.get("state", "")) != self._state:
            return _WRONG_REQUEST
        if self._issuer and "iss" in fields and fields["iss"] != self._issuer:
            error = Refused("another issuer answered than the one that was asked")
            return _Verdict(400, "Not logged in", "Another issuer answered than the one that was asked.", error)
        if fields.get("error"):
            return _refusal(fields["error"], fields.get("error_description", ""))
        if not fields.get("code") or len(fields["code"]) > _CODE_AT_MOST:
            return _WRONG_REQUEST
        return _Verdict(
            200, "Logged in", "You may close this page, and go back to the terminal.", Secret(fields["code"])
        )


class _Conversation(BaseHTTPRequestHandler):
    """One connection: one request."""

    timeout = _IDLE_AT_MOST_S
    server: _Listener

    def do_GET(self) -> None:
        """Answer it, and only then let the waiting end: the program may be gone a moment later."""
        verdict = self.server.judge(self.path, self.headers.get_all("Host", []))
        try:
            self._send(verdict)
        finally:
            if verdict.end is not None:
                self.server.ends.put(verdict.end)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Answer what is no request, or one of another method; the standard library's page would quote it."""
        no_such_method = 501
        self._send(_NO_SUCH_METHOD if code == no_such_method else _REFUSED._replace(status=code))

    def log_message(self, *_args: object) -> None:
        """Say nothing: a request's line holds the code."""

    def _send(self, verdict: _Verdict) -> None:
        page = _page(verdict).encode("utf-8", "backslashreplace")
        self.send_response_only(verdict.status)
        for name, value in (*_HEADERS, ("Content-Length", str(len(page)))):
            self.send_header(name, value)
        if verdict.status == _NO_SUCH_METHOD.status:
            self.send_header("Allow", "GET")
        self.end_headers()
        self.wfile.write(page if self.command != "HEAD" else b"")


def printable(text: str) -> str:
    """Return what of an issuer's own words can be shown: one line, cut off after 200 characters."""
    return "".join(c if c.isprintable() else " " for c in text[:TOLD_AT_MOST]).strip()


def _refusal(code: str, description: str) -> _Verdict:
    code, description = printable(code), printable(description)
    told = f"{code}: {description}" if description else code
    error = Refused(f"the issuer refused the login ({told})").as_told(Evidence(oauth_error=code))
    return _Verdict(400, "Not logged in", f"The issuer refused the login ({told}).", error)


def _page(verdict: _Verdict) -> str:
    title, text = escape(verdict.title), escape(verdict.text)
    return (
        f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1><p>{text}</p></body></html>\n"
    )
