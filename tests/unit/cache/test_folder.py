"""Folders and files that are ours and nobody else's; every refusal names the place and the cure."""

import errno
import gc
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from keywright import hit
from keywright.cache.folder import FILE_LIMIT, PrivateFolder, locate
from keywright.errors import CacheUnusable

CONTENT = b"the old content"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "private"


@pytest.fixture
def folder(path: Path) -> PrivateFolder:
    return PrivateFolder.open(str(path))


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(CacheUnusable) as raised:
        act()
    return str(raised.value)


def descriptors() -> int:
    """Return how many are open, those of folders that nobody holds any more excepted."""
    gc.collect()
    return len(os.listdir("/dev/fd"))


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


# --- where things live ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["cache", "config", "data", "state"])
def test_a_folder_is_where_the_hit_path_looks(kind: str, home: Path) -> None:
    assert locate(kind, {"HOME": str(home)}) == hit.folder_of(kind, {"HOME": str(home)})


def test_what_the_hit_path_leaves_open_platformdirs_knows(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", f"{home}/c ")
    assert hit.folder_of("cache", os.environ) == ""
    assert locate("cache", os.environ).startswith(str(home))


def test_a_relative_folder_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    told = refusal(lambda: locate("cache", {"KEYWRIGHT_HOME": "relative"}))
    assert "no absolute cache folder" in told
    assert "set HOME, or KEYWRIGHT_HOME" in told


# --- opening a folder -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mask", [0o000, 0o002, 0o022, 0o027, 0o077])
def test_a_folder_is_made_private_whatever_the_umask(mask: int, tmp_path: Path) -> None:
    with umask(mask):
        PrivateFolder.open(str(tmp_path / "a/b/c"))
    assert stat.S_IMODE((tmp_path / "a/b/c").stat().st_mode) == 0o700


def test_a_private_folder_is_opened_as_it_is(folder: PrivateFolder, path: Path) -> None:
    folder.replace("name", CONTENT)
    again = PrivateFolder.open(str(path))
    assert again.path == str(path)
    found = again.read("name")
    assert found is not None
    assert found[0] == CONTENT


@pytest.mark.parametrize("mode", [0o701, 0o704, 0o710, 0o720, 0o750, 0o755, 0o777])
def test_a_loose_folder_is_refused(mode: int, folder: PrivateFolder, path: Path) -> None:
    path.chmod(mode)
    told = refusal(lambda: PrivateFolder.open(str(path)))
    assert f"{path} is open to other users" in told
    assert f"run `chmod 700 '{path}'`" in told


def test_a_foreign_folder_is_refused(folder: PrivateFolder, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    told = refusal(lambda: PrivateFolder.open(str(path)))
    assert f"{path} belongs to user {owner}" in told
    assert f"run `sudo chown -R {owner + 1} '{path}'`" in told


def test_a_link_is_refused(folder: PrivateFolder, path: Path) -> None:
    link = path.with_name("link")
    link.symlink_to(path)
    told = refusal(lambda: PrivateFolder.open(str(link)))
    assert f"{link} cannot be opened as a folder" in told
    assert f"run `mv '{link}' '{link}.old'`" in told


def test_a_dangling_link_is_refused(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))
    assert f"run `mv '{path}' '{path}.old'`" in refusal(lambda: PrivateFolder.open(str(path)))
    assert not path.with_name("nowhere").exists()


@pytest.mark.parametrize("make", [Path.touch, os.mkfifo], ids=["file", "FIFO"])
@pytest.mark.timeout(30)
def test_what_is_no_folder_is_refused(make: Callable[[Path], None], path: Path) -> None:
    make(path)
    told = refusal(lambda: PrivateFolder.open(str(path)))
    assert f"{path} cannot be opened as a folder (ENOTDIR)" in told
    assert f"run `mv '{path}' '{path}.old'`" in told


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_a_folder_that_cannot_be_made_is_refused(number: int, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "mkdir", fail)
    told = refusal(lambda: PrivateFolder.open(str(path)))
    assert f"{path} cannot be opened as a folder ({errno.errorcode[number]})" in told
    assert "make it writable, or set KEYWRIGHT_HOME" in told


def test_of_many_who_make_it_together_none_fails(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mkdir = os.mkdir

    def lose(name: str, mode: int = 0o777) -> None:
        mkdir(name, mode)  # the other one's
        mkdir(name, mode)

    monkeypatch.setattr(os, "mkdir", lose)
    assert PrivateFolder.open(str(path)).path == str(path)


def test_a_folder_that_was_swapped_meanwhile_is_still_the_one_checked(folder: PrivateFolder, path: Path) -> None:
    folder.replace("name", CONTENT)
    path.rename(path.with_name("moved"))
    path.mkdir(mode=0o777)
    (path / "name").write_bytes(b"an attacker's")
    found = folder.read("name")
    assert found is not None
    assert found[0] == CONTENT


def test_no_descriptor_is_left_open(path: Path) -> None:
    before = descriptors()
    PrivateFolder.open(str(path))
    path.chmod(0o755)
    refusal(lambda: PrivateFolder.open(str(path)))
    assert descriptors() == before


# --- reading a file -------------------------------------------------------------------------------------------------


def test_what_was_put_is_read(folder: PrivateFolder, path: Path) -> None:
    seen = folder.replace("name", CONTENT)
    assert folder.read("name") == (CONTENT, seen)
    assert seen == hit.stamp(str(path / "name"))


def test_what_is_absent_is_none(folder: PrivateFolder) -> None:
    assert folder.read("name") is None


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o601, 0o777])
def test_a_loose_file_is_refused(mode: int, folder: PrivateFolder, path: Path) -> None:
    folder.replace("name", CONTENT)
    (path / "name").chmod(mode)
    told = refusal(lambda: folder.read("name"))
    assert f"{path}/name is open to other users" in told
    assert f"run `chmod 600 '{path}/name'`" in told


