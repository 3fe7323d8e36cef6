"""The vault's file: one line that says what it is, and one JSON document.

    keywright-vault 1 sha256 5c0f…                of everything below this line
    {"id": "9b2e…",                               16 random bytes, new with every new data key
     "generation": 17,                            one more with every write
     "key": {"kind": "file", "wrapped": "…"},     the data key, wrapped; for a passphrase also salt, passes, kib, lanes
     "places": ["41d0…"],                         salted hashes: a locked vault can still say "nothing for that host"
     "index": "…",                                sealed: {"NAME": {"record": "77aa…", "generation": 16, "place": "…"}}
     "records": {"77aa…": "…"}}                   sealed, one each

What is sealed is base64 of nonce, ciphertext and tag (`keywright.vault.seal`). The checksum tells a damaged file from a
wrong passphrase; it is no protection, the seals are. What says the same in other bytes (blanks, members twice or in
another order, base64 with stray bits) was not written here, and is refused as damaged.
"""

import binascii
import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from keywright.errors import VaultUnusable
from keywright.hit import sha256

FORMAT: Final = "keywright-vault"
VERSION: Final = 1
SIZE_AT_MOST: Final = 64 << 20
ID_DIGITS: Final = 32
_LINE_AT_MOST: Final = 200
_MEMBERS: Final = {"id": str, "generation": int, "key": dict, "places": list, "index": str, "records": dict}


class Document(NamedTuple):
    """What stands in a vault's file.

    Attributes:
        id: the vault's and its data key's, 32 hex digits.
        generation: the number of this write.
        key: the wrapped data key and how to unwrap it, as plain JSON values.
        places: salted hashes of the places that records are filed under, sorted.
        sealed_index: the index.
        records: the sealed records by their number, 16 hex digits.
    """

    id: str
    generation: int
    key: Mapping[str, Any]
    places: tuple[str, ...]
    sealed_index: bytes
    records: Mapping[str, bytes]

    @property
    def facts(self) -> str:
        """The header in canonical JSON: what the index is bound to, and through it everything."""
        return json.dumps([self.id, self.generation, self.key, self.places], sort_keys=True, separators=(",", ":"))

    def holds(self, place: str) -> bool:
        """Whether a record is filed under the place."""
        return hashed(self.id, place) in self.places


def hashed(vault_id: str, place: str) -> str:
    """Return the salted hash of a place, 32 hex digits."""
    return str(sha256(f"{vault_id}\0{place}".encode("utf-8", "surrogatepass")).hexdigest())[:32]


def damaged(path: str) -> VaultUnusable:
    """Return the failure of a vault that is not as it was written."""
    from shlex import quote

    away = f"mv {quote(path)} {quote(path + '.old')}"
    return VaultUnusable(
        f"the vault {path} is damaged; nothing was read or changed",
        mend=f"restore it from a backup, or move it away (`{away}`) and log in anew",
    )


def render(document: Document) -> bytes:
    """Return the file's content."""
    members = {
        "id": document.id,
        "generation": document.generation,
        "key": document.key,
        "places": document.places,
        "index": encode(document.sealed_index),
        "records": {number: encode(sealed) for number, sealed in document.records.items()},
    }
    body = json.dumps(members, separators=(",", ":")).encode("ascii") + b"\n"
    return f"{FORMAT} {VERSION} sha256 {sha256(body).hexdigest()}\n".encode("ascii") + body


def parse(path: str, content: bytes) -> Document:
    """Return the document in a file's content; `path` is for messages.

    Raises:
        VaultUnusable: it is damaged, not in the bytes that `render` writes, or a newer keywright's.
    """
    first, _, body = content.partition(b"\n")
    words = first[:_LINE_AT_MOST].decode("latin-1").split(" ")
    if words[0] == FORMAT and _is_newer(*words[1:2]):
        raise VaultUnusable(f"the vault {path} was written by a newer keywright", mend="upgrade this one")
    if words != [FORMAT, str(VERSION), "sha256", str(sha256(body).hexdigest())]:
        raise damaged(path)
    try:
        members = json.loads(body)
        if members.keys() != _MEMBERS.keys() or any(type(members[name]) is not kind for name, kind in _MEMBERS.items()):
            raise damaged(path)
        if not _is_id(members["id"]) or not all(isinstance(place, str) for place in members["places"]):
            raise damaged(path)
        document = Document(
            id=members["id"],
            generation=members["generation"],
            key=members["key"],
            places=tuple(members["places"]),
            sealed_index=decode(members["index"]),
            records={number: decode(sealed) for number, sealed in members["records"].items()},
        )
        is_ours = render(document) == content
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise damaged(path) from None
    if not is_ours:
        raise damaged(path)
    return document


def _is_newer(version: str = "") -> bool:
    return version.isascii() and version.isdigit() and int(version) > VERSION


def _is_id(text: str) -> bool:
    """Whether it is a vault's id: a part of it names a file."""
    return len(text) == ID_DIGITS and set(text) <= set("0123456789abcdef")


def encode(data: bytes) -> str:
    """Return base64 without line breaks."""
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def decode(text: str) -> bytes:
    """Return what `encode` took.

    Raises:
        ValueError: the text is not of that form.
    """
    return binascii.a2b_base64(text, strict_mode=True)
