"""What a server said to a request that carried a credential, told from its status or from what a client raised."""

from collections.abc import Mapping
from typing import Final

from keywright.errors import Evidence, KeywrightError, RateLimited, Refused, Rejected, Unreachable

REJECTING: Final = frozenset({401, 403})
"""The HTTP statuses that another credential may mend."""
_TOO_MANY: Final = 429
_LATER: Final = frozenset({408, 500, 502, 503, 504})


def is_rejection(error: BaseException) -> bool:
    """Return whether the error says that a credential was rejected: `Rejected`, or anything that carries a 401 or 403.

    The status is found where the clients of httpx, requests, urllib, aiohttp, botocore, kubernetes, PyGithub, OpenAI
    and Anthropic keep it.
    """
    return isinstance(error, Rejected) or _status_of(error) in REJECTING


def error_of_status(status: int, *, retry_after_s: float | None = None) -> KeywrightError:
    """Return the error to raise for the HTTP status of an answer that is no success.

    `Rejected` for 401 and 403, `RateLimited` for 429, `Unreachable` for what a later try may mend, else `Refused`.
    """
    told = f"the server answered {status}"
    error: KeywrightError
    if status in REJECTING:
        error = Rejected(told)
    elif status == _TOO_MANY:
        error = RateLimited(told, retry_after_s=retry_after_s)
    elif status in _LATER:
        error = Unreachable(told, retry_after_s=retry_after_s)
    else:
        error = Refused(told)
    return error.as_told(Evidence(status=status))


def _status_of(error: BaseException) -> int | None:
    """Return the HTTP status that an exception carries; None if it carries none."""
    if isinstance(error, KeywrightError):
        return error.evidence.status if error.evidence else None
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):  # botocore's ClientError
        metadata = response.get("ResponseMetadata")
        response = metadata if isinstance(metadata, Mapping) else {}
        found: object = response.get("HTTPStatusCode")
        return found if isinstance(found, int) else None
    places = (
        (error, "status_code"),
        (response, "status_code"),
        (response, "status"),
        (error, "status"),
        (error, "code"),
    )
    return next((found for place, name in places if isinstance(found := getattr(place, name, None), int)), None)
