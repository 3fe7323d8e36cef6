"""Logging in with a browser: what is not the redirect changes nothing, and the redirect serves once."""

import errno
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from fakes.oauth_issuer import Browser, OAuthIssuer, Page, fetch
from keywright.errors import KeywrightError, NeedsPerson, Refused, Unavailable, Unreachable
from keywright.profiles.login import pkce
from keywright.profiles.login.callback import Callback
from keywright.profiles.login.person import Person
from keywright.profiles.login.plan import Plan
from keywright.profiles.model import OAuth
from keywright.secret import Secret


def never(_seconds: float) -> None:
    pytest.fail("nobody sleeps here")


@pytest.fixture
def issuer() -> Iterator[OAuthIssuer]:
    with OAuthIssuer() as server:
        yield server


class Login:
    """One person who logs in."""

    def __init__(self, issuer: OAuthIssuer) -> None:
        self.issuer = issuer
        self.browser = Browser()
        self.said: list[str] = []
        self.plan = Plan(
            token_url=f"{issuer.url}/token",
            auth_url=f"{issuer.url}/authorize",
            client_id="abc",
            scopes=("openid", "email"),
        )

    def __call__(self, *, port: int = 0, wait_s: float = 30, browse: Callable[[str], bool] | None = None) -> OAuth:
        person = Person(say=self.said.append, browse=browse or self.browser, now=lambda: datetime.now(UTC), sleep=never)
        return pkce.log_in(self.plan, person, {}, port=port, wait_s=wait_s)

    def refusal(self, kind: type[KeywrightError], **options: float) -> str:
        with pytest.raises(kind) as raised:
            self(**options)  # type: ignore[arg-type]
        return str(raised.value)


@pytest.fixture
def login(issuer: OAuthIssuer) -> Login:
    return Login(issuer)


def bent(address: str, **fields: str | None) -> str:
    """Return the redirect's address with other fields; None leaves one out."""
    base, _, query = address.partition("?")
    told = dict(parse_qsl(query)) | fields
    return f"{base}?{urlencode({name: value for name, value in told.items() if value is not None})}"


def test_a_consent_becomes_a_grant(login: Login) -> None:
    grant = login()
    assert grant.access_token.reveal() in login.issuer.live
    assert grant.refresh_token
    assert grant.refresh_token.reveal() in login.issuer.live
    assert grant.email == "ann@example.com"
    assert grant.scopes == ("openid", "email")
    assert grant.expires_at == datetime(2030, 1, 1, 13, tzinfo=UTC)
    [page] = login.browser.pages
    assert (page.status, "Logged in" in page.text) == (200, True)


def test_the_person_is_told_where_and_asked_for_what_was_planned(login: Login) -> None:
    login.plan = login.plan._replace(
        auth_url=f"{login.issuer.url}/authorize?tenant=a", parameters={"access_type": "offline", "prompt": "consent"}
    )
    login()
    assert login.said == [f"to log in, open {login.browser.visited[0]}"]
    [query] = login.issuer.queries
    redirect = urlsplit(query["redirect_uri"])
    assert (redirect.scheme, redirect.hostname, redirect.path) == ("http", "127.0.0.1", "/oauth/callback")
    assert query == {
        "tenant": "a",
        "response_type": "code",
        "client_id": "abc",
        "redirect_uri": query["redirect_uri"],
        "scope": "openid email",
        "state": query["state"],
        "code_challenge": query["code_challenge"],
        "code_challenge_method": "S256",
        "access_type": "offline",
        "prompt": "consent",
    }


def test_the_proof_is_the_standards_own() -> None:
    verifier = Secret("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")  # RFC 7636, appendix B
    assert pkce.challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    assert {len(pkce.random_text().reveal()) for _ in range(20)} == {43}


def test_verifier_and_state_are_new_each_time(login: Login) -> None:
    login()
    login()
    assert len({query["state"] for query in login.issuer.queries}) == 2
    assert len({form["code_verifier"] for form in login.issuer.forms}) == 2


def test_a_secret_client_says_its_secret_to_the_token_endpoint_alone(login: Login) -> None:
    login.issuer.given.secret = "hunter2"
    login.plan = login.plan._replace(client_secret=Secret("hunter2"))
    login()
    assert login.issuer.forms[0]["client_secret"] == "hunter2"
    assert "hunter2" not in login.browser.visited[0]


