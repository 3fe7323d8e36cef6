"""What no route serves is the vault's; what a route serves never meets it, and a vault in trouble costs no token."""

import os
from pathlib import Path

import pytest

from fakes.canary import TYPED
from fakes.client import Outcome, call
from fakes.minter import Minter
from keywright.dialects.docker import DockerDialect
from keywright.dialects.git import GitDialect
from keywright.dialects.kube import KubeDialect
from keywright.dialects.person import PersonDialect

CONFIG = """
version = 1

[profiles."github-app:acme"]
app_id = "1"
private_key = "/key.pem"
installation_id = 7

[profiles."static:forge"]
url = "https://git.example"
username = "ci"
secret = "env://FORGE_TOKEN"

[[routes]]
client = "git"
url = "https://github.com/acme"
profiles = ["github-app:acme"]

[[routes]]
client = "git"
url = "https://git.example"
profiles = ["static:forge"]

[[routes]]
client = "kube"
url = "https://git.example"
profiles = ["static:forge"]
"""
ACME = b"protocol=https\nhost=github.com\npath=acme/web.git\n"
FORGE = b"protocol=https\nhost=git.example\n"
OTHER = b"protocol=https\nhost=other.example\n"
PAIR = b"username=ann\npassword=" + TYPED.encode() + b"\n"
NOT_FOUND = b"credentials not found in native keychain\n"


@pytest.fixture
def own(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = home / "kw"
    folder.mkdir(mode=0o700)
    (folder / "config.toml").write_text(CONFIG)
    monkeypatch.setenv("KEYWRIGHT_HOME", str(folder))
    monkeypatch.setenv("FORGE_TOKEN", "one")
    return folder


@pytest.fixture(autouse=True)
def minter(own: Path, monkeypatch: pytest.MonkeyPatch) -> Minter:
    minter = Minter()
    minter.install(monkeypatch)
    return minter


def git(verb: str, stdin: bytes) -> Outcome:
    return call(GitDialect(), [verb], stdin)


def docker(verb: str, stdin: bytes = b"") -> Outcome:
    return call(DockerDialect(), [verb], stdin)


class TestAStaticSecret:
    def test_is_read_anew_each_time_and_never_ready(self, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for secret in ("one", "one", "two"):
            monkeypatch.setenv("FORGE_TOKEN", secret)
            outcome = git("get", FORGE)
            assert outcome == Outcome(0, f"username=ci\npassword={secret}\n".encode())
        assert not list((own / "cache/answers").iterdir())
        assert not list((own / "cache/entries").iterdir())

    def test_is_ephemeral_to_the_other_helpers(self) -> None:
        assert b"ephemeral=1\n" in git("get", FORGE + b"capability[]=authtype\n").stdout

    def test_is_neither_stored_nor_dropped_by_its_client(self, own: Path) -> None:
        handed = FORGE + b"username=ci\npassword=one\n"
        assert git("store", handed) == Outcome(0, b"")
        assert git("erase", handed) == Outcome(0, b"")
        assert b"password=one" in git("get", FORGE).stdout
        assert not (own / "data/vault").exists()

    def test_missing_is_told_with_account_and_place(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("FORGE_TOKEN")
        outcome = git("get", FORGE)
        assert (outcome.code, outcome.stdout) == (1, b"")
        assert "static:forge for https://git.example: the environment variable FORGE_TOKEN is empty" in outcome.stderr

    def test_of_another_user_is_not_handed_out(self) -> None:
        assert git("get", FORGE + b"username=ann\n") == Outcome(0, b"")

    def test_is_a_persons_by_name(self) -> None:
        assert call(PersonDialect(), ["token", "static:forge"]) == Outcome(0, b"one\n")

    def test_is_kept_from_a_cluster_that_does_not_say_where_it_is(self) -> None:
        outcome = call(KubeDialect(), ["profile", "static:forge"])
        assert outcome.code == 2
        assert "provideClusterInfo" in outcome.stderr


class TestAMintingRoute:
    def test_does_not_meet_the_vault(self, own: Path) -> None:
        (own / "data").mkdir(mode=0o700)
        (own / "data/vault").write_text("damaged")
        assert b"password=minted" in git("get", ACME).stdout
        assert git("store", ACME + PAIR) == Outcome(0, b"")
        erased = git("erase", ACME + PAIR)
        assert (erased.code, erased.stdout) == (0, b"")
        assert "what was stored for it is kept: " in erased.stderr
        assert erased.stderr.endswith(" [vault_unusable]\n")

    def test_serves_where_there_can_be_no_vault(self, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("KEYWRIGHT_CONFIG", str(own / "config.toml"))
        monkeypatch.delenv("KEYWRIGHT_HOME")
        monkeypatch.setenv("XDG_DATA_HOME", "relative")
        assert b"password=minted" in git("get", ACME).stdout

    def test_ends_the_use_of_what_was_stored_before(self, own: Path) -> None:
        stored = b"protocol=https\nhost=late.example\n"
        git("store", stored + PAIR)
        assert git("get", stored).stdout == PAIR
        route = '[[routes]]\nclient = "git"\nurl = "https://late.example"\nprofiles = ["github-app:acme"]\n'
        (own / "config.toml").write_text(CONFIG + route)
        assert b"password=minted" in git("get", stored).stdout

    def test_does_not_hide_what_was_stored_before_from_a_logout(self, own: Path) -> None:
        stored = b"protocol=https\nhost=late.example\n"
        git("store", stored + PAIR)
        route = '[[routes]]\nclient = "git"\nurl = "https://late.example"\nprofiles = ["static:late"]\n'
        late = '[profiles."static:late"]\nurl = "https://late.example"\nusername = "ci"\nsecret = "env://FORGE_TOKEN"\n'
        (own / "config.toml").write_text(CONFIG + late + route)
        assert git("erase", stored + PAIR) == Outcome(0, b"")
        (own / "config.toml").write_text(CONFIG)
        assert git("get", stored) == Outcome(0, b"")


class TestAVaultInTrouble:
    @pytest.fixture
    def damaged(self, own: Path) -> Path:
        git("store", OTHER + PAIR)
        vault = own / "data/vault"
        vault.write_bytes(vault.read_bytes()[:-9] + b"x" * 9)
        return vault

    def test_is_told_and_never_taken_for_an_empty_one(self, damaged: Path) -> None:
        before = damaged.read_bytes()
        for outcome in (git("get", OTHER), git("store", OTHER + PAIR), git("erase", OTHER + PAIR)):
            assert (outcome.code, outcome.stdout) == (1, b"")
            assert "is damaged" in outcome.stderr
        for outcome in (docker("get", b"other.example"), docker("list")):
            assert outcome.code == 1
            assert outcome.stdout != NOT_FOUND
        assert damaged.read_bytes() == before

    def test_that_others_can_read_is_refused_with_the_command_that_mends_it(self, own: Path) -> None:
        git("store", OTHER + PAIR)
        os.chmod(own / "data/vault", 0o644)
        assert "chmod 600" in git("get", OTHER).stderr

    def test_is_no_answer_of_yesterday(self, own: Path) -> None:
        assert git("get", OTHER) == Outcome(0, b"")
        assert git("get", OTHER).is_hit
        git("store", OTHER + PAIR)
        assert git("get", OTHER).stdout == PAIR
