"""Logging in with a browser: an authorization code with a proof of who asked for it (RFC 7636), over loopback.

https://accounts.example/auth?response_type=code&client_id=abc&redirect_uri=http%3A%2F%2F127.0.0.1%3A49152%2F
  oauth%2Fcallback&scope=openid&state=tJ2…&code_challenge=E9Mel…&code_challenge_method=S256

POST /token     grant_type=authorization_code&code=4%2F0Ad…&redirect_uri=…&client_id=abc&code_verifier=dBjftJ…
"""

from collections.abc import Mapping
from typing import Final

from keywright.errors import Refused, TokenRevoked
from keywright.profiles.login.callback import WAIT_S, Callback
from keywright.profiles.login.person import Person
from keywright.profiles.login.plan import Plan
from keywright.profiles.model import OAuth
from keywright.profiles.token_endpoint import ask, client_form
from keywright.secret import Secret

EXCHANGE_S: Final = 30.0
"""How long the exchange of a code may take, in seconds."""
_RANDOM_BYTES: Final = 32


def log_in(plan: Plan, person: Person, env: Mapping[str, str], *, port: int = 0, wait_s: float = WAIT_S) -> OAuth:
    """Send the person to their browser and return the grant that they come back with.

    The address is always told too: the browser that opens may be the wrong one. `port` is the one that the client is
    registered with, 0 for any. Waits for `wait_s` seconds at most.

    Raises:
        Refused: the issuer or the person said no.
        NeedsPerson: nobody came back in time.
        Unreachable: the token endpoint did not answer, or not in this protocol.
        Unavailable: the port is taken.
    """
    state, verifier = random_text(), random_text()
    with Callback(port, state, plan.issuer) as callback:
        url = authorization_url(plan, callback.redirect_uri, state, challenge(verifier))
        person.say(f"to log in, open {url}")
        if person.browse is not None and not person.browse(url):
            person.say("no browser could be started: open the address above in one on this machine")
        code = callback.wait(wait_s)
        redirect_uri = callback.redirect_uri
    form = {
        "grant_type": "authorization_code",
        "code": code.reveal(),
        "redirect_uri": redirect_uri,
        "code_verifier": verifier.reveal(),
        **client_form(plan.client_id, plan.client_secret),
    }
    try:
        return ask(plan.token_url, form, person.now(), timeout_s=EXCHANGE_S, env=env)
    except TokenRevoked as error:
        raise _not_accepted(error) from None


def random_text() -> Secret:
    """Return 32 random bytes as 43 characters of URL-safe base64: a verifier (RFC 7636, section 4.1) or a state."""
    import secrets

    return Secret(secrets.token_urlsafe(_RANDOM_BYTES))


def challenge(verifier: Secret) -> str:
    """Return the S256 challenge of a verifier (RFC 7636, section 4.2)."""
    import hashlib
    from base64 import urlsafe_b64encode

    digest = hashlib.sha256(verifier.reveal().encode("ascii")).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def authorization_url(plan: Plan, redirect_uri: str, state: Secret, code_challenge: str) -> str:
    """Return where the person consents, as a URL for their browser."""
    from urllib.parse import urlencode

    query = {
        "response_type": "code",
        "client_id": plan.client_id,
        "redirect_uri": redirect_uri,
        **({"scope": " ".join(plan.scopes)} if plan.scopes else {}),
        "state": state.reveal(),
        "code_challenge": code_challenge,
        "code_challenge_method": "S256",
        **plan.parameters,
    }
    return f"{plan.auth_url}{'&' if '?' in plan.auth_url else '?'}{urlencode(query)}"


def _not_accepted(error: TokenRevoked) -> Refused:
    refused = Refused("the issuer did not accept the code that the browser brought (invalid_grant)", mend="try again")
    return refused.as_told(error.evidence) if error.evidence else refused
