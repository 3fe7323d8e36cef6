"""An installation token of a GitHub App, good for an hour: the password of git's and of GitHub's registries.

https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app, api version 2022-11-28:

    > POST /app/installations/789/access_tokens HTTP/1.1
    > Authorization: Bearer <the app's JWT>
    > {"repositories": ["tools"], "permissions": {"contents": "read"}}            only where the settings narrow it
    < HTTP/1.1 201 Created
    < {"token": "ghs_…", "expires_at": "2023-11-14T23:13:20Z", "permissions": {…}, …}

An installation named by its owner is looked up once, by `GET /users/OWNER/installation`, which answers for
organisations too (https://github.com/actions/create-github-app-token/pull/175), and remembered.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from keywright.credential import CacheKey, Credential
from keywright.errors import ConfigurationError, Evidence, KeywrightError, Refused, Unreachable
from keywright.freshness import Margins
from keywright.hit import stamp
from keywright.providers.base import ALONE, Aid, Minted
from keywright.providers.home import expand
from keywright.providers.minting import checked_token, reckon_expiry
from keywright.settings.model import VAULT, GithubAppOptions

if TYPE_CHECKING:
    from keywright.transport import Deadline, Response

NAME: Final = "github-app"
USERNAME: Final = "x-access-token"
LIFETIME: Final = timedelta(minutes=55)
"""For an answer without `expires_at`; GitHub documents an hour."""
REMEMBERED: Final = "installation_id"
CLOCK_MAY_BE_OFF: Final = timedelta(seconds=60)
_OWNER: Final = r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}"
_NUMBER: Final = r"[1-9][0-9]{0,18}"


class GithubAppProvider:
    """Mints tokens of one installation.

    Attributes:
        profile: the profile's id.
        options: the profile's table.
        env: the caller's environment.
    """

    def __init__(self, *, profile: str, options: GithubAppOptions, env: Mapping[str, str]) -> None:
        self.profile = profile
        self.options = options
        self.env = env

    @property
    def key(self) -> CacheKey:
        """App, key file, installation, API, and what the token is narrowed to."""
        options = self.options
        facts = {
            "app_id": options.app_id,
            "private_key": self.key_path,
            "installation_id": "" if options.installation_id is None else str(options.installation_id),
            "owner": options.owner,
            "api_url": self.api,
            "repositories": json.dumps(sorted(options.repositories)),
            "permissions": json.dumps(dict(options.permissions), sort_keys=True),
        }
        return CacheKey(provider=NAME, profile=self.profile, facts=facts)

    @property
    def margins(self) -> Margins:
        """No floors: git asks again for every transfer."""
        return Margins()

    @property
    def inputs(self) -> Mapping[str, str]:
        """The private key's file, or the vault's where it is kept there."""
        if self.key_path.startswith(VAULT):
            from keywright.vault.vault import open_vault

            vault = open_vault(self.env).path
            return {vault: stamp(vault)}
        return {self.key_path: stamp(self.key_path)}

    @property
    def key_path(self) -> str:
        """The private key's absolute path, or its `vault://NAME`."""
        return (
            self.options.private_key
            if self.options.private_key.startswith(VAULT)
            else expand(self.options.private_key, self.env)
        )

    @property
    def api(self) -> str:
        """The API's base without a trailing slash."""
        return self.options.api_url.rstrip("/")

    @property
    def parent(self) -> None:
        """None: the app's key signs by itself."""

    def fetch(self, now: datetime, timeout_s: float, memory: Mapping[str, str], aid: Aid = ALONE) -> Minted:  # noqa: ARG002 - the contract's
        """Ask GitHub for a token: one request, or two where the installation has to be looked up.

        Raises:
            ConfigurationError: `api_url`, or an owner that is no login, or neither owner nor installation_id.
            Unavailable: the private key cannot be used.
            VaultLocked: the private key is in the vault, which is locked.
            VaultUnusable: the private key is in the vault, which is damaged or cannot be trusted.
            Refused: GitHub was asked and said no.
            Unreachable: GitHub did not answer in time or not in its own protocol.
        """
        from keywright.providers.github_jwt import app_jwt
        from keywright.transport import Deadline

        inputs = self.inputs
        call = _Call(self, app_jwt(self.options.app_id, self.key_path, now, self.env), Deadline(timeout_s), now)
        if self.options.installation_id is not None:
            return call.mint(str(self.options.installation_id), inputs)
        remembered = memory.get(REMEMBERED, "")
        if re.fullmatch(_NUMBER, remembered):
            try:
                return call.mint(remembered, inputs)
            except _NotInstalled:
                pass  # removed and installed anew: its number is another one now
        return call.mint(call.look_up(), inputs)


class _NotInstalled(Refused):
    """The answer to a request for an installation that is not there."""


