"""What a failure means: what the issuer said first, then the kind of the exception, then its text."""

import re
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.deadline import OutOfTime
from keywright.errors import (
    ERRORS,
    CredentialExpired,
    Evidence,
    KeywrightError,
    Refused,
    TokenRevoked,
    Unavailable,
    Unreachable,
)
from keywright.profiles.classify import classify, classify_message, status_in
from keywright.profiles.reason import FailureReason

TEXTS: dict[str, list[str]] = {
    "rate_limit": [
        "Rate limit exceeded",
        "rate_limit_error",
        "429 Too Many Requests",
        "HTTP 429",
        "http 429",
        "status 429",
        "status: 429",
        "status 4290",
        "HTTP 529",
        "rate limit and billing",
        "billing: too many requests",
    ],
    "billing": [
        "Billing hard limit reached",
        "quota exceeded for metric",
        "quota_exceeded",
        "insufficient_quota",
        "402 Payment Required",
        "HTTP 402",
        "You have hit your spending limit",
    ],
    "auth_permanent": [
        "permission_error: OAuth token lacks scope",
        "open /x: permission denied",
        "Access denied",
        "403 Forbidden",
        "HTTP 403",
        "account deactivated",
        "token expired and refresh failed: token refresh failed with status 403: {}",
    ],
    "session_expired": [
        "Session expired",
        "session_expired",
        "session invalid",
        "token expired",
        "Token has been revoked",
        "token revoked",
        "Invalid token",
        'token expired and refresh failed: token refresh failed with status 400: {"error":"invalid_grant"}',
        "no refresh token available for provider gemini",
        "invalid token: HTTP 401",
    ],
    "auth": ["Invalid API key", "invalid_api_key", "401 Unauthorized", "HTTP 401", "authentication failed"],
    "timeout": ["request timeout", "context deadline exceeded", "context canceled", "read tcp: i/o timeout"],
    "model_not_found": [
        "model not found",
        "model_not_found",
        "file does not exist",
        "no such model",
        "unknown model",
        "HTTP 400: unknown model",
    ],
    "format": [
        'token refresh failed with status 400: {"error":"invalid_grant"}',
        "invalid request",
        "Bad Request",
        "malformed",
        "status 400",
    ],
    "unknown": [
        "",
        "Http 429",
        "Status: 429",
        "STATUS 429",
        "HTTP/1.1 429",
        "status code 429",
        "error 429",
        "HTTP 503",
        "HTTP 408",
        "access_denied",
        "invalid_token",
        "invalid_grant",
        "Incorrect API key provided",
        "authentication_error",
        "timed out",
        "Token has been expired or revoked.",
        "ExpiredToken: The security token included in the request is expired",
        "AccessDenied: not authorized to perform sts:AssumeRole",
        "invalid_request_error",
        "connection refused",
        "no valid profile found for provider x",
        "vault is locked",
    ],
}


@pytest.mark.parametrize(("reason", "text"), [(reason, text) for reason, texts in TEXTS.items() for text in texts])
def test_a_text(reason: str, text: str) -> None:
    assert classify_message(text) == reason


def test_no_text_and_no_error_are_unknown() -> None:
    assert classify_message(None) is classify(None) is FailureReason.UNKNOWN


def test_there_are_nine_reasons() -> None:
    assert set(FailureReason) == {*TEXTS}
    assert len(FailureReason) == 9


# --- the status in a text -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "HTTP 429",
        "Http 429",
        "http 429",
        "HTTP/1.1 429",
        "HTTP/1.1 429 Too Many Requests",
        "HTTP/2 429",
        "http: 429",
        "status 429",
        "STATUS 429",
        "Status: 429",
        "status=429",
        "status = 429",
        '{"status": 429}',
        '{"status":429,"x":1}',
        "status_code: 429",
        "status-code 429",
        "status code 429",
        "Status Code: 429",
        "error 429",
        "Error code: 429 - {'error'",
        "it answered with status 429.",
        "status 429, then status 500",
        "(status 429)",
        "status 200, then HTTP 429",
        "status 4290, then HTTP 429",
        "status\n429",
    ],
)
def test_a_status_is_found_in_a_text(text: str) -> None:
    assert status_in(text) == 429


@pytest.mark.parametrize(
    "text",
    [
        "",
        "429",
        "429 Too Many Requests",
        "status 4290",
        "status 42",
        "status 1429",
        "status 429.5",
        "status 429ms",
        "status 429_000",
        "status429",
        "status 200",
        "status 302",
        "status 600",
        "exit status 1",
        "exit status 127",
        "laststatus 429",
        "terror 429",
        "port 429",
        "status -429",
        "\u017ftatus 429",
        "status ٤٢٩",
        "HTTP/1.1 is what it speaks, 429 of them",
    ],
)
def test_what_is_no_status(text: str) -> None:
    assert status_in(text) is None


