"""What the bundle has of Python itself, of the build machine's shared libraries, and inside others' wheels."""

import hashlib
import os
import platform
import re
import subprocess
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

import elf
from components import TEXTS, Component

_LIBRARIES: Final = {
    "libbz2": ("bzip2", "bzip2-1.0.6"),
    "libcrypto": ("openssl", "Apache-2.0"),
    "libexpat": ("expat", "MIT"),
    "libffi": ("libffi", "MIT"),
    "libgcc_s": ("libgcc", "GPL-3.0-or-later WITH GCC-exception-3.1"),
    "liblzma": ("xz", "0BSD OR LicenseRef-public-domain"),  # the latter until 5.6
    "libmpdec": ("mpdecimal", "BSD-2-Clause"),
    "libssl": ("openssl", "Apache-2.0"),
    "libuuid": ("util-linux", "BSD-3-Clause"),
    "libz": ("zlib", "Zlib"),
}
"""Of each shared library, by its name's stem, whose it is."""


def interpreter() -> Component:
    """Return Python."""
    version = platform.python_version()
    places = (Path(sysconfig.get_path("stdlib"), "LICENSE.txt"), Path(sysconfig.get_path("stdlib"), "LICENSE"))
    texts = tuple(path.read_text(encoding="utf-8") for path in places if path.exists())
    return Component("python", version, f"pkg:generic/python@{version}", "Python-2.0.1", texts=texts[:1])


def incorporated(names: set[str]) -> Iterator[Component]:
    """Yield what Python's own source has of others, where the bundle, whose files are `names`, has no library of it."""
    from decimal import __libmpdec_version__ as mpdecimal
    from pyexpat import version_info

    expat = ".".join(map(str, version_info))
    for stem, extension, name, version, licence in (
        ("libexpat", "pyexpat", "expat", expat, "MIT"),
        ("libmpdec", "_decimal", "mpdecimal", str(mpdecimal), "BSD-2-Clause"),
    ):
        is_there = any(os.path.basename(each).startswith(f"{extension}.") for each in names)
        if is_there and not any(each.startswith(f"{stem}.so") for each in names):
            text = (TEXTS / f"{name}.txt").read_text(encoding="utf-8")
            yield Component(name, version, f"pkg:generic/{name}@{version}", licence, texts=(text,), part_of="python")


def inside_distributions(names: set[str]) -> Iterator[Component]:
    """Yield what wheels hold of others without saying so; `names` are the bundle's files."""
    for file, name, licence, whose in (
        ("_cffi_backend.", "libffi", "MIT", "cffi"),  # PyPI's wheels have it linked in
        ("cacert.pem", "mozilla-ca-certificates", "MPL-2.0", "botocore"),
    ):
        if any(os.path.basename(each).startswith(file) for each in names):
            text = (TEXTS / f"{name}.txt").read_text(encoding="utf-8")
            yield Component(name, "", f"pkg:generic/{name}", licence, texts=(text,), part_of=whose)


def shared_libraries(found: Mapping[str, str], folder: Path) -> Iterator[Component]:
    """Yield whose the shared libraries in `folder` are; `found` has where on this machine each was taken from.

    Raises:
        SystemExit: One is not known.
    """
    by_purl: dict[str, Component] = {}
    for name, source in sorted(found.items()):
        stem = re.split(r"[-.]", os.path.basename(name))[0]
        if stem.startswith("libpython"):
            continue
        if stem not in _LIBRARIES:
            raise SystemExit(f"whose is {name} ({source})? Name it in {__file__}")
        project, licence = _LIBRARIES[stem]
        package = _debian_package(os.path.realpath(source)) or Component(project, "", f"pkg:generic/{project}", "")
        known = by_purl.get(package.purl, package._replace(name=project, licence=licence))
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        by_purl[package.purl] = known._replace(files=(*known.files, (name, digest)))
    yield from by_purl.values()


def c_library(front: Path) -> Iterator[Component]:
    """Yield the C library, if the program `front` has it inside: the launcher is static where that can be had."""
    if front.is_symlink() or not elf.is_elf(front) or elf.needs(front).libraries:
        return
    command = [os.environ.get("CC", "cc"), "-print-file-name=libc.a"]
    source = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    package = _debian_package(os.path.realpath(source)) or Component("glibc", "", "pkg:generic/glibc", "")
    yield package._replace(name="glibc", licence="LGPL-2.1-or-later")


def _debian_package(path: str) -> Component | None:
    """Return the Debian package that a file is of, as far as a component of it goes; None if it is of none."""
    for place in (path, path.removeprefix("/usr")):  # dpkg keeps the name from before /lib became a link
        try:
            searched = subprocess.run(["dpkg-query", "-S", place], capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        package = searched.stdout.split(": ")[0]
        wanted = "-f=${Package}\t${Version}\t${Architecture}"
        told = subprocess.run(["dpkg-query", "-W", wanted, package], capture_output=True, text=True, check=True)
        name, version, architecture = told.stdout.split("\t")
        system = platform.freedesktop_os_release()
        distro = f"{system['ID']}-{system.get('VERSION_ID', 'sid')}"
        purl = f"pkg:deb/{system['ID']}/{name}@{quote(version, safe='~')}?arch={architecture}&distro={distro}"
        copyrights = Path("/usr/share/doc", name, "copyright")
        texts = (copyrights.read_text(encoding="utf-8"),) if copyrights.exists() else ()
        return Component(name, version, purl, "", texts=texts)
    return None
