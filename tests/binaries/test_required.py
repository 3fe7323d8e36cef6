"""What a package asks of the machine it is installed on."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import elf
from linux import sorting
from required import required


def test_the_interpreter_s_own_needs_are_read() -> None:
    python = Path(sys.executable).resolve()
    assert elf.is_elf(python)
    needs = elf.needs(python)
    assert "libc.so.6" in needs.libraries
    assert any(library == "libc.so.6" and version.startswith("GLIBC_2.") for library, version in needs.versions)


@pytest.mark.parametrize(
    ("path", "is_kept"),
    [
        ("/home/ann/lib", False),
        ("$ORIGIN/../lib:/home/ann/lib", False),
        ("$ORIGINAL/lib", False),
        ("$ORIGIN/../lib", True),
        ("${ORIGIN}/../lib", True),
    ],
)
@pytest.mark.parametrize("kind", ["enable", "disable"])
def test_no_folder_of_the_build_machine_is_searched(path: str, kind: str, *, is_kept: bool, tmp_path: Path) -> None:
    (tmp_path / "two.c").write_text('#include <stdio.h>\nint main(void) { return puts("two") < 0; }\n')
    flags = [f"-Wl,--{kind}-new-dtags,-rpath,{path}", "-o", str(tmp_path / "two")]
    subprocess.run(["cc", str(tmp_path / "two.c"), *flags], check=True)
    before = tmp_path.joinpath("two").read_bytes()
    after = elf.without_foreign_paths(before)
    (tmp_path / "two").write_bytes(after)
    shown = subprocess.run(["readelf", "--dynamic", tmp_path / "two"], capture_output=True, text=True, check=True)
    assert (path in shown.stdout, after == before) == (is_kept, is_kept)
    assert "[libc.so.6]" in shown.stdout
    assert subprocess.run([tmp_path / "two"], capture_output=True, check=True).stdout == b"two\n"


def test_text_is_no_program(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("#!/bin/sh\n")
    assert not elf.is_elf(tmp_path / "text")


def test_a_library_of_no_known_package_ends_the_build(tmp_path: Path) -> None:
    git = shutil.which("git")
    assert git
    shutil.copy(git, tmp_path / "program")
    assert "libpcre2-8.so.0" in elf.needs(tmp_path / "program").libraries
    with pytest.raises(SystemExit, match=r"no package is known for libpcre2-8\.so\.0"):
        required(tmp_path)
    shutil.copy(Path(sys.executable).resolve(), tmp_path / "libpcre2-8.so.0")  # it is in the folder, but not yet found
    with pytest.raises(SystemExit, match="libpcre2-8"):
        required(tmp_path)


@pytest.mark.parametrize(
    ("version", "sorted_as"),
    [
        ("0.1.0", "0.1.0"),
        ("1.0rc1", "1.0~rc1"),
        ("1.0a2", "1.0~a2"),
        ("2.0.dev3", "2.0~dev3"),
        ("1.0.post1", "1.0.post1"),
    ],
)
def test_a_release_comes_after_its_candidates(version: str, sorted_as: str) -> None:
    assert sorting(version) == sorted_as
