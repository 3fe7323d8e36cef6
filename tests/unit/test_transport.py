import gzip
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
import urllib3.util.connection

import keywright.authorities
from fakes.bent import Garbage, aborting, bent, down, garbage, redirecting, refusing, slow
from keywright import __version__, transport
from keywright.demo.certificate import make_certificate
from keywright.demo.exchange import Call, Reply, json_reply
from keywright.demo.issuer import LoopbackServer
from keywright.errors import ConfigurationError, KeywrightError, Unreachable
from keywright.request import Url
from keywright.transport import (
    Deadline,
    Response,
    parse_http_date,
    parse_retry_after,
    send,
)

NOW = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def told(call: Call) -> Reply:
    return json_reply(200, {"heard": {name.lower(): value for name, value in call.headers.items()}})


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer({"GET /ask": told, "POST /ask": told, "GET /elsewhere": told}, clock=lambda: NOW) as running:
        yield running


def ask(server: LoopbackServer, *, timeout_s: float = 10.0) -> Response:
    return send("GET", f"{server.url}/ask", headers={"Authorization": "Bearer canary"}, timeout_s=timeout_s, env={})


def test_an_answer_comes_back_with_the_issuers_clock(server: LoopbackServer) -> None:
    answer = ask(server)
    assert (answer.status, answer.date, answer.headers["content-type"]) == (200, NOW, "application/json")
    assert answer.body.startswith(b'{"heard"')
    assert answer.retry_after_s is None


def test_what_is_sent_names_us_and_asks_for_no_compression(server: LoopbackServer) -> None:
    send("POST", f"{server.url}/ask", headers={"Accept": "a/b"}, body=b"payload", timeout_s=10, env={})
    call = server.facts[0].call
    assert call.headers["Accept-Encoding"] == "identity"
    assert call.headers["User-Agent"] == f"keywright/{__version__}"
    assert call.headers["Accept"] == "a/b"
    assert call.body == b"payload"


def test_a_redirect_is_an_answer_and_is_not_followed(server: LoopbackServer) -> None:
    with bent(server, redirecting(f"{server.url}/elsewhere"), route="GET /ask"):
        assert ask(server).status == 302
    assert server.calls["GET /elsewhere"] == 0


def test_a_compressed_body_is_never_expanded(server: LoopbackServer) -> None:
    bomb = gzip.compress(b"0" * 100_000_000)
    with bent(server, refusing(200, {"Content-Encoding": "gzip"}, bomb)):
        assert ask(server).body == bomb


@pytest.mark.parametrize(("status", "wait"), [(429, "7"), (503, "7"), (413, "7"), (500, ""), (404, "")])
def test_an_unhappy_status_is_an_answer_and_asked_once(server: LoopbackServer, status: int, wait: str) -> None:
    with bent(server, refusing(status, {"Retry-After": wait} if wait else {})):
        answer = ask(server)
    assert (answer.status, answer.retry_after_s) == (status, float(wait) if wait else None)
    assert server.total == 1


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Garbage.HUGE, "answered with more than 1 MiB"),
        (Garbage.CUT_OFF, "broke the connection off"),
    ],
)
def test_a_body_too_long_or_too_short_is_no_answer(server: LoopbackServer, kind: Garbage, words: str) -> None:
    with bent(server, garbage(kind)), pytest.raises(Unreachable, match=words):
        ask(server)


def test_a_trickling_body_is_given_up_in_time(server: LoopbackServer) -> None:
    with bent(server, garbage(Garbage.TRICKLE)), pytest.raises(Unreachable, match="did not answer in time"):
        ask(server, timeout_s=0.3)


def test_a_silent_server_is_given_up_in_time(server: LoopbackServer) -> None:
    with bent(server, slow()), pytest.raises(Unreachable, match="did not answer in time"):
        ask(server, timeout_s=0.3)


