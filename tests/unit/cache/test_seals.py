"""Which settings have passed their check: a bounded memory, and none that costs a call."""

import os
from pathlib import Path

import pytest

from keywright.cache.seals import AT_MOST, FileSeals

DOCUMENT = {"version": 1, "profiles": {"static:ü": {"url": "x", "repositories": ["a"]}}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache/checked"


@pytest.fixture
def seals(folder: Path) -> FileSeals:
    return FileSeals(str(folder.parent))


def test_what_was_added_is_there(seals: FileSeals) -> None:
    assert seals.recall("one") is None
    for document in ({"version": 0}, DOCUMENT):
        seals.add("one", document)
    assert seals.recall("one") == DOCUMENT
    assert seals.recall("two") is None


@pytest.mark.parametrize("torn", [b"", b"{", b"\0" * 40, b"[1]", b'{"version": 1, "profi', b"\xff", b"[" * 100_000])
def test_what_is_torn_is_no_seal(seals: FileSeals, folder: Path, torn: bytes) -> None:
    (folder / "one").write_bytes(torn)
    (folder / "one").chmod(0o600)
    assert seals.recall("one") is None


def test_the_oldest_is_forgotten(seals: FileSeals, folder: Path) -> None:
    for number in range(AT_MOST + 3):
        seals.add(str(number), DOCUMENT)
        os.utime(folder / str(number), (number, number))
    assert {name for name in map(str, range(AT_MOST + 3)) if seals.recall(name)} == set(map(str, range(3, AT_MOST + 3)))


def test_what_others_can_write_is_no_seal(seals: FileSeals, folder: Path) -> None:
    seals.add("one", DOCUMENT)
    (folder / "one").chmod(0o666)
    assert seals.recall("one") is None
    os.symlink("/dev/null", folder / "two")
    assert seals.recall("two") is None


def test_a_cache_that_cannot_be_written_forgets(
    seals: FileSeals, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object, **_names: object) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", fail)
        seals.add("one", DOCUMENT)
    assert seals.recall("one") is None
