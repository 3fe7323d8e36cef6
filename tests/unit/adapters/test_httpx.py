"""What only httpx and httpx2 have: tasks, streams, transports within transports."""

import asyncio
import inspect
import threading
from typing import Any

import httpx
import httpx2
import pytest

from fakes.adapted import TLS, pieces
from fakes.keys import CANARY, AsyncKeys, Keys, door, key
from keywright.adapters import httpx as for_httpx
from keywright.adapters import httpx2 as for_httpx2
from keywright.adapters.scheme import bearer, header
from keywright.credential import Credential
from keywright.errors import Busy, Unavailable, UsageError

both = pytest.mark.parametrize(
    ("library", "adapter"), [(httpx, for_httpx), (httpx2, for_httpx2)], ids=["httpx", "httpx2"]
)


def test_the_two_adapters_are_one() -> None:
    def body(module: Any) -> str:
        return inspect.getsource(module).partition('"""\n\nfrom ')[2].replace("httpx2", "httpx")

    assert body(for_httpx2) == body(for_httpx)


@both
def test_a_task_that_waits_for_a_credential_keeps_no_other_waiting(library: Any, adapter: Any) -> None:
    class Slow(Keys):
        """Its `current` and its `invalidate` end once the loop says so."""

        arrived = threading.Event()
        goes_on = threading.Event()

        def current(self) -> Credential:
            self._wait()
            return super().current()

        def invalidate(self, rejected: Credential | None = None) -> None:
            self._wait()
            super().invalidate(rejected)

        def _wait(self) -> None:
            self.arrived.set()
            assert self.goes_on.wait(20)
            self.goes_on.clear()

    keys = Slow()

    async def go_on() -> None:
        assert await asyncio.to_thread(keys.arrived.wait, 20)
        keys.arrived.clear()
        keys.goes_on.set()

    async def ask(url: str) -> int:
        async with library.AsyncClient(auth=adapter.CredentialAuth(keys, scheme=bearer), verify=TLS) as client:
            asked = asyncio.create_task(client.get(url))
            for _ in ("current", "invalidate", "current"):
                await go_on()
            return int((await asked).status_code)

    with door(wanted=f"Bearer {key(2)}") as server:
        assert asyncio.run(ask(f"{server.url}/thing")) == 200


@both
def test_tasks_may_bring_a_provider_of_their_own_and_threads_may_not(library: Any, adapter: Any) -> None:
    auth = adapter.CredentialAuth(AsyncKeys(Keys()), scheme=bearer)

    async def ask(url: str) -> int:
        async with library.AsyncClient(auth=auth, verify=TLS) as client:
            return int((await client.get(url)).status_code)

    with door(wanted=f"Bearer {key(2)}") as server:
        assert asyncio.run(ask(f"{server.url}/thing")) == 200
        with (
            library.Client(auth=auth, verify=TLS) as client,
            pytest.raises(UsageError, match="give it the provider itself"),
        ):
            client.get(server.url)
        assert server.total == 2


@both
def test_a_cancelled_task_leaves_the_others_their_credential(library: Any, adapter: Any) -> None:
    async def ask(url: str) -> int:
        auth = adapter.CredentialAuth(Keys(), scheme=bearer)
        async with library.AsyncClient(auth=auth, verify=TLS) as client:
            cancelled, other = (asyncio.create_task(client.get(url)) for _ in range(2))
            await asyncio.sleep(0)
            cancelled.cancel()
            with pytest.raises(asyncio.CancelledError):
                await cancelled
            return int((await other).status_code)

    with door(wanted=f"Bearer {key(1)}") as server:
        assert asyncio.run(ask(f"{server.url}/thing")) == 200


@both
def test_the_first_answer_is_history_and_its_connection_is_used_again(library: Any, adapter: Any) -> None:
    with (
        door(wanted=f"Bearer {key(2)}") as server,
        library.Client(auth=adapter.CredentialAuth(Keys(), scheme=bearer), verify=TLS) as client,
        client.stream("GET", f"{server.url}/thing") as answer,
    ):
        assert [(one.status_code, one.is_closed) for one in answer.history] == [(401, True)]
        assert answer.read() == b"answer 2"


@both
def test_one_request_may_have_its_own(library: Any, adapter: Any) -> None:
    with door(wanted=f"Bearer {key(2)}") as server, library.Client(verify=TLS) as client:
        auth = adapter.CredentialAuth(Keys(), scheme=bearer)
        assert client.get(f"{server.url}/thing", auth=auth).status_code == 200
        assert client.get(f"{server.url}/thing").status_code == 401
        assert server.sent[-1] == ""


@both
def test_a_multipart_form_is_sent_once(library: Any, adapter: Any) -> None:
    keys = Keys()
    with door(wanted=f"Bearer {key(2)}") as server:
        auth = adapter.CredentialAuth(keys, scheme=bearer)
        with library.Client(auth=auth, verify=TLS) as client:
            assert client.post(f"{server.url}/thing", files={"one": b"1"}).status_code == 401
            assert client.post(f"{server.url}/thing", data={"one": "1"}).status_code == 200
    assert keys.rejected == [key(1)]


