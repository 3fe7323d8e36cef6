"""The vault's key in a real Secret Service: gnome-keyring on a D-Bus of its own, there, locked, absent and hanging."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from clients.sandbox import Sandbox, find_program, until
from fakes.canary import TYPED

PLACE = "protocol=https\nhost=git.example\n"
PAIR = f"username=ann\npassword={TYPED}\n"
BUS = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:tmpdir={folder}</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
  </policy>
</busconfig>
"""
"""A session bus that starts nobody by itself."""
ANSWERS = """
import contextlib, secretstorage
with contextlib.closing(secretstorage.dbus_init()) as bus:
    list(secretstorage.get_all_collections(bus))
"""
OPEN = """
import contextlib, secretstorage
with contextlib.closing(secretstorage.dbus_init()) as bus:
    secretstorage.get_default_collection(bus)
"""
LOCK = """
import contextlib, secretstorage
with contextlib.closing(secretstorage.dbus_init()) as bus:
    secretstorage.get_default_collection(bus).lock()
"""


@pytest.fixture
def bus(sandbox: Sandbox) -> Iterator[Sandbox]:
    """A user with a D-Bus session and nobody on it."""
    program = find_program("dbus-daemon")
    config = sandbox.write(sandbox.home / "bus.conf", BUS.format(folder=tempfile.gettempdir()))
    daemon = subprocess.Popen(
        [program, f"--config-file={config}", "--nofork", "--print-address=1"],
        env=dict(sandbox.env),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert daemon.stdout
    address = daemon.stdout.readline().decode().strip()
    yield replace(sandbox, env={**sandbox.env, "DBUS_SESSION_BUS_ADDRESS": address})
    daemon.terminate()  # whoever is on it ends with it
    daemon.wait(60)
    daemon.stdout.close()


@pytest.fixture
def keyring(bus: Sandbox) -> Iterator[Sandbox]:
    """The same user with gnome-keyring, unlocked."""
    program = find_program("gnome-keyring-daemon")
    (bus.home / "run").mkdir(mode=0o700, exist_ok=True)
    daemon = subprocess.Popen(
        [program, "--foreground", "--unlock", "--components=secrets"],
        env=dict(bus.env),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert daemon.stdin
    daemon.stdin.write(b"login password")
    daemon.stdin.close()
    until(lambda: bus.run(sys.executable, "-c", OPEN).code == 0, "gnome-keyring to answer")
    yield replace(bus, env={**bus.env, "KEYRING_PID": str(daemon.pid)})
    os.killpg(daemon.pid, signal.SIGKILL)
    daemon.wait(60)


def git(user: Sandbox, verb: str, stdin: str) -> tuple[int, str, str]:
    done = user.run("git-credential-keywright", verb, stdin=stdin)
    return done.code, done.stdout, done.stderr


def test_a_vault_under_the_keyring_is_open_while_the_keyring_is(keyring: Sandbox) -> None:
    made = keyring.run("keywright", "vault", "init", "--key", "keyring")
    assert (made.code, made.stderr) == (0, "")
    assert not list((keyring.own / "data").glob("*.key"))
    assert git(keyring, "store", PLACE + PAIR) == (0, "", "")
    assert git(keyring, "get", PLACE) == (0, PAIR, "")
    assert "key      keyring" in keyring.run("keywright", "vault", "status").stdout


def test_a_held_key_spares_the_keyring(keyring: Sandbox, sandbox: Sandbox) -> None:
    keyring.run("keywright", "vault", "init", "--key", "keyring")
    git(keyring, "store", PLACE + PAIR)
    assert keyring.run("keywright", "vault", "unlock").code == 0
    assert git(sandbox, "get", PLACE) == (0, PAIR, ""), "who has no bus is served from the held key"
    assert sandbox.run("keywright", "vault", "lock").code == 0
    assert git(sandbox, "get", PLACE)[0] == 1


def test_a_locked_keyring_locks_the_vault_and_loses_nothing(keyring: Sandbox) -> None:
    keyring.run("keywright", "vault", "init", "--key", "keyring")
    git(keyring, "store", PLACE + PAIR)
    before = (keyring.own / "data/vault").read_bytes()
    assert keyring.run(sys.executable, "-c", LOCK).code == 0
    for verb, stdin in (("get", PLACE), ("store", PLACE + PAIR.replace("ann", "bob"))):
        code, stdout, stderr = git(keyring, verb, stdin)
        assert (code, stdout, len(stderr.splitlines())) == (code or 1, "", 1)
        assert "keyring is locked" in stderr or "keyring does not answer" in stderr
    assert git(keyring, "get", "protocol=https\nhost=other.example\n") == (0, "", "")
    assert (keyring.own / "data/vault").read_bytes() == before


def test_no_keyring_at_all_is_said_and_nothing_is_kept_in_clear(bus: Sandbox, sandbox: Sandbox) -> None:
    for user in (bus, sandbox):
        made = user.run("keywright", "vault", "init", "--key", "keyring")
        assert (made.code, made.stdout) == (1, "")
        assert "there is no OS keyring here" in made.stderr
        assert not (user.own / "data/vault").exists()


def test_a_keyring_that_has_gone_is_said(keyring: Sandbox, sandbox: Sandbox) -> None:
    keyring.run("keywright", "vault", "init", "--key", "keyring")
    git(keyring, "store", PLACE + PAIR)
    code, stdout, stderr = git(sandbox, "get", PLACE)
    assert (code, stdout) == (1, "")
    assert "there is no OS keyring here" in stderr


def test_a_keyring_without_the_vaults_entry_is_said(keyring: Sandbox) -> None:
    keyring.run("keywright", "vault", "init", "--key", "keyring")
    git(keyring, "store", PLACE + PAIR)
    forget = "import keyring, sys; keyring.delete_password('keywright', 'vault-' + sys.argv[1])"
    vault = (keyring.own / "data/vault").read_text()
    vault_id = vault.partition('"id":"')[2][:32]
    assert keyring.run(sys.executable, "-c", forget, vault_id).code == 0
    assert "has no key for this vault" in git(keyring, "get", PLACE)[2]


def test_a_keyring_that_never_answers_hangs_nobody(keyring: Sandbox) -> None:
    keyring.run("keywright", "vault", "init", "--key", "keyring")
    git(keyring, "store", PLACE + PAIR)
    daemon = int(keyring.env["KEYRING_PID"])
    os.kill(daemon, signal.SIGSTOP)
    code, stdout, stderr = git(keyring, "get", PLACE)
    assert (code, stdout) == (1, "")
    assert "the OS keyring does not answer" in stderr
    os.kill(daemon, signal.SIGCONT)
    assert git(keyring, "get", PLACE) == (0, PAIR, "")


def test_a_bus_that_never_answers_hangs_nobody(sandbox: Sandbox, tmp_path: Path) -> None:
    path = str(tmp_path / "bus")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)  # the kernel takes connections, and nobody ever answers
        user = replace(sandbox, env={**sandbox.env, "DBUS_SESSION_BUS_ADDRESS": f"unix:path={path}"})
        made = user.run("keywright", "vault", "init", "--key", "keyring")
    assert (made.code, made.stdout) == (1, "")
    assert "there is no OS keyring here" in made.stderr or "does not answer" in made.stderr
    assert not (user.own / "data/vault").exists()


def test_a_keyring_without_a_collection_is_said(bus: Sandbox) -> None:
    program = find_program("gnome-keyring-daemon")
    (bus.home / "run").mkdir(mode=0o700, exist_ok=True)
    daemon = subprocess.Popen(
        [program, "--foreground", "--components=secrets"],
        env=dict(bus.env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    until(lambda: bus.run(sys.executable, "-c", ANSWERS).code == 0, "gnome-keyring to answer")
    made = bus.run("keywright", "vault", "init", "--key", "keyring")
    assert (made.code, made.stdout, len(made.stderr.splitlines())) == (1, "", 1)
    assert "has no collection" in made.stderr or "does not answer" in made.stderr
    os.killpg(daemon.pid, signal.SIGKILL)
    daemon.wait(60)


@pytest.mark.parametrize(
    ("backend", "told"),
    [
        ("keyring.backends.null.Keyring", "is not the operating system's"),
        ("keyring.backends.fail.Keyring", "there is no OS keyring here"),
    ],
)
def test_a_keyring_that_keeps_nothing_or_in_clear_is_refused(sandbox: Sandbox, backend: str, told: str) -> None:
    user = replace(sandbox, env={**sandbox.env, "PYTHON_KEYRING_BACKEND": backend})
    made = user.run("keywright", "vault", "init", "--key", "keyring")
    assert (made.code, made.stdout) == (1, "")
    assert told in made.stderr
    assert not (user.own / "data/vault").exists()


def test_a_vault_moves_from_a_file_to_the_keyring_to_a_passphrase(keyring: Sandbox) -> None:
    git(keyring, "store", PLACE + PAIR)
    for kind, stdin in (("keyring", ""), ("passphrase", "open sesame\n"), ("file", "open sesame\n")):
        changed = keyring.run("keywright", "vault", "change-password", "--key", kind, stdin=stdin)
        assert (changed.code, changed.stderr) == (0, "")
        assert len(list((keyring.own / "data").glob("*.key"))) == (kind == "file")
    assert git(keyring, "get", PLACE) == (0, PAIR, "")
