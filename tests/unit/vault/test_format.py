"""The one format: vaults of the first version open for ever, also by what is written here and nowhere else."""

import base64
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from fakes.vaults import content_of, document_of
from keywright.errors import VaultLocked, WrongPassphrase
from keywright.secret import Secret
from keywright.vault.keys import key_of_passphrase, unwrap
from keywright.vault.records import Records
from keywright.vault.vault import Vault

FIXTURES = Path(__file__).parent / "fixtures"
KEPT = {
    "FORGE_TOKEN": "hunter2",
    "git https://ann@git.example": '{"secret": "pé"}\n',
    "odd \udcff\0": "\udc80",
    "EMPTY": "",
}
PLACES = {"git https://ann@git.example": "git https://git.example"}
PASSPHRASE = Secret("open sésame")


@pytest.fixture
def old(request: pytest.FixtureRequest, home: Path) -> Vault:
    """A vault of the kind that the test is for, as it was written once."""
    folder = home / "data"
    folder.mkdir(mode=0o700)
    for path in (FIXTURES / request.param).iterdir():
        shutil.copy(path, folder)
        (folder / path.name).chmod(0o600)
    return Vault(str(folder), {})


@pytest.mark.parametrize("old", ["file"], indirect=True)
def test_a_vault_of_the_first_version_opens_for_ever(old: Vault) -> None:
    assert content_of(old) == KEPT
    assert [record.name for record in old.open().find("git https://git.example")] == list(PLACES)
    assert old.holds("git https://git.example")
    assert not old.holds("git https://other.example")
    with old.edit() as records:
        records.put("NEW", Secret("new"))
        records.remove("EMPTY")
    assert content_of(old) == {name: value for name, value in KEPT.items() if name != "EMPTY"} | {"NEW": "new"}


@pytest.mark.parametrize("old", ["passphrase"], indirect=True)
def test_a_vault_under_a_passphrase_of_the_first_version_opens_for_ever(old: Vault) -> None:
    with pytest.raises(VaultLocked):
        old.open()
    assert old.holds("git https://git.example"), "without a key it still knows where it has something"
    document = document_of(old)
    key = unwrap(old.path, document, key_of_passphrase(old.path, document, PASSPHRASE))
    records = Records(old.path, document, key)
    assert {name: record.secret.reveal() for name in records.names() if (record := records.get(name))} == KEPT
    wrong = key_of_passphrase(old.path, document, Secret("open sesame"))
    with pytest.raises(WrongPassphrase, match="not the vault's passphrase"):
        unwrap(old.path, document, wrong)


def canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def opened(key: bytes, sealed: str, *facts: Any) -> bytes:
    """Open what is sealed: base64 of nonce, ciphertext and tag, bound to the format and the facts."""
    raw = base64.b64decode(sealed, validate=True)
    return AESGCM(key).decrypt(raw[:12], raw[12:], canonical(["keywright-vault", 1, *facts]).encode())


@pytest.mark.parametrize("kind", ["file", "passphrase"])
def test_the_format_is_what_is_written_here(kind: str) -> None:
    first, _, body = (FIXTURES / kind / "vault").read_bytes().partition(b"\n")
    assert first.decode() == f"keywright-vault 1 sha256 {hashlib.sha256(body).hexdigest()}"
    vault = json.loads(body)
    header = {name: value for name, value in vault["key"].items() if name != "wrapped"}
    if kind == "file":
        wrapping = base64.b64decode((FIXTURES / kind / f"vault-{vault['id'][:8]}.key").read_text())
        assert header == {"kind": "file"}
    else:
        salt = base64.b64decode(header.pop("salt"))
        assert header == {"kind": "passphrase", "passes": 3, "kib": 65536, "lanes": 4}
        assert len(salt) == 16
        header["salt"] = base64.b64encode(salt).decode()
        kdf = Argon2id(salt=salt, length=32, iterations=3, memory_cost=65536, lanes=4)
        wrapping = kdf.derive(PASSPHRASE.reveal().encode())
    data_key = opened(wrapping, vault["key"]["wrapped"], "key", vault["id"], canonical(header))
    facts = canonical([vault["id"], vault["generation"], vault["key"], vault["places"]])
    index = json.loads(opened(data_key, vault["index"], "index", facts))
    found = {}
    for name, row in index.items():
        assert row.keys() == {"record", "generation", "place"}
        bound = ("record", vault["id"], name, row["place"], row["generation"])
        found[name] = opened(data_key, vault["records"][row["record"]], *bound).decode("utf-8", "surrogatepass")
    assert found == KEPT
    assert {name: row["place"] for name, row in index.items() if row["place"]} == PLACES
    salted = [hashlib.sha256(f"{vault['id']}\0{place}".encode()).hexdigest()[:32] for place in PLACES.values()]
    assert vault["places"] == sorted(salted)