def be_a_fifo(file: Path) -> None:
    file.unlink()
    os.mkfifo(file, 0o600)


def be_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir(mode=0o700)


def be_a_link(file: Path) -> None:
    file.rename(file.with_name("target"))
    file.symlink_to("target")


@pytest.mark.timeout(30)
@pytest.mark.parametrize("be", [be_a_fifo, be_a_folder, be_a_link])
def test_what_is_no_plain_file_is_refused(be: Callable[[Path], None], folder: PrivateFolder, path: Path) -> None:
    folder.replace("name", CONTENT)
    be(path / "name")
    before = descriptors()
    told = refusal(lambda: folder.read("name"))
    assert told.startswith(f"{path}/name ")
    command = told.partition("; run `")[2].removesuffix("`")
    assert command.startswith("rm -")
    assert descriptors() == before
    assert os.system(command) == 0
    assert folder.read("name") is None


def test_what_has_two_names_is_refused(folder: PrivateFolder, path: Path) -> None:
    folder.replace("name", CONTENT)
    (path / "second").hardlink_to(path / "name")
    told, command, _ = refusal(lambda: folder.read("name")).split("`")
    assert told == f"{path}/name has a second name elsewhere, a hard link; run "
    assert os.system(command) == 0
    found = folder.read("name")
    assert found is not None
    assert found[0] == CONTENT


def test_another_users_file_is_refused(folder: PrivateFolder, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.replace("name", CONTENT)
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert f"{path}/name is not a plain file of yours" in refusal(lambda: folder.read("name"))


def test_a_file_larger_than_anything_kept_is_refused(folder: PrivateFolder, path: Path) -> None:
    folder.replace("name", CONTENT)
    os.truncate(path / "name", FILE_LIMIT)
    found = folder.read("name")
    assert found is not None
    assert len(found[0]) == FILE_LIMIT
    os.truncate(path / "name", FILE_LIMIT + 1)
    assert f"run `rm -f '{path}/name'`" in refusal(lambda: folder.read("name"))


def test_a_file_whose_disk_fails_is_refused(folder: PrivateFolder, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.replace("name", CONTENT)

    def fail(_fd: int) -> os.stat_result:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", fail)
        told = refusal(lambda: folder.read("name"))
    assert f"{path}/name cannot be read (EIO)" in told


# --- replacing a file -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mask", [0o000, 0o002, 0o022, 0o027, 0o077, 0o177, 0o277, 0o777])
@pytest.mark.parametrize("is_lasting", [True, False])
def test_a_file_is_private_whatever_the_umask(mask: int, is_lasting: bool, folder: PrivateFolder, path: Path) -> None:
    with umask(mask):
        folder.replace("name", CONTENT, is_lasting=is_lasting)
    assert (path / "name").stat().st_mode == 0o100600
    assert os.listdir(path) == ["name"]


def test_the_stamp_returned_is_the_new_files(folder: PrivateFolder, path: Path) -> None:
    for content in (b"", b"x", b"x" * 100_000):
        for mtime in (None, 1_900_000_000.5):
            seen = folder.replace("name", content, mtime=mtime)
            assert seen == hit.stamp(str(path / "name"))
            assert (path / "name").read_bytes() == content
    assert (path / "name").stat().st_mtime == 1_900_000_000.5


def test_a_reader_sees_the_old_file_or_the_new_one(folder: PrivateFolder, path: Path) -> None:
    folder.replace("name", CONTENT)
    with (path / "name").open("rb") as opened:
        folder.replace("name", b"new")
        assert opened.read() == CONTENT
    assert (path / "name").read_bytes() == b"new"


def test_a_link_in_its_place_is_replaced_and_not_followed(folder: PrivateFolder, path: Path) -> None:
    victim = path.with_name("victim")
    victim.write_bytes(b"precious")
    (path / "name").symlink_to(victim)
    folder.replace("name", CONTENT)
    assert victim.read_bytes() == b"precious"
    assert not (path / "name").is_symlink()


def fail_with(number: int, after: int = 0) -> Callable[..., int]:
    """Return a system call that fails, the first `after` calls excepted, which do nothing."""
    calls = iter(range(after))

    def fail(*_arguments: object, **_names: object) -> int:
        if next(calls, None) is None:
            raise OSError(number, os.strerror(number))
        return 1

    return fail


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS])
@pytest.mark.parametrize("call", ["open", "fchmod", "write", "fsync", "rename", "utime"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    number: int, call: str, folder: PrivateFolder, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.replace("name", CONTENT)
    before = descriptors()
    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail_with(number))
        told = refusal(lambda: folder.replace("name", b"new", mtime=1.0))
    assert f"{path} cannot be written ({errno.errorcode[number]})" in told
    assert ("free some disk space" in told) == (number in {errno.ENOSPC, errno.EDQUOT})
    assert os.listdir(path) == ["name"]
    assert (path / "name").read_bytes() == CONTENT
    assert descriptors() == before


def test_a_disk_that_fills_up_halfway_leaves_the_old_file(
    folder: PrivateFolder, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.replace("name", CONTENT)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", fail_with(errno.ENOSPC, after=3))
        refusal(lambda: folder.replace("name", b"new content"))
    assert os.listdir(path) == ["name"]
    assert (path / "name").read_bytes() == CONTENT


def test_an_interrupted_write_leaves_the_old_file(
    folder: PrivateFolder, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_fd: int, _data: bytes) -> int:
        raise KeyboardInterrupt

    folder.replace("name", CONTENT)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", interrupt)
        with pytest.raises(KeyboardInterrupt):
            folder.replace("name", b"new")
    assert os.listdir(path) == ["name"]


def test_a_system_that_writes_in_pieces_is_asked_again(
    folder: PrivateFolder, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:4]))
    folder.replace("name", CONTENT)
    assert (path / "name").read_bytes() == CONTENT


