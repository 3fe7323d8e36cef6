"""Copies to work on, and words that stand in for what no command line may hold."""

import os
from pathlib import Path

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
