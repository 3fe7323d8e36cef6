"""The key of an unlocked vault, between one process of milliseconds and the next: how it is held, asked for, let go.

Whoever holds it is a process of its own (`keywright.vault.holder`), and is spoken to as `keywright.vault.wire` says.
Every wait here is bounded.
"""

import os
import select
import signal
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing, suppress
from io import FileIO
from typing import Final

from keywright.cache.folder import PrivateFolder
from keywright.errors import VaultLocked, VaultUnusable
from keywright.hit import own
from keywright.vault.holder import READY
from keywright.vault.keys import SOCKET
from keywright.vault.limits import Left
from keywright.vault.seal import KEY_BYTES
from keywright.vault.wire import GREETING, LINE_AT_MOST, address, is_of_this_user, peer

ANSWER_WAIT_S: Final = 2.0
START_WAIT_S: Final = 10.0
PAUSE_S: Final = 0.01
_NEEDED: Final = ("HOME", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH", "PYTHONUSERBASE")
"""What of the environment finds this package again; of the rest, some may be secrets."""


def held_key(folder: PrivateFolder, vault_id: str) -> bytes | None:
    """Return the data key of the vault of that id; None if nobody holds it.

    Raises:
        VaultLocked: whoever holds it does not answer.
    """
    match _ask(folder, "key", vault_id):
        case ["key", digits]:
            with suppress(ValueError):
                key = bytes.fromhex(digits)
                return key if len(key) == KEY_BYTES else None
    return None


def time_left(folder: PrivateFolder, vault_id: str) -> Left | None:
    """Return how much longer the vault's key is held; None if nobody holds it. This is no use of it.

    Raises:
        VaultLocked: whoever holds it does not answer.
    """
    match _ask(folder, "left", vault_id):
        case ["left", idle, total]:
            with suppress(ValueError):
                return Left(idle_s=float(idle), total_s=float(total))
    return None


def let_go(folder: PrivateFolder) -> bool:
    """End whoever holds a key in this folder, of whichever vault; returns, once it is gone, whether there was one.

    One that does not answer is killed.

    Raises:
        VaultUnusable: it cannot be ended.
    """
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as connection:
        try:
            if not _connected(connection, folder):
                return False
        except TimeoutError:
            raise _does_not_end(f"pkill -KILL -f 'keywright.vault.holder {folder.path}'") from None
        with suppress(OSError):
            connection.sendall(f"{GREETING} end -\n".encode("ascii"))
        if _is_gone(connection):
            return True
        pid = peer(connection).pid  # of the process that listens: as long as it does, the number is its own
        if pid > 0:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
            if _is_gone(connection):
                return True
    raise _does_not_end(f"kill -KILL {pid}" if pid > 0 else "")


def hold(folder: PrivateFolder, vault_id: str, data_key: bytes, left: Left, env: Mapping[str, str]) -> None:
    """Start a process that holds the key for so long, in place of one that may be there; returns once it listens.

    The caller holds the vault's lock. Nothing of this process's is open in the other one, so nobody who reads our
    output waits for its end. The key goes there through a pipe.

    Raises:
        VaultUnusable: it could not be started.
    """
    let_go(folder)
    command = [*own("keywright.vault.holder"), folder.path, vault_id, *map(str, left)]
    environment = {name: env[name] for name in _NEEDED if name in env} | {"PYINSTALLER_RESET_ENVIRONMENT": "1"}
    with ExitStack() as stack:
        key_reader, key_writer = _pipe(stack)
        said_reader, said_writer = _pipe(stack)
        actions: list[tuple[int, int] | tuple[int, int, int] | tuple[int, int, str, int, int]] = [
            (os.POSIX_SPAWN_DUP2, key_reader.fileno(), 0),
            (os.POSIX_SPAWN_DUP2, said_writer.fileno(), 1),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_RDWR, 0),
            *((os.POSIX_SPAWN_CLOSE, descriptor) for descriptor in _inheritable()),
        ]
        key_writer.write(data_key)
        try:
            pid = os.posix_spawn(sys.executable, command, environment, file_actions=actions, setsid=True)
        except (OSError, NotImplementedError):
            raise _not_started() from None
        said_writer.close()
        if not (select.select([said_reader], [], [], START_WAIT_S)[0] and said_reader.read(len(READY)) == READY):
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            raise _not_started()


def _does_not_end(command: str) -> VaultUnusable:
    return VaultUnusable("whoever holds the vault's key does not end", mend=f"run `{command}`" if command else "")


def _not_started() -> VaultUnusable:
    return VaultUnusable("no process could be started to hold the vault's key", mend="try again")


def _pipe(stack: ExitStack) -> tuple[FileIO, FileIO]:
    """Return the ends of a pipe, beyond the standard three even where the caller has closed some of these."""
    import fcntl

    ends = []
    for end, mode in zip(os.pipe(), ("rb", "wb"), strict=True):
        ends.append(stack.enter_context(FileIO(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 3), mode)))
        os.close(end)
    return ends[0], ends[1]


def _inheritable() -> list[int]:
    """Return the descriptors beyond the standard three that a child would have."""
    found = []
    for name in os.listdir("/dev/fd"):
        with suppress(OSError):  # the one that listed the folder
            if int(name) > 2 and os.get_inheritable(int(name)):  # noqa: PLR2004 - past the standard three
                found.append(int(name))
    return found


def _ask(folder: PrivateFolder, verb: str, vault_id: str) -> list[str]:
    """Return the words of the answer; none if nobody of this user is there, or only for another vault."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as connection:
        try:
            if not _connected(connection, folder):
                return []
            connection.sendall(f"{GREETING} {verb} {vault_id}\n".encode("ascii", "replace"))
            return connection.recv(LINE_AT_MOST).decode("latin-1").split()
        except TimeoutError:
            raise VaultLocked(
                "the vault is locked: whoever held its key does not answer", mend="run `keywright vault unlock`"
            ) from None
        except OSError:
            return []


def _connected(connection: socket.socket, folder: PrivateFolder) -> bool:
    """Connect; returns whether somebody of this user listens.

    Raises:
        TimeoutError: somebody listens, and attends to nobody.
    """
    connection.settimeout(ANSWER_WAIT_S)
    give_up_at = time.monotonic() + ANSWER_WAIT_S
    while True:
        try:
            connection.connect(address(folder, SOCKET))
        except BlockingIOError:  # as many are waiting as may
            if time.monotonic() > give_up_at:
                raise TimeoutError from None
            time.sleep(PAUSE_S)
        except TimeoutError:
            raise
        except OSError:
            return False
        else:
            return is_of_this_user(connection)


def _is_gone(connection: socket.socket) -> bool:
    """Wait for the other end's last descriptor to close, which it does when the process ends, its memory given back."""
    try:
        return not connection.recv(1)
    except TimeoutError:
        return False
    except OSError:
        return True
