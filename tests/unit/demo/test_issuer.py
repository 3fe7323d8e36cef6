import socket
import ssl
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime

import pytest

from fakes.asking import Clock, ask
from fakes.bent import kept_port
from keywright.demo.certificate import make_certificate
from keywright.demo.exchange import Call, Reply, authorization, basic_credentials, json_reply
from keywright.demo.issuer import LoopbackServer


def echo(call: Call) -> Reply:
    return Reply(status=200, body=call.body)


def server_of_everything(clock: Clock) -> LoopbackServer:
    return LoopbackServer(
        {
            "GET /plain": lambda _call: json_reply(200, {"a": 1}),
            "POST /echo": echo,
            "GET /one/{thing}/here": lambda call: json_reply(200, dict(call.values)),
            "GET /many/{things*}/here": lambda call: json_reply(200, dict(call.values)),
            "GET /stream": lambda _call: Reply(status=200, body=(b"one ", b"", b"two")),
        },
        clock=clock,
    )


@pytest.fixture
def server(clock: Clock) -> Iterator[LoopbackServer]:
    with server_of_everything(clock) as running:
        yield running


def raw(server: LoopbackServer, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", int(server.host.split(":")[1])), timeout=30) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_reply_carries_its_length_its_type_and_the_servers_own_date(server: LoopbackServer, clock: Clock) -> None:
    got = ask(server, "GET /plain")
    assert (got.status, got.body) == (200, b'{"a": 1}')
    assert got.headers["Content-Length"] == "8"
    assert got.headers["Content-Type"] == "application/json"
    assert parsedate_to_datetime(got.headers["Date"]) == clock.now


def test_head_is_answered_like_get_without_the_body(server: LoopbackServer) -> None:
    got = ask(server, "HEAD /plain")
    assert (got.status, got.body, got.headers["Content-Length"]) == (200, b"", "8")


def test_an_unknown_path_and_an_unknown_method_are_not_found_and_counted_as_they_came(server: LoopbackServer) -> None:
    assert ask(server, "GET /elsewhere?x=1").status == 404
    assert ask(server, "DELETE /plain").status == 404
    assert server.calls == {"GET /elsewhere": 1, "DELETE /plain": 1}


@pytest.mark.parametrize(
    ("target", "values"),
    [
        ("/one/a%2Fb/here", b'{"thing": "a/b"}'),
        ("/many/a/b/here", b'{"things": "a/b"}'),
        ("/many/a/here", b'{"things": "a"}'),
        ("/one/a/b/here", None),
        ("/many//here", None),
        ("/one/a/here/", None),
    ],
)
def test_a_route_takes_one_or_many_components(server: LoopbackServer, target: str, values: bytes | None) -> None:
    got = ask(server, f"GET {target}")
    assert (got.body if got.status == 200 else None) == values


def test_calls_from_many_threads_are_all_counted_and_kept(server: LoopbackServer) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _n: ask(server, "GET /plain"), range(80)))
    assert server.calls["GET /plain"] == server.total == len(server.facts) == 80
    assert server.calls["GET /stream"] == 0


def test_a_fact_tells_what_was_asked_and_answered_and_prints_no_header(server: LoopbackServer, clock: Clock) -> None:
    ask(server, "POST /echo?x=1", headers={"Authorization": "Bearer tell-nobody"}, body=b"tell-nobody")
    (fact,) = server.facts
    assert (fact.at, fact.status, fact.call.route, fact.call.query) == (clock.now, 200, "POST /echo", "x=1")
    assert authorization(fact.call, "bearer") == "tell-nobody"
    assert "tell-nobody" not in repr(fact)


def test_a_chunked_request_body_arrives_whole(server: LoopbackServer) -> None:
    assert ask(server, "POST /echo", body=iter([b"one ", b"two"])).body == b"one two"


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: minus\r\n\r\n",
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length: 99999999999\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nffffffffff\r\n",
    ],
)
def test_a_body_framed_wrongly_is_a_bad_request(server: LoopbackServer, framing: bytes) -> None:
    assert raw(server, b"POST /echo HTTP/1.1\r\nHost: x\r\n" + framing).startswith(b"HTTP/1.1 400 ")
    assert server.total == 0


