"""The hit path among processes: what it reads and prints, what it imports, and how it wakes a renewal."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from keywright import hit
from keywright.cache.answers import Answer, Answers

SCRIPTS = Path(sys.executable).parent
GIT, DOCKER, KUBE = "git-credential-keywright", "docker-credential-keywright", "kube-credential-keywright"
PLACE = b"protocol=https\nhost=github.com\n\n"
BODY = b"username=x-access-token\npassword=ghs_1\n"
WAIT_S = 60

pytestmark = [pytest.mark.real_clock, pytest.mark.timeout(120)]


def wait_for(path: Path) -> None:
    until = time.monotonic() + WAIT_S
    while not path.exists():
        assert time.monotonic() < until, f"{path.name} never came"
        time.sleep(0.01)


# --- standard input -------------------------------------------------------------------------------------------------


@contextmanager
def standard_input() -> Iterator[int]:
    """Put a pipe in place of descriptor 0; yields its writing end, which the block closes."""
    saved = os.dup(0)
    reading, writing = os.pipe()
    os.dup2(reading, 0)
    os.close(reading)
    try:
        yield writing
    finally:
        os.dup2(saved, 0)
        os.close(saved)
        with suppress(OSError):
            os.close(writing)


@pytest.mark.parametrize("verb", ["get", "store", "erase"])
@pytest.mark.parametrize("request_", [PLACE, b"\n", b"\nmore=1\n", b"protocol=https\n\nmore=1\n"])
def test_gits_request_ends_with_a_blank_line(verb: str, request_: bytes) -> None:
    with standard_input() as writing:  # and nothing else: git keeps its end open until it has the answer
        os.write(writing, request_)
        assert hit.read_stdin(GIT, [verb]) == request_


@pytest.mark.parametrize("name", [GIT, DOCKER])
@pytest.mark.parametrize("request_", [b"", b"https://ghcr.io", b"protocol=https\nhost=github.com\n"])
def test_a_request_ends_where_the_input_does(name: str, request_: bytes) -> None:
    with standard_input() as writing:
        os.write(writing, request_)
        os.close(writing)
        assert hit.read_stdin(name, ["get"]) == request_


def test_a_blank_line_does_not_end_dockers_request() -> None:
    with standard_input() as writing:
        os.write(writing, b"\n\nhttps://ghcr.io\n\n")
        os.close(writing)
        assert hit.read_stdin(DOCKER, ["get"]) == b"\n\nhttps://ghcr.io\n\n"


@pytest.mark.parametrize(
    ("name", "args"),
    [
        (KUBE, ["eks", "get"]),
        ("keywright", ["get"]),
        (GIT, []),
        (GIT, ["capability"]),
        (GIT, ["get", "--help"]),
        (DOCKER, ["list"]),
        (DOCKER, ["version"]),
    ],
)
def test_what_sends_nothing_is_not_read(name: str, args: list[str]) -> None:
    with standard_input() as writing:
        os.write(writing, b"for somebody else\n\n")
        assert hit.read_stdin(name, args) is None
        assert os.read(0, 100) == b"for somebody else\n\n"


def test_a_request_that_comes_in_pieces_is_read_whole() -> None:
    with standard_input() as writing:

        def send() -> None:
            for piece in (b"protocol=ht", b"tps\n", b"host=github.com\n", b"\n"):
                os.write(writing, piece)

        sender = threading.Thread(target=send)
        sender.start()
        assert hit.read_stdin(GIT, ["get"]) == PLACE
        sender.join()


def test_the_rest_of_a_request_in_a_pipe_that_does_not_wait_is_waited_for() -> None:
    with standard_input() as writing:
        os.set_blocking(0, False)
        os.write(writing, b"protocol=https\nhost=github.com\n")
        started = threading.Event()

        def send() -> None:
            started.wait(WAIT_S)
            while not os.get_blocking(0):
                time.sleep(0.001)
            os.write(writing, b"path=acme/web.git\n\n")

        sender = threading.Thread(target=send)
        sender.start()
        started.set()
        assert hit.read_stdin(GIT, ["get"]) == b"protocol=https\nhost=github.com\npath=acme/web.git\n\n"
        sender.join()


@pytest.mark.parametrize("name", [GIT, DOCKER])
def test_a_request_without_end_is_read_no_further_than_needed_to_refuse_it(name: str) -> None:
    with standard_input() as writing:

        def flood() -> None:
            with suppress(OSError):
                while True:
                    os.write(writing, b"x" * 65536)

        sender = threading.Thread(target=flood)
        sender.start()
        read = hit.read_stdin(name, ["get"])
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), 0)  # the last reader goes, and the flood with it
        sender.join()
    assert read is not None
    assert hit.STDIN_LIMIT < len(read) <= hit.STDIN_LIMIT + 65536


def test_no_standard_input_at_all_is_an_empty_request() -> None:
    with standard_input():
        os.close(0)
        assert hit.read_stdin(GIT, ["get"]) == b""


# --- standard output ------------------------------------------------------------------------------------------------


def test_what_is_written_arrives_and_the_code_stays() -> None:
    reading, writing = os.pipe()
    assert [hit.write(writing, BODY, 0), hit.write(writing, b"", 3), hit.write(writing, b"!", 7)] == [0, 3, 7]
    os.close(writing)
    with open(reading, "rb") as file:
        assert file.read() == BODY + b"!"


def test_a_system_that_writes_in_pieces_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:3]))
    assert hit.write(writing, BODY, 0) == 0
    os.close(writing)
    with open(reading, "rb") as file:
        assert file.read() == BODY


def test_a_client_that_has_gone_is_told_as_a_shell_tells_it() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        assert hit.write(writing, BODY, 0) == 141
    finally:
        os.close(writing)


def test_a_closed_descriptor_is_a_client_that_has_gone() -> None:
    assert hit.write(-1, BODY, 0) == 141


def test_a_full_pipe_that_does_not_wait_gets_the_whole_answer() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    answer = bytes(range(256)) * 2048
    got: list[bytes] = []

    def read() -> None:
        while not os.get_blocking(writing):  # until the writer has met a full pipe
            time.sleep(0.001)
        with open(reading, "rb") as file:
            got.append(file.read())

    reader = threading.Thread(target=read)
    reader.start()
    assert hit.write(writing, answer, 0) == 0
    os.close(writing)
    reader.join()
    assert got == [answer]


# --- the brake of a renewal -----------------------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    folder = tmp_path / "cache"
    Answers(str(folder))
    return folder


NOW = 1_900_000_000.25


class TestClaim:
    def test_the_first_gets_it_and_its_mtime_says_until_when(self, cache: Path) -> None:
        assert hit.claim(str(cache), "entry", NOW, 30)
        assert (cache / "renew/entry").stat().st_mtime == NOW + 30
        assert (cache / "renew/entry").stat().st_mode == 0o100600

    @pytest.mark.parametrize(
        ("later_s", "is_claimed"),
        [
            (0, False),
            (29.5, False),
            (30, True),
            (31, True),
            (86400, True),
            (-60, False),
            (-hit.BRAKE_LIMIT_S + 31, False),
            (-hit.BRAKE_LIMIT_S, True),  # nobody brakes for so long: a clock was wrong
            (-86400 * 365, True),
        ],
    )
    def test_it_runs_out(self, later_s: float, is_claimed: bool, cache: Path) -> None:
        assert hit.claim(str(cache), "entry", NOW, 30)
        assert hit.claim(str(cache), "entry", NOW + later_s, 30) is is_claimed
        assert hit.claim(str(cache), "entry", NOW + later_s, 30) is False

    def test_each_name_has_its_own(self, cache: Path) -> None:
        assert hit.claim(str(cache), "entry", NOW, 30)
        assert hit.claim(str(cache), "entry.rejected", NOW, 60)
        assert hit.claim(str(cache), "other", NOW, 30)

    def test_a_failed_renewal_holds_it_until_it_may_be_tried_again(self, cache: Path) -> None:
        answers = Answers(str(cache))
        answers.brake("entry", NOW + 300)
        assert not hit.claim(str(cache), "entry", NOW + 299, 30)
        assert hit.claim(str(cache), "entry", NOW + 300, 30)

    def test_a_renewal_that_succeeds_releases_it(self, cache: Path) -> None:
        assert hit.claim(str(cache), "entry", NOW, 30)
        Answers(str(cache)).release("entry")
        assert hit.claim(str(cache), "entry", NOW, 30)

    def test_a_link_in_its_place_is_not_followed(self, cache: Path, tmp_path: Path) -> None:
        victim = tmp_path / "victim"
        victim.write_bytes(b"")
        os.utime(victim, (1, 1))
        (cache / "renew/entry").symlink_to(victim)
        assert not hit.claim(str(cache), "entry", time.time() + 86400, 30)
        assert victim.stat().st_mtime == 1

    def test_where_nothing_can_be_written_nobody_gets_it(self, cache: Path) -> None:
        assert not hit.claim(f"{cache}/nowhere", "entry", NOW, 30)
        assert not hit.claim("/proc/self", "entry", NOW, 30)

    def test_in_a_read_only_folder_nobody_gets_it(self) -> None:
        with read_only_cache() as folder:
            assert not hit.claim(folder, "entry", NOW, 30)
            assert not hit.note_asker(folder, "digest", "1", "entry", NOW)

    def test_of_many_who_come_together_one_gets_it(self, cache: Path) -> None:
        names = [f"entry-{number}" for number in range(400)]
        for name in names[::2]:  # half of them have run out, half were never taken
            (cache / "renew" / name).touch()
            os.utime(cache / "renew" / name, (NOW - 1, NOW - 1))
        code = (
            "import sys; from keywright import hit; sys.stdin.read(1)\n"
            f"print(*(n for n in {names!r} if hit.claim({str(cache)!r}, n, {NOW!r}, 30)))"
        )
        children = [
            subprocess.Popen([sys.executable, "-I", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            for _ in range(6)
        ]
        for child in children:
            assert child.stdin
            child.stdin.write(b"!")
            child.stdin.flush()
        won = [name for child in children for name in child.communicate(timeout=WAIT_S)[0].decode().split()]
        assert all(child.returncode == 0 for child in children)
        assert sorted(won) == sorted(names)

    def test_who_comes_while_another_looks_has_lost(self, cache: Path) -> None:
        lock = cache / "renew/entry.lock"
        code = (
            f"import os, sys; os.lockf(os.open({str(lock)!r}, os.O_RDWR | os.O_CREAT), os.F_LOCK, 0); print(flush=True)"
        )
        command = [sys.executable, "-I", "-c", f"{code}; sys.stdin.read()"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
            assert other.stdout
            assert other.stdout.readline() == b"\n"
            assert not hit.claim(str(cache), "entry", NOW, 30)
            assert not (cache / "renew/entry").exists()
            other.kill()
        assert hit.claim(str(cache), "entry", NOW, 30)


@contextmanager
def read_only_cache() -> Iterator[str]:
    """A cache that this process may look into and not write to, also if it is root's."""
    folder = Path(tempfile.mkdtemp())
    rooms = [folder / "answers", folder / "renew"]
    for room in rooms:
        room.mkdir()
    is_root = os.geteuid() == 0
    for path in (*rooms, folder):
        path.chmod(0o500)
        if is_root:
            os.chown(path, 65534, 65534)
    try:
        if is_root:
            os.seteuid(65534)
        yield str(folder)
    finally:
        if is_root:
            os.seteuid(0)
        folder.chmod(0o700)
        for path in rooms:
            assert not list(path.iterdir())
            path.rmdir()
        folder.rmdir()


