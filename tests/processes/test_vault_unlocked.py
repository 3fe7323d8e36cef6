"""An unlocked vault: its key is in the memory of one process, and nowhere else, until that process ends."""

import os
import signal
import stat
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pexpect
import pytest

from fakes.canary import TYPED
from keywright.secret import Secret
from keywright.vault import keys
from keywright.vault.vault import open_vault
from processes.house import BOUND_S, wait_until

PASSPHRASE = f"{TYPED}-passphrase"
PLACE = "protocol=https\nhost=git.example\n"
PAIR = f"username=ann\npassword={TYPED}\n"
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class User:
    """Somebody whose vault is under a passphrase."""

    home: Path

    @property
    def env(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), "KEYWRIGHT_HOME": str(self.home), "CANARY": TYPED}

    def run(self, name: str, *args: str, stdin: str = "") -> tuple[int, str, str]:
        """Run one of our programs to its end, and to the end of whoever holds its output open."""
        done = subprocess.run(
            [str(BIN / name), *args],
            env=self.env,
            input=stdin.encode(),
            capture_output=True,
            timeout=BOUND_S,
            check=False,
        )
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def vault(self, *args: str, stdin: str = "") -> tuple[int, str, str]:
        return self.run("keywright", "vault", *args, stdin=stdin)

    def unlock(self, *args: str) -> int:
        """Unlock the vault; returns the process id of whoever holds its key."""
        code, _, told = self.vault("unlock", *args, stdin=PASSPHRASE)
        assert (code, told) == (0, "")
        (holder,) = self.holders()
        return holder

    def holders(self) -> list[int]:
        """Return whoever holds a key of this user's."""
        mine = f"keywright.vault.holder\0{self.home}/data\0".encode()
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
        return [pid for pid in pids if mine in proc(pid, "cmdline")]

    @property
    def is_locked(self) -> bool:
        return "state    locked" in self.vault("status")[1]

    def data_key(self) -> bytes:
        """Return what an unlocked vault's holder holds."""
        vault = open_vault(self.env)
        document = vault.read()
        assert document is not None
        return keys.unwrap(vault.path, document, keys.key_of_passphrase(vault.path, document, Secret(PASSPHRASE)))


