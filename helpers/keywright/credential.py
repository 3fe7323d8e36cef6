"""The two values everything else is about: what was minted, and the question it answers."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from keywright.hit import sha256
from keywright.secret import Secret

KEY_VERSION = 1


class Credential(NamedTuple):
    """A short-lived secret, bound to what its key says.

    Attributes:
        secret: the token or password.
        username: the name that goes with it; None for a bearer token.
        issued_at: when it was asked for, on this machine's clock (aware UTC).
        expires_at: when its issuer stops accepting it, reckoned on this machine's clock (aware UTC); None if unknown.
    """

    secret: Secret
    issued_at: datetime
    expires_at: datetime | None = None
    username: str | None = None

    def __repr__(self) -> str:
        """Show what is not secret. In the user name of a CodeCommit password a session token follows a `%`."""
        name = self.username and self.username.partition("%")[0]
        instants = f"issued_at={self.issued_at!r}, expires_at={self.expires_at!r}"
        return f"Credential(secret={self.secret!r}, username={name!r}, {instants})"


class CacheKey(NamedTuple):
    """Everything that changes the answer, and nothing secret.

    Attributes:
        provider: the provider's name, such as `github-app`.
        profile: the profile's id, such as `github-app:acme`.
        facts: every further fact by name: issuer, subject, audience or host, scopes, region, role, environment.
    """

    provider: str
    profile: str
    facts: Mapping[str, str]

    def document(self) -> dict[str, object]:
        """Return the key as plain JSON values, in the canonical shape that is hashed and repeated in each entry."""
        return {"version": KEY_VERSION, "provider": self.provider, "profile": self.profile, "facts": dict(self.facts)}

    @property
    def digest(self) -> str:
        """The entry's name: SHA-256 (hex) of the canonical JSON of the key."""
        import json

        text = json.dumps(self.document(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return str(sha256(text.encode("ascii")).hexdigest())
