"""A secret that is simply there: in an environment variable, a file or the vault, bound to the place it is for.

    [profiles."static:forge"]
    url = "https://git.example"              # the only place it is handed out for, with all below a path
    username = "ci"                          # empty for a bearer token
    secret = "vault://FORGE_TOKEN"           # or env://NAME, or file:///absolute/path, or file://~/path

It is read anew for each request, and neither cached nor renewed: whoever changes it has changed it. Rejecting it leaves
it alone, because it is not ours to throw away.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from keywright.credential import Credential
from keywright.errors import ConfigurationError, Unavailable
from keywright.providers.home import expand
from keywright.providers.secret_file import read_secret_file
from keywright.request import Client, Request
from keywright.secret import Secret
from keywright.settings.model import StaticOptions
from keywright.settings.values import parse_pattern

SECRET_AT_MOST: Final = 64 * 1024


class StaticProvider:
    """Reads the secret its options name.

    Attributes:
        options: the profile's table.
        env: the caller's environment.
    """

    def __init__(self, *, options: StaticOptions, env: Mapping[str, str]) -> None:
        self.options = options
        self.env = env

    def read(self, request: Request, now: datetime) -> Credential:
        """Return the secret as of `now`, if it is for the request's place.

        Raises:
            ConfigurationError: it is for another place, or the client does not say for which.
            Unavailable: the variable, file or record is missing, empty or cannot be read.
            VaultLocked: it is in the vault, which is locked.
            VaultUnusable: it is in the vault, which is damaged or cannot be trusted.
        """
        self._stop_elsewhere(request)
        secret = self._secret()
        return Credential(secret=secret, username=self.options.username or None, issued_at=now)

    def _stop_elsewhere(self, request: Request) -> None:
        if request.url is None and request.client is Client.PERSON:
            return  # who asks by name says where it goes
        bound = parse_pattern(request.client, self.options.url)  # as its route is read: git's `.git` is dropped
        if request.url is None:
            raise ConfigurationError(
                f"it is for {self.options.url} alone, and the client does not say where it is",
                mend="set `provideClusterInfo: true` in the kubeconfig",
            )
        if bound is None or not bound.covers(request.url):
            raise ConfigurationError(
                f"it is for {self.options.url} alone", mend="mend the route, or the profile's `url`"
            )

    def _secret(self) -> Secret:
        kind, _, name = self.options.secret.partition("://")
        match kind:
            case "env":
                found, where = self.env.get(name, ""), f"the environment variable {name}"
            case "file":
                path = expand(name, self.env)
                found, where = _read(path), path
            case _:
                from keywright.vault.reference import resolve

                return resolve(self.options.secret, self.env)[0]
        if not found:
            raise Unavailable(
                f"{where} is empty or not set", mend=f"put the secret there, or mend `secret = {kind}://…`"
            )
        return Secret(found)


def _read(path: str) -> str:
    content = read_secret_file(path, SECRET_AT_MOST, called=path, setting="`secret`")
    # One line break at the end is the editor's; what comes before it is the secret's own.
    return content.decode("utf-8", "surrogateescape").removesuffix("\n").removesuffix("\r")
