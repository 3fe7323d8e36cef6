"""AWS keys as a value: what is secret of them cannot be printed."""

from datetime import datetime
from typing import NamedTuple

from keywright.secret import MASK, Secret


class AwsKeys(NamedTuple):
    """One set of AWS keys, for a client that signs its requests itself.

    Attributes:
        access_key_id: the key's id, which is no secret: every signed request names it.
        secret_access_key: the key.
        session_token: what temporary keys are sent with; None for those that live long.
        expires_at: when AWS stops accepting them (aware UTC); None if never.
    """

    access_key_id: str
    secret_access_key: Secret
    session_token: Secret | None = None
    expires_at: datetime | None = None

    def __repr__(self) -> str:
        token = MASK if self.session_token else None
        keys = f"access_key_id={self.access_key_id!r}, secret_access_key={MASK}, session_token={token}"
        return f"AwsKeys({keys}, expires_at={self.expires_at!r})"
