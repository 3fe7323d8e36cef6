"""A throw-away home, and the programs that run in it: nothing of the user's is read, and nothing is left behind."""

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from tempfile import mkdtemp
from types import TracebackType
from typing import Final, Self

from keywright.errors import Unavailable
from keywright.hit import stamp

HELPERS: Final = ("kube-credential-keywright", "git-credential-keywright", "docker-credential-keywright", "keywright")
RUN_AT_MOST_S: Final = 60.0
WAIT_AT_MOST_S: Final = 15.0
GONE_WITHIN_S: Final = 5.0
LOOK_AGAIN_S: Final = 0.02
_RENEWAL: Final = "keywright.bin.renew"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How a program ended; `took_ms` is the time from its start to its end in milliseconds."""

    exit_code: int
    stdout: str
    stderr: str
    took_ms: float


class Sandbox:
    """A temporary home folder for the length of a `with` block.

    Attributes:
        folder: the folder that everything is in, absolute.
        home: the home folder inside it.
        bin: where this keywright's executables are.
    """

    def __init__(self) -> None:
        """Find our executables and make the folder.

        Raises:
            Unavailable: the helpers are not installed.
        """
        self.bin = _find_bin()
        self.folder = os.path.realpath(mkdtemp(prefix="keywright-demo-"))
        self.home = f"{self.folder}/home"
        for name in (self.home, f"{self.folder}/scratch"):
            os.mkdir(name, 0o700)
        self._running: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End what still runs, detached renewals too, and delete the folder."""
        for process in self._running:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        for renewal in self.renewals():
            with suppress(ProcessLookupError):
                os.kill(renewal, signal.SIGTERM)
        wait_until(lambda: not self.renewals(), GONE_WITHIN_S)
        wait_until(self._delete, GONE_WITHIN_S)

    @property
    def env(self) -> dict[str, str]:
        """What every program here gets: our executables first on `PATH`, and no variable of the user's but that one."""
        return {
            "PATH": os.pathsep.join((self.bin, os.environ.get("PATH", os.defpath))),
            "HOME": self.home,
            "KEYWRIGHT_HOME": f"{self.home}/keywright",
            "TMPDIR": f"{self.folder}/scratch",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def write(self, name: str, content: str) -> str:
        """Write a file below the home folder, readable by us alone; return its absolute path."""
        path = f"{self.home}/{name}"
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(content)
        return path

    def start(self, command: Iterable[str], env: Mapping[str, str]) -> subprocess.Popen[str]:
        """Start a program with nothing on its standard input, in a session of its own: it can ask nobody."""
        with _interrupt_put_off():  # or a process that was just started could be missed when all are ended
            process = subprocess.Popen(
                list(command),
                env=dict(env),
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            self._running.append(process)
        return process

    def finish(self, process: subprocess.Popen[str], started_s: float) -> Run:
        """Wait for a program's end; one that hangs is killed after a minute."""
        try:
            stdout, stderr = process.communicate(timeout=RUN_AT_MOST_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            stdout, stderr = process.communicate()
        self._running.remove(process)
        took_ms = (time.monotonic() - started_s) * 1000
        return Run(exit_code=process.returncode, stdout=stdout, stderr=stderr, took_ms=took_ms)

    def run(self, command: Iterable[str], env: Mapping[str, str]) -> Run:
        """Run one program to its end."""
        started_s = time.monotonic()
        return self.finish(self.start(command, env), started_s)

    def run_all(self, commands: Iterable[tuple[Iterable[str], Mapping[str, str]]]) -> list[Run]:
        """Start all at once, then wait for each; the times count from the common start."""
        started_s = time.monotonic()
        processes = [self.start(command, env) for command, env in commands]
        return [self.finish(process, started_s) for process in processes]

    def entries(self) -> set[str]:
        """Return the stamps of all cached credentials: a renewal changes one of them."""
        folder = f"{self.home}/keywright/cache/entries"
        return {stamp(f"{folder}/{name}") for name in _listed(folder) if name.endswith(".json")}

    def renewals(self) -> list[int]:
        """Return the process ids of the detached renewals of this sandbox's credentials."""
        folder = f"{self.home}/keywright/cache/entries"
        digests = {name.partition(".")[0] for name in _listed(folder)}
        return [pid for pid, words in _processes() if _RENEWAL in words and not digests.isdisjoint(words)]

    def _delete(self) -> bool:
        shutil.rmtree(self.folder, ignore_errors=True)
        return not os.path.exists(self.folder)


@contextmanager
def _interrupt_put_off() -> Iterator[None]:
    """Let Ctrl-C wait for the end of the block."""
    put_off: list[int] = []
    usual = signal.signal(signal.SIGINT, lambda number, _frame: put_off.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
    if put_off:
        raise KeyboardInterrupt


def wait_until(is_so: Callable[[], bool], at_most_s: float = WAIT_AT_MOST_S) -> bool:
    """Wait for a condition; return whether it came true in time."""
    until_s = time.monotonic() + at_most_s
    while not is_so():
        if time.monotonic() > until_s:
            return False
        time.sleep(LOOK_AGAIN_S)
    return True


def _find_bin() -> str:
    beside = (os.path.dirname(sys.executable), os.path.dirname(os.path.abspath(sys.argv[0])))
    for folder in (*beside, sysconfig.get_path("scripts")):
        if all(os.access(f"{folder}/{name}", os.X_OK) for name in HELPERS):
            return folder
    raise Unavailable("the helpers are not installed beside this keywright", mend="install it: `pip install .`")


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def _processes() -> Iterable[tuple[int, list[str]]]:
    """Yield every process and its words: from /proc where there is one, else (macOS) from ps(1)."""
    if os.path.isdir("/proc/self"):
        for name in filter(str.isdigit, os.listdir("/proc")):
            with suppress(OSError), open(f"/proc/{name}/cmdline", errors="replace") as file:
                yield int(name), file.read().split("\0")
        return
    listed = subprocess.run(["/bin/ps", "-Axww", "-o", "pid=,command="], capture_output=True, text=True, check=False)
    for line in listed.stdout.splitlines():
        pid, *words = line.split()
        yield int(pid), words
