"""Which settings have passed their check: a bounded memory, and none that costs a call."""

import os
from pathlib import Path

import pytest

from keywright.cache.seals import AT_MOST, FileSeals


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache/checked"


@pytest.fixture
def seals(folder: Path) -> FileSeals:
    return FileSeals(str(folder.parent))


def test_what_was_added_is_there(seals: FileSeals) -> None:
    assert not seals.has("one")
    seals.add("one")
    seals.add("one")
    assert seals.has("one")
    assert not seals.has("two")


def test_the_oldest_is_forgotten(seals: FileSeals, folder: Path) -> None:
    for number in range(AT_MOST + 3):
        seals.add(str(number))
        os.utime(folder / str(number), (number, number))
    assert {name for name in map(str, range(AT_MOST + 3)) if seals.has(name)} == set(map(str, range(3, AT_MOST + 3)))


def test_what_others_can_write_is_no_seal(seals: FileSeals, folder: Path) -> None:
    seals.add("one")
    (folder / "one").chmod(0o666)
    assert not seals.has("one")
    os.symlink("/dev/null", folder / "two")
    assert not seals.has("two")


def test_a_cache_that_cannot_be_written_forgets(
    seals: FileSeals, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object, **_names: object) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", fail)
        seals.add("one")
    assert not seals.has("one")
