"""A throw-away house for real processes: settings, a key, an issuer that counts, and the installed executables."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from keywright.cache.entry import Entry, load
from keywright.cache.open import Cache, open_cache
from keywright.demo.github import TOKENS_ROUTE, AppKey, GitHubIssuer
from keywright.hit import FORMAT

BOUND_S: Final = 120.0
"""How long any one process or condition may take. Reached only when something hangs."""
PROFILE: Final = "github-app:acme"
HOUR: Final = timedelta(hours=1)

CONFIG: Final = """\
version = 1

[profiles."github-app:acme"]
app_id = "123456"
installation_id = 789
private_key = "{key}"
api_url = "{issuer}"
renew_before = "57m"

[[routes]]
client = "git"
url = "https://github.com/acme"
profiles = ["github-app:acme"]

[[routes]]
client = "docker"
url = "ghcr.io"
profiles = ["github-app:acme"]
"""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What one client asks: the executable, its arguments, its standard input, and where its answer holds the token."""

    name: str
    args: tuple[str, ...]
    stdin: bytes
    read: Callable[[bytes], str]

    @property
    def command(self) -> list[str]:
        """The command as its client runs it: each kubectl is another process.

        To one that ran it twice within seconds it would mean that the first answer was rejected.
        """
        command = [str(Path(sys.executable).parent / self.name), *self.args]
        return ["/bin/sh", "-c", '"$0" "$@"; exit $?', *command] if self.name.startswith("kube") else command


def _password(body: bytes) -> str:
    return dict(line.split("=", 1) for line in body.decode().splitlines()).get("password", "")


GIT: Final = Question(
    name="git-credential-keywright",
    args=("get",),
    stdin=b"protocol=https\nhost=github.com\npath=acme/app.git\n\n",
    read=_password,
)
DOCKER: Final = Question(
    name="docker-credential-keywright",
    args=("get",),
    stdin=b"ghcr.io",
    read=lambda body: str(json.loads(body)["Secret"]),
)
KUBE: Final = Question(
    name="kube-credential-keywright",
    args=("profile", PROFILE),
    stdin=b"",
    read=lambda body: str(json.loads(body)["status"]["token"]),
)
QUESTIONS: Final = (GIT, DOCKER, KUBE)


@dataclass(frozen=True, kw_only=True)
class Run:
    """How one process ended."""

    question: Question
    code: int
    stdout: bytes
    stderr: str

    @property
    def token(self) -> str:
        """The token it handed over."""
        assert self.code == 0, f"{self.question.name} ended with {self.code}: {self.stderr}"
        return self.question.read(self.stdout)

    @property
    def told(self) -> list[str]:
        """What the person reads, line by line."""
        return self.stderr.splitlines()