class _Call:
    """One fetch: the provider, its signature, and the time it may take."""

    def __init__(self, provider: GithubAppProvider, jwt: str, deadline: "Deadline", now: datetime) -> None:
        self.provider = provider
        self.jwt = jwt
        self.deadline = deadline
        self.now = now

    def look_up(self) -> str:
        """Return the number of the owner's installation."""
        owner = self.provider.options.owner
        if not re.fullmatch(_OWNER, owner):
            raise ConfigurationError(
                f"{self.provider.profile} names no installation", mend="set owner (a login) or installation_id"
            )
        number = self._ask("GET", f"/users/{owner}/installation", None)[0].get("id")
        if not isinstance(number, int) or not re.fullmatch(_NUMBER, str(number)):
            raise Unreachable(f"{self.provider.api} answered with something that is no installation")
        return str(number)

    def mint(self, installation_id: str, inputs: Mapping[str, str]) -> Minted:
        """Return a token of one installation."""
        options = self.provider.options
        wishes: dict[str, object] = {}
        if options.repositories:
            wishes["repositories"] = sorted(options.repositories)
        if options.permissions:
            wishes["permissions"] = dict(options.permissions)
        body = json.dumps(wishes).encode() if wishes else None
        answer, date = self._ask("POST", f"/app/installations/{installation_id}/access_tokens", body)
        return Minted(
            credential=Credential(
                secret=checked_token(answer.get("token"), self.provider.api),
                username=USERNAME,
                issued_at=self.now,
                expires_at=_expiry(answer.get("expires_at"), self.now, date),
            ),
            inputs=inputs,
            memory={REMEMBERED: installation_id} if options.installation_id is None else {},
        )

    def _ask(self, method: str, path: str, body: bytes | None) -> tuple[Mapping[str, object], datetime | None]:
        """Return the object GitHub answered with, and its clock."""
        from keywright.transport import send

        headers = {
            "Authorization": f"Bearer {self.jwt}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        if body is not None:
            headers["Content-Type"] = "application/json"
        response = send(
            method,
            self.provider.api + path,
            headers=headers,
            body=body,
            timeout_s=self.deadline.left_s,
            env=self.provider.env,
        )
        if response.status not in {200, 201}:
            raise self._failure(response)
        try:
            answer = json.loads(response.body)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise Unreachable(f"{self.provider.api} answered with something that is not GitHub's API")
        return answer, response.date

    def _failure(self, response: "Response") -> KeywrightError:
        error = self._meaning(response)
        is_limit = error.retry_after_s is not None
        return error.as_told(Evidence(status=429 if is_limit else response.status))

    def _meaning(self, response: "Response") -> KeywrightError:
        """Return what a status means, in GitHub's terms."""
        api, options, status = self.provider.api, self.provider.options, response.status
        limited = status == 429 or response.headers.get("x-ratelimit-remaining") == "0" or response.retry_after_s  # noqa: PLR2004
        if status == 429 or (status == 403 and limited) or status >= 500:  # noqa: PLR2004 - HTTP's own names
            return Unreachable(f"{api} answered with status {status}", retry_after_s=_wait_s(response, self.now))
        if 300 <= status < 400:  # noqa: PLR2004 - the same
            return Unreachable(f"{api} answered with a redirect", mend="set api_url to where the API is")
        match status:
            case 401:
                off = abs(response.date - self.now) if response.date else timedelta(0)
                clock = f": this machine's clock is {off.total_seconds():.0f} s off" if off > CLOCK_MAY_BE_OFF else ""
                return Refused(
                    f"{api} does not accept the app's signature{clock}",
                    mend=f"check app_id {options.app_id} and private_key {self.provider.key_path}",
                )
            case 403:
                return Refused(f"{api} forbids it to the app", mend="see whether the installation is suspended")
            case 404:
                whom = options.owner or options.installation_id
                return _NotInstalled(f"the app is not installed there ({whom})", mend="install it, or mend the profile")
            case 422:
                return Refused(
                    "the profile asks for a repository or permission the installation lacks",
                    mend="mend repositories and permissions, or grant them to the app",
                )
        return Unreachable(f"{api} answered with status {status}")


def _wait_s(response: "Response", now: datetime) -> float | None:
    """Return how long to wait: `Retry-After`, else until the rate limit resets; None if GitHub said neither."""
    if response.retry_after_s is not None:
        return response.retry_after_s
    reset = response.headers.get("x-ratelimit-reset", "")
    if response.headers.get("x-ratelimit-remaining") != "0" or not re.fullmatch(_NUMBER, reset):
        return None
    return max(0.0, int(reset) - (response.date or now).timestamp())


def _expiry(text: object, now: datetime, issuer_date: datetime | None) -> datetime:
    try:
        expires_at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        expires_at = None
    if expires_at is None or expires_at.tzinfo is None:
        return now + LIFETIME
    return reckon_expiry(now, expires_at, issuer_date, LIFETIME)
