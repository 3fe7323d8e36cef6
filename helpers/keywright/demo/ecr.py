r"""Amazon ECR's `GetAuthorizationToken`, private and public, behind a checked SigV4 signature.

    POST / HTTP/1.1
    X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken
    X-Amz-Date: 20260102T030405Z
    Authorization: AWS4-HMAC-SHA256 Credential=AKIADEMO/20260102/eu-central-1/ecr/aws4_request,
        SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=5d67…
    {}

    HTTP/1.1 200 OK
    Content-Type: application/x-amz-json-1.1
    {"authorizationData": [{"authorizationToken": "QVdTOmV5…", "expiresAt": 1767366245.0,
                            "proxyEndpoint": "https://111122223333.dkr.ecr.eu-central-1.amazonaws.com"}]}

The public registry names its operation `SpencerFrontendService.GetAuthorizationToken`, signs for `ecr-public` in
us-east-1, and answers with one object where the private one answers with a list. The protocol is AWS JSON 1.1
(smithy.io); the errors are those of the ECR API reference, "Common Errors".
"""

import re
import secrets
from base64 import b64encode
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Final

from keywright.demo.exchange import Call, Reply, json_reply
from keywright.demo.issuer import Clock, LoopbackServer, real_clock
from keywright.demo.sigv4 import ALGORITHM, AccessKey, Scope, parse_date, signature

PRIVATE_TARGET: Final = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"
PUBLIC_TARGET: Final = "SpencerFrontendService.GetAuthorizationToken"
USERNAME: Final = "AWS"
AGE_AT_MOST: Final = timedelta(minutes=5)
CONTENT_TYPE: Final = ("Content-Type", "application/x-amz-json-1.1")
AUTHORIZATION: Final = re.compile(
    rf"{ALGORITHM} Credential=([^ ,]+), ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{{64}})"
)


class EcrIssuer(LoopbackServer):
    """Issues registry passwords for one region, and the public registry's.

    Attributes:
        lifetime: how long the passwords issued from now on live; ECR's live twelve hours.
    """

    def __init__(
        self, *, keys: tuple[AccessKey, ...], region: str, account: str = "111122223333", clock: Clock = real_clock
    ) -> None:
        """Prepare the issuer of `account`'s registry in `region`, which knows the access keys `keys`."""
        super().__init__({"POST /": self._issue}, clock=clock)
        self.lifetime = timedelta(hours=12)
        self._keys = {key.id: key for key in keys}
        self._region = region
        self._account = account
        self._expiry: dict[str, datetime] = {}

    @property
    def issued(self) -> tuple[str, ...]:
        """Every password issued so far, oldest first."""
        return tuple(self._expiry)

    def accepts(self, username: str, password: str) -> bool:
        """Return whether a registry of this account would let the pair in now."""
        expires_at = self._expiry.get(password)
        return username == USERNAME and expires_at is not None and self.clock() < expires_at

    def revoke(self, password: str) -> None:
        """Stop accepting `password`."""
        self._expiry.pop(password, None)

    def _issue(self, call: Call) -> Reply:
        target = str(call.headers.get("X-Amz-Target", ""))
        if target == PRIVATE_TARGET:
            service, region = "ecr", self._region
        elif target == PUBLIC_TARGET:
            service, region = "ecr-public", "us-east-1"
        else:
            return _error(400, "UnknownOperationException", "")
        refusal = self._refusal(call, service, region)
        if refusal is not None:
            return refusal
        password = secrets.token_urlsafe(48)
        expires_at = self.clock() + self.lifetime
        self._expiry[password] = expires_at
        data: dict[str, object] = {
            "authorizationToken": b64encode(f"{USERNAME}:{password}".encode()).decode(),
            "expiresAt": round(expires_at.timestamp(), 3),
        }
        if target == PUBLIC_TARGET:
            return json_reply(200, {"authorizationData": data}, (CONTENT_TYPE,))
        data["proxyEndpoint"] = f"https://{self._account}.dkr.ecr.{region}.amazonaws.com"
        return json_reply(200, {"authorizationData": [data]}, (CONTENT_TYPE,))

    def _refusal(self, call: Call, service: str, region: str) -> Reply | None:
        """Return AWS's refusal of an unsigned or wrongly signed call; None if its signature is right."""
        found = AUTHORIZATION.fullmatch(str(call.headers.get("Authorization", "")))
        if found is None:
            return _error(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
        scope = Scope.parse(found[1])
        date = str(call.headers.get("X-Amz-Date", ""))
        signed_at = parse_date(date)
        if (
            scope is None
            or signed_at is None
            or scope.day != date[:8]
            or (scope.service, scope.region) != (service, region)
        ):
            return _error(
                403, "InvalidSignatureException", "Credential should be scoped to a valid region and service."
            )
        key = self._keys.get(scope.key_id)
        if key is None or str(call.headers.get("X-Amz-Security-Token", "")) != key.session_token:
            return _error(403, "UnrecognizedClientException", "The security token included in the request is invalid.")
        if abs(self.clock() - signed_at) > AGE_AT_MOST:
            return _error(403, "InvalidSignatureException", "Signature expired.")
        names = found[2].split(";")
        must = {"host", "x-amz-date", "x-amz-target"} | ({"x-amz-security-token"} if key.session_token else set())
        headers = [(name, str(call.headers.get(name, ""))) for name in names]
        right = signature(key, scope, date, method="POST", query=(), headers=headers, body=call.body)
        if not must <= set(names) or not compare_digest(right, found[3]):
            return _error(403, "InvalidSignatureException", "The request signature we calculated does not match.")
        return None


def _error(status: int, kind: str, message: str) -> Reply:
    return json_reply(status, {"__type": kind, "message": message}, (CONTENT_TYPE,))
