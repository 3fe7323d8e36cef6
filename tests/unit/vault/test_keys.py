"""The keys that wrap the data key: made once, never overwritten, and told apart when they do not fit."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from fakes.vaults import CONTENT, content_of, document_of
from keywright.cache.folder import PrivateFolder
from keywright.errors import CacheUnusable, UsageError, VaultUnusable, WrongPassphrase
from keywright.secret import Secret
from keywright.vault import keys
from keywright.vault.document import Document, encode
from keywright.vault.rekey import create
from keywright.vault.vault import Vault

QUICK = {"passes": 1, "kib": 32, "lanes": 1}
SALT = bytes(keys.SALT_BYTES)


@pytest.fixture
def folder(home: Path) -> PrivateFolder:
    return PrivateFolder.open(str(home / "data"))


def under(passphrase: str, **changed: object) -> Document:
    """Return an empty document whose key is wrapped by a passphrase, at the least that Argon2 can be asked for."""
    wrapping = keys.stretch(Secret(passphrase), SALT, **QUICK)
    header = {"kind": "passphrase", "salt": encode(SALT), **QUICK}
    document = create(keys.new_id(), wrapping, header).document
    return document._replace(key={**document.key, **changed})


def opened(document: Document, passphrase: str) -> bytes:
    return keys.unwrap("vault", document, keys.key_of_passphrase("vault", document, Secret(passphrase)))


# --- passphrases ------------------------------------------------------------------------------------------------------


def test_stretching_is_argon2id() -> None:
    """The reference implementation's own vector (phc-winner-argon2, src/test.c)."""
    key = keys.stretch(Secret("password"), b"somesalt", passes=2, kib=65536, lanes=1)
    assert key.hex() == "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"


def test_a_new_passphrase_is_stretched_as_hard_as_the_house_says() -> None:
    key, header = keys.passphrase_header(Secret("open sesame"))
    salt = header.pop("salt")
    assert header == {"kind": "passphrase", "passes": 3, "kib": 64 * 1024, "lanes": 4}
    assert len(key) == 32
    assert salt != keys.passphrase_header(Secret("open sesame"))[1]["salt"]


@pytest.mark.parametrize("blank", ["", " ", "\t\n", "\u00a0"])
def test_a_blank_passphrase_is_refused(blank: str) -> None:
    with pytest.raises(UsageError, match="an empty passphrase protects nothing"):
        keys.passphrase_header(Secret(blank))


@pytest.mark.parametrize("passphrase", ["open sesame", " blanks count ", "é", "e\u0301", "\udcff", "x" * 5000])
def test_the_right_passphrase_opens_and_any_other_is_wrong(passphrase: str) -> None:
    document = under(passphrase)
    assert len(opened(document, passphrase)) == 32
    for other in (passphrase + " ", passphrase.upper() + "x", "", "é" if passphrase != "é" else "e\u0301"):
        with pytest.raises(WrongPassphrase, match="not the vault's passphrase"):
            opened(document, other)


@pytest.mark.parametrize(
    "changed",
    [
        {"kib": 1 << 40},
        {"kib": (1 << 20) + 1},
        {"kib": 0},
        {"kib": 7},
        {"kib": -1},
        {"kib": 32.0},
        {"kib": True},
        {"kib": "65536"},
        {"kib": 64, "lanes": 16},
        {"passes": 0},
        {"passes": 17},
        {"passes": 1 << 32},
        {"passes": None},
        {"lanes": 0},
        {"lanes": 17},
        {"lanes": [1]},
        {"salt": ""},
        {"salt": encode(bytes(15))},
        {"salt": encode(bytes(17))},
        {"salt": "é"},
        {"salt": 7},
    ],
)
def test_a_header_that_asks_for_the_absurd_is_damage(changed: dict[str, object]) -> None:
    with pytest.raises(VaultUnusable, match="damaged"):
        opened(under("open sesame", **changed), "open sesame")


@pytest.mark.parametrize(
    "changed", [{"salt": encode(b"x" * 16)}, {"passes": 2}, {"kib": 33}, {"wrapped": encode(SALT)}]
)
def test_a_header_that_was_changed_opens_nothing(changed: dict[str, object]) -> None:
    with pytest.raises(WrongPassphrase):
        opened(under("open sesame", **changed), "open sesame")


