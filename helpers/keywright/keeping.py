"""What no route serves is the clients' own: kept for them in the vault, and given back.

`Broker` decides about what is minted or configured; here is the other half. A place that a route serves is never
kept for, so that no short-lived token outlives its use, and no password is handed out beside a route.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Final

from keywright import trace
from keywright.errors import CredentialNotFound, VaultUnusable
from keywright.renewal import Served, as_it_is
from keywright.request import Client, Request, Verb
from keywright.routes import choice_for
from keywright.settings.model import Settings
from keywright.vault.vault import open_vault

if TYPE_CHECKING:
    from keywright.providers.store import Store

ACCOUNT: Final = "store:vault"
"""The account of what is kept, as messages name it: no profile of the settings."""


class Keeping:
    """Keeps what clients hand over, for one process."""

    def __init__(self, *, settings: Settings, env: Mapping[str, str]) -> None:
        self._settings = settings
        self._env = env
        self.source = ""
        """The vault's file, absolute: what it holds decides what is not ours. Empty where there can be no vault."""
        with suppress(VaultUnusable):  # no home folder: told to whoever wants something kept
            self.source = open_vault(env).path

    def find(self, request: Request, now: datetime) -> Served | None:
        """Return what a client once handed over for the request's place; None if there is nothing.

        Raises:
            VaultLocked: there is something for this place, and the vault is locked.
            VaultUnusable: the vault is damaged or cannot be trusted.
        """
        found = self._store().find(request, now) if self.source else None
        trace.tell("store", is_found=found is not None)
        return as_it_is(ACCOUNT, found) if found else None

    def keep(self, request: Request, now: datetime) -> bool:
        """Keep what the client hands over, unless a route serves its place; returns whether one does.

        Raises:
            VaultLocked: nothing was kept.
            VaultUnusable: nothing was kept.
            Busy: other processes kept the vault locked for too long.
        """
        is_routed = self._is_routed(request)
        if not is_routed:
            self._store().keep(request, now)
        return is_routed

    def erase(self, request: Request) -> None:
        """Forget what the client rejects or logs out of; what is not there is forgotten already.

        Raises:
            VaultLocked: there is something for this place, and nothing was forgotten.
            VaultUnusable: nothing was forgotten.
            Busy: other processes kept the vault locked for too long.
        """
        if self.source:
            self._store().erase(request)

    def listed(self) -> dict[str, str]:
        """Return what docker's clients handed over: the user name by the server's spelling. Asks nobody.

        One whose place a route serves is left out: `get` would mint, and may fail, and docker wants all that is listed.

        Raises:
            VaultLocked: the vault is locked.
            VaultUnusable: the vault is damaged or cannot be trusted.
        """
        asked = [(i, Request(client=Client.DOCKER, verb=Verb.GET, url=i.url)) for i in self._store().listed()]
        return {item.spelling: item.username or "" for item, request in asked if not self._is_routed(request)}

    def _store(self) -> "Store":
        from keywright.providers.store import Store

        return Store(open_vault(self._env))

    def _is_routed(self, request: Request) -> bool:
        try:
            choice_for(self._settings, request)
        except CredentialNotFound:
            return False
        return True