def test_trickling_headers_are_given_up_in_time() -> None:
    over = threading.Event()

    def trickle(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Endless: ")
        while not over.wait(0.02):
            connection.sendall(b"a")

    with speaking(trickle) as host:
        try:
            with pytest.raises(Unreachable, match="did not answer in time"):
                send("GET", f"http://{host}/", headers={}, timeout_s=0.3, env={})
        finally:
            over.set()


def test_a_request_that_was_sent_is_never_sent_again(server: LoopbackServer) -> None:
    with bent(server, aborting()), pytest.raises(Unreachable, match="broke the connection off"):
        ask(server)
    assert server.total == 1


def test_a_refused_connection_is_tried_twice_and_named(server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[object] = []
    connect = urllib3.util.connection.create_connection

    def counted(address: tuple[str, int], *args: object, **kwargs: object) -> socket.socket:
        tries.append(address)
        return connect(address, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(urllib3.util.connection, "create_connection", counted)
    with down(server), pytest.raises(Unreachable, match=f"{server.host} refused the connection"):
        ask(server)
    assert len(tries) == 2


def test_a_name_that_does_not_resolve_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def lookup(*_args: object, **_kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "foreign words")

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    with pytest.raises(Unreachable) as caught:
        send("GET", "https://api.example.com/", headers={}, timeout_s=5, env={})
    assert str(caught.value) == "the name of api.example.com could not be resolved"


def test_tls_is_checked_against_the_systems_authorities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = make_certificate()
    with LoopbackServer({"GET /ask": told}, tls=certificate.tls) as server:
        with pytest.raises(Unreachable, match=r"no TLS connection to 127\.0\.0\.1:[0-9]+ that can be trusted"):
            ask(server)
        authorities = tmp_path / "ca.pem"
        authorities.write_text(certificate.ca_pem)
        monkeypatch.setenv("SSL_CERT_FILE", str(authorities))
        assert ask(server).status == 200


def test_tls_finds_authorities_that_openssl_does_not_know_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on another system than the one that the frozen bundle's OpenSSL was made for."""
    made_for = ssl.get_default_verify_paths()._replace(openssl_cafile="/nowhere", openssl_capath="/nowhere")
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: made_for)
    certificate, authorities = make_certificate(), tmp_path / "ca-bundle.crt"
    authorities.write_text(certificate.ca_pem)
    monkeypatch.setattr(keywright.authorities, "FILES", (str(authorities),))
    with LoopbackServer({"GET /ask": told}, tls=certificate.tls) as server:
        assert ask(server).status == 200


def test_what_speaks_no_http_is_no_answer() -> None:
    with (
        speaking(lambda connection: connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")) as host,
        pytest.raises(Unreachable),
    ):
        send("GET", f"http://{host}/", headers={}, timeout_s=5, env={})


@pytest.mark.parametrize(
    "url",
    [
        "http://api.github.com/",
        "http://127.0.0.1.example.com/",
        "http://10.0.0.1/",
        "ftp://127.0.0.1/",
        "api.github.com",
        "https://user@api.github.com/",
        "https://api.github.com\\@evil.example/",
        "https://",
        "",
    ],
)
def test_a_url_that_is_not_safe_to_ask_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(ConfigurationError):
        send("GET", url, headers={}, timeout_s=1, env={})


def test_no_time_left_is_said_without_asking(server: LoopbackServer) -> None:
    with pytest.raises(Unreachable, match="no time was left"):
        ask(server, timeout_s=0.0)
    assert server.total == 0


def test_https_goes_through_the_proxy_with_its_login_and_the_proxys_refusal_is_told_apart() -> None:
    heard: list[bytes] = []

    def refuse(connection: socket.socket) -> None:
        heard.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 403 canary\r\nContent-Length: 0\r\n\r\n")

    with speaking(refuse) as proxy:
        env = {"HTTPS_PROXY": f"http://me:s%40cret@{proxy}"}
        with pytest.raises(Unreachable) as caught:
            send("GET", "https://api.example.com/", headers={"Authorization": "Bearer t"}, timeout_s=5, env=env)
    assert str(caught.value) == "the proxy for api.example.com did not connect"
    assert heard[0].startswith(b"CONNECT api.example.com:443 HTTP/1.")
    assert b"basic bWU6c0BjcmV0" in heard[0].replace(b"Basic", b"basic")
    assert b"Bearer" not in heard[0]


def test_loopback_is_never_proxied(server: LoopbackServer) -> None:
    env = {"HTTPS_PROXY": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1"}
    assert send("GET", f"{server.url}/ask", headers={}, timeout_s=5, env=env).status == 200


@pytest.mark.parametrize(
    ("env", "proxy"),
    [
        ({}, ""),
        ({"HTTPS_PROXY": "http://p:1"}, "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1", "https_proxy": "http://q:1"}, "http://q:1"),
        ({"HTTPS_PROXY": "http://p:1", "https_proxy": ""}, ""),
        ({"HTTP_PROXY": "http://p:1"}, ""),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*"}, ""),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "other.com, API.example.com"}, ""),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": ".example.com"}, ""),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "example.com"}, ""),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "ample.com,pi.example.com,"}, "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*", "no_proxy": ""}, "http://p:1"),
    ],
)
def test_the_proxy_is_the_environments_unless_the_host_is_excepted(env: dict[str, str], proxy: str) -> None:
    assert transport._proxy(Url(scheme="https", host="api.example.com"), env) == proxy


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "http://", "http://[", "://"])
def test_a_proxy_that_is_no_http_proxy_is_a_configuration_error(proxy: str) -> None:
    with pytest.raises(ConfigurationError, match="HTTPS_PROXY"):
        send("GET", "https://api.example.com/", headers={}, timeout_s=5, env={"HTTPS_PROXY": proxy})


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("Tue, 14 Nov 2023 22:13:20 GMT", NOW),
        ("Tuesday, 14-Nov-23 22:13:20 GMT", NOW),
        ("Tue, 14 Nov 2023 23:13:20 +0100", NOW),
        ("Tue, 14 Nov 2023 22:13:20 -0000", NOW),
        ("", None),
        ("yesterday", None),
        ("Tue, 99 Nov 2023 22:13:20 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -1400", None),
    ],
)
def test_an_http_date_is_aware_or_nothing(text: str, instant: datetime | None) -> None:
    assert parse_http_date(text) == instant


