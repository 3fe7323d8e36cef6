"""What an ID token says for people to read: whose account it is (OpenID Connect Core 1.0, sections 2 and 5.1).

It comes from the token endpoint over TLS and is only shown: nobody checks its signature, and nothing is decided on it.
"""

import json
from base64 import urlsafe_b64decode
from typing import Final

_PARTS: Final = 3
_LONGEST: Final = 16 << 10
_LONGEST_EMAIL: Final = 254


def email_hint(token: object) -> str:
    """Return the `email` in an ID token's payload, unchecked; empty if there is none that could be shown."""
    if not isinstance(token, str) or len(token) > _LONGEST or token.count(".") != _PARTS - 1:
        return ""
    payload = token.split(".")[1]
    try:
        claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        email = claims["email"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    is_one = isinstance(email, str) and email.isprintable() and "@" in email and len(email) <= _LONGEST_EMAIL
    return email if is_one else ""
