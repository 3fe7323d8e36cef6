"""The guards of conftest.py stand between the tests and the world."""

import os
import socket
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fakes.canary import TYPED, sweep
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


@pytest.mark.parametrize("where", ["kw/data/vault", "home/.keywright/cache/answers/x", "x/state/installed.json"])
def test_a_typed_secret_in_clear_is_found_wherever_it_lies(tmp_path: Path, where: str) -> None:
    (tmp_path / "elsewhere").write_text(TYPED)
    assert list(sweep(tmp_path)) == []
    path = tmp_path / where
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\0" + TYPED.encode() + b"-of-a-test\n")
    assert list(sweep(tmp_path)) == [path]
    path.unlink()  # what this test leaves is swept too
