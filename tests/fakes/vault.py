"""A vault that forgets with its process: what `install` asks of the real one, and nothing on disk."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import NamedTuple, Self

import pytest

from keywright.errors import VaultLocked
from keywright.secret import Secret


class Kept(NamedTuple):
    """One record."""

    secret: Secret


class FakeVault:
    """Keeps secrets by name, in memory."""

    def __init__(self) -> None:
        self.records: dict[str, Secret] = {}
        self.is_locked = False

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stand where the real vault is imported from."""
        room, module = ModuleType("keywright.vault"), ModuleType("keywright.vault.vault")
        module.open_vault = self._of  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "keywright.vault", room)
        monkeypatch.setitem(sys.modules, "keywright.vault.vault", module)

    def _of(self, _env: Mapping[str, str]) -> Self:
        return self

    def open(self) -> Self:
        """Open it for reading."""
        if self.is_locked:
            raise VaultLocked("the vault is locked", mend="run `keywright vault unlock`")
        return self

    @contextmanager
    def edit(self) -> Iterator[Self]:
        """Open it for writing."""
        yield self.open()

    def get(self, name: str) -> Kept | None:
        """Return a record."""
        return Kept(self.records[name]) if name in self.records else None

    def put(self, name: str, secret: Secret) -> None:
        """Keep a record."""
        self.records[name] = secret

    def remove(self, name: str) -> None:
        """Drop a record."""
        self.records.pop(name, None)
