"""git as the user of a complete store: the cases of t/lib-credential.sh, and a day with a password it was given."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from clients.sandbox import Done, Sandbox, find_program, route
from fakes.canary import TYPED
from keywright.demo.git_server import GitServer

PLACE = ("protocol=https", "host=example.com")
ASKPASS = """#!/bin/sh
case "$*" in Username*) echo asked-name ;; *) echo asked-password ;; esac
"""


class Git:
    """A user's git with our helper for everything, no settings of ours, and a program that is asked in the end."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        program = sandbox.write(sandbox.home / "askpass", ASKPASS)
        program.chmod(0o700)
        self.env = {"GIT_ASKPASS": str(program)}
        self.helpers("keywright")

    def helpers(self, *names: str) -> None:
        """Configure these helpers, in this order."""
        lines = "".join(f"\thelper = {name}\n" for name in names)
        self.sandbox.write(Path(self.sandbox.env["GIT_CONFIG_GLOBAL"]), f"[credential]\n{lines}")

    def __call__(self, *words: str | Path, stdin: str = "", env: Mapping[str, str] | None = None) -> Done:
        return self.sandbox.run("git", *words, stdin=stdin, env={**self.env, **(env or {})})

    def lines(self, operation: str, *lines: str, config: str = "") -> Done:
        """Run `git credential` with these lines."""
        options = ["-c", config] if config else []
        return self(*options, "credential", operation, stdin="".join(f"{line}\n" for line in lines))

    def approve(self, *lines: str, config: str = "") -> None:
        done = self.lines("approve", *lines, config=config)
        assert (done.code, done.stdout, done.stderr) == (0, "", "")

    def reject(self, *lines: str) -> None:
        done = self.lines("reject", *lines)
        assert (done.code, done.stdout, done.stderr) == (0, "", "")

    def filled(self, *lines: str, config: str = "") -> list[str]:
        """Return what git knows besides the lines it was given."""
        done = self.lines("fill", *lines, config=config)
        assert (done.code, done.stderr) == (0, "")
        return [line for line in done.stdout.splitlines() if line not in lines]


@pytest.fixture
def git(sandbox: Sandbox) -> Git:
    find_program("git")
    return Git(sandbox)


ASKED = ["username=asked-name", "password=asked-password"]


class TestAsInGitsOwnTests:
    def test_a_helper_without_data_lets_git_ask(self, git: Git) -> None:
        assert git.filled(*PLACE) == ASKED

    def test_a_password_is_stored_and_found(self, git: Git) -> None:
        git.approve(*PLACE, "username=store-user", "password=store-pass")
        assert git.filled(*PLACE) == ["username=store-user", "password=store-pass"]
        assert git.sandbox.holds("store-pass") == []

    @pytest.mark.parametrize(
        "lines",
        [
            ("protocol=http", "host=example.com"),
            ("protocol=https", "host=other.tld"),
            ("protocol=https", "host=example.com:8443"),
        ],
    )
    def test_protocol_and_host_have_to_match(self, git: Git, lines: tuple[str, ...]) -> None:
        git.approve(*PLACE, "username=store-user", "password=store-pass")
        assert git.filled(*lines) == ASKED

    def test_a_user_name_has_to_match(self, git: Git) -> None:
        git.approve(*PLACE, "username=store-user", "password=store-pass")
        assert git.filled(*PLACE, "username=other") == ["password=asked-password"]

    def test_a_path_has_to_match(self, git: Git) -> None:
        by_path, place = "credential.useHttpPath=true", ("protocol=http", "host=path.tld")
        git.approve(*place, "path=foo.git", "username=user", "password=pass", config=by_path)
        assert git.filled(*place, "path=bar.git", config=by_path) == ASKED
        assert git.filled(*place, "path=foo.git", config=by_path) == ["username=user", "password=pass"]

    def test_a_host_is_forgotten(self, git: Git) -> None:
        git.approve(*PLACE, "username=store-user", "password=store-pass")
        git.reject(*PLACE)
        assert git.filled(*PLACE) == ASKED

    def test_several_users_of_a_host_are_told_apart_and_forgotten_one_by_one(self, git: Git) -> None:
        for number in ("1", "2"):
            git.approve(*PLACE, f"username=user{number}", f"password=pass{number}")
        for number in ("1", "2"):
            assert git.filled(*PLACE, f"username=user{number}") == [f"password=pass{number}"]
        git.reject(*PLACE, "username=user1")
        assert git.filled(*PLACE, "username=user1") == ["password=asked-password"]
        assert git.filled(*PLACE, "username=user2") == ["password=pass2"]

    def test_an_empty_user_name_and_password_are_a_credential(self, git: Git) -> None:
        git.approve("protocol=https", "host=sso.tld", "username=", "password=")
        assert git.filled("protocol=https", "host=sso.tld") == ["username=", "password="]

    def test_an_older_password_that_is_rejected_leaves_the_newer_one(self, git: Git) -> None:
        for password in ("old", "new"):
            git.approve(*PLACE, "username=user", f"password={password}")
        git.reject(*PLACE, "username=user", "password=old")
        assert git.filled(*PLACE) == ["username=user", "password=new"]
        git.reject(*PLACE, "username=user", "password=new")
        assert git.filled(*PLACE) == ASKED

    def test_an_expiry_is_given_back(self, git: Git) -> None:
        lines = (*PLACE, "username=user", "password=pass", "password_expiry_utc=9999999999")
        stored = git.sandbox.run("git-credential-keywright", "store", stdin="".join(f"{line}\n" for line in lines))
        assert (stored.code, stored.stdout, stored.stderr) == (0, "", "")
        got = git.sandbox.run("git-credential-keywright", "get", stdin="".join(f"{line}\n" for line in PLACE))
        assert got.stdout == "username=user\npassword=pass\npassword_expiry_utc=9999999999\n"


