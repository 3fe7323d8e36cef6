"""Many processes and one vault: every login is kept, nobody reads half of one, and the first is made once."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from fakes.vaults import content_of
from keywright.secret import Secret
from keywright.vault.vault import Vault
from processes.house import BOUND_S

HELPER: Final = str(Path(sys.executable).parent / "docker-credential-keywright")
SECRET: Final = "canary-typed-5e1f"
READER: Final = """
import sys
from keywright.vault.vault import Vault
vault, seen, past = Vault(sys.argv[1], {}), -1, 0
print("ready", flush=True)
while "last" not in (names := vault.open().names()):
    records = vault.open()
    found = {name: records.get(name).secret.reveal() for name in records.names()}
    assert all(secret.partition(" ")[0] == name for name, secret in found.items()), "torn"
    document = vault.read()
    assert document.generation >= seen, "back in time"
    seen = document.generation
    assert vault.holds("place")
"""
WRITER: Final = """
import sys
from keywright.secret import Secret
from keywright.vault.vault import Vault
for number in range(int(sys.argv[3])):
    with Vault(sys.argv[1], {}).edit() as records:
        records.put(sys.argv[2], Secret(f"{sys.argv[2]} {number}" + "x" * 5000 * number), "place")
"""


@pytest.fixture
def own(home: Path) -> Path:
    folder = home / "keywright"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def start(own: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start programs of this user; whatever still runs at the end is ended."""
    env = {"PATH": os.environ["PATH"], "HOME": str(own.parent), "KEYWRIGHT_HOME": str(own)}
    started: list[subprocess.Popen[bytes]] = []

    def run(*command: str) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe, stderr=pipe)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate(timeout=BOUND_S)


def log_in(start: Callable[..., subprocess.Popen[bytes]], count: int) -> None:
    """Have as many processes as that store one login each, all at once."""
    waiting = [start(HELPER, "store") for _ in range(count)]
    for number, process in enumerate(waiting):
        login = {"ServerURL": f"r{number}.example", "Username": "ann", "Secret": f"{SECRET} {number}"}
        assert process.stdin
        process.stdin.write(json.dumps(login).encode())
    for process in waiting:
        assert process.stdin
        process.stdin.close()  # now each of them goes on
        process.stdin = None
    for process in waiting:
        stdout, stderr = process.communicate(timeout=BOUND_S)
        assert (process.returncode, stdout, stderr) == (0, b"", b"")


def listed(start: Callable[..., subprocess.Popen[bytes]]) -> dict[str, str]:
    found: dict[str, str] = json.loads(start(HELPER, "list").communicate(b"", timeout=BOUND_S)[0])
    return found


@pytest.mark.slow
def test_forty_logins_at_once_are_forty_records(own: Path, start: Callable[..., subprocess.Popen[bytes]]) -> None:
    vault = Vault(str(own / "data"), {})
    with vault.edit() as records:
        records.put("BEFORE", Secret("kept"))
    log_in(start, 40)
    found = content_of(vault)
    assert len(found) == 41
    assert found["BEFORE"] == "kept"
    assert listed(start) == {f"r{number}.example": "ann" for number in range(40)}
    got = start(HELPER, "get").communicate(b"r7.example", timeout=BOUND_S)[0]
    assert json.loads(got)["Secret"] == f"{SECRET} 7"
    document = vault.read()
    assert document is not None
    assert document.generation == 41, "each wrote once"
    assert {path.suffix for path in (own / "data").iterdir()} == {"", ".key", ".lock"}


@pytest.mark.slow
def test_twenty_who_make_the_first_vault_make_one(own: Path, start: Callable[..., subprocess.Popen[bytes]]) -> None:
    log_in(start, 20)
    vault = Vault(str(own / "data"), {})
    document = vault.read()
    assert document is not None
    names = sorted(path.name for path in (own / "data").iterdir())
    assert names == sorted(["vault", "vault.lock", f"vault-{document.id[:8]}.key"])
    assert len(content_of(vault)) == document.generation == 20
    assert listed(start) == {f"r{number}.example": "ann" for number in range(20)}


@pytest.mark.slow
def test_who_reads_while_others_write_sees_a_whole_vault(
    own: Path, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    vault = Vault(str(own / "data"), {})
    with vault.edit() as records:
        records.put("first", Secret("first"), "place")
    readers = [start(sys.executable, "-I", "-c", READER, vault.folder) for _ in range(2)]
    for reader in readers:
        assert reader.stdout
        assert reader.stdout.readline() == b"ready\n"
    writers = [start(sys.executable, "-I", "-c", WRITER, vault.folder, name, "25") for name in ("one", "two", "three")]
    for writer in writers:
        assert (writer.communicate(timeout=BOUND_S), writer.returncode) == ((b"", b""), 0)
    with vault.edit() as records:
        records.put("last", Secret("last"), "place")
    for reader in readers:
        assert (reader.communicate(timeout=BOUND_S), reader.returncode) == ((b"", b""), 0)
    found = content_of(vault)
    assert {name: secret.rstrip("x") for name, secret in found.items()} == {
        "first": "first",
        "last": "last",
        **{name: f"{name} 24" for name in ("one", "two", "three")},
    }