def test_a_folder_that_cannot_be_synced_has_the_file_all_the_same(
    folder: PrivateFolder, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync = os.fsync

    def refuse_folders(fd: int) -> None:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        fsync(fd)

    monkeypatch.setattr(os, "fsync", refuse_folders)
    assert folder.replace("name", b"new") == hit.stamp(str(path / "name"))


def test_what_a_killed_process_of_our_number_left_is_no_hindrance(folder: PrivateFolder, path: Path) -> None:
    (path / f"name.{os.getpid()}.tmp").write_bytes(b"half a fi")
    folder.replace("name", CONTENT)
    assert os.listdir(path) == ["name"]
    assert (path / "name").read_bytes() == CONTENT


def test_only_what_has_to_last_is_synced(folder: PrivateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    folder.replace("name", CONTENT, is_lasting=False)
    assert not synced
    folder.replace("name", CONTENT)
    assert len(synced) == 2  # the file, and the folder that knows its name


# --- the rest -------------------------------------------------------------------------------------------------------


def test_removing_says_whether_there_was_anything(folder: PrivateFolder) -> None:
    folder.replace("name", CONTENT)
    assert [folder.remove("name"), folder.remove("name")] == [True, False]


def test_what_cannot_be_removed_is_an_error(folder: PrivateFolder, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "unlink", fail_with(errno.EROFS))
    told = refusal(lambda: folder.remove("name"))
    assert f"{path}/name cannot be deleted (EROFS)" in told
    assert "make it writable" in told


def test_what_is_set_aside_can_be_looked_at(folder: PrivateFolder, path: Path) -> None:
    for content in (b"first", b"second"):
        folder.replace("name", content)
        folder.set_aside("name")
    assert os.listdir(path) == ["name.broken"]
    assert (path / "name.broken").read_bytes() == b"second"
    folder.set_aside("name")  # nothing there: nothing to do


def test_orphans_of_one_file_are_removed_and_no_others(folder: PrivateFolder, path: Path) -> None:
    orphans = {"a.json.1.tmp", "a.json.2.tmp"}
    others = {"a.json", "a.json.lock", "a.json.broken", "aa.json.1.tmp", "b.json.1.tmp", "a.tmp"}
    for name in orphans | others:
        (path / name).touch()
    folder.remove_orphans("a.json")
    assert set(os.listdir(path)) == others


def test_touching_sets_the_mtime_and_nothing_else(folder: PrivateFolder, path: Path) -> None:
    folder.touch("brake", 1_900_000_000.5)
    assert (path / "brake").stat().st_mtime == 1_900_000_000.5
    assert (path / "brake").stat().st_mode == 0o100600
    folder.replace("brake", CONTENT)
    folder.touch("brake", 1.0)
    assert (path / "brake").stat().st_mtime == 1.0
    assert (path / "brake").read_bytes() == CONTENT


def test_touching_a_link_touches_nothing(folder: PrivateFolder, path: Path) -> None:
    victim = path.with_name("victim")
    (path / "brake").symlink_to(victim)
    folder.touch("brake", 1.0)
    assert not victim.exists()


def test_mtimes_are_those_of_the_files(folder: PrivateFolder, path: Path) -> None:
    folder.replace("one", CONTENT, mtime=1.5)
    folder.replace("two", CONTENT, mtime=2.5)
    (path / "dangling").symlink_to("nowhere")
    mtimes = folder.mtimes()
    assert mtimes.pop("dangling") > 2.5
    assert mtimes == {"one": 1.5, "two": 2.5}
    assert folder.mtimes().keys() == {"one", "two", "dangling"}  # listing rewinds


def test_what_is_replaced_while_it_is_read_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = PrivateFolder.open(str(tmp_path / "cache"))
    folder.replace("x", b"old")
    fstat, is_first = os.fstat, [True]

    def replaced_meanwhile(descriptor: int) -> os.stat_result:
        if is_first.pop():
            is_first.append(False)
            folder.replace("x", b"new")
        else:
            is_first.append(False)
        return fstat(descriptor)

    monkeypatch.setattr(os, "fstat", replaced_meanwhile)
    found = folder.read("x")
    assert found is not None
    assert found[0] == b"old"
