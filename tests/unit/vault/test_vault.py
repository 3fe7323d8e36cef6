"""The vault's file and folder: made private, trusted only if they are, locked for changes, replaced whole."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes.vaults import CONTENT, PLACE, content_of, document_of, fill
from keywright.cache.lock import hold
from keywright.errors import Busy, VaultUnusable
from keywright.secret import Secret
from keywright.vault import vault as vault_module
from keywright.vault.vault import Vault, open_vault


def put(vault: Vault, name: str, value: str) -> None:
    with vault.edit() as records:
        records.put(name, Secret(value))


# --- a vault that is not there ----------------------------------------------------------------------------------------


def test_reading_an_absent_vault_finds_nothing_and_makes_nothing(vault: Vault) -> None:
    assert not vault.holds(PLACE)
    assert vault.open().names() == []
    assert vault.open().get("A") is None
    assert vault.open().find(PLACE) == []
    assert not Path(vault.folder).exists()


def test_an_edit_that_changes_nothing_makes_no_vault_and_no_key(vault: Vault) -> None:
    with vault.edit() as records:
        assert records.names() == []
        assert not records.remove("A")
    assert os.listdir(vault.folder) == ["vault.lock"]


def test_the_first_change_makes_the_vault_and_its_key(vault: Vault) -> None:
    put(vault, "A", "a")
    key = f"vault-{document_of(vault).id[:8]}.key"
    assert sorted(os.listdir(vault.folder)) == sorted(["vault", key, "vault.lock"])
    assert content_of(vault) == {"A": "a"}
    assert vault.path == f"{vault.folder}/vault"
    assert os.path.isabs(vault.path)


def test_the_environment_must_name_an_absolute_folder() -> None:
    with pytest.raises(VaultUnusable, match=r"no absolute data folder; set HOME, or KEYWRIGHT_HOME"):
        open_vault({"KEYWRIGHT_HOME": "relative"})


# --- places -----------------------------------------------------------------------------------------------------------


def test_it_knows_without_a_key_what_places_it_holds(filled: Vault) -> None:
    next(Path(filled.folder).glob("*.key")).unlink()
    assert filled.holds(PLACE)
    for place in ("", PLACE[:-1], PLACE.upper(), "docker git.example", "FORGE_TOKEN"):
        assert not filled.holds(place)


def test_a_place_is_forgotten_with_its_last_record(filled: Vault) -> None:
    for name in ("git https://git.example", "git https://ann@git.example"):
        assert filled.holds(PLACE)
        with filled.edit() as records:
            records.remove(name)
    assert not filled.holds(PLACE)
    assert document_of(filled).places == ()


def test_a_place_looks_different_in_each_vault(filled: Vault, env: dict[str, str]) -> None:
    other = Vault(f"{env['KEYWRIGHT_HOME']}/other", env)
    fill(other)
    assert not {*document_of(filled).places} & {*document_of(other).places}


# --- folders and files that are ours alone ----------------------------------------------------------------------------


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o177, 0o277, 0o777])
def test_whatever_the_umask_nobody_else_can_read(mask: int, home: Path) -> None:
    """In a process of its own: the umask is all threads'."""
    script = (
        f"import os; os.umask({mask}); from keywright.vault.vault import Vault; from keywright.secret import Secret\n"
        f"vault = Vault({str(home / 'kw/data')!r}, {{}})\n"
        "for name in 'AB':\n"
        "    with vault.edit() as records: records.put(name, Secret('value'))\n"
        "print(vault.open().names())"
    )
    (home / "kw/data").mkdir(mode=0o700, parents=True)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("['A', 'B']\n", "")
    for path in (home / "kw/data").iterdir():
        assert path.stat().st_mode & 0o177 == 0, path


def _loose_folder(vault: Vault) -> None:
    os.chmod(vault.folder, 0o750)


def _loose_file(vault: Vault) -> None:
    os.chmod(vault.path, 0o640)


def _linked_file(vault: Vault) -> None:
    os.rename(vault.path, f"{vault.path}.moved")
    os.symlink(f"{vault.path}.moved", vault.path)


def _dangling_link(vault: Vault) -> None:
    os.rename(vault.path, f"{vault.path}.moved")
    os.symlink("/nowhere/that/is/mounted", vault.path)


def _second_name(vault: Vault) -> None:
    os.link(vault.path, f"{vault.path}.moved")


def _pipe(vault: Vault) -> None:
    os.rename(vault.path, f"{vault.path}.moved")
    os.mkfifo(vault.path, 0o600)


def _folder_in_place(vault: Vault) -> None:
    os.rename(vault.path, f"{vault.path}.moved")
    os.mkdir(vault.path, 0o700)


def _linked_folder(vault: Vault) -> None:
    os.rename(vault.folder, f"{vault.folder}.moved")
    os.symlink(f"{vault.folder}.moved", vault.folder)


UNTRUSTED: dict[Callable[[Vault], None], str] = {
    _loose_folder: "is open to other users; run `chmod 700 '.*'`",
    _loose_file: "is open to other users; run `chmod 600 '.*'`",
    _linked_file: r"cannot be read \(ELOOP\); restore it from a backup, or move it away",
    _dangling_link: r"cannot be read \(ELOOP\); restore it from a backup, or move it away",
    _second_name: "has a second name elsewhere, a hard link; run `cp -p '.*' '.*' && mv '.*' '.*'`",
    _pipe: "is not a plain file of yours; restore it from a backup, or move it away",
    _folder_in_place: "is not a plain file of yours; restore it from a backup, or move it away",
    _linked_folder: r"cannot be opened as a folder \(ENOTDIR\); run `mv '.*' '.*\.old'`",
}