WRONG: dict[str, tuple[Callable[[str], Page], int]] = {
    "the page's icon": (lambda address: fetch(address.partition("/oauth")[0] + "/favicon.ico"), 404),
    "no path": (lambda address: fetch(address.partition("/oauth")[0] + "/"), 404),
    "the path with more behind it": (lambda address: fetch(address.replace("/callback", "/callback/")), 404),
    "another path with the whole answer": (lambda address: fetch(address.replace("/callback", "/callbacks")), 404),
    "nothing at all": (lambda address: fetch(address.partition("?")[0]), 400),
    "a wrong state": (lambda address: fetch(bent(address, state="x")), 400),
    "a state with a tail": (lambda address: fetch(address + "x"), 400),
    "no state": (lambda address: fetch(bent(address, state=None)), 400),
    "neither code nor error": (lambda address: fetch(bent(address, code=None)), 400),
    "an empty code": (lambda address: fetch(bent(address, code="")), 400),
    "a code without end": (lambda address: fetch(bent(address, code="c" * 5000)), 400),
    "two codes": (lambda address: fetch(address + "&code=other"), 400),
    "fields without end": (lambda address: fetch(address + "&a=1" * 40), 400),
    "a forged error": (lambda address: fetch(bent(address, code=None, state="x", error="access_denied")), 400),
    "another method": (lambda address: fetch(address, method="POST"), 405),
    "another method still": (lambda address: fetch(address, method="HEAD"), 405),
    "another host": (lambda address: fetch(address, host="evil.example"), 400),
    "this host by its name": (lambda address: fetch(address, host=urlsplit(address).netloc.replace("127", "128")), 400),
    "no host": (lambda address: fetch(address, host=""), 400),
}


@pytest.mark.parametrize(("ask", "status"), WRONG.values(), ids=WRONG)
def test_what_is_not_the_redirect_is_answered_and_changes_nothing(
    login: Login, ask: Callable[[str], Page], status: int
) -> None:
    pages: list[Page] = []
    login.browser.on_the_way = lambda address: pages.append(ask(address))
    assert login().access_token
    assert [page.status for page in pages] == [status]
    [query] = login.issuer.queries
    assert query["state"] not in pages[0].text
    assert pages[0].headers["cache-control"] == "no-store"


def test_a_connection_that_says_nothing_keeps_nobody_waiting(login: Login) -> None:
    idle: list[socket.socket] = []

    def connect(address: str) -> None:
        parts = urlsplit(address)
        idle.append(socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30))

    login.browser.on_the_way = connect
    try:
        assert login().access_token
    finally:
        for connection in idle:
            connection.close()


def test_the_redirect_serves_once() -> None:
    state = Secret("s")
    with Callback(0, state) as callback:
        address = f"{callback.redirect_uri}?state=s&code="
        assert [fetch(address + code).status for code in ("first", "second", "first")] == [200, 410, 410]
        assert fetch(f"{callback.redirect_uri}?state=s&error=access_denied").status == 410
        assert callback.wait(30).reveal() == "first"


def test_nobody_listens_any_more_once_it_has_ended(login: Login) -> None:
    addresses: list[str] = []
    login.browser.on_the_way = addresses.append
    login()
    with pytest.raises(ConnectionRefusedError):
        fetch(addresses[0])


def test_the_page_runs_nothing_is_kept_nowhere_and_names_nobody(login: Login) -> None:
    login()
    [page] = login.browser.pages
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "server" not in page.headers
    [query] = login.issuer.queries
    assert query["state"] not in page.text
    assert login.issuer.forms[0]["code"] not in page.text