class TestNoteAsker:
    """kubectl never says that its credential was rejected: it only asks again."""

    @pytest.fixture
    def ask(self, cache: Path) -> Callable[..., bool]:
        def ask(later_s: float = 0.0, generation: str = "1", digest: str = "digest") -> bool:
            """Ask so long after whoever asked last; the clock is that of the file system."""
            note = cache / f"answers/{digest}.asked"
            asked_at_s = note.stat().st_mtime if note.exists() else NOW
            return hit.note_asker(str(cache), digest, generation, "entry", asked_at_s + later_s)

        return ask

    def test_who_asks_once_is_content(self, ask: Callable[..., bool]) -> None:
        assert not ask()

    def test_who_asks_again_at_once_was_rejected(self, ask: Callable[..., bool]) -> None:
        assert [ask(), ask(0.5)] == [False, True]

    def test_who_asks_again_later_is_content(self, ask: Callable[..., bool]) -> None:
        assert [ask(), ask(hit.ASKED_AGAIN_S), ask(hit.ASKED_AGAIN_S - 0.5)] == [False, False, True]

    def test_who_asks_for_another_credential_is_content(self, ask: Callable[..., bool]) -> None:
        assert [ask(), ask(generation="2"), ask(generation="3")] == [False, False, False]

    def test_who_asks_another_question_is_content(self, ask: Callable[..., bool]) -> None:
        assert [ask(), ask(digest="other")] == [False, False]

    def test_somebody_else_who_asks_is_content(self, ask: Callable[..., bool], monkeypatch: pytest.MonkeyPatch) -> None:
        assert not ask()
        monkeypatch.setattr(os, "getppid", lambda: 1)
        assert not ask()
        monkeypatch.setattr(os, "getppid", lambda: 1 << 30)  # no such process: known by its number alone
        assert [ask(), ask()] == [False, True]

    def test_it_is_believed_once_a_minute_for_each_entry(self, ask: Callable[..., bool], cache: Path) -> None:
        assert [ask(), ask(), ask(), ask()] == [False, True, False, False]
        brake = cache / "renew/entry.rejected"
        os.utime(brake, (1, 1))
        assert ask()
        assert brake.stat().st_mtime > 1

    def test_the_note_is_private_and_names_no_secret(self, ask: Callable[..., bool], cache: Path) -> None:
        ask()
        note = cache / "answers/digest.asked"
        assert note.stat().st_mode == 0o100600
        parent, started, generation = note.read_bytes().split()
        assert (parent, generation) == (str(os.getppid()).encode(), b"1")
        assert started == b"-" or started.replace(b":", b"").isdigit()

    def test_a_link_in_its_place_is_not_followed(self, ask: Callable[..., bool], cache: Path, tmp_path: Path) -> None:
        victim = tmp_path / "victim"
        victim.write_bytes(b"precious")
        (cache / "answers/digest.asked").symlink_to(victim)
        assert [ask(), ask()] == [False, False]
        assert victim.read_bytes() == b"precious"


