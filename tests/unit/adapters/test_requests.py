"""What only requests has: hooks, history, files as bodies, prepared requests."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from fakes.keys import Door, Keys, door, key
from keywright.adapters.requests import CredentialAuth
from keywright.adapters.scheme import bearer, header
from keywright.credential import Credential
from keywright.errors import Busy


class Watched(HTTPAdapter):
    """Keeps the answers that it gave."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[requests.Response] = []

    def send(self, *args: Any, **options: Any) -> requests.Response:
        self.given.append(super().send(*args, **options))
        return self.given[-1]


@pytest.fixture
def server() -> Iterator[Door]:
    with door(wanted=f"Bearer {key(2)}") as running:
        yield running


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def session(keys: Keys) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.auth = CredentialAuth(keys, scheme=bearer)
        yield session


def test_the_first_answer_is_history_with_what_was_sent_then(server: Door, session: requests.Session) -> None:
    answer = session.get(f"{server.url}/thing")
    [first] = answer.history
    assert (first.status_code, first.request.headers["Authorization"]) == (401, f"Bearer {key(1)}")
    assert first.text == "answer 1"
    assert answer.request.headers["Authorization"] == f"Bearer {key(2)}"


def test_what_is_streamed_is_closed_before_the_second_attempt(server: Door, session: requests.Session) -> None:
    with session.get(f"{server.url}/thing", stream=True) as answer:
        assert answer.history[0].raw.closed
        assert [*answer.iter_content(None)] == [b"answer 2"]


def test_a_file_is_rewound_to_where_it_stood(server: Door, session: requests.Session) -> None:
    body = io.BytesIO(b"before|all of it")
    body.seek(len(b"before|"))
    assert session.post(f"{server.url}/thing", data=body).status_code == 200
    assert server.bodies == [b"all of it"] * 2


def test_a_pipe_is_not(server: Door, session: requests.Session, keys: Keys) -> None:
    class Pipe(io.BytesIO):
        def seek(self, *_where: int) -> int:
            raise OSError("a pipe")

        def tell(self) -> int:
            raise OSError("a pipe")

    assert session.post(f"{server.url}/thing", data=Pipe(b"all of it")).status_code == 401
    assert (server.total, keys.rejected) == (1, [key(1)])


@pytest.mark.parametrize("form", [{"data": {"one": "1"}}, {"json": [1]}, {"files": {"one": b"1"}}])
def test_forms_are_in_memory(server: Door, session: requests.Session, form: dict[str, object]) -> None:
    assert session.post(f"{server.url}/thing", **form).status_code == 200  # type: ignore[arg-type]
    assert server.bodies[0] == server.bodies[1] != b""


def test_a_prepared_request_that_is_sent_again_has_its_two_attempts_again(
    server: Door, session: requests.Session, keys: Keys
) -> None:
    prepared = session.prepare_request(requests.Request("GET", f"{server.url}/thing"))
    assert session.send(prepared).status_code == 200
    server.wanted = f"Bearer {key(3)}"
    assert session.send(prepared).status_code == 200
    assert keys.rejected == [key(1), key(2)]


def test_a_prepared_request_has_its_two_attempts_after_one_that_broke_off(
    server: Door, session: requests.Session, keys: Keys
) -> None:
    prepared = session.prepare_request(requests.Request("GET", f"{server.url}/thing"))
    keys.failure = Busy("another process has been renewing it for too long")
    with pytest.raises(Busy):
        session.send(prepared)
    keys.failure = None
    assert session.send(prepared).status_code == 200


def test_a_rejection_that_nothing_follows_gives_its_connection_back(server: Door, session: requests.Session) -> None:
    class Broken(Keys):
        def invalidate(self, rejected: Credential | None = None) -> None:
            raise RuntimeError("a bug of the provider's own")

    session.auth = CredentialAuth(Broken(), scheme=bearer)
    watched = Watched()
    session.mount("http://", watched)
    with pytest.raises(RuntimeError):
        session.get(f"{server.url}/thing", stream=True)
    assert [answer.raw.closed for answer in watched.given] == [True]


def test_a_sessions_own_hooks_see_the_answer_that_counts(server: Door, session: requests.Session) -> None:
    seen: list[int] = []
    session.hooks["response"].append(lambda response, **_: seen.append(response.status_code))
    session.get(f"{server.url}/thing")
    assert seen == [200]


def test_cookies_and_connections_are_the_sessions(server: Door, session: requests.Session) -> None:
    session.cookies["one"] = "1"
    session.get(f"{server.url}/thing")
    assert [fact.call.headers.get("Cookie") for fact in server.facts] == ["one=1"] * 2


def test_a_header_of_its_own_is_not_carried_on_even_where_nobody_follows(keys: Keys) -> None:
    with door("X-API-Key") as server, requests.Session() as session:
        session.auth = CredentialAuth(keys, scheme=header("X-API-Key"))
        answer = session.get(f"{server.url}/then/302/127.0.0.1:1/thing", allow_redirects=False)
        assert answer.next is not None
        assert "X-API-Key" not in answer.next.headers
        answer = session.get(f"{server.url}/then/302/here/thing", allow_redirects=False)
        assert answer.next is not None
        assert answer.next.headers["X-API-Key"] == key(1)


def test_a_netrc_does_not_come_in_between(
    server: Door, session: requests.Session, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = f"{tmp_path}/netrc"
    with open(netrc, "w") as file:
        file.write("machine 127.0.0.1 login ann password other\n")
    monkeypatch.setenv("NETRC", netrc)
    assert session.get(f"{server.url}/thing").status_code == 200
