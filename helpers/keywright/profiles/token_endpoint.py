"""An issuer's token endpoint: it renews a grant (RFC 6749, section 6), and gives one for a code.

POST /token
Content-Type: application/x-www-form-urlencoded

grant_type=refresh_token&refresh_token=1%2F%2F0g…&client_id=abc.apps.example

{"access_token": "ya29.…", "expires_in": 3599, "token_type": "Bearer", "scope": "openid email"}

A refusal is told with status 400 (RFC 6749, section 5.2), by some issuers with 200: `{"error": "invalid_grant"}`.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from keywright.errors import Evidence, KeywrightError, Refused, TokenRevoked, Unavailable, Unreachable
from keywright.profiles.id_token import email_hint
from keywright.profiles.identity import ProfileId
from keywright.profiles.model import AuthProfile, OAuth
from keywright.secret import Secret
from keywright.transport import Response, send

CLIENT_SECRET: Final = "client_secret"  # noqa: S105 - the name of one
TOKEN_URL: Final = "token_url"  # noqa: S105 - the name of a place
"""What a grant's metadata may hold for its renewal: its client's secret, and the endpoint that its person named."""
LIFETIME: Final = timedelta(hours=1)
"""How long an access token is taken to live whose answer does not say (`expires_in` is only recommended)."""
_CODE: Final = re.compile(r"[a-z_]{1,40}")
_TAKEN_BACK: Final = ("invalid_grant", "bad_refresh_token")
"""The protocol's word, and GitHub's."""
_OK: Final = 200
_PAYMENT_REQUIRED: Final = 402
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
        form = {
            "grant_type": "refresh_token",
            "refresh_token": grant.refresh_token.reveal() if grant.refresh_token else "",
            **client_form(grant.client_id, grant.metadata.get(CLIENT_SECRET)),
        }
        return ask(self._url(profile.id, grant), form, now, timeout_s=timeout_s, env=self._env)

    def _url(self, profile: ProfileId, grant: OAuth) -> str:
        given = grant.metadata.get(TOKEN_URL)
        if given:
            return given.reveal()
        from keywright.profiles import custom

        provider, catalog = profile.provider, custom.load_catalog(custom.locate(self._env))
        endpoint = catalog.get(provider).oauth_endpoint if catalog.knows(provider) else None
        if endpoint is None or not endpoint.token_url:
            raise Unavailable(
                f"nothing is known of where {provider} renews a grant",
                mend=f"run `keywright profile login {profile} --token-url URL`, or see providers.d/{provider}.toml",
            )
        return endpoint.token_url


def client_form(client_id: str, client_secret: Secret | None) -> dict[str, str]:
    """Return how a client says who it is in a form (RFC 6749, section 2.3.1); what is empty is left out."""
    return {
        **({"client_id": client_id} if client_id else {}),
        **({"client_secret": client_secret.reveal()} if client_secret else {}),
    }


def ask(url: str, form: Mapping[str, str], now: datetime, *, timeout_s: float, env: Mapping[str, str]) -> OAuth:
    """Return the grant that the token endpoint gives for a form; what it leaves out is empty.

    Raises:
        TokenRevoked: it does not accept what the form offers (`invalid_grant`).
        Refused: it said no for another reason; the evidence has its word.
        Unreachable: it did not answer in time, or not in this protocol.
        ConfigurationError: `url` is not one that a secret is sent to.
    """
    response = post(url, form, timeout_s=timeout_s, env=env)
    answer = document(response)
    if response.status != _OK or ("error" in answer and "access_token" not in answer):
        raise failure(response, answer)
    return _grant(answer, now)


def post(url: str, form: Mapping[str, str], *, timeout_s: float, env: Mapping[str, str]) -> Response:
    """Return the answer to a form, whatever its status; raises as `keywright.transport.send`."""
    from urllib.parse import urlencode

    return send(
        "POST",
        url,
        headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
        body=urlencode(form, errors="surrogatepass").encode("ascii"),
        timeout_s=timeout_s,
        env=env,
    )


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
        email=email_hint(answer.get("id_token")),
        scopes=tuple(scope.split()) if isinstance(scope, str) else (),
    )


def failure(response: Response, answer: Mapping[str, Any], whose: str = "the token endpoint") -> KeywrightError:
    """Return what an answer means that `whose` no is; nothing of it is quoted but a plain error code."""
    code = answer.get("error")
    code = code if isinstance(code, str) and _CODE.fullmatch(code) else ""
    if response.status == _PAYMENT_REQUIRED:
        code = ""  # who has to pay has lost no grant, whatever else is said
    told = f"{whose} answered with {code or f'status {response.status}'}"
    evidence = Evidence(status=response.status, oauth_error=code)
    if response.status == _TOO_MANY_REQUESTS or response.status >= _SERVER_ERROR:
        return Unreachable(told, retry_after_s=response.retry_after_s).as_told(evidence)
    if code in _TAKEN_BACK:
        return TokenRevoked(f"its issuer took the grant back ({code})").as_told(evidence)
    return Refused(told).as_told(evidence)


def document(response: Response) -> Mapping[str, Any]:
    """Return the answer's JSON object; an empty one if it is none."""
    try:
        answer = json.loads(response.body)
    except (ValueError, RecursionError):
        answer = None
    return answer if isinstance(answer, dict) else {}