# --- waking a renewal -----------------------------------------------------------------------------------------------

RENEWAL = """\
#!{python}
import json, os, sys, time
seen = {{"argv": sys.argv[1:], "cwd": os.getcwd(), "sid": os.getsid(0), "pid": os.getpid(), "env": dict(os.environ)}}
seen["fds"] = {{}}
for fd in os.listdir("/proc/self/fd"):
    try:
        seen["fds"][fd] = os.readlink("/proc/self/fd/" + fd)
    except FileNotFoundError:
        pass  # the one that listed the folder
with open({record!r} + ".new", "w") as file:
    json.dump(seen, file)
os.rename({record!r} + ".new", {record!r})
until = time.monotonic() + {wait_s}
while not os.path.exists({release!r}) and time.monotonic() < until:
    time.sleep(0.01)
"""


class Renewal:
    """A stand-in for the interpreter that a renewal runs in: records what it was given, and stays until released."""

    def __init__(self, folder: Path) -> None:
        self.program = folder / "python"
        self.record = folder / "record"
        self.release = folder / "release"
        text = RENEWAL.format(python=sys.executable, record=str(self.record), release=str(self.release), wait_s=WAIT_S)
        self.program.write_text(text)
        self.program.chmod(0o700)

    def seen(self) -> dict[str, Any]:
        wait_for(self.record)
        seen: dict[str, Any] = json.loads(self.record.read_text())
        return seen