@dataclass(kw_only=True)
class House:
    """One user's home on one machine, and the issuer of their credentials."""

    folder: Path
    issuer: GitHubIssuer
    env: dict[str, str]
    started: list[subprocess.Popen[Any]] = field(default_factory=list)

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @property
    def key(self) -> Path:
        return self.folder / "acme.pem"

    @property
    def cache(self) -> Cache:
        """The cache, opened as a process of this house would."""
        return open_cache(self.env)

    @property
    def asked(self) -> int:
        """How often the issuer was asked for a token."""
        return self.issuer.calls[TOKENS_ROUTE]

    def start(
        self,
        question: Question,
        *,
        command: Sequence[str] = (),
        prefix: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
    ) -> subprocess.Popen[bytes]:
        """Start one process with its whole question on standard input, and both its outputs piped."""
        with tempfile.TemporaryFile() as stdin:
            stdin.write(question.stdin)
            stdin.seek(0)
            process = subprocess.Popen(
                [*prefix, *(command or question.command)],
                env=self.env if env is None else dict(env),
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=pass_fds,
            )
        self.started.append(process)
        return process

    def finish(self, question: Question, process: subprocess.Popen[bytes]) -> Run:
        """Return how a started process ended."""
        stdout, stderr = process.communicate(timeout=BOUND_S)
        return Run(question=question, code=process.returncode, stdout=stdout, stderr=stderr.decode())

    def run(
        self,
        question: Question,
        *,
        command: Sequence[str] = (),
        prefix: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> Run:
        """Run one process to its end."""
        return self.finish(question, self.start(question, command=command, prefix=prefix, env=env))

    def run_all(self) -> list[Run]:
        """Run one process of each client, one after the other."""
        return [self.run(question) for question in QUESTIONS]

    def start_many(self, count: int) -> list[tuple[Question, subprocess.Popen[bytes]]]:
        """Start `count` processes at once, of all clients in turn."""
        asked = [QUESTIONS[number % len(QUESTIONS)] for number in range(count)]
        return [(question, self.start(question)) for question in asked]

    def run_many(self, count: int) -> list[Run]:
        """Run `count` processes at once, of all clients in turn."""
        return [self.finish(question, process) for question, process in self.start_many(count)]

    @property
    def digest(self) -> str:
        """The entry's name, known from its lock on."""
        names = {path.name.partition(".")[0] for path in (self.folder / "cache/entries").iterdir()}
        assert len(names) == 1
        return names.pop()

    @property
    def entry_file(self) -> Path:
        return self.folder / f"cache/entries/{self.digest}.json"

    def entry(self) -> Entry:
        """Return the entry on disk."""
        return load(self.entry_file.read_bytes())

    def age(self, by: timedelta) -> None:
        """Let the entry be older than it is."""
        document = json.loads(self.entry_file.read_bytes())
        for instant in ("issued_at_unix_s", "expires_at_unix_s"):
            document[instant] -= by.total_seconds()
        entries = self.cache.entries
        with entries.lock(self.digest, 0) as is_locked:
            assert is_locked
            entries.save(load(json.dumps(document).encode()))

    def make_stale(self) -> str:
        """Mint a token, let it go stale with a ready answer for each client, and return it."""
        (token,) = {run.token for run in self.run_all()}
        self.age(HOUR / 2)
        self.hold_brake()
        assert {run.token for run in self.run_all()} == {token}
        assert sum(f"\nentry {self.digest}\n" in answer for answer in self.ready_answers()) >= len(QUESTIONS)
        self.release_brake()
        return token

    def make_expired(self) -> str:
        """Mint a token, let it expire, and return it."""
        (token,) = {run.token for run in self.run_all()}
        self.age(2 * HOUR)
        return token

    def ready_answers(self) -> list[str]:
        """Return every ready answer on disk."""
        files = [path.read_bytes().decode() for path in (self.folder / "cache/answers").iterdir()]
        return [content for content in files if content.startswith(FORMAT)]

    def forget_ready_answers(self) -> None:
        """Send the next processes the long way round."""
        for path in (self.folder / "cache/answers").iterdir():
            path.unlink()

    @property
    def brake(self) -> Path:
        return self.folder / f"cache/renew/{self.digest}"

    def hold_brake(self) -> None:
        """Let nobody start a renewal for the next hour."""
        self.cache.answers.brake(self.digest, time.time() + 3600)

    def release_brake(self) -> None:
        """Let the next process that finds the entry stale start a renewal."""
        self.cache.answers.release(self.digest)

    @property
    def failures(self) -> list[Path]:
        return list((self.folder / "state/failures").iterdir())

    @property
    def renewals(self) -> list[int]:
        """The process ids of this house's detached renewals."""
        return [pid for pid in self._processes() if b"keywright.bin.renew" in _proc(pid, "cmdline")]

    def _processes(self) -> list[int]:
        mine = f"KEYWRIGHT_HOME={self.folder}".encode()
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]
        return [pid for pid in pids if mine in _proc(pid, "environ").split(b"\0")]

    def wait_for_renewals(self) -> None:
        """Return once no detached renewal is running any more."""
        wait_until(lambda: not self.renewals, "the detached renewals to end")

    def close(self) -> None:
        """End whatever of this house is still running."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait(BOUND_S)
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()
        for pid in self._processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not self._processes(), "the last process to end")


def _proc(pid: int, what: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{what}").read_bytes()
    except OSError:
        return b""


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Return once the condition holds."""
    give_up_at = time.monotonic() + BOUND_S
    while not condition():
        assert time.monotonic() < give_up_at, f"waited in vain for {what}"
        time.sleep(0.01)


def need(is_there: object, what: str) -> None:
    """Skip the test where the machine lacks something; in CI that is a failure."""
    if not is_there:
        if os.environ.get("CI") == "true":
            pytest.fail(f"this machine lacks {what}")
        pytest.skip(f"this machine lacks {what}")


def build(folder: Path, issuer: GitHubIssuer, app_key: AppKey) -> House:
    """Furnish the folder: settings, key, and the environment that leads to them."""
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "KEYWRIGHT_HOME": str(folder)}
    house = House(folder=folder, issuer=issuer, env=env)
    house.key.write_text(app_key.private_pem)
    house.key.chmod(0o600)
    house.config.write_text(CONFIG.format(key=house.key, issuer=issuer.url))
    settle(house.config)
    return house


def settle(*paths: Path) -> None:
    """Return once the files are old enough for an answer that depends on them to be kept."""
    wait_until(lambda: all(time.time() - path.stat().st_ctime > 0.1 for path in paths), "the files to settle")


def now() -> datetime:
    """Return the real time, which the processes read too (aware UTC)."""
    return datetime.now(UTC)
