"""What only urllib3 has: retries of its own, pools and proxies, answers that are not read at once."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from fakes.keys import Door, Keys, door, key
from keywright.adapters.scheme import bearer, header
from keywright.adapters.urllib3 import CredentialPool
from keywright.demo.exchange import Answer, Call, Reply


@pytest.fixture
def server() -> Iterator[Door]:
    with door(wanted=f"Bearer {key(2)}") as running:
        yield running


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def pool(keys: Keys) -> Iterator[CredentialPool]:
    with urllib3.PoolManager(headers={"User-Agent": "mine"}) as manager:
        yield CredentialPool(manager, keys, scheme=bearer)


@pytest.mark.parametrize("form", [{"fields": {"one": "1"}}, {"json": [1]}, {"body": b"all"}, {"body": "all"}])
def test_forms_are_in_memory(server: Door, pool: CredentialPool, form: dict[str, Any]) -> None:
    assert pool.request("POST", f"{server.url}/thing", **form).status == 200
    assert server.bodies[0] != b""
    assert len(server.bodies) == 2


def test_the_pools_headers_are_sent_too_and_stay_as_they_are(server: Door, pool: CredentialPool) -> None:
    pool.request("GET", f"{server.url}/thing")
    assert [fact.call.headers.get("User-Agent") for fact in server.facts] == ["mine", "mine"]
    assert dict(pool._pool.headers) == {"User-Agent": "mine"}


def test_a_callers_headers_stay_as_they_are(server: Door, pool: CredentialPool) -> None:
    own = {"authorization": "other", "X-One": "1"}
    assert pool.request("GET", f"{server.url}/thing", headers=own).status == 200
    assert own == {"authorization": "other", "X-One": "1"}
    assert [fact.call.headers.get_all("Authorization") for fact in server.facts] == [
        [f"Bearer {key(1)}"],
        [f"Bearer {key(2)}"],
    ]


def test_an_answer_that_is_not_read_gives_its_connection_back(server: Door, keys: Keys) -> None:
    with urllib3.PoolManager(maxsize=1, block=True) as manager:
        pool = CredentialPool(manager, keys, scheme=bearer)
        answer = pool.request("GET", f"{server.url}/thing", preload_content=False)
        assert (answer.status, answer.read()) == (200, b"answer 2")
        answer.release_conn()
        connections = manager.connection_from_url(server.url).num_connections
        assert connections == 1


def test_a_file_is_rewound_to_where_it_stood(server: Door, pool: CredentialPool) -> None:
    body = io.BytesIO(b"before|all of it")
    body.seek(len(b"before|"))
    assert pool.request("POST", f"{server.url}/thing", body=body).status == 200
    assert server.bodies == [b"all of it"] * 2


@pytest.mark.parametrize("retries", [None, 2, False, urllib3.Retry(2)])
def test_a_callers_retries_are_theirs(pool: CredentialPool, server: Door, retries: Any) -> None:
    assert pool.request("GET", f"{server.url}/thing", retries=retries).status == 200


def test_urllib3_goes_on_retrying_what_it_is_told_to(pool: CredentialPool, server: Door, keys: Keys) -> None:
    server.bend = lambda call, answer: Reply(status=503) if server.total in {1, 3} else answer(call)
    retries = urllib3.Retry(total=2, status_forcelist={503})
    assert pool.request("GET", f"{server.url}/thing", retries=retries).status == 200
    assert [fact.status for fact in server.facts] == [503, 401, 503, 200]
    assert (keys.asked, keys.rejected) == (2, [key(1)])


@pytest.mark.parametrize("redirect", [True, False])
def test_redirects_are_followed_where_the_caller_wants_it(server: Door, keys: Keys, redirect: bool) -> None:
    with urllib3.PoolManager() as manager:
        pool = CredentialPool(manager, keys, scheme=header("X-API-Key"))
        answer = pool.request("GET", f"{server.url}/then/302/here/status/200", redirect=redirect)
        assert answer.status == (200 if redirect else 302)


def test_a_proxy_is_a_pool_like_any_other(keys: Keys, server: Door) -> None:
    server.bend = lambda call, _answer: Reply(status=200, body=call.path.encode())
    with urllib3.ProxyManager(server.url) as manager:
        pool = CredentialPool(manager, keys, scheme=bearer, only_for="http://api.example.com")
        assert pool.request("GET", "http://api.example.com/thing").status == 200
        assert pool.request("GET", "http://api.example.org/thing").status == 200
    assert server.sent == [f"Bearer {key(1)}", ""]


def test_what_urllib3_took_out_behind_a_proxy_is_not_named_as_rejected(keys: Keys, server: Door) -> None:
    def lead_on(call: Call, _answer: Answer) -> Reply:
        if call.path.endswith("/start"):
            return Reply(status=302, headers=(("Location", "/next"),))
        return Reply(status=401)

    server.bend = lead_on
    with urllib3.ProxyManager(server.url) as manager:
        pool = CredentialPool(manager, keys, scheme=bearer)
        assert pool.request("GET", "http://api.example.com/start").status == 401
    assert (server.sent, keys.rejected) == ([f"Bearer {key(1)}", ""], [])
