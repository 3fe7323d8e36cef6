"""The process that holds an unlocked vault's key: `python -m keywright.vault.holder FOLDER VAULT-ID IDLE-S TOTAL-S`.

`keywright.vault.held` starts it, with the key (32 bytes) on standard input and a pipe on standard output, on which it
says `ready` once it listens. It then has nothing of its starter's left, and ends when it is told to, when a limit is
reached, or when its socket is no longer in its place. What it says is in `keywright.vault.wire`.
"""

import os
import selectors
import socket
import sys
from contextlib import suppress
from typing import Final

from keywright.cache.folder import PrivateFolder
from keywright.vault.keys import SOCKET
from keywright.vault.limits import Limits, since_boot
from keywright.vault.wire import GREETING, LINE_AT_MOST, address, is_of_this_user

LOOK_EVERY_S: Final = 30.0
"""How often it looks whether its limits are over and its socket is in place: a wait is longer if the machine sleeps."""
SILENT_AT_MOST_S: Final = 10.0
"""How long a client may be connected without a word: a stopped one must not cost a descriptor for ever."""
READY: Final = b"ready\n"
KEY_BYTES: Final = 32
_PR_SET_DUMPABLE: Final = 4


class Holder:
    """One key, and the listening socket at which it is asked for."""

    def __init__(self, folder: PrivateFolder, vault_id: str, key: bytes, limits: Limits) -> None:
        self._folder = folder
        self._vault_id = vault_id
        self._key = key
        self._limits = limits
        self._is_told_to_end = False
        self._clients: dict[socket.socket, float] = {}
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        temporary = f"{SOCKET}.{os.getpid()}.tmp"
        os.umask(0o177)
        with suppress(FileNotFoundError):  # of one that was killed here and had our number
            os.unlink(temporary, dir_fd=folder.fileno())
        self._listener.bind(address(folder, temporary))
        self._listener.listen(1024)
        self._listener.settimeout(0)
        os.rename(temporary, SOCKET, src_dir_fd=folder.fileno(), dst_dir_fd=folder.fileno())
        self._place = self._found()

    def serve(self) -> None:
        """Answer until it is time to end. The socket is then out of its place, but stays open as long as the process.

        So whoever tells it to end, and waits for the connection's end, can put another socket in the place.
        """
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._listener, selectors.EVENT_READ)
            while self._is_to_go_on():
                for ready, _ in waiting.select(min(self._limits.left().least_s, LOOK_EVERY_S)):
                    if isinstance(ready.fileobj, socket.socket):
                        self._attend(ready.fileobj, waiting)
                for client in [one for one, since in self._clients.items() if since_boot() - since > SILENT_AT_MOST_S]:
                    self._leave(client, waiting)
        if self._found() == self._place:
            with suppress(OSError):
                os.unlink(SOCKET, dir_fd=self._folder.fileno())

    def _is_to_go_on(self) -> bool:
        return not self._is_told_to_end and self._limits.left().least_s > 0 and self._found() == self._place

    def _attend(self, ready: socket.socket, waiting: selectors.BaseSelector) -> None:
        if ready is self._listener:
            with suppress(OSError):  # it is gone again, or there is no descriptor left: the next turn tries anew
                client, _ = self._listener.accept()
                client.settimeout(0)
                self._clients[client] = since_boot()
                waiting.register(client, selectors.EVENT_READ)
            return
        with suppress(OSError):
            if is_of_this_user(ready):
                answer = self._answer(ready.recv(LINE_AT_MOST))
                if self._is_told_to_end:
                    return  # its connection ends with the process
                ready.send(answer)
        self._leave(ready, waiting)

    def _answer(self, line: bytes) -> bytes:
        limits = self._limits
        match line.decode("latin-1").removeprefix(GREETING).split(" "):
            case ["", "end", "-\n"]:
                self._is_told_to_end = True
            case ["", _, vault_id] if vault_id != f"{self._vault_id}\n" or limits.left().least_s <= 0:
                pass
            case ["", "key", _]:
                limits.use()
                return f"key {self._key.hex()}\n".encode("ascii")
            case ["", "left", _]:
                left = limits.left()
                return f"left {left.idle_s:.1f} {left.total_s:.1f}\n".encode("ascii")
        return b""

    def _leave(self, client: socket.socket, waiting: selectors.BaseSelector) -> None:
        waiting.unregister(client)
        del self._clients[client]
        client.close()

    def _found(self) -> tuple[int, int] | None:
        """Return which file is in the socket's place."""
        with suppress(OSError):
            found = os.stat(SOCKET, dir_fd=self._folder.fileno(), follow_symlinks=False)
            return found.st_dev, found.st_ino
        return None


def close_to_others() -> None:
    """Keep this process's memory from core dumps, and from debuggers of the same user where the system can."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        import ctypes

        if ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
            raise OSError("prctl")


def main() -> None:
    """Hold one key."""
    close_to_others()
    path, vault_id, idle_s, total_s = sys.argv[1:]
    with open(0, "rb", buffering=0, closefd=False) as pipe:
        key = pipe.read(KEY_BYTES)
    if len(key) != KEY_BYTES:
        raise SystemExit(1)
    holder = Holder(PrivateFolder.open(path), vault_id, key, Limits(float(idle_s), float(total_s)))
    os.chdir("/")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.write(1, READY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    holder.serve()


if __name__ == "__main__":
    main()
