"""An endpoint that trades access keys for tokens: it checks the key, counts calls, and says no in OAuth's words.

    POST /api/authorise HTTP/1.1
    {"accessKey": "CSAK.…", "audience": "https://api.example"}

    HTTP/1.1 200 OK
    {"accessToken": "at_9f3c…", "expiry": 1700000900}

`expiry` is an instant: seconds since the epoch on the endpoint's own clock.
"""

import json
import secrets
from datetime import datetime, timedelta
from typing import Final

from keywright.demo.exchange import Call, Reply, json_reply
from keywright.demo.issuer import Clock, LoopbackServer, real_clock

ROUTE: Final = "POST /api/authorise"


class AccessKeyIssuer(LoopbackServer):
    """Issues tokens for those who have an access key.

    Attributes:
        keys: the access keys that are good.
        audiences: whom a token can be for; one that names nobody is for all.
        lifetime: how long the tokens issued from now on live.
    """

    def __init__(
        self, *, keys: tuple[str, ...], audiences: tuple[str, ...] = ("https://api.example",), clock: Clock = real_clock
    ) -> None:
        super().__init__({ROUTE: self._issue}, clock=clock)
        self.keys = set(keys)
        self.audiences = audiences
        self.lifetime = timedelta(minutes=15)
        self._expiry: dict[str, datetime] = {}

    @property
    def endpoint(self) -> str:
        """Where it is asked."""
        return f"{self.url}/api/authorise"

    @property
    def issued(self) -> tuple[str, ...]:
        """Every token issued so far, oldest first."""
        return tuple(self._expiry)

    def accepts(self, token: str) -> bool:
        """Return whether `token` was issued here and has not expired."""
        expires_at = self._expiry.get(token)
        return expires_at is not None and self.clock() < expires_at

    def _issue(self, call: Call) -> Reply:
        try:
            question = json.loads(call.body)
        except ValueError:
            question = None
        is_json = call.headers.get("Content-Type", "") == "application/json"
        if not is_json or not isinstance(question, dict) or not set(question) <= {"accessKey", "audience"}:
            return json_reply(400, {"error": "invalid_request"})
        if question.get("accessKey") not in self.keys:
            return json_reply(401, {"error": "invalid_client"})
        if question.get("audience") not in {None, *self.audiences}:
            return json_reply(403, {"error": "access_denied"})
        token = f"at_{secrets.token_hex(18)}"
        self._expiry[token] = self.clock() + self.lifetime
        return json_reply(200, {"accessToken": token, "expiry": int(self._expiry[token].timestamp())})
