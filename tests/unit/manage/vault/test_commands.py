"""`keywright vault`, as a person or a script runs it: every wrong word has its line and code, and nothing is lost."""

import io
import json
import sys
from pathlib import Path

import pytest

from fakes.canary import TYPED
from fakes.terminal import Said, Terminal
from keywright.secret import Secret
from keywright.vault.vault import open_vault

LOCKED = "keywright: the vault is locked; run `keywright vault unlock` [vault_locked]\n"


class Script:
    """A script that pipes secrets in."""

    def __init__(self, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
        self._terminal = terminal
        self._monkeypatch = monkeypatch

    def __call__(self, *args: str, stdin: bytes = b"") -> Said:
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        return self._terminal("vault", *args)


@pytest.fixture
def own(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KEYWRIGHT_HOME", str(home / "kw"))
    return home / "kw"


@pytest.fixture
def vault(own: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Script:
    return Script(Terminal(monkeypatch, capfd), monkeypatch)


def content(own: Path) -> bytes:
    path = own / "data/vault"
    return path.read_bytes() if path.exists() else b""


class TestSecrets:
    @pytest.mark.parametrize("typed", [TYPED, "ünï", " blanks ", "two\nlines", "x" * 100_000])
    def test_come_back_as_they_were_piped_in(self, vault: Script, typed: str) -> None:
        assert vault("set", "A", stdin=f"{typed}\n".encode()) == Said(0, "", "")
        assert vault("get", "A") == Said(0, f"{typed}\n", "")

    def test_are_replaced_and_removed(self, vault: Script) -> None:
        for secret in (b"one", b"two"):
            vault("set", "A", stdin=secret)
        assert vault("get", "A").stdout == "two\n"
        assert vault("remove", "A") == Said(0, "", "")
        assert vault("get", "A").code == 1
        assert vault("list") == Said(0, "", "")

    def test_are_listed_by_name_alone(self, vault: Script, own: Path) -> None:
        vault("set", "B", stdin=TYPED.encode())
        vault("set", "A", stdin=TYPED.encode())
        with open_vault({"KEYWRIGHT_HOME": str(own)}).edit() as records:
            records.put("docker \x1b[31mred", Secret(TYPED), "docker red")
        said = vault("list")
        assert said.stdout == "A\nB\ndocker \\x1b[31mred\n"
        document = json.loads(vault("list", "--json").stdout)
        assert document["schema"] == 1
        assert {row["name"]: row["place"] for row in document["records"]} == {
            "A": "",
            "B": "",
            "docker \x1b[31mred": "docker red",
        }
        assert vault("remove", "docker \x1b[31mred").code == 0

    @pytest.mark.parametrize(
        ("args", "stdin", "code", "told"),
        [
            (("set", "a/b"), b"x", 2, "letters, digits"),
            (("set", "-x"), b"x", 2, "no such option"),
            (("set", ""), b"x", 2, "letters, digits"),
            (("set", "x" * 129), b"x", 2, "128"),
            (("set", "git https://x"), b"x", 2, "git credential fill"),
            (("set", "A"), b"", 2, "an empty secret"),
            (("set", "A"), b"\n", 2, "an empty secret"),
            (("set", "A"), b"\xff", 2, "not UTF-8"),
            (("set", "A"), b"x" * ((1 << 20) + 1), 2, "longer than"),
            (("set", "A", "the secret"), b"", 2, "unexpected extra argument"),
            (("get", "A"), b"", 1, "keywright vault set A"),
            (("get", "docker x"), b"", 2, "docker-credential-keywright get"),
            (("get", "install git x"), b"", 2, "keywright uninstall"),
            (("remove", "A"), b"", 1, "keywright vault list"),
            (("lock",), b"", 2, "keywright vault init"),
            (("unlock",), b"x", 2, "keywright vault init"),
            (("change-password",), b"x", 2, "keywright vault init"),
            (("init", "--key", "stone"), b"", 2, "invalid value"),
            (("init", "--key", "passphrase"), b"", 2, "an empty passphrase"),
            (("init", "--key", "passphrase"), b" \t\n", 2, "an empty passphrase"),
        ],
    )
    def test_a_wrong_word_has_its_line_and_makes_no_vault(
        self, vault: Script, args: tuple[str, ...], stdin: bytes, code: int, told: str
    ) -> None:
        said = vault(*args, stdin=stdin)
        assert (said.code, said.stdout) == (code, "")
        assert told in said.stderr
        assert "there is no vault" in vault("status").stdout


class TestTheKey:
    def test_is_in_a_file_unless_something_else_is_said(self, vault: Script, own: Path) -> None:
        assert vault("init").code == 0
        assert len(list((own / "data").glob("vault-*.key"))) == 1
        for command in ("lock", "unlock"):
            said = vault(command, stdin=b"x")
            assert said.code == 2
            assert "change-password --key passphrase" in said.stderr

    @pytest.mark.parametrize("kind", ["file", "passphrase", "keyring"])
    def test_is_made_once(self, vault: Script, own: Path, kind: str) -> None:
        vault("set", "A", stdin=b"kept")
        before = content(own)
        said = vault("init", "--key", kind, stdin=b"pass\n")
        assert said.code == 2
        assert "change-password" in said.stderr
        assert content(own) == before

    def test_that_is_a_passphrase_locks_the_vault_and_loses_nothing(self, vault: Script, own: Path) -> None:
        vault("set", "A", stdin=TYPED.encode())
        assert vault("change-password", "--key", "passphrase", stdin=b"pass\n").code == 0
        assert list((own / "data").glob("*.key")) == []
        before = content(own)
        for args, stdin in ((("get", "A"), b""), (("list",), b""), (("set", "B"), b"x"), (("remove", "A"), b"")):
            assert vault(*args, stdin=stdin) == Said(4, "", LOCKED)
        assert vault("lock") == Said(0, "the vault is locked already\n", "")
        assert content(own) == before
        for stdin in (b"wrong\n", b"", b"pass\n\n"):
            said = vault("change-password", "--key", "file", stdin=stdin)
            assert (said.code, said.stderr) == (1, "keywright: that is not the vault's passphrase [wrong_passphrase]\n")
        assert content(own) == before
        assert vault("change-password", "--key", "file", stdin=b"pass\n").code == 0
        assert vault("get", "A").stdout == f"{TYPED}\n"

    def test_that_is_a_passphrase_is_changed_by_two_lines(self, vault: Script) -> None:
        vault("init", "--key", "passphrase", stdin=b"old")
        assert vault("change-password", stdin=b"old\n\n").code == 2
        assert vault("change-password", stdin=b"old\nnew\n").code == 0
        assert vault("change-password", "--key", "file", stdin=b"old\n").code == 1
        assert vault("change-password", "--key", "file", stdin=b"new\n").code == 0

    @pytest.mark.parametrize("option", ["--idle=0s", "--idle=5", "--for=x", "--idle=", "--for=-1s"])
    def test_is_held_for_a_time_that_is_one(self, vault: Script, option: str) -> None:
        vault("init", "--key", "passphrase", stdin=b"pass")
        said = vault("unlock", option, stdin=b"pass")
        assert said.code == 2
        assert "15m" in said.stderr


class TestStatus:
    def test_tells_of_no_vault(self, vault: Script) -> None:
        assert "keywright vault init" in vault("status").stdout
        assert json.loads(vault("status", "--json").stdout)["state"] == "none"

    def test_tells_what_it_is_under_and_how_much_is_in_it(self, vault: Script, own: Path) -> None:
        vault("set", "A", stdin=b"x")
        assert vault("status").stdout.splitlines() == [
            f"vault    {own}/data/vault",
            "key      file",
            "state    unlocked",
            "records  1",
        ]
        vault("change-password", "--key", "passphrase", stdin=b"pass")
        assert vault("status").stdout.splitlines()[1:] == ["key      passphrase", "state    locked"]
        facts = json.loads(vault("status", "--json").stdout)
        assert (facts["key"], facts["state"], facts["records"]) == ("passphrase", "locked", None)

    @pytest.mark.parametrize("command", [("status",), ("list",), ("get", "A"), ("set", "A"), ("init",), ("lock",)])
    @pytest.mark.parametrize("damage", [b"", b"keywright-vault 2 x\n", b"junk"], ids=["empty", "newer", "junk"])
    def test_a_damaged_or_newer_vault_is_told_and_left_alone(
        self, vault: Script, own: Path, command: tuple[str, ...], damage: bytes
    ) -> None:
        vault("set", "A", stdin=b"x")
        (own / "data/vault").write_bytes(damage)
        said = vault(*command, stdin=b"secret")
        assert (said.code, said.stdout) == (1, "")
        assert "newer keywright" in said.stderr if b"2" in damage else "is damaged" in said.stderr
        assert content(own) == damage
