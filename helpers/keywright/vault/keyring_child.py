"""One question to the operating system's keyring, in a process that may hang or print as it likes.

`python -m keywright.vault.keyring_child read|write|forget ACCOUNT`: a key to keep comes on standard input. On standard
output, a word that says what happened, and on a second line the key, or a name that explains the word
(`keywright.vault.os_keyring` shows one). Nothing that the keyring or a library prints gets there.
"""

import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

SERVICE: Final = "keywright"
TRUSTED: Final = frozenset(
    f"keyring.backends.{name}" for name in ("SecretService", "Windows", "kwallet", "libsecret", "macOS")
)
"""The operating systems' own. Others may keep a key in clear text in a file (`keyrings.alt`), or nowhere (`null`)."""
NONE_AT_ALL: Final = "keyring.backends.fail"


def main() -> None:
    """Ask, and say what happened."""
    action, account = sys.argv[1:]
    answer = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    word, value = ask(action, account)
    os.write(answer, f"{word}\n{value}\n".encode())


def ask(action: str, account: str) -> tuple[str, str]:
    """Return what happened, in a word, and what goes with it."""
    try:
        import keyring
        from keyring.errors import InitError, KeyringLocked, NoKeyringError, PasswordDeleteError
    except ImportError:
        return "uninstalled", ""
    try:
        backend, name = chosen(keyring.get_keyring())
        if backend is None:
            return ("untrusted", name) if name else ("absent", "")
        match action:
            case "write":
                backend.set_password(SERVICE, account, sys.stdin.read())
            case "forget":
                backend.delete_password(SERVICE, account)
            case _:
                key = backend.get_password(SERVICE, account)
                return ("missing", "") if key is None else ("done", key)
    except PasswordDeleteError:
        return "missing", ""
    except KeyringLocked:
        return "locked", ""
    except InitError:
        return "empty", ""
    except NoKeyringError:
        return "absent", ""
    except Exception as error:  # noqa: BLE001 - of any library; its text may hold anything, its type does not
        return "broken", type(error).__name__
    return "done", ""


def chosen(backend: "KeyringBackend") -> "tuple[KeyringBackend | None, str]":
    """Return the backend to ask: the first of the operating system's own, and else the name of what there is instead.

    A chain would read from, and fall back on, whatever else is in it; so one of it is asked alone.
    """
    all_of_it = list(getattr(backend, "backends", None) or [backend])
    for one in all_of_it:
        if type(one).__module__ in TRUSTED:
            return one, ""
    others = [type(one) for one in all_of_it if type(one).__module__ != NONE_AT_ALL]
    return None, f"{others[0].__module__}.{others[0].__qualname__}" if others else ""


if __name__ == "__main__":
    main()
