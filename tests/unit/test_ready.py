"""A ready answer is never used after anything that decided it has changed: a state machine against a small model."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from fakes.client import Outcome, call
from fakes.minter import Minter
from keywright import hit
from keywright.cache.open import open_cache
from keywright.dialects.base import Dialect
from keywright.dialects.docker import DockerDialect
from keywright.dialects.git import GitDialect
from keywright.dialects.kube import KubeDialect
from keywright.manage.invalidate import forget
from keywright.manage.refresh import renew
from keywright.ready import Asked
from keywright.refresher.behind import renew_once
from keywright.serve import Process

PROFILES = ("github-app:one", "github-app:two")
LIFETIME = timedelta(hours=1)
GIT_QUESTION = b"protocol=https\nhost=github.com\n"


def config(profile: str) -> str:
    tables = "".join(
        f'[profiles."{name}"]\napp_id = "1"\nprivate_key = "/key.pem"\ninstallation_id = 7\n' for name in PROFILES
    )
    routes = "".join(
        f'[[routes]]\nclient = "{client}"\nurl = "{url}"\nprofiles = ["{profile}"]\n'
        for client, url in (("git", "https://github.com"), ("docker", "ghcr.io"), ("kube", "https://cluster.example"))
    )
    return f"version = 1\n{tables}{routes}"


@dataclass(frozen=True)
class Current:
    """What the model holds of one profile: the secret, from when until when, and the key it was minted with."""

    secret: str
    since: datetime
    until: datetime
    key: int | None


class Callers(RuleBasedStateMachine):
    """Clients that ask while the world changes under them.

    The model: which secret of which profile is current, and until when. What a call must return follows from it alone,
    however the call was answered.
    """

    @initialize()
    def settle_in(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.patch = pytest.MonkeyPatch()
        self.patch.setenv("KEYWRIGHT_HOME", str(self.folder))
        self.patch.setattr(hit, "wake", lambda *_: False)
        self.patch.setattr(hit, "boot_mark", lambda _now: "- 0")
        self.traveller = time_machine.travel(datetime(2031, 1, 1, tzinfo=UTC), tick=False)
        self.clock = self.traveller.start()
        self.minter = Minter(lifetime=LIFETIME)
        self.minter.install(self.patch)
        self.key = self.folder / "key.pem"
        self.minter.files = (str(self.key),)
        self.config = self.folder / "config.toml"
        self.routed = PROFILES[0]
        self.expected: dict[str, Current] = {}
        self.write(self.config, config(self.routed))
        self.write(self.key, "key 0")
        self.edits = 0
        self.version: int | None = 0

    def teardown(self) -> None:
        if hasattr(self, "traveller"):
            self.traveller.stop()
            self.patch.undo()
            shutil.rmtree(self.folder)

    def write(self, path: Path, text: str) -> None:
        """Write as a person does: never twice within one tick of the file system's clock."""
        before = hit.stamp(str(path))
        path.write_text(text)
        while hit.stamp(str(path)) == before:
            path.write_text(text)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def check(self, outcome: Outcome, profile: str) -> None:
        assert outcome.code == 0, outcome.stderr
        known = self.expected.get(profile)
        if known is None or known.key != self.version or not known.since <= self.now() < known.until:
            assert not outcome.is_hit
            known = self.minted(profile)
        assert known.secret.encode() in outcome.stdout

    def minted(self, profile: str) -> Current:
        """Take note of what the issuer has just minted."""
        current = Current(
            secret=f"minted-{profile}-{self.minter.calls}",
            since=self.now(),
            until=self.now() + LIFETIME - timedelta(seconds=30),
            key=self.version,
        )
        self.expected[profile] = current
        return current

    @rule()
    def git_asks(self) -> None:
        self.check(call(GitDialect(), ["get"], GIT_QUESTION), self.routed)

    @rule()
    def docker_asks(self) -> None:
        self.check(call(DockerDialect(), ["get"], b"ghcr.io"), self.routed)

    @rule(profile=st.sampled_from(PROFILES))
    def kubectl_asks(self, profile: str) -> None:
        self.check(call(KubeDialect(), ["profile", profile]), profile)

    @rule()
    def git_hands_back_what_it_got(self) -> None:
        got = call(GitDialect(), ["get"], GIT_QUESTION)
        self.check(got, self.routed)
        assert (
            call(GitDialect(), ["store"], GIT_QUESTION + got.stdout) == Outcome(0, b"", is_hit=True) or not got.is_hit
        )

    @rule(profile=st.sampled_from(PROFILES))
    def somebody_edits_the_routes(self, profile: str) -> None:
        self.routed = profile
        self.write(self.config, config(profile))

    @rule()
    def somebody_replaces_the_key(self) -> None:
        self.edits += 1
        self.version = self.edits
        self.write(self.key, f"key {self.edits}")

    @rule()
    def somebody_deletes_the_key(self) -> None:
        if self.key.exists():
            self.key.unlink()
            self.version = None

    @rule(seconds=st.sampled_from([1, 60, 900, 1800, 2700, 3569, 3571, 7200]))
    def time_passes(self, seconds: int) -> None:
        self.clock.shift(seconds)

    @rule()
    def the_clock_steps_back(self) -> None:
        self.clock.shift(-86400)

    @precondition(lambda self: self.expected)
    @rule()
    def git_rejects_what_it_has(self) -> None:
        if self.routed in self.expected:
            rejected = GIT_QUESTION + b"username=x-access-token\npassword=" + self.expected[self.routed].secret.encode()
            for brake in self.folder.glob("cache/renew/*.rejected"):
                brake.unlink()  # as if a minute had passed since the last one
            assert call(GitDialect(), ["erase"], rejected + b"\n") == Outcome(0, b"")
            del self.expected[self.routed]

    @rule()
    def git_rejects_something_older(self) -> None:
        older = GIT_QUESTION + b"username=x-access-token\npassword=older\n"
        assert call(GitDialect(), ["erase"], older) == Outcome(0, b"")

    @rule()
    def docker_logs_out(self) -> None:
        assert call(DockerDialect(), ["erase"], b"ghcr.io") == Outcome(0, b"")
        self.expected.pop(self.routed, None)

    @rule(profile=st.sampled_from(PROFILES))
    def a_person_invalidates(self, profile: str) -> None:
        forget(profile, os.environ, lambda _message: None)
        self.expected.pop(profile, None)

    @rule(profile=st.sampled_from(PROFILES))
    def a_person_refreshes(self, profile: str) -> None:
        before = self.minter.calls
        list(renew(profile, None, os.environ, self.now, lambda _message: None))
        assert self.minter.calls > before
        self.minted(profile)

    @rule()
    def a_renewal_runs_behind(self) -> None:
        asked = Asked(name="git-credential-keywright", args=("get",), env=dict(os.environ), stdin=GIT_QUESTION)
        for digest in open_cache(os.environ).entries.digests():
            found = open_cache(os.environ).entries.read(digest)
            if found is None or found[0].key.profile != self.routed:
                continue
            process = Process(asked=asked, stdout_fd=-1, stderr=open(os.devnull, "w"), now=self.now)  # noqa: SIM115
            before = self.minter.calls
            with process.stderr:
                assert renew_once(GitDialect(), process, digest, found[0].generation) == 0
            assert self.minter.calls == before + 1
            self.minted(self.routed)


TestCallers = pytest.mark.slow(pytest.mark.real_clock(Callers.TestCase))
TestCallers.settings = hypothesis_settings(max_examples=60, stateful_step_count=40, deadline=None)


DIALECTS: list[tuple[Dialect, list[str], bytes | None]] = [
    (GitDialect(), ["get"], GIT_QUESTION),
    (DockerDialect(), ["get"], b"ghcr.io"),
    (KubeDialect(), ["profile", PROFILES[0]], None),
]


@pytest.mark.parametrize(("dialect", "args", "stdin"), DIALECTS, ids=["git", "docker", "kube"])
def test_the_question_in_words_is_one_line(dialect: Dialect, args: list[str], stdin: bytes | None) -> None:
    asked = Asked(name=dialect.executable, args=args, env={}, stdin=stdin)
    words = asked.words(dialect.parse(args, stdin or b"", {}))
    assert words.startswith(f"{dialect.executable} get ")
    assert "\n" not in words
