"""What every adapter keeps, whichever client it is for: with that client itself, and a server on loopback.

botocore's is not among them: AWS signs with its keys and says 403 where others say 401 (tests/unit/adapters).
"""

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from fakes.adapted import ADAPTERS, OF_ANY_HEADER, REDIRECTED, Adapted, Make, pieces
from fakes.keys import CANARY, Door, Keys, door, key
from keywright.adapters.scheme import Scheme, basic, bearer, by_kind, header
from keywright.credential import Credential
from keywright.demo.exchange import Answer, Call, Reply
from keywright.errors import Busy, CacheUnusable, Unavailable, UsageError
from keywright.library.contract import CredentialProvider
from keywright.library.static import StaticCredentialProvider

API_KEY = header("X-API-Key")


class Bench:
    """A door, keys to it, and whichever adapter stands between."""

    def __init__(self, make: Make, server: Door) -> None:
        self.make = make
        self.door = server
        self.keys = Keys()
        self._made: list[Adapted] = []

    def adapted(
        self, scheme: Scheme = bearer, *, provider: CredentialProvider | None = None, only_for: str | None = None
    ) -> Adapted:
        adapted = self.make(provider or self.keys, scheme, only_for or self.door.url)
        self._made.append(adapted)
        return adapted

    @property
    def counts(self) -> tuple[int, int, int]:
        """How often the server was asked, the provider asked, and a key rejected."""
        return self.door.total, self.keys.asked, len(self.keys.rejected)

    def close(self) -> None:
        for adapted in self._made:
            adapted.close()


@pytest.fixture
def bench(name: str) -> Iterator[Bench]:
    with door() as server:
        ready = Bench(ADAPTERS[name], server)
        yield ready
        ready.close()


every = pytest.mark.parametrize("name", ADAPTERS)
every_redirected = pytest.mark.parametrize("name", REDIRECTED)
of_any_header = pytest.mark.parametrize("name", OF_ANY_HEADER)


@every
def test_each_request_asks_for_the_credential_that_is_good_then(bench: Bench) -> None:
    adapted = bench.adapted()
    bench.door.wanted = f"Bearer {key(1)}"
    assert adapted.ask(f"{bench.door.url}/thing").status == 200
    bench.keys.number = 7
    bench.door.wanted = f"Bearer {key(7)}"
    assert adapted.ask(f"{bench.door.url}/thing").status == 200
    assert bench.counts == (2, 2, 0)


@every
def test_a_401_is_followed_by_one_refresh_and_one_more_attempt(bench: Bench) -> None:
    bench.door.wanted = f"Bearer {key(2)}"
    answer = bench.adapted().ask(f"{bench.door.url}/thing")
    assert (answer.status, answer.text) == (200, "answer 2")
    assert bench.counts == (2, 2, 1)
    assert bench.keys.rejected == [key(1)]
    assert bench.door.sent == [f"Bearer {key(1)}", f"Bearer {key(2)}"]


@every
def test_a_second_401_is_the_callers(bench: Bench) -> None:
    adapted = bench.adapted()
    answer = adapted.ask(f"{bench.door.url}/thing")
    assert (answer.status, answer.text) == (401, "answer 2")
    assert bench.counts == (2, 2, 1)
    assert adapted.ask(f"{bench.door.url}/thing").status == 401, "the next request has its own two attempts"
    assert bench.counts == (4, 4, 2)


@every
@pytest.mark.parametrize("status", [200, 204, 400, 403, 404, 407, 429, 500, 503])
def test_no_other_status_is_a_rejection(bench: Bench, status: int) -> None:
    assert bench.adapted().ask(f"{bench.door.url}/status/{status}").status == status
    assert bench.counts == (1, 1, 0)


@every
def test_no_credential_is_the_providers_own_error_and_nothing_is_sent(bench: Bench) -> None:
    bench.keys.failure = Busy("another process has been renewing it for too long")
    with pytest.raises(Busy) as caught:
        bench.adapted().ask(f"{bench.door.url}/thing")
    assert caught.value is bench.keys.failure
    assert bench.counts == (0, 1, 0)


@every
def test_no_second_credential_is_the_providers_own_error(bench: Bench) -> None:
    failure = Unavailable("there is none any more")

    class Once(Keys):
        def current(self) -> Credential:
            if self.asked:
                self.failure = failure
            return super().current()

    keys = bench.keys = Once()
    with pytest.raises(Unavailable) as caught:
        bench.adapted().ask(f"{bench.door.url}/thing")
    assert caught.value is failure
    assert (bench.counts, keys.rejected) == ((1, 2, 1), [key(1)])


