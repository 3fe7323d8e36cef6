"""What runs: keywright, what it is built on, and the clients."""

import platform
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import metadata
from shlex import quote
from typing import Final, NamedTuple

from keywright import __version__
from keywright.manage.doctor.finding import Finding, error, note, ok, warning
from keywright.manage.doctor.programs import version_in
from keywright.manage.doctor.scene import Scene


class Floor(NamedTuple):
    """The oldest version of a library that is safe, and what is wrong with older ones."""

    version: tuple[int, ...]
    why: str


FLOORS: Final = {
    "cryptography": Floor((46, 0, 6), "CVE-2026-26007, CVE-2026-34073"),
    "filelock": Floor((3, 30), "CVE-2025-68146, CVE-2026-22701; and older ones delete lock files"),
    "h11": Floor((0, 16), "CVE-2025-43859"),
    "pyjwt": Floor((2, 12), "CVE-2026-32597"),
    "urllib3": Floor((2, 7), "CVE-2025-66471, CVE-2026-21441, CVE-2026-44432"),
}


class _Client(NamedTuple):
    """A client: how it tells its version, the one it has to have, and what for."""

    words: tuple[str, ...]
    version: tuple[int, ...]
    why: str


_CLIENTS: Final = {
    "git": _Client(("--version",), (2, 26, 2), "older ones tell helpers of wrong hosts (CVE-2020-11008)"),
    "docker": _Client(("--version",), (1, 11), "older ones know no helpers"),
    "kubectl": _Client(("version", "--client"), (1, 22), "older ones know no client.authentication.k8s.io/v1"),
}


def look_at_ourselves(_scene: Scene) -> Iterator[Finding]:
    """Say what runs."""
    is_frozen = bool(getattr(sys, "frozen", False))
    how = "from the bundle" if is_frozen else "from the wheel"
    yield ok("keywright-version", f"keywright {__version__} {how}, Python {platform.python_version()}")
    if is_frozen:
        yield from _look_at_launcher()


def _look_at_launcher() -> Iterator[Finding]:
    """Tell the native launcher, which is a program of its own, from a link to the Python one."""
    import os

    launcher = f"{os.path.dirname(os.path.realpath(sys.executable))}/keywright"
    if not os.path.exists(launcher):
        yield warning(
            "launcher-missing", f"{launcher} is missing: the links of the bundle lead to it", "install it anew"
        )
    elif os.path.realpath(launcher) == os.path.realpath(sys.executable):
        yield note("launcher-absent", "no native launcher is in this bundle: hits start Python, too")
    else:
        yield ok("launcher-native", "the native launcher answers hits")


def look_at_libraries(_scene: Scene) -> Iterator[Finding]:
    """Find libraries that are older than the fixes they need."""
    found: list[str] = []
    for name, floor in FLOORS.items():
        version = _version(name)
        if not version:
            continue
        if numbers(version) < floor.version:
            wanted = ".".join(map(str, floor.version))
            what = f"{name} {version} is older than {wanted} ({floor.why})"
            frozen, pip = (
                "install the newest keywright",
                f"{sys.executable} -m pip install --upgrade '{name}>={wanted}'",
            )
            yield error("library-old", what, frozen if hasattr(sys, "frozen") else pip)
        else:
            found.append(f"{name} {version}")
    if found:
        yield ok("libraries-new", f"{', '.join(found)}: no known hole is open")


def _version(library: str) -> str:
    """Return a library's version; empty if it is not installed."""
    with suppress(metadata.PackageNotFoundError):
        return metadata.version(library)
    return ""


def look_at_clients(scene: Scene) -> Iterator[Finding]:
    """Say which clients there are, and whether they are new enough."""
    for name, client in _CLIENTS.items():
        path = scene.which(name)
        if not path:
            yield note("client-absent", f"{name} is not on PATH")
            continue
        ran = scene.ask(path, *client.words)
        version = version_in(ran.stdout) if ran is not None else ""
        wanted = ".".join(map(str, client.version))
        if not version:
            yield warning(
                "client-silent", f"{path} does not tell its version", f"{quote(path)} {' '.join(client.words)}"
            )
        elif numbers(version) < client.version:
            yield error("client-old", f"{path} is {version}, and {client.why}", f"install {name} {wanted} or newer")
        else:
            yield ok("client-found", f"{path} is {name} {version}")


def numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version: `(2, 39, 5)` of `2.39.5.windows.1`."""
    found: list[int] = []
    for part in version.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        found.append(int(digits))
        if digits != part:
            break
    return tuple(found)
