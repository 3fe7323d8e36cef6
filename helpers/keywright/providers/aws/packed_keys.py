"""Temporary AWS keys as a credential's one secret, in one line of JSON; the access key's id is its user name.

{"secret_key": "wJalrXUtn…", "session_token": "FwoGZXIvYXdz…"}
"""

import json
from typing import TYPE_CHECKING, NamedTuple

from keywright.credential import Credential
from keywright.errors import Unavailable
from keywright.secret import Secret

if TYPE_CHECKING:
    from botocore.credentials import ReadOnlyCredentials


class Keys(NamedTuple):
    """One set of AWS keys; `token` is None for those that live long."""

    access_key: str
    secret_key: str
    token: str | None


def pack(keys: "ReadOnlyCredentials") -> Secret:
    """Return what is secret of the keys."""
    return Secret(json.dumps({"secret_key": keys.secret_key, "session_token": keys.token or ""}))


def unpack(session: Credential) -> Keys:
    """Return the keys in a session's credential.

    Raises:
        Unavailable: there are none in it.
    """
    try:
        packed = json.loads(session.secret.reveal())
        return Keys(str(session.username), packed["secret_key"], packed["session_token"] or None)
    except (ValueError, TypeError, LookupError):
        raise Unavailable("the kept AWS session cannot be read", mend="forget it by `keywright invalidate`") from None
