"""What stands in an opened vault: names at once, each secret when it is asked for."""

import json
import os
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from keywright.errors import UsageError
from keywright.secret import Secret
from keywright.vault.document import Document, damaged, hashed
from keywright.vault.seal import BrokenSeal, seal, unseal

SECRET_AT_MOST: Final = 1 << 20
"""The longest secret in bytes."""


class Record(NamedTuple):
    """One secret.

    Attributes:
        name: unique in the vault.
        place: what it is filed under; empty for what is found by its name alone.
        secret: the secret.
        generation: the vault's generation that wrote it: of two records, the later one has more.
    """

    name: str
    place: str
    secret: Secret
    generation: int


class _Entry(NamedTuple):
    """What the index says of a record."""

    number: str
    generation: int
    place: str


class Records:
    """The records of one vault as it was when it was opened."""

    def __init__(self, path: str, document: Document | None = None, key: bytes = b"") -> None:
        """Open the index of a document; no document is an empty vault.

        Raises:
            VaultUnusable: it does not open with this key, which does belong to it: it is damaged.
        """
        self._path = path
        self._document = document
        self._key = key
        self._changed: dict[str, Record | None] = {}
        self._index: dict[str, _Entry] = {}
        if document is None:
            return
        try:
            index: Mapping[str, Any] = json.loads(unseal(key, document.sealed_index, "index", document.facts))
            self._index = {
                name: _Entry(number=row["record"], generation=row["generation"], place=row["place"])
                for name, row in index.items()
            }
        except (BrokenSeal, ValueError, KeyError, TypeError, AttributeError):
            raise damaged(path) from None
        if document.records.keys() != {entry.number for entry in self._index.values()}:
            raise damaged(path)

    def names(self) -> list[str]:
        """Return the names of all records, sorted."""
        return sorted(
            (self._index.keys() - self._changed.keys()) | {name for name, new in self._changed.items() if new}
        )

    def get(self, name: str) -> Record | None:
        """Return the record of that name; None if there is none.

        Raises:
            VaultUnusable: it is damaged.
        """
        if name in self._changed:
            return self._changed[name]
        entry, document = self._index.get(name), self._document
        if entry is None or document is None:
            return None
        try:
            facts = ("record", document.id, name, entry.place, entry.generation)
            plain = unseal(self._key, document.records[entry.number], *facts)
        except (BrokenSeal, KeyError):
            raise damaged(self._path) from None
        secret = Secret(plain.decode("utf-8", "surrogatepass"))
        return Record(name=name, place=entry.place, secret=secret, generation=entry.generation)

    def place(self, name: str) -> str:
        """Return what the record of that name is filed under; empty if it is found by its name alone."""
        changed, entry = self._changed.get(name), self._index.get(name)
        return changed.place if changed else entry.place if entry else ""

    def find(self, place: str) -> list[Record]:
        """Return the records filed under the place, the last written first.

        Raises:
            VaultUnusable: one is damaged.
        """
        named = [name for name, entry in self._index.items() if entry.place == place] + list(self._changed)
        found = [self.get(name) for name in dict.fromkeys(named)]
        return sorted(
            (record for record in found if record and record.place == place),
            key=lambda record: record.generation,
            reverse=True,
        )

    def put(self, name: str, secret: Secret, place: str = "", *, at_most: int = SECRET_AT_MOST) -> None:
        """Add a record, or replace the one of that name. The same again changes nothing.

        Raises:
            UsageError: the secret is longer than `at_most` bytes.
        """
        if len(secret.reveal().encode("utf-8", "surrogatepass")) > at_most:
            raise UsageError(f"the secret is longer than {at_most} bytes")
        old = self.get(name)
        if old is None or (old.secret, old.place) != (secret, place):
            self._changed[name] = Record(name=name, place=place, secret=secret, generation=self._next_generation)

    def remove(self, name: str) -> bool:
        """Remove the record of that name; returns whether there was one."""
        if name not in self.names():
            return False
        self._changed[name] = None
        if name not in self._index:
            del self._changed[name]
        return True

    @property
    def is_changed(self) -> bool:
        """Whether anything differs from what was opened."""
        return bool(self._changed)

    def sealed(self) -> Document:
        """Return the document of what is here now, one generation on. What did not change keeps its seal.

        There has to be a document that it follows.
        """
        document = self._document
        if document is None:
            raise TypeError("there is no vault to follow")
        index = dict(self._index)
        records = dict(document.records)
        for name, new in self._changed.items():
            if name in index:
                records.pop(index.pop(name).number, None)
            if new is not None:
                number = os.urandom(8).hex()
                index[name] = _Entry(number, new.generation, new.place)
                facts = ("record", document.id, name, new.place, new.generation)
                records[number] = seal(self._key, new.secret.reveal().encode("utf-8", "surrogatepass"), *facts)
        places = {hashed(document.id, entry.place) for entry in index.values() if entry.place}
        following = document._replace(
            generation=self._next_generation, places=tuple(sorted(places)), records=records, sealed_index=b""
        )
        rows = {
            name: {"record": entry.number, "generation": entry.generation, "place": entry.place}
            for name, entry in index.items()
        }
        return following._replace(
            sealed_index=seal(self._key, json.dumps(rows).encode("ascii"), "index", following.facts)
        )

    def moved_to(self, document: Document, key: bytes) -> "Records":
        """Return the same records, to be sealed anew in an empty document under another key.

        Raises:
            VaultUnusable: one is damaged.
        """
        moved = Records(self._path)
        moved._document, moved._key = document, key
        for name in self.names():
            record = self.get(name)
            if record is not None:
                moved._changed[name] = record
        return moved

    @property
    def _next_generation(self) -> int:
        return self._document.generation + 1 if self._document else 1
