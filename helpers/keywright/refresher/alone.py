"""One agent for each user: the second one notices the first by the lock that it holds."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from keywright.cache.folder import PrivateFolder, locate
from keywright.cache.lock import hold
from keywright.errors import Busy, CacheUnusable

_PID = "agent.pid"


@contextmanager
def only_one(env: Mapping[str, str]) -> Iterator[None]:
    """Hold the agent's lock for the block. The kernel frees it with its holder; the pid beside it is for people.

    Raises:
        Busy: another agent is running.
        CacheUnusable: the state's folder cannot be trusted or locked.
    """
    folder = PrivateFolder.open(locate("state", env))
    with hold(f"{folder.path}/agent.lock", 0) as is_locked:
        if not is_locked:
            raise Busy(f"an agent is running already{_named(folder)}", mend="one is enough for all clients")
        with suppress(CacheUnusable):  # a full disk, say
            folder.replace(_PID, f"{os.getpid()}\n".encode("ascii"), is_lasting=False)
        try:
            yield
        finally:
            with suppress(CacheUnusable):
                folder.remove(_PID)


def _named(folder: PrivateFolder) -> str:
    with suppress(CacheUnusable):
        file = folder.read(_PID)
        pid = file[0].decode("ascii", "replace").strip() if file else ""
        if pid.isdigit():
            return f", pid {pid}"
    return ""
