r"""GitHub's side of a GitHub App: checks the App's JWT and issues installation tokens.

    POST /app/installations/789/access_tokens HTTP/1.1
    Authorization: Bearer eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.…
    {"repositories": ["app"], "permissions": {"contents": "read"}}

    HTTP/1.1 201 Created
    {"token": "ghs_9f3c…", "expires_at": "2026-01-02T04:04:05Z", "permissions": {"contents": "read"},
     "repository_selection": "selected", "repositories": [{"name": "app", "full_name": "acme/app"}]}

The rules are those of "Generating a JSON Web Token (JWT) for a GitHub App" and of the REST reference, "Apps", as
published on docs.github.com.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from keywright.demo.exchange import Call, Reply, authorization, json_reply
from keywright.demo.issuer import Clock, LoopbackServer, real_clock

JWT_AT_MOST: Final = timedelta(seconds=600)
SKEW_AT_MOST: Final = timedelta(seconds=60)
TOKENS_ROUTE: Final = "POST /app/installations/{id}/access_tokens"
UNKNOWN_REPOSITORY: Final = (
    "There is at least one repository that does not exist or is not accessible to the parent installation."
)
DOCUMENTATION: Final = "https://docs.github.com/rest/apps/apps"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppKey:
    """An App's RSA key pair: the private half as GitHub hands it out (PKCS#1 PEM), the public half as it keeps it."""

    private_pem: str = field(repr=False)
    public_pem: str

    @classmethod
    def generate(cls) -> "AppKey":
        """Make a new pair of 2048 bits, as GitHub does. Takes a moment."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return cls(private_pem=private.decode(), public_pem=public.decode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """One account the App is installed for, and what it was granted there."""

    id: int
    owner: str
    is_organization: bool = True
    repositories: tuple[str, ...] = ("app",)
    permissions: Mapping[str, str] = field(default_factory=lambda: {"contents": "write", "metadata": "read"})


class GitHubIssuer(LoopbackServer):
    """Issues installation tokens for one App.

    Attributes:
        lifetime: how long the tokens issued from now on live; GitHub's live an hour.
    """

    def __init__(
        self, *, app_id: str, public_key: str, installations: tuple[Installation, ...], clock: Clock = real_clock
    ) -> None:
        """Prepare the issuer of the App `app_id`, whose JWTs verify with `public_key` (PEM)."""
        super().__init__(
            {
                TOKENS_ROUTE: self._issue,
                "GET /users/{owner}/installation": self._find,
                "GET /orgs/{owner}/installation": self._find,
            },
            clock=clock,
        )
        self.lifetime = timedelta(hours=1)
        self._app_id = app_id
        self._public_key = public_key
        self._installations = {str(installation.id): installation for installation in installations}
        self._expiry: dict[str, datetime] = {}

    @property
    def issued(self) -> tuple[str, ...]:
        """Every token issued so far, oldest first."""
        return tuple(self._expiry)

    def accepts(self, token: str) -> bool:
        """Return whether `token` was issued here, has not expired and was not revoked."""
        expires_at = self._expiry.get(token)
        return expires_at is not None and self.clock() < expires_at

    def revoke(self, token: str) -> None:
        """Stop accepting `token`, as GitHub does when an App is suspended or the token is found in the open."""
        if token in self._expiry:
            self._expiry[token] = datetime.min.replace(tzinfo=UTC)

    def _issue(self, call: Call) -> Reply:
        if (objection := self._objection(call)) is not None:
            return _error(401, objection)
        installation = self._installations.get(call.values["id"])
        if installation is None:
            return _error(404, "Not Found")
        wishes = _wishes(call.body)
        if wishes is None:
            return _error(400, "Problems parsing JSON")
        repositories: list[str] = wishes.get("repositories", [])
        permissions: dict[str, str] = wishes.get("permissions", installation.permissions)
        if not set(repositories) <= set(installation.repositories):
            return _error(422, UNKNOWN_REPOSITORY)
        if not all(_is_granted(installation, name, level) for name, level in permissions.items()):
            return _error(422, "The permissions requested are not granted to this installation.")
        token = f"ghs_{secrets.token_hex(18)}"
        expires_at = (self.clock() + self.lifetime).replace(microsecond=0)
        self._expiry[token] = expires_at
        document: dict[str, object] = {
            "token": token,
            "expires_at": expires_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "permissions": dict(permissions),
            "repository_selection": "selected" if repositories else "all",
        }
        if repositories:
            document["repositories"] = [{"name": r, "full_name": f"{installation.owner}/{r}"} for r in repositories]
        return json_reply(201, document)

    def _find(self, call: Call) -> Reply:
        """Answer with an owner's installation. `/users` finds organisations too, as GitHub's does; `/orgs` no users."""
        if (objection := self._objection(call)) is not None:
            return _error(401, objection)
        for installation in self._installations.values():
            is_named = installation.owner.lower() == call.values["owner"].lower()
            if is_named and (installation.is_organization or call.path.startswith("/users/")):
                kind = "Organization" if installation.is_organization else "User"
                account = {"login": installation.owner, "type": kind}
                return json_reply(200, {"id": installation.id, "account": account, "app_id": self._app_id})
        return _error(404, "Not Found")

    def _objection(self, call: Call) -> str | None:
        """Return what is wrong with the App's JWT; None if nothing is. Times are judged by this server's clock."""
        try:
            claims: dict[str, Any] = jwt.decode(
                authorization(call, "Bearer") or "",
                self._public_key,
                algorithms=["RS256"],
                options={"require": ["iat", "exp", "iss"], "verify_exp": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError:
            return "A JSON web token could not be decoded"
        issued_at, expires_at, now_unix_s = claims["iat"], claims["exp"], self.clock().timestamp()
        if claims["iss"] != self._app_id:
            return "Integration not found"
        if type(issued_at) is not int or issued_at > now_unix_s + SKEW_AT_MOST.total_seconds():
            return "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
        if type(expires_at) is not int or expires_at <= now_unix_s:
            return "'Expiration time' claim ('exp') must be a numeric value representing a future time"
        is_too_long = expires_at - issued_at > JWT_AT_MOST.total_seconds()
        return "'Expiration time' claim ('exp') is too far in the future" if is_too_long else None


def _wishes(body: bytes) -> dict[str, Any] | None:
    """Return what the body asks for, `{}` for no body; None if it is no JSON object."""
    try:
        wishes = json.loads(body or b"{}")
    except ValueError:
        return None
    return wishes if isinstance(wishes, dict) else None


def _is_granted(installation: Installation, name: str, level: str) -> bool:
    levels = ("read", "write", "admin")
    granted = installation.permissions.get(name)
    return granted is not None and level in levels and levels.index(level) <= levels.index(granted)


def _error(status: int, message: str) -> Reply:
    return json_reply(status, {"message": message, "documentation_url": DOCUMENTATION, "status": str(status)})
