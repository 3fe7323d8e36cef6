"""Logging in without a browser: a code that a person types on another device (RFC 8628).

POST /device    client_id=abc&scope=openid

{"device_code": "GmRh…", "user_code": "WDJB-MJHT", "verification_uri": "https://example.com/device",
 "expires_in": 1800, "interval": 5}

POST /token     grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code=GmRh…&client_id=abc

{"error": "authorization_pending"}
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from keywright.errors import NeedsPerson, Refused, TokenRevoked, Unreachable
from keywright.profiles.login.callback import printable
from keywright.profiles.login.person import Person
from keywright.profiles.login.plan import Plan
from keywright.profiles.model import OAuth
from keywright.profiles.token_endpoint import ask, client_form, document, failure, post
from keywright.secret import Secret

GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:device_code"
INTERVAL_S: Final = 5.0
"""The shortest time between two questions, in seconds, and what `slow_down` adds (RFC 8628, section 3.5)."""
LONGEST_PAUSE_S: Final = 60.0
"""The longest time between two questions after answers that did not come, in seconds, unless the issuer wants more."""
LONGEST: Final = timedelta(minutes=30)
"""How long a code is waited for at most, however long it is said to last."""
_ASK_S: Final = 30.0
_OK: Final = 200


class DeviceCode(NamedTuple):
    """What the issuer wants to be typed where, and until when.

    Attributes:
        device_code: what the token endpoint is asked with.
        user_code: what the person types.
        url: where.
        complete_url: the same with the code in it; empty if there is none.
        interval_s: how long to wait between two questions, in seconds.
        expires_at: when it is void (aware UTC).
    """

    device_code: Secret
    user_code: str
    url: str
    complete_url: str
    interval_s: float
    expires_at: datetime


def log_in(plan: Plan, person: Person, env: Mapping[str, str]) -> OAuth:
    """Tell the person a code and where to type it, and return the grant once they have.

    Raises:
        Refused: the issuer or the person said no.
        NeedsPerson: nobody typed it before it expired.
        Unreachable: the issuer gave no code, or not in this protocol.
    """
    code = _code(plan, person.now(), env)
    person.say(f"to log in, open {code.url} and enter the code {code.user_code}")
    if code.complete_url:
        person.say(f"or open {code.complete_url} and check that it shows the code {code.user_code}")
    if person.browse is not None:
        person.browse(code.complete_url or code.url)
    return _poll(plan, code, person, env)


def _code(plan: Plan, now: datetime, env: Mapping[str, str]) -> DeviceCode:
    form = {
        **client_form(plan.client_id, plan.client_secret),
        **({"scope": " ".join(plan.scopes)} if plan.scopes else {}),
    }
    response = post(plan.device_url, form, timeout_s=_ASK_S, env=env)
    answer = document(response)
    if response.status != _OK or "device_code" not in answer:
        is_refusal = response.status != _OK or "error" in answer
        raise failure(response, answer, "the issuer, asked for a code,") if is_refusal else _no_code()
    return _parse(answer, now)


def _poll(plan: Plan, code: DeviceCode, person: Person, env: Mapping[str, str]) -> OAuth:
    form = {
        "grant_type": GRANT_TYPE,
        "device_code": code.device_code.reveal(),
        **client_form(plan.client_id, plan.client_secret),
    }
    interval_s = pause_s = code.interval_s
    unanswered = 0
    while True:
        if person.now() + timedelta(seconds=pause_s) >= code.expires_at:
            raise _expired()
        person.sleep(pause_s)
        try:
            return ask(plan.token_url, form, person.now(), timeout_s=_ASK_S, env=env)
        except Unreachable as error:  # perhaps only the network: more and more seldom, until it answers again
            unanswered += 1
            longer_s = min(interval_s * 2.0 ** min(unanswered, 8), LONGEST_PAUSE_S)
            pause_s = max(longer_s, interval_s, error.retry_after_s or 0.0)
        except (Refused, TokenRevoked) as error:
            unanswered, pause_s = 0, interval_s
            match error.evidence.oauth_error if error.evidence else "":
                case "authorization_pending":
                    pass
                case "slow_down":
                    interval_s = pause_s = interval_s + INTERVAL_S
                case "expired_token" | "invalid_grant":
                    raise _expired() from None
                case "access_denied":
                    raise Refused("the login was refused where the code was entered (access_denied)") from None
                case _:
                    raise


def _parse(answer: Mapping[str, Any], now: datetime) -> DeviceCode:
    device_code, user_code = answer.get("device_code"), answer.get("user_code")
    url = answer.get("verification_uri") or answer.get("verification_url")  # the second is Google's
    complete = answer.get("verification_uri_complete", "")
    if not isinstance(device_code, str) or not device_code or not isinstance(user_code, str) or not _is_url(url):
        raise _no_code()
    interval_s = answer.get("interval")
    try:
        lifetime = min(timedelta(seconds=float(answer["expires_in"])), LONGEST)
        asked = timedelta(seconds=INTERVAL_S if interval_s is None else float(interval_s))
    except (KeyError, TypeError, ValueError, OverflowError):
        raise _no_code() from None
    return DeviceCode(
        device_code=Secret(device_code),
        user_code=printable(user_code),
        url=str(url),
        complete_url=complete if _is_url(complete) else "",
        interval_s=max(asked.total_seconds(), INTERVAL_S),
        expires_at=now + lifetime,
    )


def _is_url(text: object) -> bool:
    return isinstance(text, str) and text.isascii() and text.isprintable() and text.startswith(("https://", "http://"))


def _no_code() -> Unreachable:
    return Unreachable("the issuer, asked for a code, answered with something that is none")


def _expired() -> NeedsPerson:
    return NeedsPerson("nobody entered the code before it expired", mend="try again")
