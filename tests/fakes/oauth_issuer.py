"""An OAuth 2.0 issuer that is as strict as the standards let one be, and a browser that a person uses there.

Codes serve once and within their redirect address, client and verifier; refresh tokens rotate; whoever polls for a
device's code too early is told to slow down, and counted. Its clock is the test's.
"""

import http.client
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from urllib.parse import parse_qsl, urlencode, urlsplit

from keywright.demo.exchange import Call, Reply, json_reply
from keywright.demo.issuer import LoopbackServer, real_clock

TOKEN: str = "canary-typed-5e1f-token"
"""What every token and code of the issuer begins with, so that none may be found where it does not belong."""


@dataclass
class _Asked:
    """What a code stands for."""

    client_id: str
    redirect_uri: str
    challenge: str
    scope: str


@dataclass
class _Device:
    """One code for a device."""

    expires_at: datetime
    interval_s: float
    next_at: datetime
    said: str = "authorization_pending"


@dataclass
class Given:
    """What the issuer does not do by the book."""

    email: str = "ann@example.com"
    scope: str = ""
    interval_s: float | None = None
    expires_in: float = 900
    complete: bool = True
    has_refresh: bool = True
    secret: str = ""
    device_answers: list[str] = field(default_factory=list)
    """What the next polls that are in time are told, before `ok`: error codes, `down` or `html`."""