@pytest.fixture
def server() -> Iterator[GitServer]:
    with GitServer(authorises=lambda username, password: (username, password) == ("ann", TYPED)) as server:
        yield server


class TestADay:
    def test_a_password_typed_once_serves_clone_fetch_and_push(self, git: Git, server: GitServer) -> None:
        asked = {"GIT_ASKPASS": str(git.sandbox.write(git.sandbox.home / "type", "#!/bin/sh\necho $ANSWER_TO_ALL\n"))}
        Path(asked["GIT_ASKPASS"]).chmod(0o700)
        url = server.url.replace("http://", "http://ann@") + "/acme/app.git"
        first = git("clone", "--quiet", url, "app", env={**asked, "ANSWER_TO_ALL": TYPED})
        assert (first.code, first.stderr) == (0, "")
        for words in (("fetch", "--quiet"), ("ls-remote",), ("fetch", "--quiet")):
            done = git("-C", git.sandbox.home / "app", *words, env={**asked, "ANSWER_TO_ALL": "wrong"})
            assert (done.code, done.stderr.replace(f"From {url}\n", "")) == (0, "")
        assert git.sandbox.holds(TYPED) == []

    def test_a_password_the_server_rejects_is_forgotten(self, git: Git, server: GitServer) -> None:
        git.approve("protocol=http", f"host={server.host}", "username=ann", "password=stale")
        assert git("ls-remote", f"{server.url}/acme/app.git").code != 0
        assert git.filled("protocol=http", f"host={server.host}") == ASKED

    def test_other_helpers_in_the_chain_come_before_and_after(self, git: Git) -> None:
        """git asks the helpers in their order until one knows, and hands each what was approved."""
        other = f"store --file={git.sandbox.home}/theirs"
        for order in (("keywright", other), (other, "keywright")):
            git.helpers(*order)
            git.approve(*PLACE, "username=user", "password=both")
            assert git.filled(*PLACE) == ["username=user", "password=both"]
        git.helpers("keywright")
        git.reject(*PLACE)
        git.helpers("keywright", other)
        assert git.filled(*PLACE) == ["username=user", "password=both"], "what we lack the next one has"
        git.helpers(other, "keywright")
        git.approve(*PLACE, "username=user", "password=new")
        git.helpers("keywright")
        assert git.filled(*PLACE) == ["username=user", "password=new"]

    def test_a_helper_that_resets_the_list_keeps_us_out(self, git: Git) -> None:
        git.approve(*PLACE, "username=user", "password=pass")
        git.helpers("keywright", "")
        assert git.filled(*PLACE) == ASKED

    def test_a_static_secret_is_handed_out_and_survives_a_rejection(self, git: Git, server: GitServer) -> None:
        set_ = git.sandbox.run("keywright", "vault", "set", "FORGE", stdin=f"{TYPED}\n")
        assert (set_.code, set_.stderr) == (0, "")
        profile = f'[profiles."static:forge"]\nurl = "{server.url}"\nusername = "ann"\nsecret = "vault://FORGE"'
        git.sandbox.settings(profile, route("git", server.url, "static:forge"))
        place = ("protocol=http", f"host={server.host}")
        assert git("ls-remote", f"{server.url}/acme/app.git").code == 0
        git.reject(*place, "username=ann", f"password={TYPED}")
        assert git.filled(*place) == ["username=ann", f"password={TYPED}"]
        vault = git.sandbox.run("keywright", "vault", "list")
        assert vault.stdout.split() == ["FORGE"], "what a route serves is not stored when git hands it back"

    def test_a_locked_vault_says_so_and_loses_nothing(self, git: Git) -> None:
        made = git.sandbox.run("keywright", "vault", "init", "--key", "passphrase", stdin="open sesame\n")
        assert (made.code, made.stderr) == (0, "")
        git.sandbox.run("keywright", "vault", "unlock", stdin="open sesame\n")
        git.approve(*PLACE, "username=user", "password=pass")
        assert git.sandbox.run("keywright", "vault", "lock").code == 0
        done = git.lines("fill", *PLACE)
        assert "vault is locked" in done.stderr
        assert "keywright vault unlock" in done.stderr
        assert "password=asked-password" in done.stdout.splitlines()
        other = git.lines("fill", "protocol=https", "host=elsewhere.example")
        assert other.stderr == "", "a locked vault still knows where it has nothing"
        approved = git.lines("approve", *PLACE, "username=user", "password=other")
        assert "keywright vault unlock" in approved.stderr
        assert git.sandbox.run("keywright", "vault", "unlock", stdin="open sesame\n").code == 0
        assert git.filled(*PLACE) == ["username=user", "password=pass"]
        assert git.sandbox.run("keywright", "vault", "lock").code == 0
