"""What a profile of the vault holds, handed out for the hosts it is for; an OAuth grant is renewed first if need be.

It is read anew for each request and never cached in clear.
"""

from collections.abc import Mapping
from datetime import datetime

from keywright.credential import Credential
from keywright.errors import ConfigurationError, ProviderNotFound
from keywright.profiles.identity import ProfileId
from keywright.profiles.kept import KeptProfiles
from keywright.profiles.model import AuthProfile
from keywright.request import Client, Request
from keywright.secret import Secret


class KeptProvider:
    """Reads one profile of the vault.

    Attributes:
        profile: its id.
        env: the caller's environment.
    """

    def __init__(self, *, profile: str, env: Mapping[str, str], kept: AuthProfile | None = None) -> None:
        """Take what the vault holds, if that was looked up already."""
        self.profile = profile
        self.env = env
        self._kept = kept

    def read(self, request: Request, now: datetime) -> Credential:
        """Return its secret as of `now`, if it is for the request's host.

        Raises:
            ConfigurationError: it is for other hosts, or the client does not say for which it asks.
            ProviderNotFound: there is no such profile.
            CredentialExpired: it has expired, and nothing renews it.
            TokenRevoked: its issuer took the grant back.
            Refused: its issuer did not renew it.
            Unreachable: its issuer did not answer.
            Unavailable: it holds no secret, or the vault has none of the name it gives.
            VaultLocked: the vault is locked.
            VaultUnusable: the vault is damaged or cannot be trusted.
        """
        kept = self._kept or KeptProfiles(self.env).get(ProfileId.split(self.profile))
        if kept is None:
            raise ProviderNotFound(f"there is no profile `{self.profile}`", mend="see `keywright profile list`")
        username = self._bound(kept, request)
        if kept.is_due(now):
            from keywright.profiles.renewing import Renewing

            kept = Renewing(self.env).renewed(kept, now, is_forced=request.is_forced)
        return Credential(
            secret=kept.secret(now, self._find),
            username=username or None,
            issued_at=now,
            expires_at=kept.expires_at,
        )

    def _bound(self, kept: AuthProfile, request: Request) -> str:
        """Return the user name that goes with the profile at the request's host.

        Raises:
            ConfigurationError: it must not be sent there.
        """
        if request.url is None and request.client is Client.PERSON:
            return kept.username  # who asks by name says where it goes
        from keywright.profiles import custom

        catalog = custom.load_catalog(custom.locate(self.env))
        metadata = catalog.get(kept.id.provider) if catalog.knows(kept.id.provider) else None
        hosts = kept.hosts or (metadata.hosts if metadata else ())
        told = ", ".join(hosts) or "no host at all"
        again = f"`keywright profile add {kept.id} --host HOST --force` says for which"
        if request.url is None:
            raise ConfigurationError(f"it is for {told} alone, and the client does not say where it is", mend=again)
        is_clear = request.url.scheme == "http" and not request.url.is_loopback
        if is_clear or request.url.host.removesuffix(":443") not in hosts:
            raise ConfigurationError(f"it is for {told} alone", mend=again)
        return kept.username or (metadata.username if metadata else "")

    def _find(self, reference: str) -> Secret:
        from keywright.vault.reference import resolve

        return resolve(reference, self.env)[0]
