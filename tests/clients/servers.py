"""Server programs on loopback, started for a test and ended with it."""

import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from clients.sandbox import WAIT_AT_MOST_S, find_program, until


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody has right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A server program on loopback, from `with` to its end."""

    def __init__(self, command: Callable[[int], Sequence[str]], folder: Path, env: Mapping[str, str]) -> None:
        """`command` returns the command line for a port; the program writes to `folder`'s `log` alone."""
        self._command = command
        self._folder = folder
        self._env = env
        self._process: subprocess.Popen[bytes] | None = None
        self.host = ""

    def __enter__(self) -> Self:
        for _ in range(3):  # another process may have taken the port meanwhile
            port = free_port()
            self.host = f"127.0.0.1:{port}"
            with open(self._folder / "log", "ab") as log:
                self._process = subprocess.Popen(
                    self._command(port), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._env
                )
            if until(self._state, f"{self.host} to listen") == "up":
                return self
        raise AssertionError((self._folder / "log").read_text())

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(WAIT_AT_MOST_S)

    def _state(self) -> str:
        assert self._process is not None
        if self._process.poll() is not None:
            return "ended"
        with socket.socket() as probe:
            return "up" if probe.connect_ex(("127.0.0.1", int(self.host.partition(":")[2]))) == 0 else ""


class DockerRegistry:
    """Debian's `docker-registry`, which lets in whom its htpasswd file names."""

    def __init__(self, host: str, htpasswd: Path) -> None:
        self.host = host
        self._htpasswd = htpasswd

    def allow(self, username: str, password: str) -> None:
        """Let this pair in and nobody else."""
        done = subprocess.run(
            [find_program("htpasswd"), "-Bin", username], input=password.encode(), capture_output=True, check=True
        )
        fresh = self._htpasswd.with_suffix(".new")
        fresh.write_bytes(done.stdout)
        fresh.replace(self._htpasswd)
