"""What is in the bundle, part by part, and what each part is for: what belongs to none has no business in there.

    python packaging/bundle/parts.py dist/keywright

prints the table and fails if something is left over. PyInstaller follows every import it sees, also those that no
executable of ours comes to; this table is where somebody has looked.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Final, NamedTuple

PROGRAM: Final = "keywright-python"
START: Final = "start of the program"
PYTHON: Final = "Python"
LIBRARY: Final = "Python's library"
OURS: Final = "keywright"
DATA: Final = "botocore's data: "

USES: Final[Mapping[str, str]] = {
    "native front": "answers a hit",
    START: "PyInstaller's bootloader, its own modules and tables",
    PYTHON: "the interpreter",
    LIBRARY: "what the interpreter and all below import",
    "OpenSSL": "TLS and hashes for Python",
    "C libraries": "what Python's and cryptography's extensions are linked to",
    OURS: "every executable",
    "cryptography": "the vault, GitHub Apps' keys",
    "botocore": "AWS credentials and SigV4",
    "urllib3": "every issuer over HTTP",
    "pyjwt": "GitHub Apps, reading tokens' expiry",
    "msgspec": "reading settings",
    "tomlkit": "writing settings",
    "filelock": "locks",
    "platformdirs": "folders",
    "click": "`keywright`",
    "keyring": "the vault's key in the OS keyring",
    "documents": "pages, manual pages, completion of shells, licences",
}
"""Each part and what it is for, in the table's order; botocore's data follow by service."""

FILES: Final[tuple[tuple[str, str], ...]] = (
    ("keywright", "native front"),
    (PROGRAM, START),
    ("_internal/libpython3.*", PYTHON),
    ("_internal/python3.*/lib-dynload/*", LIBRARY),
    ("_internal/libcrypto*", "OpenSSL"),
    ("_internal/libssl*", "OpenSSL"),
    *((f"_internal/lib{name}[.-]*", "C libraries") for name in ("bz2", "expat", "ffi", "gcc_s", "lzma", "uuid", "z")),
    ("_internal/cryptography/*", "cryptography"),
    ("_internal/_cffi_backend.*", "cryptography"),
    ("_internal/botocore/cacert.pem", "botocore"),
    ("_internal/msgspec/_core.*", "msgspec"),
    *((f"{name}.md", "documents") for name in ("CHANGELOG", "README", "SECURITY")),
    *((name, "documents") for name in ("LICENSE", "THIRD-PARTY-LICENSES", "docs/*.md", "share/*")),
)
"""Which part a file belongs to, by its place."""

PACKAGES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("botocore", "dateutil", "jmespath", "six"), "botocore"),
    **dict.fromkeys(("backports", "importlib_metadata", "jaraco", "jeepney", "lazy_importer"), "keyring"),
    **dict.fromkeys(("keyring", "more_itertools", "secretstorage", "zipp"), "keyring"),
    **{name: name for name in ("click", "cryptography", "filelock", "msgspec", "platformdirs", "tomlkit", "urllib3")},
    "jwt": "pyjwt",
    "keywright": OURS,
}
"""Which part the modules of a package belong to; those of Python itself aside."""

SERVICES: Final = ("ecr", "ecr-public", "eks", "signin", "sso", "sso-oidc", "sts")
MODELS: Final = ("endpoint-rule-set-1.json.gz", "service-2.json.gz")
SHARED_DATA: Final = ("_retry.json", "endpoints.json", "partitions.json", "sdk-default-configuration.json")

UNUSED: Final = frozenset(
    {"distutils", "doctest", "ensurepip", "idlelib", "lib2to3", "multiprocessing", "pydoc", "pydoc_data", "sqlite3"}
    | {"test", "tkinter", "turtle", "turtledemo", "unittest", "venv", "wsgiref", "xmlrpc"}
)
"""Modules of Python that no executable of ours comes to use."""
FOR_PROGRAMS: Final = ("keywright.adapters", "keywright.library")
"""What programs that import us use, and no executable."""


class Item(NamedTuple):
    """One file of the bundle.

    Attributes:
        place: where it is in the bundle.
        part: what it belongs to; empty for nothing.
        size: its bytes.
    """

    place: str
    part: str
    size: int


def items(bundle: Path) -> Iterator[Item]:
    """Yield everything that is in the bundle, links aside. The sizes add up to that of its files."""
    for path in sorted(bundle.rglob("*")):
        if path.is_file() and not path.is_symlink():
            place = path.relative_to(bundle).as_posix()
            yield Item(place, part_of_file(place), path.stat().st_size)


def part_of_file(place: str) -> str:
    """Return the part that a file belongs to, or an empty string."""
    if place.startswith("_internal/botocore/data/"):
        name, *below = place.split("/")[3:]
        is_used = name in SHARED_DATA if not below else name in SERVICES and below[-1] in MODELS
        return f"{DATA}{name}" if is_used else ""
    if distribution := re.match(
        r"_internal/([^/]+)-[^/-]+\.dist-info/", place
    ):  # its version, entry points and licence
        name = distribution[1]
        return "pyjwt" if name == "pyjwt" else PACKAGES.get(name, "")
    if module := module_at(place):
        return part_of_module(module)
    return next((part for pattern, part in FILES if fnmatch(place, pattern)), "")


def module_at(place: str) -> str:
    """Return the name of the module that lies there; empty for anything else."""
    found = re.fullmatch(r"_internal/(?:later/)?(.+?)(?:/__init__)?\.pyc", place)
    return found[1].replace("/", ".") if found else ""


def part_of_module(name: str) -> str:
    """Return the part that a module belongs to, or an empty string."""
    package = name.partition(".")[0]
    if name.startswith(FOR_PROGRAMS) or package in UNUSED:
        return ""
    if package in sys.stdlib_module_names or package.startswith("_sysconfigdata_"):
        return LIBRARY
    return PACKAGES.get(package, "")


def left_over(bundle: Path) -> list[str]:
    """Return what belongs to no part, sorted."""
    return sorted(item.place for item in items(bundle) if not item.part)


def table(bundle: Path) -> list[tuple[str, str, str, str, str]]:
    """Return rows of part, what it is for, modules, other files and megabytes; the last is the whole."""
    found = list(items(bundle))
    rows = []
    data = [f"{DATA}{name}" for name in (*SERVICES, *SHARED_DATA)]
    for part in (*USES, *data, ""):
        own = [item for item in found if item.part == part]
        if own:
            rows.append((part or "left over", USES.get(part, "AWS clients" if part else ""), *sums(own)))
    return [*rows, ("all", "", *sums(found))]


def sums(found: list[Item]) -> tuple[str, str, str]:
    """Return how many modules and other files they are, and their megabytes."""
    modules = sum(bool(module_at(item.place)) for item in found)
    return str(modules), str(len(found) - modules), f"{sum(item.size for item in found) / 1e6:.2f}"


def main() -> None:
    """Print the table."""
    bundle = Path(sys.argv[1])
    for row in table(bundle):
        print("\t".join(row))
    remaining = left_over(bundle)
    if remaining:
        sys.exit(f"in no part of the table: {' '.join(remaining)}")


if __name__ == "__main__":
    main()
