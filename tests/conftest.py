"""The guards: no network beyond loopback, no home folder, no real clock. `test_guards.py` proves that they hold."""

import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import time_machine

from fakes.canary import sweep

# A busy machine is no failure: hypothesis's own deadline would make it one.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")

ROOT = Path(__file__).parent.parent
REAL_HOME = Path(os.path.expanduser("~"))
FORBIDDEN = tuple(
    str(REAL_HOME / name)
    for name in (
        ".aws",
        ".cache/keywright",
        ".config",
        ".docker",
        ".git-credentials",
        ".gitconfig",
        ".kube",
        ".local/share/keywright",
        ".local/state",
    )
)
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
"""The instant at which every in-process test runs: later than any file it makes, and standing still."""

OUR_THREADS = ("keywright-", "renewing ")
ENDS_WITHIN_S = 30.0

_PROCESS_TESTS = ("tests/binaries/", "tests/clients/", "tests/processes/")


class ReachedOutside(AssertionError):
    """A test tried to reach what no test may reach."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "real_clock: runs real programs, which read the real clock")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if any(part in item.nodeid for part in _PROCESS_TESTS):
            item.add_marker(pytest.mark.real_clock)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the whole run if a long-lived secret stands in clear in any folder of keywright's that any test left."""
    factory = getattr(session.config, "_tmp_path_factory", None)
    if hasattr(session.config, "workerinput") or factory is None:
        return  # with several workers the one that started them sweeps behind all
    for path in sweep(factory.getbasetemp()):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        sys.stderr.write(f"\na typed secret lies in clear in {path}\n")


def _no_real_home(event: str, args: tuple[Any, ...]) -> None:
    if event in {"open", "os.listdir", "os.mkdir"} and isinstance(args[0], str) and args[0].startswith(FORBIDDEN):
        raise ReachedOutside(f"{args[0]} is in the real home folder: use the `home` fixture's")


sys.addaudithook(_no_real_home)


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    """Nothing of a test is left to the next one of the same process; the first fixture by name, and the last to end.

    A thread of ours that was given up reads whatever environment, and finds whatever servers, are there by then.
    """
    folder, env = os.getcwd(), _environment()
    yield
    until_s = time.monotonic() + ENDS_WITHIN_S
    # Not joined: a thread whose `join` was once interrupted counts as ended while it goes on (bpo-45274).
    while any(one.name.startswith(OUR_THREADS) for one in threading.enumerate()) and time.monotonic() < until_s:
        time.sleep(0.005)
    found = [one.name for one in threading.enumerate() if one.name.startswith(OUR_THREADS)], os.getcwd(), _environment()
    os.chdir(folder)
    for name in found[2].keys() - env.keys():
        del os.environ[name]
    os.environ.update(env)
    assert found == ([], folder, env)


def _environment() -> dict[str, str]:
    """Return this process's environment, less what pytest changes itself."""
    return {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder, and an environment that knows no other."""
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    for name in list(os.environ):
        if name.startswith(("AWS_", "KEYWRIGHT_", "XDG_", "GIT_", "DOCKER_", "KUBE")) or name.lower().endswith(
            "_proxy"
        ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    return folder


@pytest.fixture(autouse=True)
def no_outside_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets of this process reach loopback and nothing else."""
    connect, connect_ex, resolve = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def is_inside(address: Any) -> bool:
        return (
            isinstance(address, (str, bytes))
            or str(address[0]).startswith("127.")
            or address[0] in {"::1", "localhost"}
        )

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if not is_inside(address):
            raise ReachedOutside(f"a connection to {address[0]}")
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        if not is_inside(address):
            raise ReachedOutside(f"a connection to {address[0]}")
        return connect_ex(self, address)

    def guarded_resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host is not None and not is_inside((host,)):
            raise ReachedOutside(f"a look-up of {host}")
        return resolve(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_resolve)


@pytest.fixture(autouse=True)
def clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[time_machine.Traveller | None]:
    """A clock that stands at noon until a test moves it; None where real programs run."""
    if request.node.get_closest_marker("real_clock"):
        yield None
        return
    # The time since boot goes on while this clock stands: it would look as if it were being set back.
    monkeypatch.setattr("keywright.hit.boot_mark", lambda _now: "- 0")
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller
