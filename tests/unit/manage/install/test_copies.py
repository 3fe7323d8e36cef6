"""Copies to work on, and words that stand in for what no command line may hold."""

import errno
import os
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from fakes.terminal import Terminal
from keywright.errors import Unavailable
from keywright.manage.install.copies import StandIns, contents, private_copy


def test_a_copy_is_private_and_lies_beside_the_original(tmp_path: Path) -> None:
    with private_copy(b"content", str(tmp_path)) as path:
        assert os.path.dirname(path) == str(tmp_path)
        assert os.stat(path).st_mode & 0o777 == 0o600
        assert contents(path) == b"content"
    assert not os.path.exists(path)


def test_a_copy_without_a_folder_lies_in_a_private_one(tmp_path: Path) -> None:
    for folder in (None, str(tmp_path / "none")):
        with private_copy(b"", folder) as path:
            assert os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o700
        assert not os.path.exists(os.path.dirname(path))


def test_a_copy_that_is_gone_already_is_no_failure(tmp_path: Path) -> None:
    with private_copy(b"", str(tmp_path)) as path:
        os.unlink(path)


def test_words_are_filled_in_with_what_is_around_them() -> None:
    stand_ins = StandIns()
    one, other = stand_ins.stand_in_for(b"\xff1"), stand_ins.stand_in_for(b"2")
    with private_copy(f"a: {one}\nb: {other} {one}\n".encode()) as path:
        stand_ins.fill(path, around=lambda word: f"a: {word}")
        assert contents(path) == f"\ufffd\nb: {other} {one}\n".encode().replace("\ufffd".encode(), b"\xff1")
        stand_ins.fill(path)
        assert contents(path) == b"\xff1\nb: 2 \xff1\n"


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.EROFS, "(EROFS), nothing was changed; make it writable"),
        (errno.ENOSPC, "(ENOSPC), nothing was changed; free some disk space"),
        (errno.EIO, "(EIO), nothing was changed"),
    ],
)
def test_a_folder_that_takes_no_copy_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, told: str
) -> None:
    def fail(**_: str) -> None:
        raise OSError(number, "canary")

    monkeypatch.setattr(tempfile, "mkstemp", fail)
    with pytest.raises(Unavailable) as error, private_copy(b"", str(tmp_path)):
        pass
    assert str(error.value) == f"{tmp_path} cannot hold a copy to work on {told}"


def test_a_copy_that_was_taken_away_is_one_clear_line(tmp_path: Path) -> None:
    with private_copy(b"", str(tmp_path)) as path:
        os.unlink(path)
        for use in (contents, StandIns().fill):
            with pytest.raises(Unavailable, match=r"\(ENOENT\)"):
                use(path)


def test_a_copy_that_cannot_be_deleted_is_named(tmp_path: Path) -> None:
    with ExitStack() as stack:
        path = stack.enter_context(private_copy(b"", str(tmp_path)))
        os.unlink(path)
        os.mkdir(path)
        with pytest.raises(Unavailable, match=r"is a copy that cannot be deleted \(E\w+\); delete it"):
            stack.close()


def test_without_a_folder_for_temporary_files_git_is_left_as_it_is(
    keywright: Terminal, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(home / "none"))
        done = keywright("install", "git", "https://github.com")
    assert (done.code, done.stdout) == (1, "")
    assert done.stderr == (
        "keywright: the folder for temporary files (TMPDIR) cannot hold a copy to work on (ENOENT), "
        "nothing was changed [unavailable]\n"
    )
    assert not (home / ".gitconfig").exists()
