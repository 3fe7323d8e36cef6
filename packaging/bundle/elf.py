"""What an ELF file needs of the machine it runs on: libraries, the versions of their symbols, and folders to search.

Read are the section headers and the two sections that tell (System V ABI, chapter 4 and 5; "Symbol Versioning" of the
Linux Standard Base, 10.7), of 64-bit little-endian files alone: what x86_64 and aarch64 run.
"""

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

_SHT_DYNAMIC: Final = 6
_SHT_GNU_VERNEED: Final = 0x6FFFFFFE
_DT_NULL: Final = 0
_DT_NEEDED: Final = 1
_DT_RPATH: Final = 15
_DT_RUNPATH: Final = 29
_FROM_WHERE_IT_LIES: Final = re.compile(r"\$(?:ORIGIN\b|\{ORIGIN\})")


class Section(NamedTuple):
    """A section header's part that is used here."""

    kind: int
    offset: int
    size: int
    link: int


class Needs(NamedTuple):
    """What a file needs."""

    libraries: frozenset[str]
    """By soname."""
    versions: frozenset[tuple[str, str]]
    """A library and one of its symbol versions, such as `("libc.so.6", "GLIBC_2.34")`."""


def is_elf(path: Path) -> bool:
    """Return whether it is such a file."""
    with path.open("rb") as file:
        return file.read(6) == b"\x7fELF\x02\x01"


def needs(path: Path) -> Needs:
    """Return what the file names as needed."""
    data = path.read_bytes()
    sections = _sections(data)
    libraries: set[str] = set()
    versions: set[tuple[str, str]] = set()
    for section in sections:
        if section.kind == _SHT_DYNAMIC:
            strings = sections[section.link].offset
            entries = struct.iter_unpack("<qQ", data[section.offset : section.offset + section.size])
            libraries |= {_string(data, strings + value) for tag, value in entries if tag == _DT_NEEDED}
        elif section.kind == _SHT_GNU_VERNEED:
            versions |= set(_versions(data, section, sections[section.link].offset))
    return Needs(frozenset(libraries), frozenset(versions))


def without_foreign_paths(data: bytes) -> bytes:
    """Return the file without the folders it has libraries searched for in, unless they are named from where it lies.

    A Python that was built for its user has them: who can write to such a folder, on a machine where it is somebody
    else's or nobody's, would have their code run.
    """
    changed = bytearray(data)
    for section in _sections(data):
        if section.kind != _SHT_DYNAMIC:
            continue
        strings = _sections(data)[section.link].offset
        entries = struct.iter_unpack("<qQ", data[section.offset : section.offset + section.size])
        kept = [
            (tag, value)
            for tag, value in entries
            if tag not in {_DT_RPATH, _DT_RUNPATH}
            or all(map(_FROM_WHERE_IT_LIES.match, _string(data, strings + value).split(":")))
        ]
        packed = b"".join(struct.pack("<qQ", *entry) for entry in kept)
        # What follows the first entry of this kind is read by nobody.
        changed[section.offset : section.offset + section.size] = packed.ljust(section.size, struct.pack("B", _DT_NULL))
    return bytes(changed)


def _sections(data: bytes) -> list[Section]:
    (start,) = struct.unpack_from("<Q", data, 0x28)
    size, count = struct.unpack_from("<HH", data, 0x3A)
    headers = (struct.unpack_from("<IIQQQQI", data, start + number * size) for number in range(count))
    return [Section(kind, offset, length, link) for _, kind, _, _, offset, length, link in headers]


def _versions(data: bytes, section: Section, strings: int) -> Iterator[tuple[str, str]]:
    library_at = section.offset
    while True:
        _, count, file, first, following = struct.unpack_from("<HHIII", data, library_at)
        library = _string(data, strings + file)
        version_at = library_at + first
        for _ in range(count):
            _, _, _, name, next_version = struct.unpack_from("<IHHII", data, version_at)
            yield library, _string(data, strings + name)
            version_at += next_version
        if not following:
            return
        library_at += following


def _string(data: bytes, at: int) -> str:
    return data[at : data.index(b"\0", at)].decode()