@pytest.mark.parametrize(
    ("text", "date", "seconds"),
    [
        ("120", None, 120.0),
        (" 0 ", None, 0.0),
        ("Tue, 14 Nov 2023 22:14:20 GMT", NOW, 60.0),
        ("Tue, 14 Nov 2023 22:12:20 GMT", NOW, 0.0),
        ("Tue, 14 Nov 2023 22:14:20 GMT", None, None),
        ("-5", NOW, None),
        ("٣", NOW, None),
        ("soon", NOW, None),
        ("", NOW, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_on_the_issuers_clock(
    text: str, date: datetime | None, seconds: float | None
) -> None:
    assert parse_retry_after(text, date) == seconds


def test_a_deadline_runs_out_and_stays_there() -> None:
    assert 0 < Deadline(3600).left_s <= 3600
    assert Deadline(-1).left_s == 0


def test_no_failure_repeats_what_was_sent_or_answered(server: LoopbackServer) -> None:
    caught: list[KeywrightError] = []
    for bend in (aborting(), garbage(Garbage.CUT_OFF), garbage(Garbage.HUGE)):
        with bent(server, bend), pytest.raises(KeywrightError) as one:
            ask(server)
        caught.append(one.value)
    assert len(caught) == 3
    assert not any("canary" in f"{error}{error!r}{error.__cause__}" or error.__cause__ for error in caught)


@contextmanager
def speaking(speak: object) -> Iterator[str]:
    """Accept connections on loopback and let `speak` do what it likes with each."""
    assert callable(speak)
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                speak(connection)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)
        assert not thread.is_alive()