@both
def test_a_next_one_does_not_go_where_httpx_let_the_first_one_go(library: Any, adapter: Any) -> None:
    sent: list[tuple[str, str | None]] = []

    def answer(request: Any) -> Any:
        sent.append((request.url.scheme, request.headers.get("Authorization")))
        if request.url.scheme == "http":
            return library.Response(301, headers={"Location": "https://api.example.com/"})
        return library.Response(401)

    keys = Keys()
    auth = adapter.CredentialAuth(keys, scheme=bearer, only_for="http://api.example.com")
    mock = library.MockTransport(answer)
    with library.Client(auth=auth, transport=mock, follow_redirects=True) as client:
        assert client.get("http://api.example.com/").status_code == 401
    assert sent == [("http", f"Bearer {key(1)}"), ("https", f"Bearer {key(1)}")]
    assert keys.rejected == [key(1)]


class TestTransport:
    @both
    def test_the_clients_own_requests_never_hold_the_secret(self, library: Any, adapter: Any) -> None:
        seen: list[str] = []
        with door("X-API-Key", key(2)) as server:
            transport = adapter.CredentialTransport(
                Keys(),
                only_for=server.url,
                scheme=header("X-API-Key"),
                inner=library.HTTPTransport(verify=TLS),
            )
            hooks = {"request": [lambda request: seen.append(repr(request.headers))]}
            with library.Client(transport=transport, event_hooks=hooks) as client:
                answer = client.get(f"{server.url}/thing")
        assert answer.status_code == 200
        seen.append(repr(answer.request.headers))
        assert not [text for text in seen if CANARY in text]

    @both
    def test_what_is_beside_it_is_left_alone_or_replaced(self, library: Any, adapter: Any) -> None:
        with door("X-API-Key", key(1)) as server:
            for scheme, told in (
                (header("X-API-Key"), "Bearer other"),
                (header("X-API-Key").instead_of("Authorization"), None),
            ):
                inner = library.HTTPTransport(verify=TLS)
                transport = adapter.CredentialTransport(Keys(), only_for=server.url, scheme=scheme, inner=inner)
                with library.Client(transport=transport) as client:
                    headers = {"x-api-key": "another", "authorization": "Bearer other"}
                    assert client.get(f"{server.url}/thing", headers=headers).status_code == 200
                call = server.facts[-1].call
                assert call.headers.get_all("X-API-Key") == [key(1)]
                assert call.headers.get("Authorization") == told

    @both
    def test_it_closes_the_rejection_that_nothing_follows(self, library: Any, adapter: Any) -> None:
        closed: list[str] = []

        class Stream(library.SyncByteStream):  # type: ignore[misc]
            def __iter__(self) -> Any:
                yield b"no"

            def close(self) -> None:
                closed.append("closed")

        class Failing(Keys):
            def invalidate(self, rejected: Credential | None = None) -> None:
                super().invalidate(rejected)
                self.failure = Unavailable("there is none any more")

        mock = library.MockTransport(lambda _request: library.Response(401, stream=Stream()))
        transport = adapter.CredentialTransport(Failing(), only_for="https://api.example.com", inner=mock)
        with library.Client(transport=transport) as client, pytest.raises(Unavailable):
            client.get("https://api.example.com/")
        assert closed == ["closed"]

    @both
    def test_a_stream_is_sent_once(self, library: Any, adapter: Any) -> None:
        keys, sent = Keys(), []

        def refuse(request: Any) -> Any:
            sent.append(request.read())
            return library.Response(401)

        transport = adapter.CredentialTransport(
            keys, only_for="https://api.example.com", inner=library.MockTransport(refuse)
        )
        with library.Client(transport=transport) as client:
            assert client.post("https://api.example.com/", content=pieces(b"all ", b"of it")).status_code == 401
        assert (sent, keys.rejected) == ([b"all of it"], [key(1)])

    @both
    def test_an_international_host_is_the_one_it_is_for(self, library: Any, adapter: Any) -> None:
        seen: list[str | None] = []

        def answer(request: Any) -> Any:
            seen.append(request.headers.get("Authorization"))
            return library.Response(200)

        transport = adapter.CredentialTransport(
            Keys(), only_for="https://xn--bcher-kva.example", inner=library.MockTransport(answer)
        )
        with library.Client(transport=transport) as client:
            for url in ("https://BÜCHER.example/", "https://bücher.example:443/", "https://bücher.example:444/"):
                client.get(url)
        assert seen == [f"Bearer {key(1)}"] * 2 + [None]


@both
def test_a_failure_to_get_the_next_one_names_its_own_account(library: Any, adapter: Any) -> None:
    class Failing(Keys):
        def invalidate(self, rejected: Credential | None = None) -> None:
            super().invalidate(rejected)
            self.failure = Busy("no credential within 30 s").about("github-app:acme", "")

    with (
        door() as server,
        library.Client(auth=adapter.CredentialAuth(Failing(), scheme=bearer), verify=TLS) as client,
        pytest.raises(Busy, match="github-app:acme: no credential within 30 s"),
    ):
        client.get(f"{server.url}/thing")
