"""Another key for a vault: whatever goes wrong on the way, the old one opens it still, the new one leaves nothing."""

import os
from pathlib import Path

import pytest

from fakes.vaults import CONTENT, content_of
from keywright.errors import Busy, KeywrightError, Unavailable, UsageError, VaultUnusable, WrongPassphrase
from keywright.secret import Secret
from keywright.vault import os_keyring
from keywright.vault.change import Key, change, make, unlock
from keywright.vault.keys import Kind
from keywright.vault.limits import Left
from keywright.vault.vault import Vault

PASS = Key(Kind.PASSPHRASE, Secret("open sesame"))
FILE = Key(Kind.FILE)
KEYRING = Key(Kind.KEYRING)


class Keyring:
    """The OS keyring, in memory; it fails while `failure` is set."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.failure: KeywrightError | None = None

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os_keyring, "read", self.read)
        monkeypatch.setattr(os_keyring, "write", self.write)
        monkeypatch.setattr(os_keyring, "forget", self.forget)

    def read(self, vault_id: str, _env: object, _deadline_s: float = 0) -> bytes:
        self._fail()
        return self.kept[vault_id]

    def write(self, vault_id: str, key: bytes, _env: object, _deadline_s: float = 0) -> None:
        self._fail()
        self.kept[vault_id] = key

    def forget(self, vault_id: str, _env: object, _deadline_s: float = 0) -> None:
        self._fail()
        self.kept.pop(vault_id, None)

    def _fail(self) -> None:
        if self.failure:
            raise self.failure


@pytest.fixture(autouse=True)
def keyring(monkeypatch: pytest.MonkeyPatch) -> Keyring:
    keyring = Keyring()
    keyring.install(monkeypatch)
    return keyring


def id_of(vault: Vault) -> str:
    document = vault.read()
    assert document is not None
    return document.id


def key_files(vault: Vault) -> list[str]:
    return sorted(name for name in os.listdir(vault.folder) if name.endswith(".key"))


def test_it_moves_from_kind_to_kind_and_leaves_no_old_key(filled: Vault, env: dict[str, str], keyring: Keyring) -> None:
    ids = [id_of(filled)]
    for old, new in ((FILE, KEYRING), (KEYRING, PASS), (PASS, PASS), (PASS, FILE), (FILE, FILE)):
        change(filled, ids[-1], old, new, env)
        ids.append(id_of(filled))
        assert key_files(filled) == ([f"vault-{ids[-1][:8]}.key"] if new is FILE else [])
        assert set(keyring.kept) == ({ids[-1]} if new is KEYRING else set())
    assert len(set(ids)) == len(ids)
    assert content_of(filled) == CONTENT


@pytest.mark.parametrize("failure", [Unavailable("no keyring"), VaultUnusable("it gives back something else")])
def test_a_keyring_that_fails_changes_nothing(
    filled: Vault, env: dict[str, str], keyring: Keyring, failure: KeywrightError
) -> None:
    before, keyring.failure = Path(filled.path).read_bytes(), failure
    with pytest.raises(type(failure)):
        change(filled, id_of(filled), FILE, KEYRING, env)
    assert Path(filled.path).read_bytes() == before
    assert content_of(filled) == CONTENT


@pytest.mark.parametrize("new", [FILE, PASS, KEYRING], ids=lambda key: key.kind.value)
def test_a_vault_that_cannot_be_written_leaves_the_old_key_alone(
    filled: Vault, env: dict[str, str], keyring: Keyring, new: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, files = Path(filled.path).read_bytes(), key_files(filled)

    def fail(*_: object) -> None:
        raise VaultUnusable("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(Vault, "write", fail)
        with pytest.raises(VaultUnusable, match="no space"):
            change(filled, id_of(filled), FILE, new, env)
    assert (Path(filled.path).read_bytes(), key_files(filled), keyring.kept) == (before, files, {})
    assert content_of(filled) == CONTENT


def test_an_old_key_that_cannot_be_removed_costs_nothing(filled: Vault, env: dict[str, str]) -> None:
    change(filled, id_of(filled), FILE, KEYRING, env)
    vault_id = id_of(filled)

    def once(*_: object) -> None:
        raise Unavailable("the keyring has gone")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os_keyring, "forget", once)
        change(filled, vault_id, KEYRING, FILE, env)
    assert content_of(filled) == CONTENT


def test_a_wrong_passphrase_an_empty_one_and_a_vault_changed_meanwhile_change_nothing(
    filled: Vault, env: dict[str, str]
) -> None:
    first = id_of(filled)
    change(filled, first, FILE, PASS, env)
    before = Path(filled.path).read_bytes()
    for old, new, vault_id, kind in (
        (Key(Kind.PASSPHRASE, Secret("wrong")), FILE, id_of(filled), WrongPassphrase),
        (PASS, Key(Kind.PASSPHRASE, Secret(" ")), id_of(filled), UsageError),
        (PASS, FILE, first, Busy),
    ):
        with pytest.raises(kind):
            change(filled, vault_id, old, new, env)
        assert Path(filled.path).read_bytes() == before
        assert key_files(filled) == []


def test_a_vault_is_made_once(vault: Vault, env: dict[str, str]) -> None:
    make(vault, PASS, env)
    before = Path(vault.path).read_bytes()
    with pytest.raises(UsageError, match="change-password"):
        make(vault, FILE, env)
    assert Path(vault.path).read_bytes() == before
    assert key_files(vault) == []


def test_without_a_vault_there_is_nothing_to_change_or_unlock(vault: Vault, env: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="vault init"):
        change(vault, "0" * 32, FILE, PASS, env)
    with pytest.raises(UsageError, match="vault init"):
        unlock(vault, "0" * 32, PASS, Left(1, 1), env)


@pytest.mark.parametrize("key", [PASS, KEYRING], ids=lambda key: key.kind.value)
def test_a_vault_that_has_gone_is_not_replaced_by_one_under_less(vault: Vault, env: dict[str, str], key: Key) -> None:
    make(vault, key, env)
    os.rename(vault.path, f"{vault.path}.old")
    with pytest.raises(VaultUnusable, match="is missing, which was not under a key file"), vault.edit() as records:
        records.put("A", Secret("x"))
    assert not os.path.exists(vault.path)
    assert key_files(vault) == []
    make(vault, FILE, env)  # asked for by name
    os.unlink(vault.path)
    with vault.edit() as records:
        records.put("A", Secret("x"))
