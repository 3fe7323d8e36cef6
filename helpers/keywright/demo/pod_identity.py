"""The credentials endpoint of a container: what the EKS Pod Identity agent and ECS answer to an AWS SDK.

    GET /v1/credentials HTTP/1.1
    Authorization: 3f9d…

    HTTP/1.1 200 OK
    {"AccessKeyId": "ASIA0DEMO…", "SecretAccessKey": "…", "Token": "…", "Expiration": "2026-01-02T09:04:05Z"}

An EKS token is signed on the spot, so this endpoint is the only one that is asked when a helper mints one. The
variables and the document are those of "Container credential provider" in the AWS SDKs and Tools Reference Guide.
"""

import secrets
from collections.abc import Mapping
from datetime import UTC, timedelta
from hmac import compare_digest
from typing import Final

from keywright.demo.exchange import Call, Reply, json_reply
from keywright.demo.issuer import Clock, LoopbackServer, real_clock
from keywright.demo.sigv4 import AccessKey

ROUTE: Final = "GET /v1/credentials"


class PodIdentityAgent(LoopbackServer):
    """Hands out a new temporary access key on every call.

    Attributes:
        lifetime: how long the keys handed out from now on live; EKS Pod Identity's live six hours.
    """

    def __init__(self, *, clock: Clock = real_clock) -> None:
        """Prepare an agent that answers whoever knows its token."""
        super().__init__({ROUTE: self._hand_out}, clock=clock)
        self.lifetime = timedelta(hours=6)
        self._token = secrets.token_hex(16)
        self._keys: tuple[AccessKey, ...] = ()

    @property
    def keys(self) -> tuple[AccessKey, ...]:
        """Every access key handed out so far, oldest first."""
        return self._keys

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment that leads an AWS SDK here, once started."""
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self.url}/v1/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": self._token,
        }

    def _hand_out(self, call: Call) -> Reply:
        if not compare_digest(str(call.headers.get("Authorization", "")).encode(), self._token.encode()):
            return json_reply(401, {"message": "Unauthorized"})
        key = AccessKey(
            id=f"ASIA{secrets.token_hex(8).upper()}",
            secret=secrets.token_urlsafe(30),
            session_token=secrets.token_urlsafe(96),
            arn="arn:aws:sts::111122223333:assumed-role/demo/keywright",
        )
        self._keys = (*self._keys, key)
        expires_at = (self.clock() + self.lifetime).astimezone(UTC)
        document = {
            "AccessKeyId": key.id,
            "SecretAccessKey": key.secret,
            "Token": key.session_token,
            "Expiration": expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        return json_reply(200, document)