@pytest.mark.parametrize(
    "change", UNTRUSTED, ids=[str(getattr(change, "__name__", "")).strip("_") for change in UNTRUSTED]
)
def test_what_is_not_ours_alone_is_refused_with_its_cure_and_left_as_it_is(
    filled: Vault, change: Callable[[Vault], None]
) -> None:
    change(filled)
    before = sorted((path.name, path.lstat().st_ino) for path in Path(filled.folder).iterdir())
    for act in (filled.open, filled.edit().__enter__, lambda: filled.holds(PLACE)):
        with pytest.raises(VaultUnusable, match=UNTRUSTED[change]) as raised:
            act()
        assert raised.value.__cause__ is None
        assert " rm " not in str(raised.value), "what lives long is not to be deleted"
    assert sorted((path.name, path.lstat().st_ino) for path in Path(filled.folder).iterdir()) == before


def test_a_vault_with_a_second_name_is_alone_again_after_what_is_told(filled: Vault) -> None:
    _second_name(filled)
    with pytest.raises(VaultUnusable) as raised:
        filled.open()
    assert os.system(raised.value.mend.removeprefix("run `").removesuffix("`")) == 0
    assert content_of(filled) == CONTENT
    assert Path(filled.path).stat().st_mode & 0o777 == 0o600


def test_another_users_vault_is_refused(filled: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    for act in (filled.open, filled.edit().__enter__, lambda: filled.holds(PLACE)):
        with pytest.raises(VaultUnusable, match=f"belongs to user {owner}; run `sudo chown -R {owner + 1} '.*'`"):
            act()


def test_a_file_in_the_folders_place_is_refused(vault: Vault) -> None:
    Path(vault.folder).parent.mkdir(parents=True)
    Path(vault.folder).write_text("")
    for act in (vault.open, lambda: put(vault, "A", "a")):
        with pytest.raises(VaultUnusable, match=r"cannot be opened as a folder \(ENOTDIR\)"):
            act()


# --- changing it ------------------------------------------------------------------------------------------------------


def test_a_vault_that_others_keep_locked_is_busy_and_can_be_read(
    filled: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vault_module, "LOCK_WAIT_S", 0.0)
    with hold(f"{filled.path}.lock", 0) as is_locked:
        assert is_locked
        assert content_of(filled) == CONTENT
        with pytest.raises(Busy, match="kept the vault locked for too long; try again"):
            put(filled, "A", "a")
    put(filled, "A", "a")
    assert content_of(filled) == {**CONTENT, "A": "a"}


def test_an_edit_reads_after_it_has_the_lock(filled: Vault) -> None:
    opened = filled.open()
    put(filled, "A", "a")
    with filled.edit() as records:
        assert "A" in records.names()
    assert "A" not in opened.names(), "what was opened is of one moment"


def test_a_file_system_that_cannot_lock_is_told(filled: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Path(filled.path).read_bytes()
    Path(f"{filled.path}.lock").unlink()
    os.mkdir(f"{filled.path}.lock")
    with pytest.raises(VaultUnusable, match="cannot be locked"):
        put(filled, "A", "a")
    assert Path(filled.path).read_bytes() == before


def test_what_killed_writers_left_is_swept_and_nothing_else(filled: Vault) -> None:
    left = ["vault.77.tmp", "vault-12345678.key.77.tmp"]
    others = ["vault-12345678.key", "vault.old", "vault.sock.77.tmp", "notes.77.tmp"]
    for name in left + others:
        Path(filled.folder, name).write_text("")
    put(filled, "A", "a")
    assert {*os.listdir(filled.folder)} & {*left, *others} == {*others}


def test_a_vault_grown_too_large_is_refused_and_stays(filled: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault_module, "SIZE_AT_MOST", 5000)
    with pytest.raises(VaultUnusable, match="would grow beyond 64 MiB; remove what is not needed"):
        put(filled, "A", "a" * 5000)
    assert content_of(filled) == CONTENT


def test_each_write_is_one_generation(vault: Vault) -> None:
    generations = []
    for name in "ABC":
        put(vault, name, "value")
        generations.append(document_of(vault).generation)
    assert generations == [1, 2, 3]
    assert len({document_of(vault).id}) == 1


# --- what it costs ----------------------------------------------------------------------------------------------------


def imported_by(script: str, env: dict[str, str]) -> set[str]:
    """Return what a script imports in a process of its own, beyond what the interpreter has anyway."""
    wrapped = (
        "import sys; before = set(sys.modules)\n"
        "from keywright.vault.vault import open_vault; import os\n"
        f"{script}\n"
        "print(*(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", wrapped], env=env, capture_output=True, text=True, check=True, cwd="/"
    )
    return set(done.stdout.split())


HEAVY = {
    "base64",
    "cryptography",
    "dataclasses",
    "datetime",
    "filelock",
    "hashlib",
    "inspect",
    "logging",
    "platformdirs",
}
HEAVY |= {"socket", "subprocess", "tempfile", "threading", "urllib"}


def test_asking_for_a_place_imports_no_cryptography_and_no_lock(filled: Vault, env: dict[str, str]) -> None:
    for home in (env["KEYWRIGHT_HOME"], "/nowhere"):
        found = imported_by(f"open_vault(os.environ).holds({PLACE!r})", {**env, "KEYWRIGHT_HOME": home})
        assert not found & HEAVY


def test_reading_under_a_key_file_imports_aes_and_nothing_else_that_is_heavy(
    filled: Vault, env: dict[str, str]
) -> None:
    aes = imported_by("from cryptography.hazmat.primitives.ciphers.aead import AESGCM", env)
    found = imported_by(f"assert open_vault(os.environ).open().find({PLACE!r})", env)
    assert not (found - aes) & HEAVY
    assert {name for name in found if name.startswith("cryptography")} <= aes
