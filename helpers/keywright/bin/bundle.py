"""All executables in one: the frozen bundle is one program with a link for each name, and is what it is called.

Its first runtime hook (`packaging/bundle/first.py`) has tried the hit path under whatever name that was, and left here
what it read of stdin.
"""

import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    Main = Callable[[Callable[[str], bytes | None]], None]

EXECUTABLES: Final = (
    "docker-credential-keywright",
    "git-credential-keywright",
    "keywright",
    "kube-credential-keywright",
)
"""What the bundle has links for; by any other name it is `keywright`."""

INNER: Final = (
    "keywright.bin.renew",
    "keywright.manage.doctor.contention",
    "keywright.vault.holder",
    "keywright.vault.keyring_child",
)
"""What it starts itself as (`keywright.hit.own`)."""

read: bytes | None = None
"""What the hit path read of stdin."""


def name_of(called: str) -> str:
    """Return which of the names the program goes by, given argv[0]."""
    name = os.path.basename(called)
    return name if name in EXECUTABLES or name in INNER else "keywright"


def main() -> None:
    """Be the program of that name, the hit path behind it."""
    sys.path.append(f"{getattr(sys, '_MEIPASS', '')}/later")  # what PyInstaller would import before any hit
    name = name_of(sys.argv[0])
    try:
        if name in INNER:
            _inner(name)()
        else:
            _executable(name)(lambda _name: read)
    except KeyboardInterrupt:
        os._exit(130)


def _executable(name: str) -> "Main":
    match name:
        case "docker-credential-keywright":
            from keywright.bin.docker import main as docker

            return docker
        case "git-credential-keywright":
            from keywright.bin.git import main as git

            return git
        case "kube-credential-keywright":
            from keywright.bin.kube import main as kube

            return kube
        case _:
            from keywright.bin.keywright import main as keywright

            return keywright


def _inner(name: str) -> "Callable[[], None]":
    match name:
        case "keywright.manage.doctor.contention":
            from keywright.manage.doctor.contention import main as contention

            return contention
        case "keywright.vault.holder":
            from keywright.vault.holder import main as holder

            return holder
        case "keywright.vault.keyring_child":
            from keywright.vault.keyring_child import main as keyring_child

            return keyring_child
        case _:
            from keywright.bin.renew import main as renew

            return renew
