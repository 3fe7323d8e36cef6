"""The GitHub App's own signature: an RS256 JWT, made from the private key in a file.

https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app:

    {"alg":"RS256","typ":"JWT"} . {"iat":1699999940,"exp":1700000540,"iss":"123456"} . <256 bytes for RSA-2048>

`iat` lies a minute back because GitHub refuses one in its future, `exp` within the ten minutes it allows.
"""

import re
from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from keywright.errors import Unavailable
from keywright.providers.secret_file import read_secret_file
from keywright.settings.model import VAULT

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

BACKDATED: Final = timedelta(seconds=60)
VALID_FOR: Final = timedelta(seconds=540)
NO_ENVIRONMENT: Final[Mapping[str, str]] = MappingProxyType({})
KEY_FILE_AT_MOST: Final = 64 * 1024
_BEGIN: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]*)PRIVATE KEY-----")


def app_jwt(app_id: str, key_path: str, now: datetime, env: Mapping[str, str] = NO_ENVIRONMENT) -> str:
    """Return the JWT that speaks for `app_id` from one minute before `now` (aware UTC) to nine minutes after it.

    `key_path` is an absolute path, or `vault://NAME`; the vault is the one that `env` leads to.

    Raises:
        Unavailable: the file or record is missing or holds no RSA key that can be used without a passphrase.
        VaultLocked: the key is in the vault, which is locked.
        VaultUnusable: the key is in the vault, which is damaged or cannot be trusted.
    """
    import jwt

    issued_at = int(now.timestamp())
    claims = {
        "iat": issued_at - int(BACKDATED.total_seconds()),
        "exp": issued_at + int(VALID_FOR.total_seconds()),
        "iss": app_id,
    }
    return jwt.encode(claims, _load(key_path, env), algorithm="RS256")


def _load(path: str, env: Mapping[str, str]) -> "RSAPrivateKey":
    """Return the key in a PKCS#1 or PKCS#8 PEM file or text; GitHub hands out the former."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if path.startswith(VAULT):
        content = _resolve(path, env)
    else:
        content = read_secret_file(path, KEY_FILE_AT_MOST, called=f"private_key {path}", setting="private_key")
    try:
        key = load_pem_private_key(content, password=None)
    except TypeError:  # what cryptography raises for a passphrase it was not given
        raise Unavailable(
            f"private_key {path} is encrypted",
            mend=f"decrypt it with `openssl pkey -in {path} -out NEW`, mode 0600, and point private_key there",
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise Unavailable(
            f"private_key {path} holds no private key in PEM: {_flaw(content)}",
            mend="download a new one from the app's settings page",
        ) from None
    if not isinstance(key, RSAPrivateKey):
        raise Unavailable(
            f"private_key {path} is not an RSA key", mend="use the one from the app's settings page: GitHub signs RS256"
        )
    return key


def _flaw(content: bytes) -> str:
    """Return what is wrong with the first block of a private key (RFC 7468); nothing of it is quoted."""
    begin = _BEGIN.search(content)
    if begin is None:
        return "no PKCS#8 PRIVATE KEY block"
    end = content.find(b"-----END %bPRIVATE KEY-----" % begin.group(1), begin.end())
    if end < 0:
        return "unterminated PRIVATE KEY block"
    try:
        b64decode(b"".join(content[begin.end() : end].split()), validate=True)
    except ValueError:
        return "base64 decode key: it has other characters, or lacks some"
    return "what the block holds is no key"


def _resolve(reference: str, env: Mapping[str, str]) -> bytes:
    from keywright.vault.reference import resolve

    return resolve(reference, env)[0].reveal().encode("utf-8", "surrogatepass")
