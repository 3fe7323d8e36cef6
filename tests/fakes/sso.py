"""The AWS access portal, as far as it lends the sessions of roles to whoever brings a login's token.

    GET /federation/credentials?role_name=dev&account_id=111122223333 HTTP/1.1
    x-amz-sso_bearer_token: aoaAAAAA…

    HTTP/1.1 200 OK
    {"roleCredentials": {"accessKeyId": "ASIA…", "secretAccessKey": "…", "sessionToken": "…",
                         "expiration": 1767326645000}}

The operation is GetRoleCredentials of the AWS SSO Portal API Reference; its instants are milliseconds.
"""

from datetime import timedelta
from urllib.parse import parse_qs

from keywright.demo.exchange import Call, Reply, json_reply
from keywright.demo.issuer import Clock, LoopbackServer, real_clock
from keywright.demo.sigv4 import AccessKey

ROUTE = "GET /federation/credentials"


class SsoPortal(LoopbackServer):
    """Lends another session to each caller whose login it knows.

    Attributes:
        lent_for: how long the sessions lent from now on live.
        tokens: the tokens of the logins that have not ended.
        keys: the access keys lent so far, in order.
    """

    def __init__(self, *, clock: Clock = real_clock) -> None:
        super().__init__({ROUTE: self._lend}, clock=clock)
        self.lent_for = timedelta(hours=1)
        self.tokens: set[str] = set()
        self.keys: list[AccessKey] = []

    def _lend(self, call: Call) -> Reply:
        if str(call.headers.get("x-amz-sso_bearer_token", "")) not in self.tokens:
            headers = (("x-amzn-ErrorType", "UnauthorizedException"),)
            return json_reply(401, {"message": "Session token not found or invalid"}, headers)
        query = {name: values[0] for name, values in parse_qs(call.query).items()}
        number = len(self.keys) + 1
        key = AccessKey(
            id=f"ASIASSO{number}",
            secret=f"lent-canary-{number}",
            session_token=f"session-canary-{number}",
            arn=f"arn:aws:iam::{query['account_id']}:role/{query['role_name']}",
        )
        self.keys.append(key)
        credentials = {
            "accessKeyId": key.id,
            "secretAccessKey": key.secret,
            "sessionToken": key.session_token,
            "expiration": int((self.clock() + self.lent_for).timestamp()) * 1000,
        }
        return json_reply(200, {"roleCredentials": credentials})
