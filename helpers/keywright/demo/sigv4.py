"""AWS Signature Version 4, from the verifier's side.

Written from "Create a signed AWS API request" in the AWS IAM user guide and not from botocore, so that what botocore
signs for the helpers is checked by something else.
"""

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final
from urllib.parse import quote

ALGORITHM: Final = "AWS4-HMAC-SHA256"
DATE_FORMAT: Final = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """One AWS access key known to the issuers, permanent or (with a session token) temporary, and whose it is."""

    id: str
    secret: str = field(repr=False)
    session_token: str = field(default="", repr=False)
    arn: str = "arn:aws:iam::111122223333:user/demo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The credential scope, `AKID/20260102/eu-central-1/ecr/aws4_request`, taken apart."""

    key_id: str
    day: str
    region: str
    service: str

    @classmethod
    def parse(cls, text: str) -> "Scope | None":
        """Return the scope that `text` spells; None if it spells none."""
        parts = text.split("/")
        if len(parts) != 5 or parts[4] != "aws4_request":  # noqa: PLR2004 - the five parts shown above
            return None
        return cls(key_id=parts[0], day=parts[1], region=parts[2], service=parts[3])


def signature(
    key: AccessKey,
    scope: Scope,
    date: str,
    *,
    method: str,
    query: Iterable[tuple[str, str]],
    headers: Iterable[tuple[str, str]],
    body: bytes,
) -> str:
    """Return the signature (hex) of a request for the path `/`.

    Args:
        key: whose secret signs.
        scope: the scope the request claims.
        date: `X-Amz-Date`, such as `20260102T030405Z`.
        method: upper case.
        query: decoded names and values, without `X-Amz-Signature`, in any order.
        headers: the signed headers, in any order and case.
        body: what the payload hash is taken over.
    """
    named = sorted((name.lower(), " ".join(value.split())) for name, value in headers)
    canonical = "\n".join(
        [
            method,
            "/",
            "&".join(sorted(f"{_encode(name)}={_encode(value)}" for name, value in query)),
            *(f"{name}:{value}" for name, value in named),
            "",
            ";".join(name for name, _ in named),
            sha256(body).hexdigest(),
        ]
    )
    scope_line = f"{scope.day}/{scope.region}/{scope.service}/aws4_request"
    to_sign = f"{ALGORITHM}\n{date}\n{scope_line}\n{sha256(canonical.encode()).hexdigest()}"
    signing_key = f"AWS4{key.secret}".encode()
    for part in (scope.day, scope.region, scope.service, "aws4_request", to_sign):
        signing_key = hmac.digest(signing_key, part.encode(), "sha256")
    return signing_key.hex()


def parse_date(text: str) -> datetime | None:
    """Return the instant that an `X-Amz-Date` names (aware UTC); None if it is not one."""
    if not re.fullmatch(r"[0-9]{8}T[0-9]{6}Z", text):
        return None  # strptime would let shorter fields pass
    try:
        return datetime.strptime(text, DATE_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None


def _encode(text: str) -> str:
    return quote(text, safe="-_.~")