@given(st.text())
def test_whatever_the_text_is_it_has_one_reason(text: str) -> None:
    status = status_in(text)
    assert status is None or 400 <= status <= 599
    assert classify_message(text) in FailureReason
    assert classify(Exception(text)) in FailureReason


# --- evidence -------------------------------------------------------------------------------------------------------

EVIDENCE: list[tuple[str, dict[str, Any]]] = [
    ("rate_limit", {"status": 429}),
    ("rate_limit", {"status": 529}),
    ("billing", {"status": 402}),
    ("auth_permanent", {"status": 403}),
    ("auth", {"status": 401}),
    ("format", {"status": 400}),
    ("timeout", {"status": 408}),
    ("timeout", {"status": 504}),
    ("session_expired", {"oauth_error": "invalid_grant"}),
    ("session_expired", {"oauth_error": "invalid_token"}),
    ("auth_permanent", {"oauth_error": "invalid_client"}),
    ("auth_permanent", {"oauth_error": "unauthorized_client"}),
    ("auth_permanent", {"oauth_error": "access_denied"}),
    ("rate_limit", {"oauth_error": "slow_down"}),
    ("rate_limit", {"oauth_error": "temporarily_unavailable"}),
    ("format", {"oauth_error": "invalid_request"}),
    ("format", {"oauth_error": "invalid_scope"}),
    ("rate_limit", {"code": "Throttling"}),
    ("rate_limit", {"code": "ThrottlingException"}),
    ("rate_limit", {"code": "ThrottledException"}),
    ("rate_limit", {"code": "RequestThrottledException"}),
    ("rate_limit", {"code": "TooManyRequestsException"}),
    ("rate_limit", {"code": "RequestLimitExceeded"}),
    ("rate_limit", {"code": "SlowDown"}),
    ("auth_permanent", {"code": "AccessDenied"}),
    ("auth_permanent", {"code": "AccessDeniedException"}),
    ("auth_permanent", {"code": "UnauthorizedOperation"}),
    ("auth_permanent", {"code": "OptInRequired"}),
    ("session_expired", {"code": "ExpiredToken"}),
    ("session_expired", {"code": "ExpiredTokenException"}),
    ("session_expired", {"code": "RequestExpired"}),
    ("auth", {"code": "InvalidClientTokenId"}),
    ("auth", {"code": "SignatureDoesNotMatch"}),
    ("auth", {"code": "UnrecognizedClientException"}),
    ("auth", {"code": "invalid_api_key"}),
    ("auth", {"code": "authentication_error"}),
    ("billing", {"code": "insufficient_quota"}),
    # a code that is only known as a phrase
    ("rate_limit", {"code": "rate_limit_exceeded"}),
    ("auth_permanent", {"code": "permission_error"}),
    ("model_not_found", {"code": "model_not_found"}),
    # what is said in words comes before the status
    ("session_expired", {"status": 400, "oauth_error": "invalid_grant"}),
    ("auth_permanent", {"status": 401, "oauth_error": "invalid_client"}),
    ("billing", {"status": 429, "code": "insufficient_quota"}),
    ("session_expired", {"status": 403, "code": "ExpiredToken"}),
    ("auth", {"status": 403, "code": "SignatureDoesNotMatch"}),
    ("rate_limit", {"status": 400, "code": "ThrottlingException"}),
    # what nobody knows leaves it to the status
    ("format", {"status": 400, "oauth_error": "unsupported_grant_type"}),
    ("auth_permanent", {"status": 403, "oauth_error": "insufficient_scope"}),
    ("auth_permanent", {"status": 403, "code": "InvalidIdentityToken"}),
    ("rate_limit", {"status": 429, "code": "Throttl"}),
]


@pytest.mark.parametrize(("reason", "said"), EVIDENCE, ids=[str(said) for _, said in EVIDENCE])
@pytest.mark.parametrize("kind", [Refused, Unreachable, Unavailable, TokenRevoked])
def test_what_the_issuer_said_comes_before_everything_else(
    reason: str, said: dict[str, Any], kind: type[KeywrightError]
) -> None:
    error = kind("too many requests: spending limit")
    error.evidence = Evidence(**said)
    assert classify(error) == reason


@pytest.mark.parametrize("said", [{}, {"status": 404}, {"status": 200}, {"status": 503}, {"code": "xThrottling"}])
@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        (Refused, "there is no such thing", "auth"),
        (Refused, "unknown model", "model_not_found"),
        (Unreachable, "no answer", "timeout"),
        (Unavailable, "status 429", "unknown"),
    ],
)
def test_evidence_that_says_nothing_is_none(
    said: dict[str, Any], kind: type[KeywrightError], text: str, reason: str
) -> None:
    error = kind(text)
    error.evidence = Evidence(**said)
    assert classify(error) == reason


