"""The trace's file: ours alone, or none."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from keywright.errors import Unavailable
from keywright.tracing.file import TraceFile


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_it_is_made_for_nobody_else(tmp_path: Path, umask: int) -> None:
    path, before = tmp_path / "trace", os.umask(umask)
    try:
        TraceFile.open(str(path)).append("one")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == b"one\n"


def test_it_is_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "trace"
    path.touch(0o600)
    one, other = TraceFile.open(str(path)), TraceFile.open(str(path))
    one.append("1")
    other.append("2")
    one.append("3")
    assert path.read_text() == "1\n2\n3\n"


def link(path: Path) -> None:
    path.with_name("target").touch(0o600)
    path.symlink_to("target")


def hard_link(path: Path) -> None:
    path.with_name("target").touch(0o600)
    path.hardlink_to(path.with_name("target"))


def loose(path: Path) -> None:
    path.touch()
    path.chmod(0o640)


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "a link": (link, "ELOOP"),
    "a hard link": (hard_link, "second name"),
    "loose": (loose, "open to other users; run `chmod 600 "),
    "a folder": (Path.mkdir, "EISDIR"),
    "a pipe": (os.mkfifo, "not a plain file"),
    "in no folder": (lambda path: path.parent.rmdir(), "ENOENT"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_not_ours_alone_is_refused_and_left_as_it_is(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    make, told = BAD[kind]
    make(folder / "trace")
    with pytest.raises(Unavailable, match=told):
        TraceFile.open(str(folder / "trace"))
    assert all(not path.read_bytes() for path in folder.glob("t*") if path.is_file())


@pytest.mark.parametrize("mode", [0o600, 0o644])
@pytest.mark.parametrize("content", ["-----BEGIN KEY-----\n", "[default]\n", '{"schema": 1}', "x", "\n"])
def test_what_holds_something_else_is_not_appended_to(tmp_path: Path, content: str, mode: int) -> None:
    path = tmp_path / "vault"
    path.write_text(content)
    path.chmod(mode)
    with pytest.raises(Unavailable, match="no trace; name another file"):
        TraceFile.open(str(path))
    assert path.read_text() == content


@pytest.mark.parametrize("length", [0, 1, 7, 40])
def test_a_trace_that_was_begun_is_appended_to(tmp_path: Path, length: int) -> None:
    """Be it that the disk was full in the middle of its first line."""
    path = tmp_path / "trace"
    path.write_text('{"at": "2030-01-01T12:00:00.000Z", "call": "0"}\n'[:length])
    path.chmod(0o600)
    TraceFile.open(str(path)).append("one")
    assert path.read_text().endswith("one\n")


def test_another_user_s_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "trace").touch(0o600)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(Unavailable, match="belongs to user"):
        TraceFile.open(str(tmp_path / "trace"))


def test_a_device_is_refused() -> None:
    with pytest.raises(Unavailable, match="not a plain file"):
        TraceFile.open("/dev/full")