@every
def test_that_it_could_not_be_forgotten_is_told_and_hinders_nobody(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.keys.deafness = CacheUnusable("the folder is open to others")
    bench.door.wanted = f"Bearer {key(2)}"
    assert bench.adapted().ask(f"{bench.door.url}/thing").status == 200
    assert "the folder is open to others" in caplog.text


@every
def test_what_cannot_be_renewed_is_sent_twice_and_no_more(bench: Bench) -> None:
    provider = StaticCredentialProvider(f"{CANARY}-fixed")
    assert bench.adapted(provider=provider).ask(f"{bench.door.url}/thing").status == 401
    assert bench.door.sent == [f"Bearer {CANARY}-fixed"] * 2


@every
def test_twenty_threads_share_one(bench: Bench) -> None:
    adapted = bench.adapted()
    bench.door.wanted = f"Bearer {key(2)}"
    starts = threading.Barrier(20, timeout=20)

    def ask(_number: int) -> int:
        starts.wait()
        return adapted.ask(f"{bench.door.url}/thing").status

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(ask, range(20))) == [200] * 20
    assert bench.keys.number == 2, "a late rejection of the first key costs no other one"
    assert {*bench.keys.rejected} == {key(1)}
    assert bench.door.total == bench.keys.asked == 20 + len(bench.keys.rejected)


@every
def test_a_body_in_memory_is_sent_twice(bench: Bench) -> None:
    bench.door.wanted = f"Bearer {key(2)}"
    assert bench.adapted().ask(f"{bench.door.url}/thing", "POST", b"all of it").status == 200
    assert bench.door.bodies == [b"all of it"] * 2


@every_redirected
def test_a_body_that_is_gone_is_sent_once_and_the_credential_renewed_for_the_next(bench: Bench) -> None:
    adapted = bench.adapted()
    bench.door.wanted = f"Bearer {key(2)}"
    assert adapted.ask(f"{bench.door.url}/thing", "POST", pieces(b"all ", b"of it")).status == 401
    assert bench.door.bodies == [b"all of it"]
    assert bench.counts == (1, 1, 1)
    assert adapted.ask(f"{bench.door.url}/thing", "POST", pieces(b"once ", b"more")).status == 200


