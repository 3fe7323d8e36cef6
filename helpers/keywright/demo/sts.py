r"""The verifier of Amazon EKS tokens: what aws-iam-authenticator checks, and then the signature, as STS would.

A token is `k8s-aws-v1.` and the unpadded base64url of a presigned URL:

    https://sts.eu-central-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15
      &X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIADEMO%2F20260102%2Feu-central-1%2Fsts%2Faws4_request
      &X-Amz-Date=20260102T030405Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&X-Amz-Signature=80c7…

The cluster's name is a signed header and never in the URL, so a token for one cluster is no use at another. The rules
follow `tokenVerifier.Verify` of kubernetes-sigs/aws-iam-authenticator (pkg/token/token.go). The real verifier then
fetches the URL; here the signature is computed again instead. Of the STS hosts only the regional ones are known.
"""

import re
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from keywright.demo.sigv4 import ALGORITHM, AccessKey, Scope, parse_date, signature

PREFIX: Final = "k8s-aws-v1."
LENGTH_AT_MOST: Final = 4096
AGE_AT_MOST: Final = timedelta(minutes=15)
EARLY_AT_MOST: Final = timedelta(minutes=5)
EXPIRES_AT_MOST_S: Final = 900
HOST: Final = re.compile(r"sts\.([a-z]{2,4}(?:-[a-z]+)+-[0-9]+)\.(?:amazonaws\.com|amazonaws\.com\.cn)")
SIGNATURE: Final = "x-amz-signature"
PARAMETERS: Final = frozenset(
    {
        "action",
        "version",
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-security-token",
        SIGNATURE,
        "x-amz-signedheaders",
    }
)


class TokenRefused(Exception):
    """A token broke a rule; the text says which. It never holds the token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a token speaks for."""

    arn: str
    key_id: str


@dataclass(frozen=True, slots=True)
class EksTokenVerifier:
    """Verifies tokens signed with one of the access keys it knows."""

    keys: tuple[AccessKey, ...]

    def verify(self, token: str, cluster: str, now: datetime) -> Identity:
        """Return who `token` speaks for at `cluster`.

        Raises:
            TokenRefused: it breaks a rule, has expired at `now` (aware UTC), or its signature is wrong.
        """
        host, query = _take_apart(token)
        parameters = {name.lower(): value for name, value in query}
        signed_headers = parameters.get("x-amz-signedheaders", "").lower().split(";")
        if parameters.get("action") != "GetCallerIdentity":
            raise TokenRefused("the action is not GetCallerIdentity")
        if "x-k8s-aws-id" not in signed_headers:
            raise TokenRefused("the cluster is not signed")
        expires = parameters.get("x-amz-expires", "")
        if not re.fullmatch(r"[0-9]{1,9}", expires) or int(expires) > EXPIRES_AT_MOST_S:
            raise TokenRefused("X-Amz-Expires is not within 0 to 900 seconds")
        date = parameters.get("x-amz-date", "")
        _check_age(date, now)
        scope = Scope.parse(parameters.get("x-amz-credential", ""))
        if scope is None or (scope.day, scope.region, scope.service) != (date[:8], host.split(".")[1], "sts"):
            raise TokenRefused("the credential's scope does not fit")
        key = next((key for key in self.keys if key.id == scope.key_id), None)
        if key is None or parameters.get("x-amz-security-token", "") != key.session_token:
            raise TokenRefused("the access key is unknown")
        sent = {"host": host, "x-k8s-aws-id": cluster, "accept": "application/json"}  # as the real verifier does
        if not set(signed_headers) <= sent.keys():
            raise TokenRefused("a header is signed that is not sent")
        right = signature(
            key,
            scope,
            date,
            method="GET",
            query=[(name, value) for name, value in query if name.lower() != SIGNATURE],
            headers=[(name, sent[name]) for name in signed_headers],
            body=b"",
        )
        claimed = parameters.get(SIGNATURE, "")
        if parameters.get("x-amz-algorithm") != ALGORITHM or not compare_digest(right.encode(), claimed.encode()):
            raise TokenRefused("the signature is wrong")
        return Identity(arn=key.arn, key_id=key.id)


def _take_apart(token: str) -> tuple[str, list[tuple[str, str]]]:
    """Return the host and the query of the token's URL, once its shape is right."""
    if len(token) > LENGTH_AT_MOST:
        raise TokenRefused("the token is too long")
    if not token.startswith(PREFIX):
        raise TokenRefused("the token has no k8s-aws-v1. prefix")
    encoded = token.removeprefix(PREFIX)
    if not re.fullmatch(r"[A-Za-z0-9_-]*", encoded) or len(encoded) % 4 == 1:
        raise TokenRefused("the token is not unpadded base64url")
    try:
        url = urlsplit(urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode("ascii"))
        query = parse_qsl(url.query, keep_blank_values=True, strict_parsing=True)
    except ValueError:
        raise TokenRefused("the token holds no URL") from None
    if url.scheme != "https":
        raise TokenRefused("the scheme is not https")
    if not HOST.fullmatch(url.netloc):
        raise TokenRefused("the host is not a regional STS host")
    if url.path != "/":
        raise TokenRefused("the path is not /")
    names = [name.lower() for name, _ in query]
    if len(set(names)) != len(names):
        raise TokenRefused("a parameter is given twice")
    if not set(names) <= PARAMETERS:
        raise TokenRefused("a parameter is not allowed")
    return url.netloc, query


def _check_age(date: str, now: datetime) -> None:
    signed_at = parse_date(date)
    if signed_at is None:
        raise TokenRefused("X-Amz-Date is not a date")
    if now > signed_at + AGE_AT_MOST:
        raise TokenRefused("the token has expired")
    if now < signed_at - EARLY_AT_MOST:
        raise TokenRefused("the token is signed in the future")
