"""A short-lived token, traded for a long-lived access key at a token endpoint.

    > POST /api/authorise HTTP/1.1
    > Content-Type: application/json
    > {"accessKey": "CSAK…", "audience": "https://api.example"}           `audience` only where the settings have one
    < HTTP/1.1 200 OK
    < {"accessToken": "eyJ…", "expiry": 1700000900}                       seconds since the epoch: an instant, no span

A refusal has OAuth's words (RFC 6749, section 5.2), `{"error": "invalid_client"}`; 402 tells of a usage limit.
The key itself is read anew for each fetch and is in no cache.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from keywright.credential import CacheKey, Credential
from keywright.errors import Evidence, KeywrightError, Refused, Unreachable
from keywright.freshness import Margins
from keywright.providers.base import ALONE, Aid, Minted
from keywright.providers.minting import checked_token, reckon_expiry
from keywright.providers.reference import facts_of, inputs_of, read_reference
from keywright.settings.model import AccessKeyOptions

if TYPE_CHECKING:
    from keywright.transport import Response

NAME: Final = "access-key"
USAGE_LIMIT_S: Final = 60.0
"""How long an issuer is left alone that answers 402, at the least."""
LONGEST: Final = timedelta(days=3653)
"""An instant further off is not the end of a token: it is milliseconds, say."""
NOT_BELIEVED: Final = "it came without an instant at which it ends, so it is not kept and will be asked for again"
_WORD: Final = re.compile(r"[a-z_]{1,40}")
_MEANINGS: Final = {
    "access_denied": "authorization was denied",
    "invalid_client": "the access key is none that is known there",
    "invalid_grant": "the access key is not accepted any more",
}


class AccessKeyProvider:
    """Trades one access key.

    Attributes:
        profile: the profile's id.
        options: the profile's table.
        env: the caller's environment.
    """

    def __init__(self, *, profile: str, options: AccessKeyOptions, env: Mapping[str, str]) -> None:
        self.profile = profile
        self.options = options
        self.env = env

    @property
    def key(self) -> CacheKey:
        """The endpoint, whom the token is for, where it may go, and where the access key is."""
        options = self.options
        facts = {
            "url": options.url,
            "audience": options.audience,
            "site": options.site,
            "username": options.username,
            **facts_of(options.key, self.env),
        }
        return CacheKey(provider=NAME, profile=self.profile, facts=facts)

    @property
    def margins(self) -> Margins:
        """No floors: nothing is known of who uses it."""
        return Margins()

    @property
    def inputs(self) -> Mapping[str, str]:
        """The access key's file, or the vault's where it is kept there; none for a variable."""
        return inputs_of(self.options.key, self.env)

    @property
    def parent(self) -> None:
        """None: the key speaks for itself."""

    def fetch(
        self,
        now: datetime,
        timeout_s: float,
        memory: Mapping[str, str],  # noqa: ARG002 - the contract's
        aid: Aid = ALONE,  # noqa: ARG002 - the same
    ) -> Minted:
        """Trade the key for a token: one request.

        A token whose expiry makes no sense is handed out once, and not kept.

        Raises:
            ConfigurationError: `url` is not one that a secret is sent to.
            Unavailable: the access key is missing, empty or cannot be read.
            VaultLocked: the access key is in the vault, which is locked.
            VaultUnusable: the access key is in the vault, which is damaged or cannot be trusted.
            Refused: the endpoint was asked and said no.
            Unreachable: the endpoint did not answer in time or not in its own protocol.
        """
        from keywright.transport import send

        inputs = self.inputs
        question = {"accessKey": read_reference(self.options.key, self.env, setting="key").reveal()}
        if self.options.audience:
            question["audience"] = self.options.audience
        response = send(
            "POST",
            self.options.url,
            headers={"Accept": "application/json", "Content-Type": "application/json"},
            body=json.dumps(question).encode("ascii"),
            timeout_s=timeout_s,
            env=self.env,
        )
        answer = _document(response.body)
        if response.status not in {200, 201} or ("accessToken" not in answer and _word(answer)):
            raise self._failure(response, _word(answer))
        expires_at = _expiry(answer.get("expiry"), now, response.date)
        credential = Credential(
            secret=checked_token(answer.get("accessToken"), self.options.url),
            username=self.options.username or None,
            issued_at=now,
            expires_at=expires_at,
        )
        is_known = expires_at is not None
        return Minted(credential=credential, inputs=inputs, notes=() if is_known else (NOT_BELIEVED,), is_kept=is_known)

    def _failure(self, response: "Response", word: str) -> KeywrightError:
        """Return what an answer means that no token is; nothing of it is quoted but a plain word."""
        url, status, retry_after_s = self.options.url, response.status, response.retry_after_s
        if status == 402:  # noqa: PLR2004 - HTTP's own names, here and below
            return Refused(
                f"{url} says that the usage limit is reached",
                mend="see what the account may use",
                retry_after_s=max(USAGE_LIMIT_S, retry_after_s or 0.0),
            ).as_told(Evidence(status=429, code="usage_limit"))
        is_limited = status == 429 or (status == 403 and retry_after_s is not None)  # noqa: PLR2004 - the same
        evidence = Evidence(status=429 if is_limited else status, oauth_error=word)
        is_refusal = status == 200 or 400 <= status < 500  # noqa: PLR2004 - the same
        if is_limited or not is_refusal:
            mend = "set `url` to where the endpoint is" if 300 <= status < 400 else ""  # noqa: PLR2004 - the same
            told = "a redirect" if mend else f"status {status}"
            error = Unreachable(f"{url} answered with {told}", mend=mend, retry_after_s=retry_after_s)
            return error.as_told(evidence)
        if status in {404, 405} and not word:
            return Refused(f"{url} is no token endpoint (status {status})", mend="mend `url`").as_told(evidence)
        what = _MEANINGS.get(word, "it said no")
        told = f"{url}: {what} [{word or f'status {status}'}]"
        return Refused(told, mend=f"check the access key in {self.options.key}").as_told(evidence)


def _expiry(value: object, now: datetime, issuer_date: datetime | None) -> datetime | None:
    """Return when a token ends, on this machine's clock; None for what cannot be its end.

    `value` is seconds since the epoch, with or without a fraction. What is no number, is over already or more than ten
    years away is not guessed at: a span taken for an instant, or milliseconds for seconds, would never be renewed.
    """
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        expires_at = datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):  # NaN, infinity, and what no calendar has
        return None
    if not timedelta(0) < expires_at - (issuer_date or now) <= LONGEST:
        return None
    return reckon_expiry(now, expires_at, issuer_date, LONGEST)


def _document(body: bytes) -> Mapping[str, object]:
    """Return the answer's JSON object; an empty one if it is none."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    return answer if isinstance(answer, dict) else {}


def _word(answer: Mapping[str, object]) -> str:
    word = answer.get("error")
    return word if isinstance(word, str) and _WORD.fullmatch(word) else ""