def proc(pid: int, what: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{what}").read_bytes()
    except OSError:
        return b""


@pytest.fixture
def user(home: Path) -> Iterator[User]:
    user = User(home / "kw")
    user.home.mkdir(mode=0o700)
    assert user.vault("init", "--key", "passphrase", stdin=PASSPHRASE)[0] == 0
    yield user
    for holder in user.holders():
        os.kill(holder, signal.SIGKILL)
    wait_until(lambda: not user.holders(), "the holder to end")


def test_unlocked_it_serves_every_process_until_it_is_locked(user: User) -> None:
    stored = user.run("git-credential-keywright", "store", stdin=PLACE + PAIR)
    assert (stored[0], "keywright vault unlock" in stored[2]) == (4, True)
    user.unlock()
    assert user.run("git-credential-keywright", "store", stdin=PLACE + PAIR) == (0, "", "")
    for _ in range(2):
        assert user.run("git-credential-keywright", "get", stdin=PLACE) == (0, PAIR, "")
    assert user.vault("lock") == (0, "locked\n", "")
    assert user.holders() == []
    code, stdout, stderr = user.run("git-credential-keywright", "get", stdin=PLACE)
    assert (code, stdout) == (4, "")
    assert "keywright vault unlock" in stderr
    assert user.run("git-credential-keywright", "get", stdin="protocol=https\nhost=other.example\n") == (0, "", "")
    user.unlock()
    assert user.run("git-credential-keywright", "get", stdin=PLACE) == (0, PAIR, "")


def test_the_key_is_in_no_file_argument_or_environment(user: User) -> None:
    holder = user.unlock()
    user.run("git-credential-keywright", "store", stdin=PLACE + PAIR)
    key = user.data_key()
    forms = [key, key.hex().encode(), b64encode(key), TYPED.encode()]
    seen = [proc(holder, "cmdline"), proc(holder, "environ")]
    seen += [path.read_bytes() for path in user.home.rglob("*") if path.is_file()]
    assert len(seen) >= 4
    assert not [content for content in seen for form in forms if form in content]


def test_the_holder_has_nothing_of_its_starters_left(user: User) -> None:
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    code = subprocess.run(
        [str(BIN / "keywright"), "vault", "unlock"],
        env=user.env,
        input=PASSPHRASE.encode(),
        pass_fds=(writer,),
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=BOUND_S,
    ).returncode
    os.close(writer)
    with os.fdopen(reader, "rb") as inherited:
        assert (code, inherited.read()) == (0, b""), "it would not end while anybody holds the other end"
    (holder,) = user.holders()
    targets = [os.readlink(f"/proc/{holder}/fd/{name}") for name in os.listdir(f"/proc/{holder}/fd")]
    assert not [target for target in targets if target.startswith("pipe:")]
    assert {os.readlink(f"/proc/{holder}/fd/{fd}") for fd in (0, 1, 2)} == {"/dev/null"}
    assert os.readlink(f"/proc/{holder}/cwd") == "/"
    assert os.getsid(holder) == holder
    assert {line.split()[4] for line in proc(holder, "limits").splitlines() if line.startswith(b"Max core")} == {b"0"}
    assert stat.S_IMODE(os.stat(user.home / "data/vault.sock").st_mode) == 0o600


def test_what_the_holder_does_first_closes_it_to_debuggers_and_core_dumps() -> None:
    """Seen from inside: to root, whom CI may be, no process is closed. That it is done, its core limit shows above."""
    script = (
        "import ctypes, resource; from keywright.vault.holder import close_to_others; close_to_others();"
        "print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), *resource.getrlimit(resource.RLIMIT_CORE))"  # PR_GET_DUMPABLE
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, timeout=BOUND_S)
    assert done.stdout.split() == [b"0", b"0", b"0"]


@pytest.mark.parametrize("limits", [("--idle", "1s"), ("--for", "1s")], ids=["idle", "in all"])
def test_past_its_limit_it_is_locked_by_itself(user: User, limits: tuple[str, str]) -> None:
    user.unlock(*limits)
    wait_until(lambda: not user.holders(), "the holder to end by itself")
    assert user.is_locked
    assert not (user.home / "data/vault.sock").exists()


def test_looking_at_the_status_is_no_use(user: User) -> None:
    user.unlock("--idle", "3s")
    wait_until(lambda: user.is_locked, "the holder to end although somebody looks all the time")


def test_a_holder_that_was_killed_is_a_locked_vault(user: User) -> None:
    os.kill(user.unlock(), signal.SIGKILL)
    wait_until(lambda: not user.holders(), "the holder to end")
    assert user.is_locked
    assert user.vault("list") == (
        4,
        "",
        "keywright: the vault is locked; run `keywright vault unlock` [vault_locked]\n",
    )
    user.unlock()
    assert not user.is_locked


def test_a_holder_that_was_stopped_is_told_and_can_be_replaced(user: User) -> None:
    holder = user.unlock()
    os.kill(holder, signal.SIGSTOP)
    code, _, told = user.vault("list")
    assert code == 4
    assert "does not answer; run `keywright vault unlock`" in told
    assert user.unlock() != holder
    assert user.vault("list")[0] == 0


def test_unlocking_again_replaces_whoever_holds_the_key(user: User) -> None:
    first = user.unlock()
    second = user.unlock("--for", "1h")
    assert first != second
    assert user.holders() == [second]


def test_a_wrong_passphrase_leaves_things_as_they_are(user: User) -> None:
    assert user.vault("unlock", stdin="wrong")[::2] == (
        1,
        "keywright: that is not the vault's passphrase [wrong_passphrase]\n",
    )
    assert user.holders() == []
    holder = user.unlock()
    assert user.vault("unlock", stdin="wrong")[0] == 1
    assert user.holders() == [holder]


def test_a_new_passphrase_ends_whoever_holds_the_old_key(user: User) -> None:
    user.unlock()
    user.run("git-credential-keywright", "store", stdin=PLACE + PAIR)
    assert user.vault("change-password", stdin=f"{PASSPHRASE}\nanother\n")[0] == 0
    assert user.holders() == []
    assert user.is_locked
    assert user.vault("unlock", stdin="another")[0] == 0
    assert user.run("git-credential-keywright", "get", stdin=PLACE) == (0, PAIR, "")


def test_many_at_once_are_served(user: User) -> None:
    user.unlock()
    user.run("git-credential-keywright", "store", stdin=PLACE + PAIR)
    command = [str(BIN / "git-credential-keywright"), "get"]
    started = [
        subprocess.Popen(command, env=user.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(30)
    ]
    assert {process.communicate(PLACE.encode(), timeout=BOUND_S)[0].decode() for process in started} == {PAIR}


def test_a_folder_whose_path_is_longer_than_a_sockets_address(home: Path) -> None:
    user = User(home / ("x" * 120))
    user.home.mkdir(mode=0o700)
    assert user.vault("init", "--key", "passphrase", stdin=PASSPHRASE)[0] == 0
    user.unlock()
    assert user.vault("list")[0] == 0
    assert user.vault("lock")[0] == 0


class TestAtATerminal:
    """Typed on a terminal, a passphrase or secret is hidden, and asked for twice where it is new."""

    def start(self, user: User, *args: str) -> "pexpect.spawn[str]":
        return pexpect.spawn(str(BIN / "keywright"), ["vault", *args], env=user.env, encoding="utf-8", timeout=BOUND_S)

    def end(self, terminal: "pexpect.spawn[str]") -> tuple[int | None, str]:
        terminal.expect(pexpect.EOF)
        terminal.close()
        return terminal.exitstatus, terminal.before or ""

    def test_unlocking_hides_the_passphrase(self, user: User) -> None:
        terminal = self.start(user, "unlock")
        terminal.expect("Passphrase of the vault: ")
        terminal.sendline(PASSPHRASE)
        code, shown = self.end(terminal)
        assert (code, TYPED in shown) == (0, False)
        assert not user.is_locked

    @pytest.mark.parametrize(("again", "code"), [(TYPED, 0), ("other", 2)])
    def test_a_new_secret_is_typed_twice(self, user: User, again: str, code: int) -> None:
        user.unlock()
        terminal = self.start(user, "set", "A")
        terminal.expect("Secret A: ")
        terminal.sendline(TYPED)
        terminal.expect("again: ")
        terminal.sendline(again)
        ended, shown = self.end(terminal)
        assert (ended, TYPED in shown) == (code, False)
        assert user.vault("list")[1] == ("" if code else "A\n")

    def test_a_secret_is_shown_only_if_that_is_said(self, user: User) -> None:
        user.unlock()
        user.vault("set", "A", stdin="shown-if-told")
        code, shown = self.end(self.start(user, "get", "A"))
        assert (code, "shown-if-told" in shown, "--reveal" in shown) == (2, False, True)
        code, shown = self.end(self.start(user, "get", "A", "--reveal"))
        assert (code, shown) == (0, "shown-if-told\r\n")

    def test_an_interrupt_changes_nothing(self, user: User) -> None:
        terminal = self.start(user, "change-password")
        terminal.expect("Passphrase of the vault: ")
        terminal.sendintr()
        assert self.end(terminal)[0] == 130
        user.unlock()
