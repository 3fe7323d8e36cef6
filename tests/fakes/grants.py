"""An OAuth token endpoint that gives a refresh token out once: whoever comes with an old one has lost the account.

POST /token
Content-Type: application/x-www-form-urlencoded

grant_type=refresh_token&refresh_token=canary…refresh+ann+1&client_id=app

{"access_token": "canary…access ann 2", "refresh_token": "canary…refresh ann 2", "expires_in": 3600}

RFC 9700, section 4.14.2: a refresh token that is used twice was stolen, so the whole grant is taken back.
"""

from collections import Counter
from threading import Lock
from typing import Final
from urllib.parse import parse_qs

from fakes.canary import TYPED
from keywright.demo.exchange import Call, Reply, json_reply
from keywright.demo.issuer import LoopbackServer

ROUTE: Final = "POST /token"


class GrantIssuer(LoopbackServer):
    """Renews the grants of any account; the first refresh token of each is `refresh(account, 1)`.

    Attributes:
        rotates: whether an answer brings a new refresh token and makes the old one void.
        lifetime_s: what `expires_in` says; None leaves it out.
        extra: what else an answer says.
        revoked: the accounts whose grant was taken back.
        forms: every form that came in, in its order.
    """

    def __init__(self) -> None:
        super().__init__({ROUTE: self._renew})
        self.rotates = True
        self.lifetime_s: object = 3600
        self.extra: dict[str, object] = {}
        self.revoked: set[str] = set()
        self.forms: list[dict[str, str]] = []
        self._issued: Counter[str] = Counter()
        self._one_at_a_time = Lock()

    @property
    def token_url(self) -> str:
        return f"{self.url}/token"

    @property
    def asked(self) -> int:
        """How often it was asked."""
        return self.calls[ROUTE]

    def _renew(self, call: Call) -> Reply:
        form = {name: values[0] for name, values in parse_qs(call.body.decode(), keep_blank_values=True).items()}
        with self._one_at_a_time:
            self.forms.append(form)
            if form.get("grant_type") != "refresh_token":
                return json_reply(400, {"error": "unsupported_grant_type"})
            account, number = form.get("refresh_token", "").split(" ")[-2:]
            is_current = int(number) == self._issued[account] + 1
            if account in self.revoked or not is_current:
                self.revoked.add(account)
                return json_reply(400, {"error": "invalid_grant", "error_description": f"{TYPED} never to be told"})
            self._issued[account] += self.rotates
            fresh = self._issued[account] + 1
            answer: dict[str, object] = {"access_token": access(account, fresh), "token_type": "Bearer"}
            if self.rotates:
                answer["refresh_token"] = refresh(account, fresh)
            if self.lifetime_s is not None:
                answer["expires_in"] = self.lifetime_s
            return json_reply(200, {**answer, **self.extra})


def access(account: str, number: int) -> str:
    """Return the account's nth access token; the first is older than this issuer."""
    return f"{TYPED} access {account} {number}"


def refresh(account: str, number: int) -> str:
    """Return the account's nth refresh token."""
    return f"{TYPED} refresh {account} {number}"
