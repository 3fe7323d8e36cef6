"""What the bundle requires of the machine it is installed on, in the words of dpkg and of rpm."""

from pathlib import Path
from typing import Final, NamedTuple

import elf

_OF_GLIBC: Final = (
    *("libc.so.6", "libdl.so.2", "libm.so.6", "libpthread.so.0", "librt.so.1", "libutil.so.1"),
    *("ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"),
)
_DEB_OF: Final = {"libz.so.1": "zlib1g"}
"""PyInstaller's bootloader reads its archive before it knows of the bundle's own libraries."""


class Required(NamedTuple):
    """What a package manager is told."""

    deb: list[str]
    rpm: list[str]


def required(bundle: Path) -> Required:
    """Return what the bundle's ELF files need and the bundle does not have.

    Raises:
        SystemExit: They need a library that no package is known for here.
    """
    files = [path for path in bundle.rglob("*") if not path.is_symlink() and path.is_file() and elf.is_elf(path)]
    found = [elf.needs(path) for path in files]
    # The program in front is started before the bundle's folder of libraries is on anybody's path.
    front = {library for path in files if path.parent == bundle for library in elf.needs(path).libraries}
    inside = {path.name for path in files}
    outside = {library for need in found for library in need.libraries if library not in inside} | front
    unknown = outside - set(_OF_GLIBC) - set(_DEB_OF)
    if unknown:
        raise SystemExit(f"no package is known for {', '.join(sorted(unknown))}: name it in {__file__}")
    floor = max(
        tuple(int(part) for part in version.removeprefix("GLIBC_").split("."))
        for need in found
        for _, version in need.versions
        if version.startswith("GLIBC_2")
    )
    glibc = ".".join(map(str, floor))
    others = sorted(outside - set(_OF_GLIBC))
    return Required(
        deb=[f"libc6 (>= {glibc})", *(_DEB_OF[library] for library in others)],
        rpm=[f"libc.so.6(GLIBC_{glibc})(64bit)", *(f"{library}()(64bit)" for library in others)],
    )
