"""AES-256-GCM with a fresh random nonce, bound to what is sealed: nonce (12 bytes), ciphertext, tag (16 bytes).

The associated data is the format and its version, then what it is, then the caller's facts, as one JSON array: two
different lists of facts are never the same bytes. https://nvlpubs.nist.gov/nistpubs/Legacy/SP/nistspecialpublication800-38d.pdf
"""

import json
import os
from typing import Final

from keywright.vault.document import FORMAT, VERSION

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12


class BrokenSeal(Exception):
    """The key is another one, or what was sealed is not what it was."""


def seal(key: bytes, plain: bytes, *facts: str | int) -> bytes:
    """Return `plain`, sealed and bound to `facts`."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, _bound(facts))


def unseal(key: bytes, sealed: bytes, *facts: str | int) -> bytes:
    """Return what was sealed and bound to the same `facts`.

    Raises:
        BrokenSeal: it was not, or not with this key.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _bound(facts))
    except (InvalidTag, ValueError):
        raise BrokenSeal from None


def _bound(facts: tuple[str | int, ...]) -> bytes:
    return json.dumps([FORMAT, VERSION, *facts], separators=(",", ":")).encode("ascii")
