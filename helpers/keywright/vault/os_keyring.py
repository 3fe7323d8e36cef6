"""A vault's wrapping key in the keyring of the operating system: service `keywright`, account `vault-9b2e1c40…`.

The keyring library runs in a process of its own (`keywright.vault.keyring_child`) with a deadline: a D-Bus that accepts
and never answers hangs that one, and not us. Keys go there and come back by pipe; what else it prints is not shown.

    $ python -P -m keywright.vault.keyring_child read vault-9b2e1c40…
    done                                                                 or missing, locked, absent, …: what happened
    jV5d0Q…=                                                             the key in base64
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from keywright import trace
from keywright.errors import KeywrightError, Unavailable, VaultLocked, VaultUnusable
from keywright.hit import own
from keywright.vault.document import decode, encode
from keywright.vault.seal import KEY_BYTES

DEADLINE_S: Final = 5.0
PERSON_DEADLINE_S: Final = 60.0
"""Where a person is at the keyboard, whom the keyring may ask for its own password."""


def read(vault_id: str, env: Mapping[str, str], deadline_s: float = DEADLINE_S) -> bytes:
    """Return the key that the keyring keeps for the vault; `env` leads to the keyring.

    Raises:
        VaultLocked: the keyring is locked.
        VaultUnusable: it has no key for this vault, or what it has is none.
        Unavailable: there is no keyring, it is none to trust, or it does not answer.
    """
    word, value = _run("read", vault_id, b"", env, deadline_s)
    if word != "done":
        raise _failure(word, value)
    try:
        key = decode(value)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise VaultUnusable("the OS keyring's entry for the vault is damaged", mend="restore it from a backup")
    return key


def write(vault_id: str, key: bytes, env: Mapping[str, str], deadline_s: float = DEADLINE_S) -> None:
    """Have the keyring keep a key for the vault, and read it back.

    Raises:
        VaultLocked: the keyring is locked.
        VaultUnusable: what it gives back is not what it was given.
        Unavailable: there is no keyring, it is none to trust, or it does not answer.
    """
    word, value = _run("write", vault_id, encode(key).encode("ascii"), env, deadline_s)
    if word != "done":
        raise _failure(word, value)
    if read(vault_id, env, deadline_s) != key:
        raise VaultUnusable("the OS keyring does not give back what it was given")


def forget(vault_id: str, env: Mapping[str, str], deadline_s: float = DEADLINE_S) -> None:
    """Have the keyring forget the vault's key. A failure is silent: it leaves a key that opens nothing any more."""
    _run("forget", vault_id, b"", env, deadline_s)


def _run(action: str, vault_id: str, stdin: bytes, env: Mapping[str, str], deadline_s: float) -> tuple[str, str]:
    """Return what happened, in the child's word for it, and what else it says."""
    if hasattr(sys, "frozen") and "keywright.bin.bundle" not in sys.modules:
        return "broken", "somebody else's frozen program cannot start it"  # it would start itself again
    with trace.timed("program", program="keyring_child") as told:
        try:
            child = subprocess.Popen(
                [*own("keywright.vault.keyring_child"), action, f"vault-{vault_id}"],
                executable=sys.executable,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**env, "PYINSTALLER_RESET_ENVIRONMENT": "1"},
                cwd="/",
                start_new_session=True,
            )
        except OSError:
            return "broken", "it cannot be started"
        with child:
            try:
                said, _ = child.communicate(stdin, timeout=deadline_s)
            except subprocess.TimeoutExpired:
                return "silent", ""
            finally:
                if child.returncode is None:  # not waited for, so that its number and its group's are still its own
                    with suppress(OSError):  # what it started may outlive it, and keep the pipe open
                        os.killpg(child.pid, signal.SIGKILL)
                    child.wait()
                told["exit_code"] = child.returncode
    word, _, value = said.decode("utf-8", "replace").removesuffix("\n").partition("\n")
    return word or "broken", value


def _failure(word: str, value: str) -> KeywrightError:
    match word:
        case "missing":
            return VaultUnusable("the OS keyring has no key for this vault", mend="restore its entry from a backup")
        case "locked":
            return VaultLocked(
                "the OS keyring is locked, and with it the vault", mend="unlock the keyring (log in to it)"
            )
        case "uninstalled":
            return Unavailable(
                "the vault's key is in the OS keyring, and the library for it is not installed",
                mend="install `keywright[keyring]`",
            )
        case "absent":
            return Unavailable(
                "there is no OS keyring here: no D-Bus session, or no Secret Service on it",
                mend="start one (`dbus-run-session`, `gnome-keyring-daemon`), or use a passphrase",
            )
        case "empty":
            return Unavailable(
                "the OS keyring has no collection to keep a key in, and could not make one",
                mend="log in to the desktop or make one with its key manager, or use a passphrase",
            )
        case "untrusted":
            return Unavailable(
                f"the keyring `{value}` is not the operating system's, and may keep keys in clear text",
                mend="unset PYTHON_KEYRING_BACKEND and what keyringrc.cfg says, or use a passphrase",
            )
        case "silent":
            return Unavailable(
                "the OS keyring does not answer",
                mend="see that its service (D-Bus, Secret Service) runs; then try again",
            )
        case _:
            return Unavailable(f"the OS keyring failed ({value or 'no reason given'})", mend="try again")
