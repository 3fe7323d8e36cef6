"""The store of kept profiles: one record of the vault for each provider, changed under the vault's lock.

    record  profiles openai          place  profiles openai
    content as in `keywright.profiles.document`

A provider's profiles are read together, because whose turn it is depends on all of them; another's stay sealed. A
locked vault still knows that it has none of a provider.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Final

from keywright.errors import ProfileNotFound, VaultUnusable
from keywright.profiles.document import NewerDocument, parse, render
from keywright.profiles.identity import ProfileId
from keywright.profiles.model import AuthProfile
from keywright.secret import Secret
from keywright.vault.vault import open_vault

if TYPE_CHECKING:
    from keywright.vault.records import Records

PREFIX: Final = "profiles "
ROOM: Final = 64 << 10
"""How much a renewed grant may add, in bytes: tokens have grown to several kilobytes."""
SIZE_AT_MOST: Final = 16 << 20
"""How much one provider's profiles may take, in bytes."""


class KeptProfiles:
    """The kept profiles of one user. What it returns are values: changing the store takes a method of its own."""

    def __init__(self, env: Mapping[str, str]) -> None:
        """Lead to the vault that `env` names; touches no file.

        Raises:
            VaultUnusable: the environment names no absolute folder.
        """
        self._vault = open_vault(env)
        self.source = self._vault.path
        """The vault's file, absolute: it decides what is kept."""

    def get(self, id_: ProfileId) -> AuthProfile | None:
        """Return the profile of that id; None if there is none.

        Raises:
            VaultLocked: there are profiles of this provider, and the vault is locked.
            VaultUnusable: the vault or the record is damaged, newer or cannot be trusted.
        """
        return self.of_provider(id_.provider, only=str(id_)).get(str(id_))

    def of_provider(self, provider: str, *, only: str = "") -> dict[str, AuthProfile]:
        """Return the provider's profiles by id, sorted; empty if it has none. The name counts in lower case.

        `only` asks for the one of that id, which among a thousand saves 20 ms.

        Raises:
            VaultLocked: there are some, and the vault is locked.
            VaultUnusable: the vault or the record is damaged, newer or cannot be trusted.
        """
        name = PREFIX + provider.lower()
        document = self._vault.read()
        if document is None or not document.holds(name):
            return {}
        return self._read(self._vault.open(document), name, only)

    def all(self) -> dict[str, AuthProfile]:
        """Return every profile by id, sorted.

        Raises:
            VaultLocked: the vault is locked.
            VaultUnusable: the vault or a record is damaged, newer or cannot be trusted.
        """
        records = self._vault.open()
        names = [name for name in records.names() if name.startswith(PREFIX)]
        found = {id_: profile for name in names for id_, profile in self._read(records, name).items()}
        return dict(sorted(found.items()))

    def save(self, profile: AuthProfile, now: datetime) -> AuthProfile:
        """Put the profile in place of the one of its id; returns it with `updated_at` set to `now`.

        Raises:
            UsageError: the provider's profiles would take too much room.
            VaultLocked: the vault is locked; nothing has changed, as below.
            VaultUnusable: the vault or the record is damaged, newer, cannot be trusted or cannot be written.
            Busy: other processes kept the vault locked for too long.
        """
        saved = profile._replace(updated_at=now)
        with self.editing(profile.id.provider) as profiles:
            profiles[str(profile.id)] = saved
        return saved

    def remove(self, id_: ProfileId) -> None:
        """Forget the profile.

        Raises:
            ProfileNotFound: there is none of that id.
            VaultLocked: the vault is locked; nothing has changed, as below.
            VaultUnusable: the vault or the record is damaged, newer, cannot be trusted or cannot be written.
            Busy: other processes kept the vault locked for too long.
        """
        with self.editing(id_.provider) as profiles:
            if profiles.pop(str(id_), None) is None:
                raise ProfileNotFound(f"profile {id_} not found", mend="`keywright profile list` shows what there is")

    def check_room(self) -> None:
        """See that the vault could be written now, its size and some more: before something is asked for but once.

        Raises:
            VaultLocked: the vault is locked.
            VaultUnusable: it cannot be trusted or written.
            Busy: other processes kept it locked for too long.
        """
        self._vault.check_room(ROOM)

    @contextmanager
    def editing(self, provider: str) -> Iterator[dict[str, AuthProfile]]:
        """Hold the vault's lock for the block and keep, at its end, what it left in the provider's profiles by id.

        Raises:
            ValueError: one is left under what is no id of this provider's; nothing has changed, as below.
            UsageError: they would take too much room.
            VaultLocked: the vault is locked.
            VaultUnusable: the vault or the record is damaged, newer, cannot be trusted or cannot be written.
            Busy: other processes kept the vault locked for too long.
        """
        name = PREFIX + provider
        with self._vault.edit() as records:
            before = self._read(records, name)
            profiles = dict(before)
            yield profiles
            if profiles == before:
                return
            if any(not _belongs(id_, profile, provider) for id_, profile in profiles.items()):
                raise ValueError("a profile is filed under what is no id of this provider's")
            if profiles:
                records.put(name, Secret(render(profiles)), name, at_most=SIZE_AT_MOST)
            else:
                records.remove(name)

    def _read(self, records: "Records", name: str, only: str = "") -> dict[str, AuthProfile]:
        record = records.get(name)
        if record is None:
            return {}
        try:
            return dict(sorted(parse(record.secret.reveal(), only).items()))
        except NewerDocument:
            raise VaultUnusable(
                f"the vault's `{name}` are of another version than this keywright's", mend="upgrade it"
            ) from None
        except ValueError:
            raise VaultUnusable(
                f"the vault's `{name}` are damaged", mend="restore the vault from a backup, or remove the record"
            ) from None


def _belongs(id_: str, profile: AuthProfile, provider: str) -> bool:
    """Whether a read would take the profile under that id: one that it would not take damages all of its provider's."""
    return profile.id == ProfileId.find(id_) and profile.id.provider == provider