@pytest.mark.parametrize(
    "change",
    [
        lambda key: {**key, "kind": "file"},
        lambda key: {**key, "kind": "keyring"},
        lambda key: {**key, "kind": ""},
        lambda key: {**key, "kind": ["passphrase"]},
        lambda key: {**key, "more": 1},
        lambda key: {name: value for name, value in key.items() if name != "lanes"},
        lambda _: {},
    ],
)
def test_a_header_of_another_shape_is_damage(change: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
    document = under("open sesame")
    with pytest.raises(VaultUnusable, match="damaged"):
        keys.kind_of("vault", document._replace(key=change(document.key)))


# --- key files --------------------------------------------------------------------------------------------------------


def test_a_key_file_is_private_random_and_read_back(folder: PrivateFolder) -> None:
    one, other = keys.new_id(), keys.new_id()
    key = keys.make_key_file(folder, one)
    assert keys.read_key_file(folder, one) == key
    assert keys.make_key_file(folder, other) != key
    assert {os.stat(f"{folder.path}/{keys.key_file(name)}").st_mode & 0o7777 for name in (one, other)} == {0o600}


def test_a_key_file_is_never_overwritten(folder: PrivateFolder) -> None:
    vault_id = keys.new_id()
    key = keys.make_key_file(folder, vault_id)
    with pytest.raises(VaultUnusable, match="exists already"):
        keys.make_key_file(folder, vault_id)
    assert keys.read_key_file(folder, vault_id) == key


def key_path(vault: Vault) -> Path:
    return Path(vault.folder) / keys.key_file(document_of(vault).id)


def assert_refused(vault: Vault, said: str) -> None:
    """Assert that reads and writes say so, and that nothing was made or changed."""
    before = {path.name: path.lstat() for path in Path(vault.folder).iterdir()}
    content = Path(vault.path).read_bytes()
    for act in (vault.open, vault.edit().__enter__):
        with pytest.raises(VaultUnusable, match=said):
            act()
    assert Path(vault.path).read_bytes() == content
    assert {path.name: path.lstat().st_ino for path in Path(vault.folder).iterdir()} == {
        name: found.st_ino for name, found in before.items()
    }


def test_a_vault_without_its_key_file_says_which_to_restore_and_makes_no_other(filled: Vault) -> None:
    path = key_path(filled)
    key = path.read_bytes()
    path.unlink()
    assert_refused(filled, f"key file {path} is missing; restore it from a backup")
    path.write_bytes(key)
    path.chmod(0o600)
    assert content_of(filled) == CONTENT


@pytest.mark.parametrize("content", [b"", b"\n", b"AAAA\n", b"\xff" * 44, b"A" * 44, b"A" * 5000, b"A" * 43 + b"=\n\n"])
def test_a_damaged_key_file_is_told(filled: Vault, content: bytes) -> None:
    key_path(filled).write_bytes(content)
    assert_refused(filled, "key file .* is damaged; restore it from a backup")


def test_the_key_of_another_vault_is_told(filled: Vault) -> None:
    key_path(filled).write_bytes(encode(os.urandom(32)).encode())
    assert_refused(
        filled,
        r"does not open with the key in the file vault-[0-9a-f]{8}\.key beside it; restore the two from one backup",
    )


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o660])
def test_a_key_file_that_others_can_read_is_refused_with_its_cure(filled: Vault, mode: int) -> None:
    key_path(filled).chmod(mode)
    assert_refused(filled, f"is open to other users; run `chmod 600 '{key_path(filled)}'`")


def _link(path: Path) -> None:
    path.rename(path.with_suffix(".moved"))
    path.symlink_to(path.with_suffix(".moved"))


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir(mode=0o700)


@pytest.mark.parametrize("change", [_link, _pipe, _folder])
def test_a_key_file_that_is_no_plain_file_of_ours_is_refused(filled: Vault, change: Callable[[Path], None]) -> None:
    change(key_path(filled))
    assert_refused(filled, r"vault-\w{8}\.key.*; restore it from a backup, or move it away")


def test_a_key_file_with_a_second_name_is_refused(filled: Vault) -> None:
    key_path(filled).with_suffix(".too").hardlink_to(key_path(filled))
    assert_refused(filled, r"vault-\w{8}\.key has a second name elsewhere, a hard link; run `cp -p ")


def test_a_key_file_that_cannot_be_written_makes_no_vault(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> str:
        raise CacheUnusable("the disk is full", mend="free some disk space")

    monkeypatch.setattr(PrivateFolder, "replace", full)
    with pytest.raises(VaultUnusable, match="the disk is full; free some disk space"), vault.edit() as records:
        records.put("A", Secret("a"))
    assert not Path(vault.path).exists()
