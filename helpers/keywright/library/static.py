"""A credential that is what it is."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from keywright.credential import Credential
from keywright.errors import CredentialExpired
from keywright.library.contract import CredentialProvider
from keywright.secret import Secret


class StaticCredentialProvider(CredentialProvider):
    """Gives one fixed credential until it expires. That it was rejected changes nothing about it."""

    def __init__(self, credential: Credential | Secret | str, *, now_s: Callable[[], float] = time.time) -> None:
        """Take a credential, or just its secret; `now_s` is the wall clock (epoch seconds)."""
        if isinstance(credential, str):
            credential = Secret(credential)
        if isinstance(credential, Secret):
            credential = Credential(secret=credential, issued_at=datetime.fromtimestamp(now_s(), UTC))
        self._credential = credential
        self._now_s = now_s

    def current(self) -> Credential:
        """Return it.

        Raises:
            CredentialExpired: its end has come, and nothing renews it.
        """
        ends_at = self._credential.expires_at
        if ends_at is not None and self._now_s() >= ends_at.timestamp():
            raise CredentialExpired("it has expired, and nothing renews it")
        return self._credential

    def __repr__(self) -> str:
        return f"StaticCredentialProvider({self._credential!r})"