@pytest.fixture
def renewal(tmp_path: Path) -> Iterator[Renewal]:
    folder = tmp_path / "renewal"
    folder.mkdir()
    renewal = Renewal(folder)
    yield renewal
    renewal.release.touch()
    if renewal.record.exists():
        with suppress(ChildProcessError):  # of a program that has ended, it is no child of ours
            os.waitpid(renewal.seen()["pid"], 0)


class TestWake:
    ASKED = (GIT, PLACE.hex(), "get")

    @pytest.fixture(autouse=True)
    def program(self, renewal: Renewal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(sys, "executable", str(renewal.program))
        monkeypatch.chdir(tmp_path)  # back again at the end: waking leaves for /

    def wake(self, cache: Path, now: float = NOW) -> bool:
        return hit.wake(str(cache), "entry", "7", list(self.ASKED), now)

    def test_the_renewal_gets_entry_generation_and_question(self, cache: Path, renewal: Renewal) -> None:
        assert self.wake(cache)
        assert renewal.seen()["argv"] == ["-P", "-m", "keywright.bin.renew", "entry", "7", *self.ASKED]

    def test_nothing_of_ours_is_left_open_in_it(self, cache: Path, renewal: Renewal) -> None:
        reading, writing = os.pipe()
        held = [reading, writing, os.dup(writing), os.open("/dev/null", os.O_RDONLY)]
        for fd in held[:3]:
            os.set_inheritable(fd, True)
        try:
            assert self.wake(cache)
            assert renewal.seen()["fds"] == dict.fromkeys("012", "/dev/null")
        finally:
            for fd in held:
                os.close(fd)

    def test_it_stands_in_a_session_of_its_own_at_the_root(self, cache: Path, renewal: Renewal) -> None:
        assert self.wake(cache)
        seen = renewal.seen()
        assert seen["sid"] == seen["pid"] != os.getsid(0)
        assert seen["cwd"] == "/"

    def test_it_has_our_environment(
        self, cache: Path, renewal: Renewal, monkeypatch: pytest.MonkeyPatch, home: Path
    ) -> None:
        monkeypatch.setenv("AWS_PROFILE", "prod \udcff")
        assert self.wake(cache)
        env = renewal.seen()["env"]
        assert env["HOME"] == str(home)
        assert env["AWS_PROFILE"] == "prod \udcff"
        assert env["PYINSTALLER_RESET_ENVIRONMENT"] == "1"
        assert "PYINSTALLER_RESET_ENVIRONMENT" not in os.environ

    def test_one_is_woken_at_a_time(self, cache: Path, renewal: Renewal) -> None:
        assert self.wake(cache)
        assert not self.wake(cache)
        assert not self.wake(cache, NOW + hit.SPAWN_BRAKE_S - 1)
        renewal.seen()

    @pytest.mark.parametrize("broken", ["/nowhere/python", "/dev/null", ""], ids=repr)
    def test_a_program_that_cannot_run_wakes_nothing(
        self, broken: str, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "executable", broken)
        assert not self.wake(cache)

    def test_a_question_too_long_for_a_command_line_wakes_nothing(self, cache: Path) -> None:
        assert not hit.wake(str(cache), "entry", "7", [GIT, "00" * (1 << 20), "get"], NOW)

    def test_where_descriptors_cannot_be_listed_nothing_is_woken(
        self, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(_path: str) -> list[str]:
            raise FileNotFoundError

        monkeypatch.setattr(os, "listdir", fail)
        assert not self.wake(cache)


# --- a whole hit ----------------------------------------------------------------------------------------------------

# As the installed script runs it; what imports it makes and where it would renew is watched from outside.
WATCHED = """\
import os, sys
script, sys.executable, *sys.argv[1:] = sys.argv[1:]
sys.argv[0] = script
leave = os._exit
def told(code):
    os.write(2, ("modules " + " ".join(sorted(sys.modules))).encode())
    leave(code)
os._exit = told
with open(script) as file:
    source = file.read()
exec(compile(source, script, "exec"), {"__name__": "__main__"})
"""


class Caller:
    """One user with a cache, who runs the installed scripts."""

    def __init__(self, home: Path, renewal: Renewal) -> None:
        self.env = {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "AWS_PROFILE": "prod"}
        self.cache = home / ".cache/keywright"
        self.renewal = renewal
        self.answers = Answers(str(self.cache))
        self.entry = home / "entry.json"
        self.entry.write_bytes(b"{}")

    def keep(
        self,
        name: str,
        args: list[str],
        stdin: bytes | None,
        *,
        refresh_in_s: float = 3000.0,
        exit_code: int = 0,
        entry: str = "entry",
        body: bytes = BODY,
    ) -> None:
        now = time.time()
        answer = Answer(
            exit_code=exit_code,
            issued_at_s=now - 60,
            refresh_at_s=now + refresh_in_s,
            expires_at_s=now + 3600,
            entry=entry,
            entry_path=str(self.entry),
            entry_stamp=hit.stamp(str(self.entry)),
            generation=7,
            body=body,
        )
        digest = hit.question(name, args, self.env, stdin)
        assert self.answers.keep(digest, answer, now)

    def run(self, name: str, args: list[str], stdin: bytes, **options: Any) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-I", "-c", WATCHED, str(SCRIPTS / name), str(self.renewal.program), *args]
        options.setdefault("stdout", subprocess.PIPE)
        return subprocess.run(
            command, input=stdin, env=self.env, stderr=subprocess.PIPE, timeout=WAIT_S, check=False, **options
        )


@pytest.fixture
def caller(home: Path, renewal: Renewal) -> Caller:
    return Caller(home, renewal)


def modules(done: subprocess.CompletedProcess[bytes]) -> set[str]:
    """Return what a hit had imported when it left; fails if it was none."""
    told, _, found = done.stderr.decode().rpartition("modules ")
    assert told == ""
    assert "keywright.serve" not in found.split()
    return set(found.split())


CASES = [(GIT, ["get"], PLACE), (DOCKER, ["get"], b"https://ghcr.io"), (KUBE, ["eks", "--cluster", "prod"], b"")]


@pytest.mark.parametrize(("name", "args", "stdin"), CASES, ids=[case[0] for case in CASES])
class TestAHit:
    def test_it_prints_the_answer_and_nothing_else(
        self, name: str, args: list[str], stdin: bytes, caller: Caller
    ) -> None:
        caller.keep(name, args, stdin)
        command = [str(SCRIPTS / name), *args]
        done = subprocess.run(command, input=stdin, env=caller.env, capture_output=True, timeout=WAIT_S, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, BODY, b"")

    def test_it_imports_one_module_of_ours_and_one_hash(
        self, name: str, args: list[str], stdin: bytes, caller: Caller
    ) -> None:
        caller.keep(name, args, stdin)
        bare = [sys.executable, "-I", "-c", "import sys; print(*sys.modules)"]
        start = subprocess.run(bare, env=caller.env, capture_output=True, text=True, timeout=WAIT_S, check=True).stdout
        done = caller.run(name, args, stdin)
        assert done.stdout == BODY
        extra = modules(done) - set(start.split())
        assert {module for module in extra if module.startswith("keywright")} == {"keywright", "keywright.hit"}
        assert extra - {"keywright", "keywright.hit"} in ({"_sha2"}, {"_sha256"})

    def test_it_wakes_nothing_while_the_answer_is_fresh(
        self, name: str, args: list[str], stdin: bytes, caller: Caller
    ) -> None:
        caller.keep(name, args, stdin)
        modules(caller.run(name, args, stdin))
        assert not list((caller.cache / "renew").iterdir())

    def test_it_wakes_a_renewal_of_a_stale_answer_and_keeps_nobody_waiting(
        self, name: str, args: list[str], stdin: bytes, caller: Caller
    ) -> None:
        caller.keep(name, args, stdin, refresh_in_s=-1)
        done = caller.run(name, args, stdin)  # returns at the end of stdout and stderr: the renewal holds neither
        assert (done.returncode, done.stdout) == (0, BODY)
        assert modules(done)
        seen = caller.renewal.seen()
        assert seen["argv"] == ["-P", "-m", "keywright.bin.renew", "entry", "7", name, stdin.hex(), *args]
        assert seen["env"] == {**caller.env, "PYINSTALLER_RESET_ENVIRONMENT": "1"} | {
            key: value for key, value in seen["env"].items() if key == "LC_CTYPE"
        }
        assert caller.run(name, args, stdin).stdout == BODY

    def test_a_client_that_has_gone_wakes_nothing(
        self, name: str, args: list[str], stdin: bytes, caller: Caller
    ) -> None:
        caller.keep(name, args, stdin, refresh_in_s=-1)
        reading, writing = os.pipe()
        os.close(reading)
        done = caller.run(name, args, stdin, stdout=writing)
        os.close(writing)
        assert done.returncode == 141
        assert not list((caller.cache / "renew").iterdir())

    def test_not_mine_is_answered_as_it_was_and_never_renewed(
        self, name: str, args: list[str], stdin: bytes, caller: Caller
    ) -> None:
        caller.keep(name, args, stdin, refresh_in_s=-1, exit_code=1, entry="-")
        done = caller.run(name, args, stdin)
        assert (done.returncode, done.stdout) == (1, BODY)
        assert not list((caller.cache / "renew").iterdir())

    def test_another_environment_is_another_question(
        self, name: str, args: list[str], stdin: bytes, caller: Caller
    ) -> None:
        caller.keep(name, args, stdin)
        caller.env["AWS_PROFILE"] = "dev"
        done = caller.run(name, args, stdin)
        assert BODY not in done.stdout
        assert b" keywright.serve " in done.stderr


def test_kubectl_asking_twice_wakes_a_renewal_of_a_fresh_answer(caller: Caller) -> None:
    args = ["eks", "--cluster", "prod"]
    caller.keep(KUBE, args, None)
    assert [caller.run(KUBE, args, b"").stdout for _ in range(2)] == [BODY, BODY]
    assert caller.renewal.seen()["argv"][3:5] == ["entry", "7"]


def test_git_asking_twice_is_content(caller: Caller) -> None:
    caller.keep(GIT, ["get"], PLACE)
    assert [caller.run(GIT, ["get"], PLACE).stdout for _ in range(2)] == [BODY, BODY]
    assert not list((caller.cache / "renew").iterdir())
    assert not list((caller.cache / "answers").glob("*.asked"))


def test_what_is_no_hit_gets_back_what_was_read(caller: Caller) -> None:
    code = f"import sys; sys.argv = ['git', 'get']; from keywright import hit; print(hit.answer({GIT!r}))"
    command = [sys.executable, "-I", "-c", code]
    for stdin in (PLACE, b"", b"password=x\n\n"):
        done = subprocess.run(command, input=stdin, env=caller.env, capture_output=True, timeout=WAIT_S, check=True)
        assert done.stdout.decode().strip() == repr(stdin)


def test_git_s_store_needs_no_standard_output_even_where_it_wakes_a_renewal(caller: Caller) -> None:
    """There is nothing to print, so that a closed descriptor is no client that has gone."""
    stored = PLACE + b"username=x\npassword=y\n"
    caller.keep(GIT, ["store"], stored, refresh_in_s=-1, body=b"")
    command = ["/bin/sh", "-c", '"$0" store >&-', str(SCRIPTS / GIT)]
    done = subprocess.run(command, input=stored, env=caller.env, capture_output=True, timeout=WAIT_S, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert list((caller.cache / "renew").iterdir())