def test_without_an_issuer_there_is_no_evidence() -> None:
    assert Refused("no").evidence is None
    assert Evidence() == Evidence(status=None, oauth_error="", code="")


# --- exceptions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        # ours, by their kind
        (TokenRevoked("the grant was taken back"), "session_expired"),
        (TokenRevoked("status 400"), "session_expired"),
        (Unreachable("api.example did not answer in time"), "timeout"),
        (Unreachable("api.example answered with status 503"), "timeout"),
        (Unreachable("api.example answered with status 403"), "timeout"),
        (Unreachable("api.example answered with status 429"), "rate_limit"),
        (Unreachable("forbidden.example did not answer"), "timeout"),
        (OutOfTime(), "timeout"),
        # ours, by their text
        (Refused("it said no"), "auth"),
        (Refused("it answered with status 4290"), "auth"),
        (Refused("it answered with Status: 403"), "auth_permanent"),
        (Refused("it answered with HTTP/1.1 402"), "billing"),
        (Refused("it answered with status code 504"), "timeout"),
        (Refused("rate limit reached, status 403"), "rate_limit"),
        (Refused("session expired"), "session_expired"),
        (CredentialExpired("it is of no use any more"), "unknown"),
        (CredentialExpired("token expired"), "session_expired"),
        (CredentialExpired("it answered with status 429"), "rate_limit"),
        (KeywrightError("it answered with status 429"), "unknown"),
        # names are no words
        (Refused("it said no").about("openai:billing", "forbidden.example"), "auth"),
        (Refused("it said no", mend="see https://status.example/billing"), "auth"),
        (Refused("https://ghe.billing.example/forbidden forbids it to the app"), "auth"),
        (Exception("POST https://api.example/v1/billing: HTTP 401"), "auth"),
        # others', by their kind
        (TimeoutError("whatever"), "timeout"),
        (TimeoutError(), "timeout"),
        (PermissionError(13, "Permission denied", "/x"), "unknown"),
        (FileNotFoundError("file does not exist"), "unknown"),
        (ConnectionRefusedError("HTTP 429"), "unknown"),
        (OSError("rate limit"), "unknown"),
        # others', by their text
        (Exception("HTTP 402"), "billing"),
        (Exception("Http 429"), "rate_limit"),
        (ValueError("Error code: 429 - {'error': {}}"), "rate_limit"),
        (Exception("status 4290"), "unknown"),
        (Exception("status code 408"), "timeout"),
        (Exception(""), "unknown"),
        (RuntimeError("model not found"), "model_not_found"),
        (Exception("token expired and refresh failed: token refresh failed with status 403: {}"), "auth_permanent"),
        (Exception("a" * 300_000 + " HTTP 429"), "rate_limit"),
        (KeyboardInterrupt(), "unknown"),
    ],
    ids=lambda value: repr(value)[:80],
)
def test_an_exception(error: BaseException, reason: str) -> None:
    assert classify(error) == reason


LOCAL = sorted({*ERRORS} - {"credential_expired", "refused", "token_revoked", "unreachable"})


@pytest.mark.parametrize("code", LOCAL)
@pytest.mark.parametrize("text", ["HTTP 429", "permission denied", "insufficient_quota", "invalid_grant", "timeout"])
def test_what_failed_on_this_side_is_never_held_against_a_profile(code: str, text: str) -> None:
    assert classify(ERRORS[code](text)) is FailureReason.UNKNOWN


CAUSES: list[tuple[KeywrightError, str]] = [
    (Refused("it said no").as_told(Evidence(status=400, code="ThrottlingException")), "rate_limit"),
    (Refused("it answered with status 403").as_told(Evidence(status=429)), "rate_limit"),
    (Unavailable("/key.pem cannot be read: permission denied"), "unknown"),
    (Unreachable("no answer in time"), "timeout"),
]


@pytest.mark.parametrize(("cause", "reason"), CAUSES)
def test_a_failure_that_came_of_another_means_what_that_one_means(cause: KeywrightError, reason: str) -> None:
    told = CredentialExpired(f"renewing it failed ({cause.code}): {cause.what}")
    told.caused_by = cause
    assert classify(told) == classify(cause) == reason


def test_a_text_means_the_same_in_an_exception_but_for_the_numbers_read_more_carefully() -> None:
    loose = re.compile(r"status 4290|Http 429|Status: 429|STATUS 429|HTTP/1\.1 429|status code 429|error 429|HTTP 408")
    for reason, texts in TEXTS.items():
        for text in texts:
            if not loose.fullmatch(text):
                assert classify(Exception(text)) == reason, text


def test_the_words_of_profiles_are_light() -> None:
    program = (
        "import sys\n"
        "import keywright.profiles.classify, keywright.profiles.cooldown, keywright.profiles.order\n"
        "print(*sorted({'dataclasses', 'inspect', 'msgspec', 'tomllib', 'keywright.vault'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []
