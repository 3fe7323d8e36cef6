"""The guards of conftest.py stand between the tests and the world."""

import os
import socket
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keywright.cache.folder import locate


@pytest.mark.parametrize("address", [("192.0.2.1", 443), ("2001:db8::1", 443, 0, 0)], ids=["IPv4", "IPv6"])
def test_no_connection_leaves_the_machine(address: tuple[str, int]) -> None:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as s:
        with pytest.raises(AssertionError, match="a connection to"):
            s.connect(address)
        with pytest.raises(AssertionError, match="a connection to"):
            s.connect_ex(address)


def test_no_name_is_looked_up() -> None:
    with pytest.raises(AssertionError, match="a look-up of example"):
        socket.getaddrinfo("example.com", 443)


def test_loopback_is_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass


def test_the_home_folder_is_the_tests_own(home: Path) -> None:
    assert locate("cache", os.environ).startswith(str(home))
    assert Path("~").expanduser() == home


def test_the_real_home_folder_is_closed() -> None:
    import pwd

    real = pwd.getpwuid(os.getuid()).pw_dir
    with pytest.raises(AssertionError, match="real home folder"):
        open(f"{real}/.aws/credentials", "rb").close()


def test_the_clock_stands_still() -> None:
    assert datetime.now(UTC) == datetime(2030, 1, 1, 12, tzinfo=UTC)
    assert time.time() == time.time()
