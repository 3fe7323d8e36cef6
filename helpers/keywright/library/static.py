"""A credential that is what it is."""

from datetime import UTC, datetime

from keywright.credential import Credential
from keywright.library.contract import CredentialProvider
from keywright.secret import Secret


class StaticCredentialProvider(CredentialProvider):
    """Gives one fixed credential. That it was rejected changes nothing about it."""

    def __init__(self, credential: Credential | Secret | str) -> None:
        """Take a credential, or just its secret."""
        if isinstance(credential, str):
            credential = Secret(credential)
        if isinstance(credential, Secret):
            credential = Credential(secret=credential, issued_at=datetime.now(UTC))
        self._credential = credential

    def current(self) -> Credential:
        """Return it."""
        return self._credential

    def __repr__(self) -> str:
        return f"StaticCredentialProvider({self._credential!r})"
