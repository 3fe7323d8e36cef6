"""What the commands print, where it cannot be printed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = [
    ("--version",),
    ("--help",),
    ("vault", "get", "--help"),
    ("vault", "get", "KEPT"),
    ("vault", "list", "--json"),
    ("vault", "status"),
    ("status",),
    ("install", "docker", "a.io", "--dry-run"),
]


@pytest.fixture
def env(home: Path) -> dict[str, str]:
    """A user who keeps one secret, without a fancy for a home elsewhere."""
    folder = home / "kw"
    folder.mkdir(mode=0o700)
    env = {
        "HOME": str(home),
        "KEYWRIGHT_HOME": str(folder),
        "PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}",
    }
    subprocess.run([*KEYWRIGHT, "vault", "set", "KEPT"], env=env, input=b"canary", check=True)
    return env


KEYWRIGHT = (sys.executable, "-c", "import sys; from keywright.manage.cli import run; sys.exit(run())")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_what_goes_to_a_full_disk_is_one_clear_line(env: dict[str, str], command: tuple[str, ...]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*KEYWRIGHT, *command], env=env, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (
        1,
        b"keywright: standard output cannot be written (ENOSPC) [unavailable]\n",
    )


def test_what_nobody_reads_any_more_ends_without_a_word(env: dict[str, str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*KEYWRIGHT, "vault", "get", "KEPT"], env=env, stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")
