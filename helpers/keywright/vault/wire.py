"""How whoever holds an unlocked vault's key is asked: one line there, one line back, between processes of one user.

    client  keywright-vault 1 key 9b2e1c40…         the vault's id
    holder  key 5c0f88d1…                           the data key, 64 hex digits; this counts as use

    client  keywright-vault 1 left 9b2e1c40…
    holder  left 843.2 28743.9                      seconds to the idle limit and to the absolute one

    client  keywright-vault 1 end -                 whichever vault it holds
    holder                                          nothing: the connection closes when the process is gone

To anything else, and for any other vault, the connection is closed without a word. A line is sent in one write and is
shorter than what a socket takes at once, so it is read in one read too.
"""

import os
import socket
import struct
import sys
from typing import Final, NamedTuple

from keywright.cache.folder import PrivateFolder

GREETING: Final = "keywright-vault 1"
LINE_AT_MOST: Final = 256
_DESCRIPTORS: Final = "/proc/self/fd"


class Peer(NamedTuple):
    """Who is at the other end, as the kernel has it.

    Attributes:
        uid: its user.
        pid: its process; 0 if it is in another process-id namespace or the system does not tell.
    """

    uid: int
    pid: int


def address(folder: PrivateFolder, name: str) -> str:
    """Return what to bind or connect to for a socket in the folder.

    An address holds 108 bytes (macOS: 104), a path more; through the folder's descriptor it is short, and in the
    very folder that was checked.
    """
    if os.path.isdir(_DESCRIPTORS):
        return f"{_DESCRIPTORS}/{folder.fileno()}/{name}"
    return f"{folder.path}/{name}"


def peer(connection: socket.socket) -> Peer:
    """Return who is at the other end of a connection.

    Raises:
        OSError: the system does not tell.
    """
    if sys.platform == "linux":
        pid, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    else:
        level, credentials, process = 0, 1, 2  # SOL_LOCAL, LOCAL_PEERCRED and LOCAL_PEERPID of unix(4) and <sys/un.h>
        _, uid = struct.unpack_from("2I", connection.getsockopt(level, credentials, 76))
        (pid,) = struct.unpack("i", connection.getsockopt(level, process, 4))
    return Peer(uid=uid, pid=pid)


def is_of_this_user(connection: socket.socket) -> bool:
    """Whether the other end is a process of our own user."""
    try:
        return peer(connection).uid == os.geteuid()
    except OSError:
        return False
