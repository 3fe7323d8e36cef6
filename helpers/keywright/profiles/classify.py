"""What a failure means: one of nine reasons.

What an issuer said in its own terms comes first (`Evidence`), then the kind of the exception, then its text. A failure
of this side, such as a file that cannot be read, is never held against a profile, whatever words it is told in; and one
that came of another means what that one means.
"""

import re
from collections.abc import Callable
from typing import Final

from keywright.deadline import OutOfTime
from keywright.errors import CredentialExpired, Evidence, KeywrightError, Refused, TokenRevoked, Unreachable
from keywright.profiles.reason import FailureReason

_TEXTS: Final[tuple[tuple[FailureReason, tuple[str, ...], tuple[int, ...]], ...]] = (
    (FailureReason.RATE_LIMIT, ("rate limit", "rate_limit", "too many requests"), (429, 529)),
    (
        FailureReason.BILLING,
        ("billing", "quota exceeded", "quota_exceeded", "insufficient_quota", "payment required", "spending limit"),
        (402,),
    ),
    (
        FailureReason.AUTH_PERMANENT,
        ("permission_error", "permission denied", "access denied", "forbidden", "account deactivated"),
        (403,),
    ),
    (
        FailureReason.SESSION_EXPIRED,
        (
            "session expired",
            "session_expired",
            "token expired",
            "session invalid",
            "refresh token",
            "token has been revoked",
            "token revoked",
            "invalid token",
        ),
        (),
    ),
    (FailureReason.AUTH, ("invalid api key", "invalid_api_key", "unauthorized", "authentication failed"), (401,)),
    (FailureReason.TIMEOUT, ("timeout", "deadline exceeded", "context deadline", "context canceled"), ()),
    (
        FailureReason.MODEL_NOT_FOUND,
        ("model not found", "model_not_found", "does not exist", "no such model", "unknown model"),
        (),
    ),
    (FailureReason.FORMAT, ("invalid request", "bad request", "malformed"), (400,)),
)
"""Each reason's phrases, in lower case, and HTTP statuses. The order decides: the first that fits wins."""

_STATUSES: Final = {status: reason for reason, _, statuses in _TEXTS for status in statuses} | {
    408: FailureReason.TIMEOUT,
    504: FailureReason.TIMEOUT,
}

_OAUTH: Final = {
    "invalid_grant": FailureReason.SESSION_EXPIRED,
    "invalid_token": FailureReason.SESSION_EXPIRED,
    "invalid_client": FailureReason.AUTH_PERMANENT,
    "unauthorized_client": FailureReason.AUTH_PERMANENT,
    "access_denied": FailureReason.AUTH_PERMANENT,
    "slow_down": FailureReason.RATE_LIMIT,
    "temporarily_unavailable": FailureReason.RATE_LIMIT,
    "invalid_request": FailureReason.FORMAT,
    "invalid_scope": FailureReason.FORMAT,
}

_CODES: Final = (
    (re.compile(r"(?:Request)?Thrott(?:ling|led).*"), FailureReason.RATE_LIMIT),
    (re.compile(r"TooManyRequestsException|RequestLimitExceeded|SlowDown"), FailureReason.RATE_LIMIT),
    (re.compile(r"AccessDenied.*|UnauthorizedOperation|OptInRequired"), FailureReason.AUTH_PERMANENT),
    (re.compile(r"ExpiredToken.*|RequestExpired"), FailureReason.SESSION_EXPIRED),
    (re.compile(r"InvalidClientTokenId|SignatureDoesNotMatch|UnrecognizedClientException"), FailureReason.AUTH),
    (re.compile(r"invalid_api_key|authentication_error"), FailureReason.AUTH),
    (re.compile(r"insufficient_quota"), FailureReason.BILLING),
)
"""Issuers' own codes: AWS's, and those of AI providers."""

_OF_ISSUERS: Final = (CredentialExpired, Refused, TokenRevoked, Unreachable)
"""Our errors that tell of an issuer. Any other is a failure of this side: nothing that the account could have done."""

