"""All executables in one: the frozen bundle is one program with a link for each name, and is what it is called.

Its first runtime hook calls `answer`, before anything else is imported, and what that read is `main`'s:

    from keywright.bin import bundle

    bundle.read = bundle.answer(sys.argv[0], os.environ)    # a hit ends the process here
    …
    bundle.main()
"""

import os
import sys

from keywright import hit

TYPE_CHECKING = False  # the hit path pays for no import of `typing`
if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    Main = Callable[[Callable[[str], bytes | None]], None]

EXECUTABLES = (
    "docker-credential-keywright",
    "git-credential-keywright",
    "keywright",
    "kube-credential-keywright",
)
"""What the bundle has links for; by any other name it is `keywright`."""

INNER = ("keywright.bin.renew", "keywright.vault.holder", "keywright.vault.keyring_child")
"""What it starts itself as (`keywright.hit.own`)."""

HOME = getattr(sys, "_MEIPASS", "")
"""The folder that the bundle's libraries are in."""

read: bytes | None = None
"""What the hit path read of stdin."""


def answer(called: str, env: "MutableMapping[str, str]") -> bytes | None:
    """End the process with a ready answer, or return what was read of stdin."""
    give_back_environment(env)
    name = name_of(called)
    try:
        return None if name in INNER else hit.answer(name)
    except KeyboardInterrupt:
        os._exit(130)


def name_of(called: str) -> str:
    """Return which of the names the program goes by, given argv[0]."""
    name = os.path.basename(called)
    return name if name in EXECUTABLES or name in INNER else "keywright"


def give_back_environment(env: "MutableMapping[str, str]") -> None:
    """Take out what PyInstaller's bootloader put in, so that git, gpg, `op` or a browser find the caller's libraries.

    This process needs none of it any more: the dynamic loader has read it when it started.
    """
    for name in [name for name in env if name.startswith("_PYI_")]:
        del env[name]
    original = env.pop("LD_LIBRARY_PATH_ORIG", "")
    if original:
        env["LD_LIBRARY_PATH"] = original
    elif env.get("LD_LIBRARY_PATH") == HOME:
        del env["LD_LIBRARY_PATH"]


def main() -> None:
    """Be the program of that name, the hit path behind it."""
    sys.path.append(f"{HOME}/later")  # what PyInstaller would import before any hit
    name = name_of(sys.argv[0])
    if name in INNER:
        _inner(name)()
    else:
        _executable(name)(lambda _name: read)


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
        case "keywright.vault.holder":
            from keywright.vault.holder import main as holder

            return holder
        case "keywright.vault.keyring_child":
            from keywright.vault.keyring_child import main as keyring_child

            return keyring_child
        case _:
            from keywright.bin.renew import main as renew

            return renew
