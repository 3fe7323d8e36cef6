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

from keywright.credential import Credential
from keywright.providers.bound import stop_elsewhere
from keywright.providers.reference import read_reference
from keywright.request import Request
from keywright.settings.model import StaticOptions


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
        stop_elsewhere(self.options.url, request, setting="url")
        secret = read_reference(self.options.secret, self.env, setting="secret")
        return Credential(secret=secret, username=self.options.username or None, issued_at=now)
