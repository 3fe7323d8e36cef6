import base64
import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from keywright.errors import Unavailable
from keywright.providers.github_jwt import app_jwt

NOW = datetime.fromtimestamp(1_700_000_000, UTC)
HEADER = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9"
CLAIMS = "eyJpYXQiOjE2OTk5OTk5NDAsImV4cCI6MTcwMDAwMDU0MCwiaXNzIjoiMTIzNDU2In0"

PEM = serialization.Encoding.PEM
FORMATS = {
    "PKCS#1": serialization.PrivateFormat.TraditionalOpenSSL,
    "PKCS#8": serialization.PrivateFormat.PKCS8,
}


@pytest.fixture(scope="module")
def rsa_key() -> RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def write(folder: Path, content: bytes) -> str:
    path = folder / "app.pem"
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize("form", FORMATS)
def test_the_whole_jwt_is_what_openssl_signs(form: str, rsa_key: RSAPrivateKey, tmp_path: Path) -> None:
    path = write(tmp_path, rsa_key.private_bytes(PEM, FORMATS[form], serialization.NoEncryption()))
    token = app_jwt("123456", path, NOW)
    signed = subprocess.run(
        ["openssl", "dgst", "-sha256", "-sign", path],
        input=f"{HEADER}.{CLAIMS}".encode(),
        stdout=subprocess.PIPE,
        check=True,
        timeout=60,
    )
    assert len(signed.stdout) == 256
    assert token == f"{HEADER}.{CLAIMS}.{base64.urlsafe_b64encode(signed.stdout).decode().rstrip('=')}"


@pytest.mark.parametrize("form", FORMATS)
def test_what_stands_around_a_key_is_passed_over(form: str, rsa_key: RSAPrivateKey, tmp_path: Path) -> None:
    key = rsa_key.private_bytes(PEM, FORMATS[form], serialization.NoEncryption())
    plain, padded = write(tmp_path, key), tmp_path / "padded.pem"
    padded.write_bytes(b"Bag Attributes\n    friendlyName: app\n" + key.replace(b"\n", b"\r\n") + b"and more\n")
    assert app_jwt("123456", str(padded), NOW) == app_jwt("123456", plain, NOW)


def test_an_app_id_cannot_add_claims_of_its_own(rsa_key: RSAPrivateKey, tmp_path: Path) -> None:
    path = write(tmp_path, rsa_key.private_bytes(PEM, FORMATS["PKCS#1"], serialization.NoEncryption()))
    claims = app_jwt('1","admin":"yes', path, NOW).split(".")[1]
    document = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert document == {"iat": 1699999940, "exp": 1700000540, "iss": '1","admin":"yes'}


def encrypted(key: RSAPrivateKey) -> bytes:
    return key.private_bytes(PEM, FORMATS["PKCS#8"], serialization.BestAvailableEncryption(b"passphrase"))


def of_a_curve(_key: RSAPrivateKey) -> bytes:
    curve = ec.generate_private_key(ec.SECP256R1())
    return curve.private_bytes(PEM, FORMATS["PKCS#8"], serialization.NoEncryption())


def of_ed25519(_key: RSAPrivateKey) -> bytes:
    return ed25519.Ed25519PrivateKey.generate().private_bytes(PEM, FORMATS["PKCS#8"], serialization.NoEncryption())


def public(key: RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def truncated(key: RSAPrivateKey) -> bytes:
    return key.private_bytes(PEM, FORMATS["PKCS#8"], serialization.NoEncryption())[:400]


def truncated_pkcs1(key: RSAPrivateKey) -> bytes:
    return key.private_bytes(PEM, FORMATS["PKCS#1"], serialization.NoEncryption())[:400]


def block(text: str) -> bytes:
    return f"-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n".encode()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (encrypted, "is encrypted; decrypt it with `openssl pkey"),
        (of_a_curve, "is not an RSA key; use the one from the app's settings page"),
        (of_ed25519, "is not an RSA key"),
        (public, "holds no private key in PEM: no PKCS#8 PRIVATE KEY block; download a new one"),
        (truncated, "holds no private key in PEM: unterminated PRIVATE KEY block"),
        (truncated_pkcs1, "holds no private key in PEM: unterminated PRIVATE KEY block"),
        (lambda _key: b"not a key: canary", "holds no private key in PEM: no PKCS#8 PRIVATE KEY block"),
        (lambda _key: b"not a key", "no PKCS#8 PRIVATE KEY block"),
        (lambda _key: b"", "holds no private key in PEM: no PKCS#8 PRIVATE KEY block"),
        (lambda _key: block("canary!"), "holds no private key in PEM: base64 decode key: "),
        (lambda _key: block("Y2FuYX"), "base64 decode key: "),
        (lambda _key: block(""), "what the block holds is no key"),
        (lambda _key: block("Y2FuYXJ5"), "what the block holds is no key"),
        (lambda _key: b"canary" * 20_000, "is longer than 65536 bytes"),
    ],
)
def test_a_file_that_is_no_usable_key_is_named_with_the_mend(
    make: object, words: str, rsa_key: RSAPrivateKey, tmp_path: Path
) -> None:
    assert callable(make)
    path = write(tmp_path, make(rsa_key))
    with pytest.raises(Unavailable, match=words) as caught:
        app_jwt("123456", path, NOW)
    assert str(caught.value).startswith(f"private_key {path} ")
    assert "canary" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_a_folder_and_a_pipe_are_told_apart_and_none_is_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, words in (
        ("none", "does not exist"),
        (".", "cannot be read|not a plain file"),
        ("pipe", "not a plain file"),
    ):
        with pytest.raises(Unavailable, match=words):
            app_jwt("123456", str(tmp_path / name), NOW)