class TestTheIssuersNo:
    def refused(self, login: Login, **fields: str) -> tuple[str, Page]:
        def browse(url: str) -> bool:
            query = dict(parse_qsl(urlsplit(url).query))
            login.browser.pages.append(
                fetch(f"{query['redirect_uri']}?{urlencode({'state': query['state'], **fields})}")
            )
            return True

        with pytest.raises(Refused) as raised:
            login(browse=browse)
        return str(raised.value), login.browser.pages[0]

    def test_is_told_in_its_words(self, login: Login) -> None:
        told, page = self.refused(login, error="access_denied", error_description="Ann said no")
        assert told == "the issuer refused the login (access_denied: Ann said no)"
        assert page.status == 400
        assert "access_denied: Ann said no" in page.text

    def test_runs_nothing_in_the_page_and_moves_no_cursor(self, login: Login) -> None:
        told, page = self.refused(
            login, error="<script>alert(1)</script>", error_description="\x1b[31mred\n\x00\"'&<img src=x>" + "x" * 999
        )
        assert "<script" not in page.text
        assert "<img" not in page.text
        assert "&lt;script&gt;" in page.text
        assert told.isprintable()
        assert len(told) < 500

    def test_of_another_issuer_ends_it(self, login: Login) -> None:
        login.plan = login.plan._replace(issuer="https://accounts.example")
        told, page = self.refused(login, code="c", iss="https://evil.example")
        assert told == "another issuer answered than the one that was asked"
        assert page.status == 400
        assert not login.issuer.forms

    @pytest.mark.parametrize(("known", "told"), [("", "https://any.example"), ("https://a.example", None)])
    def test_is_none_where_the_issuer_is_not_known_or_does_not_say(
        self, login: Login, known: str, told: str | None
    ) -> None:
        login.plan = login.plan._replace(issuer=known)
        browser = Browser()
        browser.on_the_way = lambda address: browser.pages.append(fetch(bent(address, iss=told)))
        assert login(browse=browser).access_token

    def test_to_the_code_is_no_revocation(self, login: Login) -> None:
        login.plan = login.plan._replace(client_id="other")
        real = login.browser

        def browse(url: str) -> bool:
            return real(url.replace("client_id=other", "client_id=abc"))

        with pytest.raises(Refused, match="did not accept the code that the browser brought"):
            login(browse=browse)


def test_an_issuer_that_answers_nonsense_is_told_so(login: Login) -> None:
    login.plan = login.plan._replace(token_url=f"{login.issuer.url}/nothing")
    with pytest.raises(Refused, match="answered with status 404"):
        login()
    login.issuer.stop()
    with pytest.raises(Unreachable):
        login(browse=lambda url: bool(fetch(_redirect(url, code="c")).status))


def _redirect(url: str, **fields: str) -> str:
    query = dict(parse_qsl(urlsplit(url).query))
    return f"{query['redirect_uri']}?{urlencode({'state': query['state'], **fields})}"


def test_who_does_not_come_back_is_not_waited_for_for_ever(login: Login) -> None:
    with pytest.raises(NeedsPerson, match="nobody logged in within 0 s; try again"):
        login(wait_s=0.01, browse=lambda _url: True)


def test_an_interruption_ends_it_and_frees_the_port(login: Login) -> None:
    seen: list[str] = []

    def interrupt(url: str) -> bool:
        seen.append(url)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        login(browse=interrupt)
    with pytest.raises(ConnectionRefusedError):
        fetch(_redirect(seen[0], code="c"))


def test_a_browser_that_does_not_start_leaves_the_address(login: Login) -> None:
    def say(line: str) -> None:
        login.said.append(line)
        if "no browser could be started" in line:
            login.browser(login.said[0].rpartition(" ")[2])

    person = Person(say=say, browse=lambda _url: False, now=lambda: datetime.now(UTC), sleep=never)
    assert pkce.log_in(login.plan, person, {}).access_token


def test_without_a_browser_the_address_alone_is_told(login: Login) -> None:
    def say(line: str) -> None:
        login.said.append(line)
        login.browser(line.rpartition(" ")[2])

    person = Person(say=say, browse=None, now=lambda: datetime.now(UTC), sleep=never)
    assert pkce.log_in(login.plan, person, {}).access_token
    assert len(login.said) == 1


class TestAPort:
    def test_that_the_client_is_registered_with_is_used(self, login: Login) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        login(port=port)
        assert urlsplit(login.issuer.queries[0]["redirect_uri"]).port == port
        assert login.issuer.forms[0]["redirect_uri"] == login.issuer.queries[0]["redirect_uri"]
        login(port=port)  # and is free again at once

    def test_that_is_taken_is_an_error_before_anybody_is_asked(self, login: Login) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(Unavailable) as raised:
                login(port=port)
        assert str(raised.value) == (
            f"port {port} of this machine cannot be listened on: another program has it; "
            "end that one, or give another `--port` that the client is registered with"
        )
        assert not login.said

    def test_that_the_system_keeps_for_itself_is_told_so(self, login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
        def bind(_listener: object) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr("socketserver.TCPServer.server_bind", bind)
        with pytest.raises(Unavailable) as raised:
            login(port=80)
        assert str(raised.value) == (
            "port 80 of this machine cannot be listened on: the system keeps it for itself; "
            "give a `--port` of 1024 or more that the client is registered with"
        )
        assert not login.said