class OAuthIssuer(LoopbackServer):
    """The issuer.

    Attributes:
        given: how it is set up.
        early: how often a device was asked for too early.
        live: the tokens that are good.
        forms: the forms that were posted, the tokens' first.
    """

    def __init__(self, *, clock: Callable[[], datetime] = real_clock) -> None:
        super().__init__(
            {
                "GET /authorize": self._authorize,
                "POST /token": self._token,
                "POST /device": self._device,
                "POST /revoke": self._revoke,
            },
            clock=clock,
        )
        self.given = Given()
        self.early = 0
        self.live: set[str] = set()
        self.revoked: list[str] = []
        self.forms: list[dict[str, str]] = []
        self.queries: list[dict[str, str]] = []
        self._codes: dict[str, _Asked] = {}
        self._devices: dict[str, _Device] = {}

    @property
    def toml(self) -> str:
        """A provider's file for it."""
        places = "".join(
            f'{name}_url = "{self.url}/{path}"\n'
            for name, path in (("auth", "authorize"), ("token", "token"), ("revocation", "revoke"))
        )
        return (
            f'modes = ["oauth", "api_key"]\nscopes = ["openid", "email"]\n[oauth_endpoint]\nclient_id = "abc"\n{places}'
        )

    def _authorize(self, call: Call) -> Reply:
        query = dict(parse_qsl(call.query))
        self.queries.append(query)
        if query.get("response_type") != "code" or query.get("code_challenge_method") != "S256":
            return json_reply(400, {"error": "invalid_request"})
        code = f"{TOKEN}-code-{secrets.token_hex(4)}"
        self._codes[code] = _Asked(
            query["client_id"], query["redirect_uri"], query["code_challenge"], query.get("scope", "")
        )
        answer = urlencode({"code": code, "state": query["state"]})
        return Reply(status=302, headers=(("Location", f"{query['redirect_uri']}?{answer}"),))

    def _token(self, call: Call) -> Reply:
        form = dict(parse_qsl(call.body.decode()))
        self.forms.append(form)
        if self.given.secret and form.get("client_secret") != self.given.secret:
            return json_reply(401, {"error": "invalid_client"})
        match form["grant_type"]:
            case "authorization_code":
                return self._for_code(form)
            case "refresh_token":
                if form["refresh_token"] not in self.live:
                    return json_reply(400, {"error": "invalid_grant"})
                self.live.discard(form["refresh_token"])
                return self._grant("openid email")
            case _:
                return self._for_device(form)

    def _for_code(self, form: dict[str, str]) -> Reply:
        asked = self._codes.pop(form["code"], None)
        digest = urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        is_right = asked is not None and (asked.client_id, asked.redirect_uri, asked.challenge) == (
            form["client_id"],
            form["redirect_uri"],
            digest,
        )
        return self._grant(asked.scope) if asked and is_right else json_reply(400, {"error": "invalid_grant"})

    def _for_device(self, form: dict[str, str]) -> Reply:
        device, now = self._devices[form["device_code"]], self.clock()
        if now >= device.expires_at:
            return json_reply(400, {"error": "expired_token"})
        if now < device.next_at:
            self.early += 1
            device.interval_s += 5
            return json_reply(400, {"error": "slow_down"})
        answer = self.given.device_answers.pop(0) if self.given.device_answers else "ok"
        if answer == "slow_down":
            device.interval_s += 5
        device.next_at = now + timedelta(seconds=device.interval_s)
        if answer == "down":
            return Reply(status=503)
        if answer == "html":
            return Reply(status=200, body=b"<html>log in to this network first</html>")
        return self._grant("openid email") if answer == "ok" else json_reply(400, {"error": answer})

    def _device(self, call: Call) -> Reply:
        self.forms.append(dict(parse_qsl(call.body.decode())))
        code, interval_s = f"{TOKEN}-device-{secrets.token_hex(4)}", self.given.interval_s
        now = self.clock()
        next_at = now + timedelta(seconds=interval_s or 5)
        self._devices[code] = _Device(now + timedelta(seconds=self.given.expires_in), interval_s or 5, next_at)
        return json_reply(
            200,
            {
                "device_code": code,
                "user_code": "WDJB-MJHT",
                "verification_uri": f"{self.url}/activate",
                "expires_in": self.given.expires_in,
                **({"verification_uri_complete": f"{self.url}/activate?code=WDJB-MJHT"} if self.given.complete else {}),
                **({"interval": interval_s} if interval_s is not None else {}),
            },
        )

    def _revoke(self, call: Call) -> Reply:
        token = dict(parse_qsl(call.body.decode()))["token"]
        self.revoked.append(token)
        self.live.discard(token)
        return Reply(status=200)

    def _grant(self, scope: str) -> Reply:
        access, refresh = (f"{TOKEN}-{kind}-{secrets.token_hex(8)}" for kind in ("access", "refresh"))
        self.live |= {access, refresh}
        claims = urlsafe_b64encode(json.dumps({"email": self.given.email}).encode()).rstrip(b"=").decode()
        return json_reply(
            200,
            {
                "access_token": access,
                "token_type": "Bearer",
                "expires_in": 3600,
                "scope": self.given.scope or scope,
                **({"refresh_token": refresh} if self.given.has_refresh else {}),
                **({"id_token": f"e30.{claims}.sig"} if self.given.email else {}),
            },
        )


@dataclass(frozen=True)
class Page:
    """What a browser got."""

    status: int
    headers: dict[str, str]
    text: str


def fetch(url: str, *, method: str = "GET", host: str | None = None) -> Page:
    """Ask for a page as a browser does, redirects left to the caller; `host` is another Host than the URL's."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.putrequest(method, target, skip_host=True)
        connection.putheader("Host", parts.netloc if host is None else host)
        connection.endheaders()
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Page(answer.status, headers, answer.read().decode())
    finally:
        connection.close()


class Browser:
    """A person's browser: goes where it is sent, and on to where it is redirected.

    Attributes:
        pages: the last page of each visit.
        on_the_way: is called with the address that the issuer redirects to, before it is visited.
    """

    def __init__(self) -> None:
        self.pages: list[Page] = []
        self.visited: list[str] = []
        self.on_the_way: Callable[[str], None] = lambda _address: None

    def __call__(self, url: str) -> bool:
        self.visited.append(url)
        page = fetch(url)
        if page.status == 302:
            self.on_the_way(page.headers["location"])
            page = fetch(page.headers["location"])
        self.pages.append(page)
        return True
