"""`keywright why`, over a real cache: each answer with its reason, nobody asked, nothing changed, nothing secret."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import time_machine

from fakes.canary import TYPED
from fakes.client import call
from fakes.minter import Minter
from fakes.own_vault import OwnVault
from fakes.terminal import Said, Terminal
from keywright.cache.open import open_cache
from keywright.dialects.docker import DockerDialect
from keywright.dialects.git import GitDialect
from keywright.dialects.kube import KubeDialect
from keywright.errors import Refused, Unreachable
from keywright.profiles.known import Decided
from keywright.profiles.state import ProfileStates
from keywright.secret import Secret
from keywright.vault.vault import open_vault

CONFIG = """
version = 1
[profiles."github-app:acme"]
app_id = "1"
private_key = "/key.pem"
installation_id = 7
{more}
[profiles."github-app:spare"]
app_id = "2"
private_key = "/spare.pem"
installation_id = 8
priority = 5
[profiles."static:forge"]
url = "https://git.example"
secret = "env://FORGE"
username = "ann"
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
url = "https://kube.example"
profiles = ["github-app:acme", "github-app:spare"]
"""
GIT = b"protocol=https\nhost=github.com\npath=acme/web\n"
ACME = "https://github.com/acme/web"


class Why:
    """Asks, and sees to it that asking changed nothing."""

    def __init__(self, home: Path, terminal: Terminal, minter: Minter) -> None:
        self.folder = home / "kw"
        self.minter = minter
        self._terminal = terminal

    def write(self, more: str = "") -> None:
        (self.folder / "config.toml").write_text(CONFIG.format(more=more))

    def tree(self) -> dict[str, tuple[int, int]]:
        """Return what every file and folder is, in as far as a write would change it."""
        found = {path: path.lstat() for path in self.folder.rglob("*")}
        return {str(path): (stat.st_ino, stat.st_mtime_ns) for path, stat in found.items()}

    def __call__(self, *words: str) -> Said:
        before, calls = self.tree(), self.minter.calls
        said = self._terminal("why", *words)
        assert (self.tree(), self.minter.calls) == (before, calls)
        return said

    def rows(self, *words: str) -> dict[str, str]:
        said = self(*words)
        assert (said.code, said.stderr) == (0, "")
        pairs = [line.split(None, 1) for line in said.stdout.splitlines()]
        return {pair[0]: pair[1] for pair in pairs}

    def document(self, *words: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self(*words, "--json").stdout)
        assert document["schema"] == 1
        return document


@pytest.fixture
def why(home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Why:
    monkeypatch.setenv("KEYWRIGHT_HOME", str(home / "kw"))
    monkeypatch.setenv("FORGE", "canary-of-forge")
    (home / "kw").mkdir(mode=0o700)
    minter = Minter()
    minter.install(monkeypatch)
    made = Why(home, Terminal(monkeypatch, capfd), minter)
    made.write()
    return made


def disabled(decided: Decided) -> Decided:
    return decided._replace(enabled=False)


class TestOfARoute:
    def test_nothing_is_cached_at_first_and_no_folder_is_made(self, why: Why) -> None:
        rows = why.rows("git", ACME)
        assert rows["route"] == f"https://github.com/acme, in {why.folder}/config.toml"
        assert rows["1"] == "github-app:acme: nothing is cached; its issuer would be asked"
        assert rows["outcome"] == "github-app:acme is tried, and its issuer asked"
        assert rows["mend"].endswith("useHttpPath true`"), "git leaves the path out"

    @pytest.mark.parametrize("section", ["https://github.com", "https://github.com/acme", "https://*.com"])
    def test_git_that_tells_its_path_needs_no_mend(self, why: Why, home: Path, section: str) -> None:
        config = home / ".gitconfig"
        config.write_text(f'[credential "{section}"]\nuseHttpPath = true\n')
        assert "mend" not in why.rows("git", ACME)
        assert why.document("git", ACME)["needs_path"] is True
        config.write_text(f"{config.read_text()}[credential]\nuseHttpPath = no\n")
        assert why.rows("git", ACME)["mend"].endswith("useHttpPath true`"), "git goes by what it reads last"

    def test_a_section_for_another_path_does_not_tell_it(self, why: Why, home: Path) -> None:
        (home / ".gitconfig").write_text('[credential "https://github.com/ac"]\nuseHttpPath = true\n')
        assert "mend" in why.rows("git", ACME)

    @pytest.mark.parametrize("path", ["acme%2Fweb", "%61cme/web", "//acme/web/", "acme/web%3Fx=1"])
    def test_the_url_is_decoded_as_git_decodes_it(self, why: Why, path: str) -> None:
        assert why.rows("git", f"https://github.com/{path}")["asked"] == f"git {ACME}"

    @pytest.mark.parametrize("url", ["https://github.com/a%0Ahost=x", "https://a%0db/", "https://a%0a@github.com/"])
    def test_an_encoded_line_break_says_nothing_else(self, why: Why, url: str) -> None:
        said = why("git", url)
        assert (said.code, said.stdout) == (2, "")

    def test_the_cache_answers_and_for_how_long(self, why: Why, clock: time_machine.Traveller) -> None:
        call(GitDialect(), ["get"], GIT)
        rows = why.rows("git", ACME)
        assert rows["1"].startswith("github-app:acme: fresh until 2030-01-01T12:59:30Z (59m 30s)")
        assert rows["1"].endswith("; a ready answer is kept")
        assert rows["outcome"] == "github-app:acme answers, from the cache"
        clock.shift(50 * 60)
        document = why.document("git", ACME)
        assert (document["outcome"], document["answers"]) == ("cached", "github-app:acme")
        (row,) = document["profiles"]
        assert (row["state"], row["expires_at"]) == ("stale", "2030-01-01T13:00:00Z")
        assert row["ready_answers"][0] == f"git-credential-keywright get {ACME}"
        clock.shift(15 * 60)
        assert "what is cached is expired: too little of it is left" in why.rows("git", ACME)["1"]

    def test_another_client_s_answer_is_not_ready_yet(self, why: Why) -> None:
        call(GitDialect(), ["get"], GIT)
        assert why.rows("kube", "https://kube.example")["2"].endswith("there is no ready answer yet")

    def test_a_failure_is_told_with_its_end_and_its_mend(self, why: Why, clock: time_machine.Traveller) -> None:
        why.minter.failure = Refused("the app's key was not accepted", mend="check app_id")
        call(GitDialect(), ["get"], GIT)
        rows = why.rows("git", ACME)
        told = "failed once, last just now (refused: the app's key was not accepted; check app_id), asked again in "
        assert told in rows["1"]
        assert rows["outcome"].startswith("the call fails: github-app:acme")
        assert rows["mend"] == "check app_id"
        clock.shift(60)
        rows = why.rows("git", ACME)
        assert "last 1m ago" in rows["1"]
        assert "asked again at the next call; its issuer would be asked" in rows["1"]
        (row,) = why.document("git", ACME)["profiles"]
        assert row["last_failure"]["attempts"] == 1
        assert row["last_failure"]["retry_at"] is None

    def test_profiles_stand_in_the_order_to_try_them_with_the_reasons(self, why: Why) -> None:
        why.write('fallback = ["static:forge"]')
        rows = why.rows("kube", "https://kube.example")
        assert rows["1"].startswith("github-app:spare: its priority is 5; nothing is cached")
        assert rows["2"].startswith("github-app:acme: nothing is cached")
        assert rows["3"].startswith("static:forge: it stands in for one before it; ")
        assert rows["outcome"].startswith("github-app:spare is tried")

    def test_what_a_person_disabled_is_passed_over(self, why: Why) -> None:
        ProfileStates(os.environ).decide("github-app:spare", "", disabled)
        rows = why.rows("kube", "https://kube.example")
        assert "it is disabled" in rows["1"]
        assert "keywright profile enable github-app:spare" in rows["1"]
        assert rows["outcome"].startswith("github-app:acme is tried")
        assert why.document("kube", "https://kube.example")["profiles"][0]["verdict"] == "kept_back"

    def test_what_rests_is_tried_last(self, why: Why) -> None:
        why.minter.failure, why.minter.failing = Unreachable("slow down"), "github-app:spare"
        why.minter.failure.retry_after_s = 40
        call(KubeDialect(), ["profile", "github-app:spare"])
        rows = why.rows("kube", "https://kube.example")
        assert "its issuer is left alone meanwhile" in rows["1"] + rows["2"]

    def test_a_secret_that_is_there_already_is_not_shown(self, why: Why) -> None:
        said = why("git", "https://git.example/x")
        assert "read where the settings say it is" in said.stdout
        assert "canary" not in said.stdout

    def test_a_secret_that_cannot_be_read_fails_as_the_call_does(
        self, why: Why, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert why.rows("git", "https://git.example/x")["outcome"] == "static:forge answers, with what is there"
        monkeypatch.delenv("FORGE")
        rows = why.rows("git", "https://git.example/x")
        assert rows["outcome"].startswith("the call fails: the environment variable FORGE is empty or not set")
        assert why.document("git", "https://git.example/x")["profiles"][0]["verdict"] == "kept_back"

    def test_a_secret_of_another_place_does_not_fit(self, why: Why) -> None:
        document = why.document("token", "static:forge", "--url", "https://x.example")
        assert (document["outcome"], document["profiles"][0]["verdict"]) == ("fails", "unfit")

    def test_a_secret_of_the_vault_fails_while_it_is_locked(self, why: Why) -> None:
        config = why.folder / "config.toml"
        config.write_text(config.read_text().replace("env://FORGE", "vault://FORGE"))
        rows = why.rows("git", "https://git.example/x")
        assert rows["mend"] == "run `keywright vault set FORGE`"
        with open_vault(os.environ).edit() as records:
            records.put("FORGE", Secret(TYPED))
        assert why.rows("git", "https://git.example/x")["outcome"] == "static:forge answers, with what is there"
        OwnVault().lock()
        rows = why.rows("git", "https://git.example/x")
        assert rows["mend"] == "run `keywright vault unlock`"
        assert "[vault_locked]" in rows["outcome"]

    def test_a_well_known_host_and_a_command_line_need_none(self, why: Why) -> None:
        ecr = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
        assert why.rows("docker", ecr)["route"] == "none is needed: the host is well known"
        rows = why.rows("kube", "--eks", "prod", "--region", "eu-central-1")
        assert rows["route"] == "none is needed: its settings are on the command line"
        assert rows["1"].startswith("aws-eks:prod: ")
        assert why.rows("token", "static:forge")["outcome"] == "static:forge answers, with what is there"

    def test_a_name_of_nobody_s_says_so(self, why: Why) -> None:
        assert "there is no profile `openai:x`" in why.rows("token", "openai:x")["outcome"]
        assert "there is no profile `nobody`" in why.rows("token", "nobody")["outcome"]


class TestOfNoRoute:
    def test_the_nearest_is_named_with_its_difference_and_the_mend(self, why: Why) -> None:
        rows = why.rows("git", "https://git.example:8443/team")
        assert rows["route"].startswith("no route serves it")
        assert rows["nearest"] == "https://git.example (static:forge): its port differs"
        assert rows["outcome"].startswith("not mine")
        assert 'client = "git", url = "https://git.example:8443/team"' in rows["mend"]
        document = why.document("git", "https://git.example:8443/team")
        assert document["nearest"] == {"url": "https://git.example", "profiles": ["static:forge"], "differs": ["port"]}

    def test_the_path_that_git_leaves_out_is_asked_for(self, why: Why) -> None:
        rows = why.rows("git", "https://github.com")
        assert rows["mend"].startswith("its routes go by path: run `git config --global credential.https://github.com")

    def test_what_a_client_handed_over_is_told_by_name(self, why: Why) -> None:
        given = f"protocol=https\nhost=other.example\nusername=bob\npassword={TYPED}\n"
        call(GitDialect(), ["store"], given.encode())
        rows = why.rows("git", "https://other.example")
        assert rows["vault"] == "git https://bob@other.example"
        assert rows["outcome"] == "what the client once handed over is given back, from the vault"
        assert TYPED not in why("git", "https://other.example", "--json").stdout
        rows = why.rows("git", "https://eve@other.example")
        assert rows["vault"].endswith("(for another user or path, or expired)")
        assert rows["outcome"].startswith("not mine")

    def test_a_vault_that_cannot_be_opened_says_why(self, why: Why) -> None:
        login = json.dumps({"ServerURL": "r.example", "Username": "ann", "Secret": TYPED})
        call(DockerDialect(), ["store"], login.encode())
        (key,) = (why.folder / "data").glob("vault-*.key")
        key.unlink()
        rows = why.rows("docker", "r.example")
        assert rows["vault"].startswith("there is something for this place: ")
        assert rows["outcome"].startswith("the call fails: ")

    def test_a_locked_vault_says_that_it_is(self, why: Why) -> None:
        login = json.dumps({"ServerURL": "r.example", "Username": "ann", "Secret": TYPED})
        call(DockerDialect(), ["store"], login.encode())
        OwnVault().lock()
        rows = why.rows("docker", "r.example")
        assert rows["vault"].startswith("there is something for this place: the vault is locked")
        assert rows["mend"] == "run `keywright vault unlock`"
        document = why.document("docker", "r.example")
        assert (document["outcome"], document["stored"]["names"]) == ("fails", None)


class TestOfWhatIsBroken:
    def test_settings_are_told_and_every_call_fails(self, why: Why) -> None:
        (why.folder / "config.toml").write_text("version = 1\nroutes = 7\n")
        rows = why.rows("git", ACME)
        assert "routes" in rows["settings"]
        assert rows["outcome"].startswith("the call fails: ")
        assert why.document("git", ACME)["error"]["code"] == "configuration"

    def test_a_cache_is_told_and_done_without(self, why: Why) -> None:
        call(GitDialect(), ["get"], GIT)
        (why.folder / "cache").chmod(0o755)
        rows = why.rows("git", ACME)
        assert rows["cache"].startswith("it is not used: ")
        assert "is open to other users" in rows["cache"]
        assert rows["outcome"].endswith("its issuer asked")

    def test_an_entry_is_a_miss_and_left_where_it_is(self, why: Why) -> None:
        call(GitDialect(), ["get"], GIT)
        entries = why.folder / "cache" / "entries"
        (entry,) = entries.glob("*.json")
        entry.write_bytes(b"junk")
        assert "nothing is cached" in why.rows("git", ACME)["1"]

    def test_decisions_are_told(self, why: Why) -> None:
        ProfileStates(os.environ).decide("github-app:acme", "", disabled)
        (path,) = (why.folder / "state" / "profiles").glob("github-app.json")
        path.write_bytes(b"junk")
        rows = why.rows("git", ACME)
        assert "[state_unusable]" in rows["outcome"]
        assert "route" not in rows, "what is damaged is no route"


@pytest.mark.parametrize(
    ("client", "url"),
    [
        ("git", "https://canary-user:canary-pw@github.com/acme/web?token=canary-q#canary-f"),
        ("git", "https://canary-user@github.com/acme/web"),
        ("git", "https://canary-user:canary-pw@no.example/"),
        ("docker", "canary-user:canary-pw@ghcr.io/x?canary"),
        ("docker", "https://canary-user:canary-pw@ghcr.io"),
        ("kube", "https://canary-user:canary-pw@kube.example/?canary"),
        ("git", "canary-user:canary-pw@github.com:acme/web"),
        ("kube", "canary-user:canary-pw@"),
        ("git", "https://canary:pw@ho st/"),
        ("git", "https://canary@pw@\x1b[2J"),
    ],
)
@pytest.mark.parametrize("form", [[], ["--json"]], ids=["lines", "json"])
def test_a_login_in_the_url_is_never_printed(why: Why, client: str, url: str, form: list[str]) -> None:
    said = why(client, url, *form)
    assert "canary" not in said.stdout + said.stderr


def test_it_takes_no_lock(why: Why) -> None:
    call(GitDialect(), ["get"], GIT)
    entries = open_cache(os.environ).entries
    with entries.lock(entries.digests()[0], 0) as is_locked:
        assert is_locked
        assert why.rows("git", ACME)["outcome"].endswith("from the cache")


@pytest.mark.parametrize("words", [["kube"], ["kube", "https://x", "--eks", "y"], ["kube", "--region", "y"]])
def test_a_cluster_is_named_in_one_way(why: Why, words: list[str]) -> None:
    assert why(*words).code == 2