@every
def test_the_secret_is_in_no_repr_and_no_log(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    adapted = bench.adapted()
    adapted.ask(f"{bench.door.url}/thing")
    assert CANARY not in caplog.text
    assert "Keys()" in repr(adapted.adapter)
    assert CANARY not in repr(adapted.adapter)


# --- how it is sent ---


@every
@pytest.mark.parametrize(
    ("scheme", "username", "value"),
    [
        (by_kind, None, f"Bearer {key(1)}"),
        (by_kind, "x-access-token", "Basic eC1hY2Nlc3MtdG9rZW46azN5LWNhbmFyeS0x"),
        (bearer, "x-access-token", f"Bearer {key(1)}"),
        (basic, None, "Basic OmszeS1jYW5hcnktMQ=="),
    ],
)
def test_the_scheme_goes_by_the_kind_of_credential_or_is_chosen(
    bench: Bench, scheme: Scheme, username: str | None, value: str
) -> None:
    bench.keys.username = username
    bench.adapted(scheme).ask(f"{bench.door.url}/status/200")
    assert bench.door.sent == [value]


@of_any_header
def test_another_header_carries_the_bare_secret(bench: Bench) -> None:
    bench.door.header, bench.door.wanted = "X-API-Key", key(2)
    assert bench.adapted(API_KEY).ask(f"{bench.door.url}/thing").status == 200
    assert bench.door.sent == [key(1), key(2)]
    assert [fact.call.headers.get("Authorization") for fact in bench.door.facts] == [None, None]


@every
@pytest.mark.parametrize("secret", ["two\r\nlines", "trailing\n", "", "no\0thing", "ünsent"])
def test_what_no_header_can_hold_is_not_sent_and_not_told(bench: Bench, secret: str) -> None:
    provider = StaticCredentialProvider(secret)
    with pytest.raises(Unavailable, match="no Authorization header can") as caught:
        bench.adapted(provider=provider).ask(f"{bench.door.url}/thing")
    assert not secret or secret not in repr(caught.value)
    assert bench.door.total == 0


# --- where it goes ---


@every_redirected
@pytest.mark.parametrize("wrong", ["https://{host}", "http://127.0.0.1:1", "http://127.0.0.1", "http://x.{host}"])
def test_what_is_for_one_origin_goes_to_no_other(bench: Bench, wrong: str) -> None:
    adapted = bench.adapted(only_for=wrong.format(host=bench.door.host))
    assert adapted.ask(f"{bench.door.url}/thing").status == 401
    assert bench.door.sent == [""]
    assert bench.counts == (1, 0, 0)


@pytest.mark.parametrize("name", [name for name in REDIRECTED if "transport" not in name])
def test_without_an_origin_it_goes_where_it_is_asked_for(bench: Bench) -> None:
    bench.door.wanted = f"Bearer {key(1)}"
    adapted = bench.make(bench.keys, bearer, None)
    assert adapted.ask(f"{bench.door.url}/thing").status == 200
    adapted.close()


@every_redirected
@pytest.mark.parametrize("only_for", ["api.example.com", "https://api.example.com/v1", "https://", "https://a b"])
def test_what_is_no_origin_is_refused(bench: Bench, only_for: str) -> None:
    with pytest.raises(UsageError, match="is not an origin"):
        bench.make(bench.keys, bearer, only_for)


@every_redirected
@pytest.mark.parametrize("scheme", [bearer, API_KEY], ids=["Authorization", "X-API-Key"])
@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect_to_another_origin_never_carries_it(bench: Bench, name: str, scheme: Scheme, status: int) -> None:
    if scheme is API_KEY and name not in OF_ANY_HEADER:
        with pytest.raises(UsageError, match="use CredentialTransport"):
            bench.adapted(API_KEY)
        return
    bench.door.header = scheme.header
    with door(scheme.header) as elsewhere:
        adapted = bench.adapted(scheme)
        answer = adapted.ask(f"{bench.door.url}/then/{status}/here/then/{status}/{elsewhere.host}/thing")
        assert answer.status == 401
        assert [bool(value) for value in bench.door.sent] == [True, True]
        assert elsewhere.sent == [""]
        assert bench.keys.rejected == [], "nobody has rejected what was not sent"
        back = f"{bench.door.url}/then/{status}/{elsewhere.host}/then/{status}/{bench.door.host}/status/200"
        assert adapted.ask(back).status == 200
        assert [*elsewhere.sent] == ["", ""]


@every_redirected
def test_a_redirect_within_the_origin_carries_it_and_has_two_attempts(bench: Bench) -> None:
    bench.door.wanted = f"Bearer {key(2)}"
    assert bench.adapted().ask(f"{bench.door.url}/then/302/here/thing").status == 200
    assert bench.keys.rejected == [key(1)]
    assert {*bench.door.sent} == {f"Bearer {key(1)}", f"Bearer {key(2)}"}


@every_redirected
@pytest.mark.parametrize("status", [302, 303])
def test_what_a_redirect_says_is_done_is_not_done_twice(bench: Bench, name: str, status: int) -> None:
    bench.door.wanted = f"Bearer {key(2)}"
    adapted = bench.adapted()
    answer = adapted.ask(f"{bench.door.url}/then/{status}/here/thing", "POST", b"one payment")
    assert [fact.call.method for fact in bench.door.facts if fact.status == status] == ["POST"]
    assert bench.keys.rejected == [key(1)]
    assert answer.status == (401 if name == "urllib3" else 200), "urllib3 tells no more of where it was led"


@every_redirected
def test_what_a_redirect_leaves_to_be_done_has_two_attempts(bench: Bench) -> None:
    bench.door.wanted = f"Bearer {key(2)}"
    assert bench.adapted().ask(f"{bench.door.url}/then/307/here/thing", "POST", b"one payment").status == 200
    assert {*bench.door.bodies} == {b"one payment"}


@pytest.mark.parametrize("name", [name for name in OF_ANY_HEADER if name in REDIRECTED])
def test_what_leads_elsewhere_after_a_refresh_carries_neither_key(bench: Bench) -> None:
    with door(API_KEY.header) as elsewhere:

        def lead_away(call: Call, answer: Answer) -> Reply:
            if call.headers.get(API_KEY.header) != key(2):
                return answer(call)
            return Reply(status=307, headers=(("Location", f"{elsewhere.url}/thing"),))

        bench.door.bend = lead_away
        bench.door.header = API_KEY.header
        assert bench.adapted(API_KEY).ask(f"{bench.door.url}/thing").status == 401
        assert (bench.door.sent, elsewhere.sent) == ([key(1), key(2)], [""])
        assert bench.keys.rejected == [key(1)]


@every_redirected
@pytest.mark.parametrize("location", ["http://[", "//", "http://127.0.0.1:0/", "http://a b/"])
def test_a_redirect_to_nowhere_is_the_clients_own_affair(bench: Bench, location: str) -> None:
    bench.door.bend = lambda _call, _answer: Reply(status=302, headers=(("Location", location),))
    with suppress(Exception):
        bench.adapted().ask(f"{bench.door.url}/thing")
    assert bench.keys.rejected == []
