"""Asking an issuer whether a profile's secret is good, with the one question that its provider's entry has for that.

    GET /v1/models HTTP/1.1
    Host: api.openai.com
    Authorization: Bearer sk-…

Any 2xx is a yes, 401 and 403 are a no, and everything else says nothing about the secret. It goes to the hosts that it
is for, and no further.
"""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Final

from keywright.deadline import FETCH_S
from keywright.errors import Evidence, KeywrightError, Refused, Unavailable, Unreachable, UsageError
from keywright.profiles.catalog import SECRET, LiveTest, ProviderMetadata
from keywright.profiles.custom import load_catalog, locate
from keywright.profiles.model import AuthProfile
from keywright.profiles.turn import Turn
from keywright.request import parse_url
from keywright.secret import Secret
from keywright.settings.model import StaticOptions
from keywright.transport import Response, send

_CODE: Final = re.compile(r"[a-z_]{1,60}")
_REFUSALS: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


def ask(turn: Turn, env: Mapping[str, str], now: Callable[[], datetime], say: Callable[[str], None]) -> None:
    """Return if the profile's issuer says yes; a grant is renewed first if need be, and what is minted is minted.

    Raises:
        UsageError: nothing is known of how to ask, or the secret is not for the host that would be asked.
        Refused: the issuer said no.
        Unreachable: it did not answer, or with neither yes nor no.
        KeywrightError: there is no secret to ask with, or none could be minted.
    """
    if turn.kept is not None:
        _ask(turn.kept, env, now())
    elif isinstance(turn.profile.options, StaticOptions):
        raise UsageError("nothing is known of how to test a static secret live", mend="leave out `--live`")
    else:
        from keywright.manage.refresh import renew

        for _ in renew(turn.profile.id, None, env, now, say):
            pass


def _ask(kept: AuthProfile, env: Mapping[str, str], now: datetime) -> None:
    metadata, test = _question(kept, env)
    if kept.is_due(now):
        from keywright.profiles.renewing import Renewing

        kept = Renewing(env).renewed(kept, now)
    from keywright.vault.reference import resolve

    secret = kept.secret(now, lambda reference: resolve(reference, env)[0])
    headers = _headers(kept, metadata, secret)
    response = send(test.method, test.url, headers=headers, timeout_s=FETCH_S, env=env)
    if not HTTPStatus(HTTPStatus.OK) <= response.status < HTTPStatus.MULTIPLE_CHOICES:
        raise _failure(response, test)


def _question(kept: AuthProfile, env: Mapping[str, str]) -> tuple[ProviderMetadata, LiveTest]:
    catalog, provider = load_catalog(locate(env)), kept.id.provider
    metadata = catalog.providers.get(provider)
    if metadata is None or metadata.validate is None:
        raise UsageError(f"nothing is known of how to test a profile of {provider} live", mend="leave out `--live`")
    place = parse_url(metadata.validate.url)
    hosts = kept.hosts or metadata.hosts
    if place is None or place.host not in hosts:
        raise UsageError(f"it is for {', '.join(hosts)} alone, and is not sent to {metadata.validate.url} for a test")
    return metadata, metadata.validate


def _headers(kept: AuthProfile, metadata: ProviderMetadata, secret: Secret) -> dict[str, str]:
    value = secret.reveal()
    if not (value.isascii() and value.isprintable()):
        raise Unavailable(
            "its secret holds what no HTTP header may", mend=f"run `keywright profile add {kept.id} --force`"
        )
    templates = metadata.headers_for(kept.mode)
    headers = {}
    for template in templates:
        name, _, rest = template.partition(": ")
        headers[name] = rest.replace(SECRET, value)
    if not any(SECRET in template for template in templates):
        login = f"{kept.username or metadata.username}:{value}".encode()
        headers["Authorization"] = f"Basic {b64encode(login).decode('ascii')}"
    return headers


def _failure(response: Response, test: LiveTest) -> KeywrightError:
    place = parse_url(test.url)
    told = f"{place.host if place else test.url} answered with status {response.status}"
    status, retry_after_s = response.status, response.retry_after_s
    is_limited = retry_after_s is not None or response.headers.get("x-ratelimit-remaining") == "0"
    if status == HTTPStatus.FORBIDDEN and is_limited:
        status = HTTPStatus.TOO_MANY_REQUESTS.value  # some say so of a rate limit
    evidence = Evidence(status=status, code=_code(response.body))
    if status in _REFUSALS:
        return Refused(told).as_told(evidence)
    return Unreachable(told, retry_after_s=retry_after_s).as_told(evidence)


def _code(body: bytes) -> str:
    """Return the issuer's own code in an answer such as `{"error": {"code": "insufficient_quota"}}`; else nothing."""
    try:
        error = json.loads(body)["error"]
        code = error.get("code") or error.get("type")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ""
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""
