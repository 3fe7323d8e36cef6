"""The vault's data key, and the keys that wrap it.

    {"kind": "file", "wrapped": "…"}                                             vault-9b2e1c40.key, beside the vault
    {"kind": "passphrase", "salt": "…", "passes": 3, "kib": 65536, "lanes": 4, "wrapped": "…"}        Argon2id, RFC 9106
    {"kind": "keyring", "wrapped": "…"}                                          service keywright, account vault-9b2e…

A new data key comes with a new vault id, and so does a new wrapping: what an old key opened tells nothing of what came
after, and no key file is ever overwritten.
"""

import os
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from keywright.cache.folder import PrivateFolder
from keywright.errors import UsageError, VaultUnusable, WrongPassphrase
from keywright.secret import Secret
from keywright.vault.document import Document, damaged, decode, encode
from keywright.vault.seal import KEY_BYTES, BrokenSeal, seal, unseal

SOCKET: Final = "vault.sock"
"""Where an unlocked vault's key is asked for, beside the vault."""
SALT_BYTES: Final = 16
PASSES: Final = 3
KIB: Final = 64 * 1024
LANES: Final = 4
_BOUNDS: Final = {"passes": (1, 16), "kib": (8 * LANES, 1 << 20), "lanes": (1, 16)}
"""What a file may ask of Argon2id: a forged header must not make us allocate all there is."""
_MEMBERS: Final = {
    "file": {"kind", "wrapped"},
    "keyring": {"kind", "wrapped"},
    "passphrase": {"kind", "salt", "passes", "kib", "lanes", "wrapped"},
}


class Kind(Enum):
    """What wraps the data key; the value is the word in the file and on the command line."""

    FILE = "file"
    PASSPHRASE = "passphrase"  # noqa: S105 - a word, not one
    KEYRING = "keyring"


def new_id() -> str:
    """Return the id of a new data key."""
    return os.urandom(16).hex()


def key_file(vault_id: str) -> str:
    """Return the name of the key file of a vault."""
    return f"vault-{vault_id[:8]}.key"


def kind_of(path: str, document: Document) -> Kind:
    """Return what wraps the document's data key.

    Raises:
        VaultUnusable: its header is damaged.
    """
    try:
        kind = Kind(document.key.get("kind"))
    except ValueError:
        raise damaged(path) from None
    if document.key.keys() != _MEMBERS[kind.value]:
        raise damaged(path)
    return kind


def make_key_file(folder: PrivateFolder, vault_id: str) -> bytes:
    """Make the key file of a new vault; returns the key as it is read back. The caller holds the vault's lock.

    Raises:
        CacheUnusable: it cannot be written.
        VaultUnusable: there is one already, or it does not read back.
    """
    name = key_file(vault_id)
    if folder.read(name) is not None:
        raise VaultUnusable(f"{folder.path}/{name} exists already", mend="try again")
    folder.replace(name, encode(os.urandom(KEY_BYTES)).encode("ascii") + b"\n")
    return read_key_file(folder, vault_id)


def read_key_file(folder: PrivateFolder, vault_id: str) -> bytes:
    """Return the key in a vault's key file.

    Raises:
        CacheUnusable: it cannot be read or trusted.
        VaultUnusable: it is missing, or no key.
    """
    path = f"{folder.path}/{key_file(vault_id)}"
    file = folder.read(key_file(vault_id))
    if file is None:
        raise VaultUnusable(f"the vault's key file {path} is missing", mend="restore it from a backup")
    try:
        key = decode(file[0].decode("ascii").removesuffix("\n"))
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise VaultUnusable(f"the vault's key file {path} is damaged", mend="restore it from a backup")
    return key


def stretch(passphrase: Secret, salt: bytes, passes: int = PASSES, kib: int = KIB, lanes: int = LANES) -> bytes:
    """Return the key that a passphrase stands for: Argon2id, a fifth of a second and 64 MiB by default."""
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    kdf = Argon2id(salt=salt, length=KEY_BYTES, iterations=passes, memory_cost=kib, lanes=lanes)
    return kdf.derive(passphrase.reveal().encode("utf-8", "surrogatepass"))


def check_passphrase(passphrase: Secret) -> None:
    """Raise unless it is one.

    Raises:
        UsageError: it is empty or blank.
    """
    if not passphrase.reveal().strip():
        raise UsageError("an empty passphrase protects nothing", mend="choose one, or `--key file`")


def passphrase_header(passphrase: Secret) -> tuple[bytes, dict[str, Any]]:
    """Return the key that a new passphrase stands for, and the header that says how.

    Raises:
        UsageError: it is empty or blank.
    """
    check_passphrase(passphrase)
    salt = os.urandom(SALT_BYTES)
    header = {"kind": "passphrase", "salt": encode(salt), "passes": PASSES, "kib": KIB, "lanes": LANES}
    return stretch(passphrase, salt), header


def key_of_passphrase(path: str, document: Document, passphrase: Secret) -> bytes:
    """Return the key that a passphrase stands for by the document's header.

    Raises:
        VaultUnusable: the header is damaged.
    """
    header = document.key
    try:
        numbers = {name: header[name] for name in _BOUNDS}
        salt = decode(header["salt"])
    except (ValueError, KeyError, TypeError):
        raise damaged(path) from None
    for name, (least, most) in _BOUNDS.items():
        if type(numbers[name]) is not int or not least <= numbers[name] <= most:
            raise damaged(path)
    if len(salt) != SALT_BYTES or numbers["kib"] < 8 * numbers["lanes"]:  # RFC 9106, section 3.1
        raise damaged(path)
    return stretch(passphrase, salt, **numbers)


def wrap(wrapping: bytes, header: Mapping[str, Any], vault_id: str, data_key: bytes) -> dict[str, Any]:
    """Return the header with the data key in it, wrapped and bound to the rest of it."""
    return {**header, "wrapped": encode(seal(wrapping, data_key, "key", vault_id, _canonical(header)))}


def unwrap(path: str, document: Document, wrapping: bytes) -> bytes:
    """Return the document's data key.

    Raises:
        WrongPassphrase: `wrapping` comes from another passphrase.
        VaultUnusable: `wrapping` is another vault's key, or the header is damaged.
    """
    header = {name: value for name, value in document.key.items() if name != "wrapped"}
    try:
        sealed = decode(document.key["wrapped"])
    except (ValueError, TypeError):
        raise damaged(path) from None
    try:
        return unseal(wrapping, sealed, "key", document.id, _canonical(header))
    except BrokenSeal:
        kind = kind_of(path, document)
    if kind is Kind.PASSPHRASE:  # the file itself is whole: its checksum said so
        raise WrongPassphrase("that is not the vault's passphrase")
    where = f"the file {key_file(document.id)} beside it" if kind is Kind.FILE else "the OS keyring"
    raise VaultUnusable(
        f"the vault {path} does not open with the key in {where}",
        mend="restore the two from one backup: one of them is damaged, or another vault's",
    )


def _canonical(header: Mapping[str, Any]) -> str:
    import json

    return json.dumps(header, sort_keys=True, separators=(",", ":"))
