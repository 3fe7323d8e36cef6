"""Replacing another program's file: links, modes, locks, and nothing lost."""

import os
from pathlib import Path

import pytest

from keywright.errors import Busy, Unavailable
from keywright.manage.install import file
from keywright.manage.install.file import read, replace


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with nothing in it."""
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder


def test_an_absent_file_is_none(folder: Path) -> None:
    assert read(f"{folder}/none") is None


def test_a_new_file_and_its_folders_are_private(folder: Path) -> None:
    path = folder / "a/b/config"
    assert replace(str(path), None, b"new", "")
    assert path.read_bytes() == b"new"
    assert [oct(place.stat().st_mode & 0o777) for place in (path, path.parent)] == ["0o600", "0o700"]


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o640, 0o700])
def test_the_mode_is_kept(folder: Path, mode: int) -> None:
    path = folder / "config"
    path.write_bytes(b"old")
    path.chmod(mode)
    assert replace(str(path), b"old", b"new", "")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", mode)


def test_links_stay_links(folder: Path) -> None:
    kept, link, chain = folder / "dotfiles/config", folder / "link", folder / "chain"
    kept.parent.mkdir()
    kept.write_bytes(b"old")
    link.symlink_to("dotfiles/config")
    chain.symlink_to(link)
    assert replace(str(chain), b"old", b"new", "")
    assert (os.readlink(chain), os.readlink(link), kept.read_bytes()) == (str(link), "dotfiles/config", b"new")


def test_a_link_to_nothing_yet_is_followed(folder: Path) -> None:
    link = folder / "link"
    link.symlink_to("dotfiles/config")
    assert replace(str(link), None, b"new", "")
    assert (folder / "dotfiles/config").read_bytes() == b"new"


def test_what_somebody_wrote_meanwhile_stays(folder: Path) -> None:
    path = folder / "config"
    path.write_bytes(b"theirs")
    assert not replace(str(path), b"old", b"new", f"{path}.lock")
    assert path.read_bytes() == b"theirs"
    assert os.listdir(folder) == ["config"]


def test_a_read_only_file_is_left_alone(folder: Path) -> None:
    path = folder / "config"
    path.write_bytes(b"old")
    path.chmod(0o400)
    with pytest.raises(Unavailable, match=r"config cannot be written \(EACCES\), it is as it was; make it writable"):
        replace(str(path), b"old", b"new", f"{path}.lock")
    assert path.read_bytes() == b"old"
    assert os.listdir(folder) == ["config"]


def test_a_full_disk_leaves_the_old_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "config"
    path.write_bytes(b"old")

    def no_space(_descriptor: int, _content: memoryview) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", no_space)
        with pytest.raises(Unavailable, match="ENOSPC"):
            replace(str(path), b"old", b"new", f"{path}.lock")
    assert path.read_bytes() == b"old"
    assert os.listdir(folder) == ["config"]


def test_a_lock_that_stays_taken_is_busy(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "config"
    path.write_bytes(b"old")
    (folder / "config.lock").write_bytes(b"")
    monkeypatch.setattr(file, "_TRIES", 2)
    with pytest.raises(Busy, match=r"config.lock says that another program is writing"):
        replace(str(path), b"old", b"new", f"{path}.lock")
    assert path.read_bytes() == b"old"
    assert (folder / "config.lock").exists()


def test_the_lock_is_free_afterwards(folder: Path) -> None:
    path = folder / "config"
    assert replace(str(path), None, b"new", f"{path}.lock")
    assert replace(str(path), b"new", None, f"{path}.lock")
    assert os.listdir(folder) == []


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo], ids=["a folder", "a pipe"])
def test_what_is_no_file_is_not_read(folder: Path, make: object) -> None:
    path = str(folder / "config")
    make(path)  # type: ignore[operator]
    with pytest.raises(Unavailable, match=r"is not a regular file|cannot be read"):
        read(path)
