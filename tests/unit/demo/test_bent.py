import http.client
import json
import socket
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from fakes.asking import Clock, ask
from fakes.bent import BODY_2_MIB, Garbage, aborting, bent, down, garbage, redirecting, refusing, slow
from keywright.demo.exchange import json_reply
from keywright.demo.issuer import LoopbackServer

TOKEN = "ghs_" + "a" * 36
PASSWORD = b64encode(b"AWS:secret").decode()
HONEST = {"token": TOKEN, "authorizationData": [{"authorizationToken": PASSWORD}], "n": 1}


@pytest.fixture
def server(clock: Clock) -> Iterator[LoopbackServer]:
    routes = {"GET /a": lambda _call: json_reply(201, HONEST), "GET /b": lambda _call: json_reply(200, {})}
    with LoopbackServer(routes, clock=clock) as running:
        yield running


def test_a_bend_is_for_its_route_for_so_many_calls_and_for_its_block(server: LoopbackServer) -> None:
    with bent(server, refusing(503), route="GET /a", times=2):
        assert [ask(server, f"GET /{x}").status for x in "abaa"] == [503, 200, 503, 201]
    with bent(server, refusing(500)):
        assert [ask(server, f"GET /{x}").status for x in "ab"] == [500, 500]
    assert ask(server, "GET /a").status == 201
    assert server.total == 7


def test_a_slow_server_holds_every_call_until_it_is_released(server: LoopbackServer) -> None:
    hold = slow()
    with ThreadPoolExecutor(3) as threads, bent(server, hold):
        asked = [threads.submit(ask, server, "GET /a") for _ in range(3)]
        hold.wait_for(3)
        assert (server.total, server.facts) == (3, [])
        assert not any(one.done() for one in asked)
        hold.release()
        assert [one.result(30).status for one in asked] == [201, 201, 201]


def test_the_end_of_the_block_releases_what_is_held(server: LoopbackServer) -> None:
    hold = slow()
    with ThreadPoolExecutor(1) as threads:
        with bent(server, hold):
            asked = threads.submit(ask, server, "GET /a")
            hold.wait_for()
        assert asked.result(30).status == 201


def test_a_server_that_is_down_refuses_connections_and_keeps_its_port(server: LoopbackServer) -> None:
    url = server.url
    with down(server), pytest.raises(ConnectionRefusedError):
        ask(server, "GET /a")
    assert server.url == url
    assert ask(server, "GET /a").status == 201


def test_nobody_else_is_given_the_port_of_a_server_that_goes_down_and_comes_up(
    server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[str] = []

    def take(when: str) -> None:
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", int(server.host.rpartition(":")[2])))
        refused.append(when)

    def stop() -> None:
        LoopbackServer.stop(server)
        take("stopped")

    def start() -> None:
        take("not started")
        LoopbackServer.start(server)

    with monkeypatch.context() as patch:
        patch.setattr(server, "stop", stop)
        patch.setattr(server, "start", start)
        with down(server):
            take("down")
    assert refused == ["stopped", "down", "not started"]
    assert ask(server, "GET /a").status == 201


def test_a_server_comes_up_again_when_the_test_fails_while_it_is_down(server: LoopbackServer) -> None:
    with pytest.raises(ZeroDivisionError), down(server):
        raise ZeroDivisionError
    assert ask(server, "GET /a").status == 201


def test_a_refusal_carries_its_headers_and_a_redirection_its_target(server: LoopbackServer) -> None:
    with bent(server, refusing(429, {"Retry-After": "7"}, b"no")):
        got = ask(server, "GET /a")
    assert (got.status, got.headers["Retry-After"], got.body) == (429, "7", b"no")
    with bent(server, redirecting("http://127.0.0.1:1/x", 307)):
        got = ask(server, "GET /a")
    assert (got.status, got.headers["Location"], got.body) == (307, "http://127.0.0.1:1/x", b"")


def test_an_aborting_server_takes_the_call_and_says_nothing(server: LoopbackServer) -> None:
    with bent(server, aborting()), pytest.raises(http.client.RemoteDisconnected):
        ask(server, "GET /a")
    assert (server.calls["GET /a"], server.facts[0].status) == (1, 0)


def broken_token(body: bytes, mark: str) -> bool:
    document = json.loads(body)
    password = b64decode(document["authorizationData"][0]["authorizationToken"]).decode()
    return (document["token"], password, document["n"]) == (f"{TOKEN}{mark}x", f"AWS:secret{mark}x", 1)


def is_no_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return len(body) > 0
    return False


SPOILED: dict[Garbage, Callable[[bytes], bool]] = {
    Garbage.TRUNCATED_JSON: is_no_json,
    Garbage.HTML: lambda body: body.startswith(b"<html>") and is_no_json(body),
    Garbage.NOT_AN_OBJECT: lambda body: isinstance(json.loads(body), list),
    Garbage.WITHOUT_TOKEN: lambda body: json.loads(body) == {"authorizationData": [{}], "n": 1},
    Garbage.LF: lambda body: broken_token(body, "\n"),
    Garbage.CR: lambda body: broken_token(body, "\r"),
    Garbage.NUL: lambda body: broken_token(body, "\0"),
    Garbage.HUGE: lambda body: len(body) > BODY_2_MIB and json.loads(body) == HONEST,
}


@pytest.mark.parametrize("kind", SPOILED)
def test_garbage_spoils_the_body_and_keeps_the_status(server: LoopbackServer, kind: Garbage) -> None:
    with bent(server, garbage(kind)):
        got = ask(server, "GET /a")
    assert got.status == 201
    assert SPOILED[kind](got.body)


def test_a_body_cut_off_ends_before_its_promised_length(server: LoopbackServer) -> None:
    with bent(server, garbage(Garbage.CUT_OFF)), pytest.raises(http.client.IncompleteRead):
        ask(server, "GET /a")


def test_a_trickling_body_keeps_coming_until_the_client_has_enough(server: LoopbackServer) -> None:
    connection = http.client.HTTPConnection(server.host, timeout=30)
    with bent(server, garbage(Garbage.TRICKLE)):
        connection.request("GET", "/a")
        response = connection.getresponse()
        assert [response.read(1) for _ in range(3)] == [b" "] * 3
        response.close()
        connection.close()