def test_trailers_after_the_last_chunk_do_not_spoil_the_next_request(server: LoopbackServer) -> None:
    first = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n"
    second = b"GET /plain HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert raw(server, first + second).endswith(b'{"a": 1}')


def test_a_stream_is_sent_in_chunks(server: LoopbackServer) -> None:
    got = ask(server, "GET /stream")
    assert (got.body, got.headers["Transfer-Encoding"], got.headers["Content-Length"]) == (b"one two", "chunked", None)


def test_a_stream_is_closed_when_the_client_goes_away(clock: Clock) -> None:
    closed = threading.Event()

    def endless() -> Iterator[bytes]:
        try:
            while True:
                yield bytes(65536)
        finally:
            closed.set()

    with LoopbackServer({"GET /": lambda _call: Reply(status=200, body=endless())}, clock=clock) as server:
        with socket.create_connection(("127.0.0.1", int(server.host.split(":")[1]))) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            connection.recv(1)
        assert closed.wait(30)


def test_it_can_be_stopped_under_an_open_connection_and_started_again_on_its_port(server: LoopbackServer) -> None:
    url = server.url
    with socket.create_connection(("127.0.0.1", int(server.host.split(":")[1])), timeout=30) as idle:
        idle.sendall(b"GET /plain HTTP/1.1\r\nHost: x\r\n\r\n")
        while not idle.recv(65536).endswith(b'{"a": 1}'):
            pass
        with kept_port(server):
            server.stop()
            assert idle.recv(1) == b""
            with pytest.raises(ConnectionRefusedError):
                ask(server, "GET /plain")
            server.start()
    assert server.url == url
    assert ask(server, "GET /plain").status == 200


def test_a_bug_in_an_answer_is_raised_when_the_server_stops(clock: Clock) -> None:
    server = LoopbackServer({"GET /": lambda call: json_reply(200, call.values["none"])}, clock=clock)
    server.start()
    with pytest.raises(ConnectionError):
        ask(server, "GET /")
    with pytest.raises(KeyError, match="none"):
        server.stop()


def test_what_is_no_http_gets_a_status_line_all_the_same(server: LoopbackServer) -> None:
    assert raw(server, b"\x16\x03\x01\x00\x0a\x01\n").startswith(b"HTTP/1.1 400 ")


def test_it_writes_nothing_to_the_terminal(server: LoopbackServer, capfd: pytest.CaptureFixture[str]) -> None:
    ask(server, "GET /plain")
    raw(server, b"nonsense\r\n\r\n")
    server.stop()
    assert capfd.readouterr() == ("", "")


def test_tls_is_served_to_whoever_trusts_the_authority(clock: Clock) -> None:
    certificate = make_certificate()
    with LoopbackServer({"GET /": echo}, tls=certificate.tls, clock=clock) as server:
        assert server.url.startswith("https://127.0.0.1:")
        trusting = ssl.create_default_context(cadata=certificate.ca_pem)
        with urllib.request.urlopen(server.url + "/", context=trusting, timeout=30) as response:
            assert response.status == 200
        with pytest.raises(urllib.error.URLError, match="certificate verify failed"):
            urllib.request.urlopen(server.url + "/", context=ssl.create_default_context(), timeout=30)
        assert server.total == 1


@pytest.mark.parametrize(
    ("header", "pair"),
    [
        ("Basic dTpw", ("u", "p")),
        ("basic dTpwOnE=", ("u", "p:q")),
        ("Basic dQ==", None),
        ("Basic ???", None),
        ("Basic /w==", None),
        ("Bearer dTpw", None),
        ("Basic", None),
        (None, None),
    ],
)
def test_basic_credentials_are_read_or_there_are_none(
    server: LoopbackServer, header: str | None, pair: tuple[str, str] | None
) -> None:
    ask(server, "GET /plain", headers={"Authorization": header} if header else {})
    assert basic_credentials(server.facts[0].call) == pair
