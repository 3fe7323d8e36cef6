"""What whoever holds a key answers, to whom, and for how long."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from keywright.cache.folder import PrivateFolder
from keywright.errors import VaultLocked, VaultUnusable
from keywright.vault import held
from keywright.vault.holder import Holder
from keywright.vault.keys import SOCKET
from keywright.vault.limits import Limits
from keywright.vault.wire import LINE_AT_MOST, address, is_of_this_user, peer

ID = "9b" * 16
KEY = bytes(range(32))
BOUND_S = 60.0


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def folder(tmp_path: Path) -> PrivateFolder:
    return PrivateFolder.open(str(tmp_path / "data"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@contextmanager
def serving(folder: PrivateFolder, vault_id: str, limits: Limits) -> Iterator[threading.Thread]:
    """Hold `KEY` in a thread; it leaves its sockets to the end of the process, which a test cannot wait for."""
    umask = os.umask(0o077)
    try:
        holder = Holder(folder, vault_id, KEY, limits)
    finally:
        os.umask(umask)
    thread = threading.Thread(target=holder.serve, daemon=True)
    thread.start()
    try:
        yield thread
        said(folder, b"keywright-vault 1 end -\n")
        thread.join(BOUND_S)
        assert not thread.is_alive()
    finally:
        for left in (holder._listener, *holder._clients):
            left.close()


@pytest.fixture
def holding(folder: PrivateFolder, clock: Clock) -> Iterator[threading.Thread]:
    """A holder of `KEY`, for ten minutes unused and an hour in all."""
    with serving(folder, ID, Limits(600, 3600, clock)) as thread:
        yield thread


def said(folder: PrivateFolder, line: bytes) -> bytes:
    """Return what is answered to a line; nothing if nobody is there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(2 if line.endswith(b"end -\n") else BOUND_S)
        try:
            connection.connect(address(folder, SOCKET))
            connection.sendall(line)
            return connection.recv(LINE_AT_MOST)
        except OSError:
            return b""


def test_the_key_is_given_for_its_vault_alone(folder: PrivateFolder, holding: threading.Thread) -> None:
    assert held.held_key(folder, ID) == KEY
    assert held.held_key(folder, "77" * 16) is None
    assert held.held_key(folder, ID[:-1]) is None
    assert held.held_key(folder, ID) == KEY


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"key\n",
        b"keywright-vault 1 key\n",
        f"keywright-vault 1 key {ID}".encode(),
        f"keywright-vault 2 key {ID}\n".encode(),
        f"keywright-vault 1 key {ID} \n".encode(),
        f"keywright-vault 1 keys {ID}\n".encode(),
        f" keywright-vault 1 key {ID}\n".encode(),
        b"\xff" * LINE_AT_MOST,
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_to_anything_else_there_is_no_answer(folder: PrivateFolder, holding: threading.Thread, line: bytes) -> None:
    if line:
        assert said(folder, line) == b""
    assert held.held_key(folder, ID) == KEY


def test_only_giving_the_key_is_use(folder: PrivateFolder, holding: threading.Thread, clock: Clock) -> None:
    clock.now = 500.0
    for _ in range(2):
        assert held.time_left(folder, ID) == (100.0, 3100.0)
    held.held_key(folder, "77" * 16)
    assert held.time_left(folder, ID) == (100.0, 3100.0)
    held.held_key(folder, ID)
    assert held.time_left(folder, ID) == (600.0, 3100.0)


@pytest.mark.parametrize("now", [600.0, 86400.0])
def test_past_a_limit_there_is_no_key_and_soon_no_holder(
    folder: PrivateFolder, holding: threading.Thread, clock: Clock, now: float
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.connect(address(folder, SOCKET))  # before the limit, past which the holder may end at any moment
        clock.now = now
        asking.sendall(f"keywright-vault 1 key {ID}\n".encode())
        holding.join(BOUND_S)
        assert not holding.is_alive()
        asking.setblocking(False)
        with suppress(BlockingIOError):  # it ends with the process
            assert asking.recv(LINE_AT_MOST) == b""
    assert SOCKET not in folder.mtimes()
    assert held.held_key(folder, ID) is None


def test_told_to_end_it_ends(folder: PrivateFolder, holding: threading.Thread) -> None:
    said(folder, b"keywright-vault 1 end -\n")
    holding.join(BOUND_S)
    assert not holding.is_alive()
    assert held.held_key(folder, ID) is None


def test_a_holder_whose_place_was_taken_ends(folder: PrivateFolder, holding: threading.Thread) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as old:
        old.connect(address(folder, SOCKET))
        with serving(folder, "77" * 16, Limits(600, 3600)):
            old.sendall(b"anything\n")  # it looks whenever it is spoken to
            holding.join(BOUND_S)
            assert not holding.is_alive()
            assert held.held_key(folder, "77" * 16) == KEY
            assert held.held_key(folder, ID) is None


def test_many_who_say_nothing_keep_nobody_from_the_key(folder: PrivateFolder, holding: threading.Thread) -> None:
    silent = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(50)]
    for connection in silent:
        connection.connect(address(folder, SOCKET))
    assert held.held_key(folder, ID) == KEY
    for connection in silent:
        connection.close()


def test_nobody_is_no_key(folder: PrivateFolder) -> None:
    assert held.held_key(folder, ID) is None
    assert held.time_left(folder, ID) is None
    assert held.let_go(folder) is False


def test_one_who_attends_to_nobody_is_not_nobody(folder: PrivateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stopped process, say, at whose socket as many wait as may."""
    monkeypatch.setattr(held, "ANSWER_WAIT_S", 0.05)
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        listener.bind(address(folder, SOCKET))
        listener.listen(0)
        with suppress(BlockingIOError):
            while True:
                waiting = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
                waiting.setblocking(False)
                waiting.connect(address(folder, SOCKET))
        for ask in (held.held_key, held.time_left):
            with pytest.raises(VaultLocked, match="whoever held its key does not answer"):
                ask(folder, ID)
        with pytest.raises(VaultUnusable, match="whoever holds the vault's key does not end; run `pkill"):
            held.let_go(folder)


@pytest.mark.parametrize("kind", ["file", "folder", "dead socket", "link"])
def test_what_is_no_holder_in_its_place_is_no_key(folder: PrivateFolder, kind: str) -> None:
    path = Path(folder.path, SOCKET)
    match kind:
        case "file":
            path.write_text("")
        case "folder":
            path.mkdir()
        case "link":
            path.symlink_to("/dev/null")
        case _:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
                dead.bind(address(folder, SOCKET))
    assert held.held_key(folder, ID) is None


def test_the_kernel_says_whose_the_other_end_is(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = socket.socketpair()
    with one, other:
        assert peer(one) == (os.geteuid(), os.getpid())
        assert is_of_this_user(one)
        stranger = os.geteuid() + 1
        monkeypatch.setattr(os, "geteuid", lambda: stranger)
        assert not is_of_this_user(one)


def test_another_users_process_is_neither_answered_nor_believed(
    folder: PrivateFolder, holding: threading.Thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("keywright.vault.holder", "keywright.vault.held"):
        with monkeypatch.context() as patch:
            patch.setattr(f"{place}.is_of_this_user", lambda _connection: False)
            assert held.held_key(folder, ID) is None
    assert held.held_key(folder, ID) == KEY
