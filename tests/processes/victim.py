"""Writes one thing again and again, and has one call to the system go wrong each time; `test_vault_crash.py` runs it.

    $ strace -f -P FOLDER … -e inject=…:when=FAULT-AT python -I victim.py FOLDER FAULT-AT
    put fsync 3 a    on standard input: a forked process puts a record, and its third fsync goes wrong; `a` is for ids
    -9               on standard output: how that process ended, by exit code or signal, and what it said before

strace counts each kind of call of each process for itself, and spoils those numbered FAULT-AT. So a process makes idle
calls of one kind before, to files in FOLDER.idle, and one more at its end: if that was the spoilt one (exit code 3),
none before it was.
"""

import errno
import fcntl
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from keywright.errors import KeywrightError
from keywright.profiles.cooldown import mark_failure
from keywright.profiles.identity import ProfileId
from keywright.profiles.kept import KeptProfiles
from keywright.profiles.model import ApiKey, AuthProfile
from keywright.profiles.reason import FailureReason
from keywright.profiles.standing import Standing
from keywright.profiles.state import ProfileStates
from keywright.secret import Secret
from keywright.settings.turns import CooldownRules
from keywright.vault import change, keys
from keywright.vault.vault import Vault

PID: Final = 7
"""What each process takes itself for: its temporary files then have names that strace can be told."""
SPARED: Final = 3
NOW: Final = datetime(2030, 1, 1, 12, tzinfo=UTC)


def put(folder: str) -> None:
    """Put a record; the first makes the vault."""
    with Vault(folder, {}).edit() as records:
        records.put("NEW", Secret("new"))


def change_key(folder: str) -> None:
    """Seal everything anew, under another key file."""
    vault = Vault(folder, {})
    document = vault.read()
    if document is not None:
        key = change.Key(keys.Kind.FILE)
        change.change(vault, document.id, key, key, {})


def save(folder: str) -> None:
    """Save a kept profile; the folder is the vault's."""
    made = AuthProfile(ProfileId("openai", "new"), ApiKey(Secret("new")), created_at=NOW, updated_at=NOW)
    KeptProfiles({"KEYWRIGHT_HOME": os.path.dirname(folder)}).save(made, NOW)


def report(folder: str) -> None:
    """Report a failure that disables a profile; the folder is `STATE/profiles`."""

    def judge(standing: Standing) -> Standing:
        return mark_failure(standing, FailureReason.BILLING, CooldownRules(), NOW)

    home = os.path.dirname(os.path.dirname(folder))
    ProfileStates({"KEYWRIGHT_HOME": home}).judge("openai:new", "", judge, "refused: no", NOW)


class Idle:
    """Calls of every kind to a folder and a file that nobody needs. One call of the kind each, and none of another."""

    def __init__(self, folder: str) -> None:
        os.makedirs(folder, exist_ok=True)
        self._folder = folder
        self._path = f"{folder}/file"
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        self._next = 100

    def open(self) -> None:
        os.open(self._path, os.O_RDONLY)  # it ends with the process

    def stat(self) -> None:
        os.stat(self._path)

    def mkdir(self) -> None:
        with suppress(FileExistsError):
            os.mkdir(self._folder)

    def flock(self) -> None:
        fcntl.flock(self._fd, fcntl.LOCK_EX)

    def fcntl(self) -> None:
        fcntl.fcntl(self._fd, fcntl.F_GETFD)

    def read(self) -> None:
        os.read(self._fd, 1)

    def seek(self) -> None:
        os.lseek(self._fd, 0, os.SEEK_SET)

    def list(self) -> None:
        with os.scandir(self._folder) as found:
            next(found)

    def write(self) -> None:
        os.write(self._fd, b"")

    def fchmod(self) -> None:
        os.fchmod(self._fd, 0o600)

    def fsync(self) -> None:
        os.fsync(self._fd)

    def rename(self) -> None:
        os.rename(self._path, self._path, src_dir_fd=self._fd, dst_dir_fd=self._fd)

    def unlink(self) -> None:
        with suppress(FileNotFoundError):
            os.unlink(f"{self._path}.absent", dir_fd=self._fd)

    def close(self) -> None:
        self._next += 1
        os.dup2(self._fd, self._next)
        os.close(self._next)


CALLS: Final = {
    "open": "openat",
    "stat": "newfstatat,?fstat",
    "mkdir": "?mkdir,?mkdirat",
    "flock": "flock",
    "fcntl": "fcntl",
    "read": "read",
    "seek": "lseek",
    "list": "getdents64",
    "write": "write",
    "fchmod": "fchmod",
    "fsync": "fsync",
    "rename": "?renameat,?renameat2",
    "unlink": "unlinkat",
    "close": "close",
}
"""What the kernel calls them."""


def is_spared(call: Callable[[], None]) -> bool:
    """Make the last call; return whether it was the spoilt one."""
    try:
        call()
    except OSError as error:
        return error.errno in {errno.EIO, errno.ENOSPC}
    return False


ACTS: Final[dict[str, Callable[[str], None]]] = {"put": put, "change": change_key, "save": save, "report": report}


def attempt(act: Callable[[str], None], folder: str) -> str:
    """Return how it ended. What is refused is refused in a line for the person."""
    try:
        act(folder)
    except KeywrightError as error:
        return f"refused: {error}"
    except BaseException as error:  # noqa: BLE001 - finding it is what this is for
        return f"bug: {type(error).__name__}: {error}"
    return "ok"


def warm_up() -> None:
    """Import all there is to import, so that the forked processes make no calls but their own."""
    with tempfile.TemporaryDirectory() as home:
        data, state = f"{home}/data", f"{home}/state/profiles"
        for act, folder in ((put, data), (change_key, data), (put, data), (save, data), (report, state)):
            act(folder)
        report(state)
        for act, file in ((put, f"{data}/vault"), (save, f"{data}/vault"), (report, f"{state}/openai.json")):
            os.truncate(file, 1)
            assert attempt(act, os.path.dirname(file)).startswith("refused")


def main() -> None:
    """Serve one line after the other."""
    folder, fault_at = sys.argv[1], int(sys.argv[2])
    warm_up()
    idle = Idle(f"{folder}.idle")
    os.getpid = lambda: PID
    for line in sys.stdin:
        act, kind, number, letter = line.split()
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            keys.new_id = lambda: letter * 32  # noqa: B023 - the process ends within this turn
            call: Callable[[], None] = getattr(idle, kind)
            for _ in range(fault_at - int(number)):
                call()
            os.write(writer, attempt(ACTS[act], folder).encode())
            os._exit(SPARED if is_spared(call) else 0)
        os.close(writer)
        with open(reader, "rb") as said:
            words = said.read().decode()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(f"{status} {words}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