_STATUS: Final = re.compile(
    r"(?<![a-z0-9_])(?:status|status[ _-]?code|http(?:/[0-9](?:\.[0-9])?)?|error|error[ _-]?code)"
    r"(?:\"?\s*[:=]\s*|\s+)([45][0-9]{2})(?!\.?[0-9a-z_])",
    re.ASCII | re.IGNORECASE,
)
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,15}://[^\s\"'<>]*")


def classify(error: BaseException | None) -> FailureReason:
    """Return what an exception means for the profile it struck. Unknown is never held against it."""
    error = _origin(error)
    if error is None:
        return FailureReason.UNKNOWN
    if isinstance(error, KeywrightError) and error.evidence is not None:
        reason = _by_evidence(error.evidence)
        if reason is not FailureReason.UNKNOWN:
            return reason
    if isinstance(error, TimeoutError | OutOfTime):
        return FailureReason.TIMEOUT
    if isinstance(error, TokenRevoked):
        return FailureReason.SESSION_EXPIRED
    is_ours = isinstance(error, KeywrightError)
    if isinstance(error, OSError) or (is_ours and not isinstance(error, _OF_ISSUERS)):
        return FailureReason.UNKNOWN
    # Of our own errors only what failed counts: account and host are names, and a name may be `billing`.
    text = _URL.sub("", error.what if isinstance(error, KeywrightError) else str(error))
    status = status_in(text)
    if isinstance(error, Unreachable):
        is_limited = _STATUSES.get(status or 0) is FailureReason.RATE_LIMIT
        return FailureReason.RATE_LIMIT if is_limited else FailureReason.TIMEOUT
    reason = _by_table(text, lambda statuses: status in statuses)
    if reason is FailureReason.UNKNOWN:
        reason = _STATUSES.get(status or 0, reason)
    if reason is FailureReason.UNKNOWN and isinstance(error, Refused):
        return FailureReason.AUTH
    return reason


def classify_message(text: str | None) -> FailureReason:
    """Return what a text means, by the phrases in it and by `status 429`, `status: 429`, `HTTP 429` or `http 429`.

    A number that only begins with the status counts too. It knows nothing of where the text comes from; an exception is
    judged more carefully (`classify`).
    """
    told = text or ""
    return _by_table(
        told,
        lambda statuses: any(
            f"{before}{status}" in told for status in statuses for before in ("status ", "status: ", "HTTP ", "http ")
        ),
    )


def status_in(text: str) -> int | None:
    """Return the first HTTP status of an error, 400 to 599, that a text tells; None if it tells none.

    It is told as `status 429`, `Status: 429`, `status code 429`, `HTTP/1.1 429` or `Error code: 429`, in either case.
    """
    match = _STATUS.search(text)
    return int(match.group(1)) if match else None


def _origin(error: BaseException | None) -> BaseException | None:
    """Return what the failure came of; itself, if of nothing else."""
    while isinstance(error, KeywrightError) and error.caused_by is not None:
        error = error.caused_by
    return error


def _by_evidence(evidence: Evidence) -> FailureReason:
    """What the issuer said in words comes before the status, which several failures share."""
    if evidence.oauth_error in _OAUTH:
        return _OAUTH[evidence.oauth_error]
    for pattern, reason in _CODES:
        if pattern.fullmatch(evidence.code):
            return reason
    reason = _by_table(evidence.code, lambda _: False)
    return _STATUSES.get(evidence.status or 0, reason) if reason is FailureReason.UNKNOWN else reason


def _by_table(text: str, has_one: Callable[[tuple[int, ...]], bool]) -> FailureReason:
    """Return the first reason of the table that has a phrase in the text, or a status that `has_one` finds."""
    lowered = text.lower()
    for reason, phrases, statuses in _TEXTS:
        if any(phrase in lowered for phrase in phrases) or has_one(statuses):
            return reason
    return FailureReason.UNKNOWN
