"""Renewing an OAuth grant at its issuer's token endpoint (RFC 6749, section 6).

POST /token
Content-Type: application/x-www-form-urlencoded

grant_type=refresh_token&refresh_token=1%2F%2F0g…&client_id=abc.apps.example

{"access_token": "ya29.…", "expires_in": 3599, "token_type": "Bearer", "scope": "openid email"}
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from keywright.errors import Evidence, KeywrightError, Refused, TokenRevoked, Unavailable, Unreachable
from keywright.profiles.model import AuthProfile, OAuth
from keywright.secret import Secret
from keywright.transport import Response, send

LIFETIME: Final = timedelta(hours=1)
"""How long an access token is taken to live whose answer does not say (`expires_in` is only recommended)."""
_CODE: Final = re.compile(r"[a-z_]{1,40}")
_TAKEN_BACK: Final = ("invalid_grant", "bad_refresh_token")
"""The protocol's word, and GitHub's."""
_OK: Final = 200
_TOO_MANY_REQUESTS: Final = 429
_SERVER_ERROR: Final = 500


class TokenRefresher(Protocol):
    """Renews the grant of one profile."""

    def refresh(self, profile: AuthProfile, grant: OAuth, now: datetime, timeout_s: float) -> OAuth:
        """Return what the issuer answers; what it leaves out is empty.

        Raises:
            TokenRevoked: it took the grant back.
            Refused: it said no for another reason.
            Unreachable: it did not answer in time, or not in this protocol.
            Unavailable: nothing is known of where to ask.
        """


class TokenEndpoint:
    """Asks the token endpoint that is known of the profile's provider."""

    def __init__(self, env: Mapping[str, str]) -> None:
        """Take the caller's environment, which leads to the providers and to proxies."""
        self._env = env

    def refresh(self, profile: AuthProfile, grant: OAuth, now: datetime, timeout_s: float) -> OAuth:
        """Return what the endpoint answers (`TokenRefresher.refresh`)."""
        from urllib.parse import urlencode

        url = self._url(profile.id.provider)
        secret = grant.metadata.get("client_secret")
        form = {
            "grant_type": "refresh_token",
            "refresh_token": grant.refresh_token.reveal() if grant.refresh_token else "",
            **({"client_id": grant.client_id} if grant.client_id else {}),
            **({"client_secret": secret.reveal()} if secret else {}),
        }
        response = send(
            "POST",
            url,
            headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
            body=urlencode(form).encode("ascii"),
            timeout_s=timeout_s,
            env=self._env,
        )
        answer = _json(response)
        if response.status != _OK or "error" in answer:  # GitHub fails with 200
            raise _failure(response, answer)
        return _grant(answer, now)

    def _url(self, provider: str) -> str:
        from keywright.profiles import custom

        catalog = custom.load_catalog(custom.locate(self._env))
        endpoint = catalog.get(provider).oauth_endpoint if catalog.knows(provider) else None
        if endpoint is None or not endpoint.token_url:
            raise Unavailable(
                f"nothing is known of where {provider} renews a grant",
                mend=f"`token_url` in providers.d/{provider}.toml says so, or import a new grant",
            )
        return endpoint.token_url


def _grant(answer: Mapping[str, Any], now: datetime) -> OAuth:
    access, refresh = answer.get("access_token"), answer.get("refresh_token")
    lifetime_s, scope = answer.get("expires_in"), answer.get("scope")
    if not isinstance(access, str) or not access:
        raise Unreachable("the token endpoint answered with something that is no token")
    try:
        lifetime = LIFETIME if lifetime_s is None else timedelta(seconds=float(lifetime_s))
        expires_at = now + lifetime
    except (TypeError, ValueError, OverflowError):
        expires_at = now + LIFETIME
    return OAuth(
        access_token=Secret(access),
        refresh_token=Secret(refresh) if isinstance(refresh, str) and refresh else None,
        expires_at=expires_at,
        scopes=tuple(scope.split()) if isinstance(scope, str) else (),
    )


def _failure(response: Response, answer: Mapping[str, Any]) -> KeywrightError:
    code = answer.get("error")
    code = code if isinstance(code, str) and _CODE.fullmatch(code) else ""
    told = f"the token endpoint answered with {code or f'status {response.status}'}"
    evidence = Evidence(status=response.status, oauth_error=code)
    if response.status == _TOO_MANY_REQUESTS or response.status >= _SERVER_ERROR:
        return Unreachable(told, retry_after_s=response.retry_after_s).as_told(evidence)
    if code in _TAKEN_BACK:
        return TokenRevoked(f"its issuer took the grant back ({code})").as_told(evidence)
    return Refused(told).as_told(evidence)


def _json(response: Response) -> Mapping[str, Any]:
    try:
        answer = json.loads(response.body)
    except (ValueError, RecursionError):
        answer = None
    return answer if isinstance(answer, dict) else {}
