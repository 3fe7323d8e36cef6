"""The hit path: answer a known question from a ready answer, or step aside.

A helper runs on every `kubectl`, every `git fetch` and every image pull, and nearly always the answer is already on
disk. This module finds it with a few file reads: no lock, no network, no settings, nothing of ours imported, and of
the standard library only what the interpreter has loaded anyway (os, sys, time) and one hash. At any doubt it does
nothing, and the long way round answers.

A ready answer is one file, named by the digest of the question, one header line per fact and then the very bytes to
print, so that a program in any language could read it:

    keywright-answer 1
    sha256 5c0f…                        of everything below this line
    exit 0
    issued 1700000000.25                epoch seconds, as are the next two
    refresh 1700002700
    expires 1700003570
    boot 0f3d…-… 1699990000.5           which boot it was issued in, and when that was by the clock of the issue
    entry 9e1b…                         the cache entry it came from; - for "not mine"
    generation 1700000000123456         of that entry
    question git-credential-keywright get https://github.com
    input 2049:131:220:1699…:1699… /home/me/.config/keywright/config.toml
    input - /home/me/.aws/config        a file that was looked for and absent
    (an empty line)
    username=x-access-token
    password=…
"""

import os
import sys
import time

TYPE_CHECKING = False  # typing's own constant would cost typing's import
if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

try:  # hashlib would cost a third of the interpreter's own start
    from _sha2 import sha256 as sha256  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0414 - exported
except ImportError:  # Python 3.11
    from _sha256 import sha256 as sha256  # type: ignore[import-not-found,no-redef,unused-ignore]  # noqa: PLC0414 - exported

FORMAT = "keywright-answer 1"
STDIN_LIMIT = 1 << 20
ANSWER_LIMIT = 1 << 20

TRACE = "KEYWRIGHT_TRACE"  # no part of a question: it changes no answer

PREFIXES = ("AWS_", "KEYWRIGHT_")
VARIABLES = frozenset(
    {"HOME", "KUBERNETES_EXEC_INFO", "GIT_TERMINAL_PROMPT"}
    | {f"XDG_{kind}_HOME" for kind in ("CACHE", "CONFIG", "DATA", "STATE")}
)
PATHS = frozenset(
    {"HOME", "KEYWRIGHT_CONFIG", "KEYWRIGHT_HOME"}
    | {
        f"AWS_{what}_FILE"
        for what in ("CONFIG", "CONTAINER_AUTHORIZATION_TOKEN", "SHARED_CREDENTIALS", "WEB_IDENTITY_TOKEN")
    }
    | {"AWS_CA_BUNDLE", "AWS_DATA_PATH", "AWS_LOGIN_CACHE_DIRECTORY"}
    | {f"XDG_{kind}_HOME" for kind in ("CACHE", "CONFIG", "DATA", "STATE")}
)

PRIVATE_FILE = 0o100600  # a regular file, 0600

SPAWN_BRAKE_S = 30
REJECTED_BRAKE_S = 60
BRAKE_LIMIT_S = 2 * 3600
ASKED_AGAIN_S = 10
STEP_S = 5

_HOMES = {
    "linux": {"cache": "/.cache", "config": "/.config", "data": "/.local/share", "state": "/.local/state"},
    "darwin": {"cache": "/Library/Caches"} | dict.fromkeys(("config", "data", "state"), "/Library/Application Support"),
}
_SECRET_LINES = (b"password=", b"credential=", b"state[]", b"oauth_refresh_token=", b"url=")  # a url may hold one
_STORE_LINES = (b"protocol=", b"host=", b"path=", b"username=", b"password=", b"credential=")


def answer(name: str) -> bytes | None:
    """End the process with a ready answer to this process's question, or return what was read from stdin.

    `name` is the executable's name. None means that stdin was not touched.
    """
    args = sys.argv[1:]
    stdin = read_stdin(name, args)
    if os.environ.get(TRACE):
        return stdin  # the long way round answers, and tells how
    digest = question(name, args, os.environ, stdin)
    folder = folder_of("cache", os.environ)
    if digest and folder:
        now = time.time()
        ready = find(f"{folder}/answers", digest, now)
        if ready is not None:
            _give(ready, digest, folder, [name, (stdin or b"").hex(), *args], now)
    return stdin


def read_stdin(name: str, args: list[str]) -> bytes | None:
    """Return what this client sends: git up to a blank line or the end, docker to the end, others nothing (None).

    At most a little over `STDIN_LIMIT` bytes; a dialect refuses what is longer.
    """
    verb, is_git = args[-1] if args else "", name.startswith("git")
    if verb not in {"get", "store", "erase"} or not (is_git or name.startswith("docker")):
        return None
    read = b""
    while len(read) <= STDIN_LIMIT:
        try:
            more = os.read(0, 65536)
        except BlockingIOError:  # half of a question is another question: wait for the rest
            os.set_blocking(0, True)
            continue
        except OSError:
            break
        if not more:
            break
        read += more
        if is_git and (b"\n\n" in read or read.startswith(b"\n")):
            break
    return read


def question(name: str, args: list[str], env: "Mapping[str, str]", stdin: bytes | None) -> str:
    """Return the question's digest (hex), or "" where no answer may be kept or used.

    Everything that can change the answer is in it: the executable, its arguments, the listed environment, and stdin
    without `wwwauth[]` lines, where servers put nonces. A request that carries a secret or another helper's state, and
    an environment with a relative path, are never answered from here. A git `store` is known by its place and its
    credential alone, so that what git hands back after each success is recognised.
    """
    parts = [name, str(len(args)), *args]
    for key in sorted(env):
        if key in VARIABLES or (key.startswith(PREFIXES) and key != TRACE):
            value = env[key]
            if key in PATHS and value and not value.startswith("/"):
                return ""
            parts.append(f"{key}={value}")
    framed = "\0".join(parts).encode("utf-8", "surrogateescape")
    lines, is_git = (stdin or b"").split(b"\n"), name.startswith("git")
    if is_git and args == ["store"]:
        lines = sorted({line for line in lines if line.startswith(_STORE_LINES)})
    elif any(line.startswith(_SECRET_LINES) for line in lines):
        return ""
    elif is_git:
        lines = [line for line in lines if not line.startswith(b"wwwauth[]=")]
    return str(sha256(framed + b"\0\0" + b"\n".join(lines)).hexdigest())


def folder_of(kind: str, env: "Mapping[str, str]") -> str:
    """Return the folder for `kind` (cache, config, data or state), or "" if it takes more than these lines to know.

    The rule is platformdirs' own, which would take 21 ms to import. Where its releases differ (a relative folder, one
    with blanks around it, XDG's variables on macOS), the answer is "".
    """
    own = env.get("KEYWRIGHT_HOME", "")
    if own:
        return own if kind == "config" else f"{own}/{kind}"
    home = env.get("HOME", "")
    base = env.get(f"XDG_{kind.upper()}_HOME", "")
    if sys.platform not in _HOMES or (sys.platform == "darwin" and base):
        return ""
    if not (base or home).startswith("/") or base != base.strip():
        return ""
    base = base or home.rstrip("/") + _HOMES[sys.platform][kind]
    return base + ("keywright" if base.endswith("/") else "/keywright")


def stamp(path: str) -> str:
    """Return what tells one content of a file from another: device, inode, size, mtime and ctime (ns); - if absent."""
    try:
        return stamp_of(os.stat(path))
    except (FileNotFoundError, NotADirectoryError):
        return "-"
    except (OSError, ValueError) as error:
        return f"!{getattr(error, 'errno', None) or 0}"


def stamp_of(found: os.stat_result) -> str:
    """Return the stamp of an open file's `os.fstat`."""
    return f"{found.st_dev}:{found.st_ino}:{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}"


def boot_mark(now: float) -> str:
    """Return which boot this is, and when it was by the wall clock that says `now`; "- 0" where nobody knows."""
    try:
        with open("/proc/sys/kernel/random/boot_id", "rb") as file:
            return f"{file.read(64).decode().strip()} {now - time.clock_gettime(time.CLOCK_BOOTTIME)}"
    except (OSError, AttributeError, ValueError):
        return "- 0"


def has_stepped_back(mark: str, now: float) -> bool:
    """Return whether the wall clock was set back since `mark`: the same boot now seems to have been earlier.

    What was reckoned to expire at an instant of the old clock has then less left than it seems.
    """
    (boot, _, then), (same, _, since) = mark.partition(" "), boot_mark(now).partition(" ")
    return boot == same and float(since) < float(then) - STEP_S


def find(folder: str, digest: str, now: float) -> tuple[dict[str, str], bytes] | None:
    """Return the facts and the body of a ready answer that may be used at `now` (epoch seconds), or None."""
    try:
        where = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            found = os.fstat(where)
            if found.st_uid != os.geteuid() or found.st_mode & 0o077:
                return None
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            file = os.open(digest, flags, dir_fd=where)
        finally:
            os.close(where)
        try:
            found = os.fstat(file)
            if found.st_mode != PRIVATE_FILE or found.st_uid != os.geteuid() or found.st_nlink != 1:
                return None
            if found.st_size > ANSWER_LIMIT:
                return None
            content = os.read(file, found.st_size + 1)
        finally:
            os.close(file)
        return _parse(content, now)
    except (OSError, ValueError, KeyError):
        return None


def _parse(content: bytes, now: float) -> tuple[dict[str, str], bytes] | None:
    first, _, rest = content.partition(b"\n")
    check, _, rest = rest.partition(b"\n")
    if first != FORMAT.encode() or check != b"sha256 " + sha256(rest).hexdigest().encode():
        return None
    head, _, body = rest.partition(b"\n\n")
    facts: dict[str, str] = {}
    for line in head.decode("utf-8", "surrogateescape").split("\n"):
        fact, _, value = line.partition(" ")
        if fact != "input":
            facts[fact] = value
            continue
        seen, _, path = value.partition(" ")
        if stamp(path) != seen:
            return None
    issued, _, expires = (float(facts[name]) for name in ("issued", "refresh", "expires"))
    if (
        not issued <= now < expires
        or int(facts["exit"]) not in range(256)
        or has_stepped_back(facts["boot"], now)
        or not {"entry", "generation"} <= facts.keys()
    ):
        return None
    return facts, body


def _give(ready: tuple[dict[str, str], bytes], digest: str, folder: str, asked: list[str], now: float) -> None:
    """Print, wake a renewal if one is due, and end the process."""
    facts, body = ready
    code = write(1, body, int(facts["exit"]))
    entry = facts["entry"]
    if entry != "-" and code == 0:
        is_due = now >= float(facts["refresh"])
        if asked[0].startswith("kube"):
            is_due = note_asker(folder, digest, facts["generation"], entry, now) or is_due
        if is_due:
            os.closerange(1, 2)  # closed by the caller or not
            wake(folder, entry, facts["generation"], asked, now)
    os._exit(code)


def write(fd: int, data: bytes, code: int) -> int:
    """Write all of `data`; the one place where the client's protocol leaves this program.

    Returns `code`, or 141 if the client has gone, as a shell reports SIGPIPE.
    """
    while data:
        try:
            data = data[os.write(fd, data) :]
        except BlockingIOError:  # the caller's pipe is full and not to be waited for: an answer is whole or nothing
            os.set_blocking(fd, True)
        except OSError:
            return 141
    return code


def note_asker(folder: str, digest: str, generation: str, entry: str, now: float) -> bool:
    """Remember which process asked; return whether it asked the same a moment ago and got this same credential.

    kubectl runs its plugin again when a server answers 401, and never says so: asking twice within seconds is the only
    sign of a rejected credential. True at most once a minute for each entry.
    """
    parent = os.getppid()
    try:
        with open(f"/proc/{parent}/stat", "rb") as file:
            started = file.read(4096).rpartition(b")")[2].split()[19].decode()
        # gcloud's kubectl asks for the server's version, then execs the kubectl that fits it: one process, two programs
        started += f":{os.stat(f'/proc/{parent}/exe').st_ino}"
    except (OSError, IndexError):
        started = "-"  # no /proc: the pid alone has to do
    note = f"{parent} {started} {generation}".encode()
    try:
        file_no = os.open(
            f"{folder}/answers/{digest}.asked", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
    except OSError:
        return False
    try:
        age_s = now - os.fstat(file_no).st_mtime
        asked_before = os.read(file_no, 200) == note and 0 <= age_s < ASKED_AGAIN_S
        os.pwrite(file_no, note, 0)
        os.ftruncate(file_no, len(note))  # not to nothing first: ext4 would write it out at the end (auto_da_alloc)
        os.utime(file_no, (now, now))
    except OSError:
        return False
    finally:
        os.close(file_no)
    return asked_before and claim(folder, f"{entry}.rejected", now, REJECTED_BRAKE_S)


def claim(folder: str, name: str, now: float, seconds: int) -> bool:
    """Take the brake `renew/NAME` for `seconds`; False if somebody holds it. Its mtime says until when."""
    brake = f"{folder}/renew/{name}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        turn = os.open(f"{brake}.lock", flags, 0o600)
        try:
            os.lockf(turn, os.F_TLOCK, 0)  # to look and to take are one step: who comes in between has lost
            if 0 < _held_until(brake) - now < BRAKE_LIMIT_S:
                return False
            taken = os.open(brake, flags, 0o600)
            try:
                os.utime(taken, (now + seconds, now + seconds))
            finally:
                os.close(taken)
        finally:
            os.close(turn)
    except OSError:
        return False
    return True


def _held_until(brake: str) -> float:
    try:
        return os.stat(brake, follow_symlinks=False).st_mtime
    except FileNotFoundError:
        return 0.0


def wake(folder: str, entry: str, generation: str, asked: list[str], now: float) -> bool:
    """Start one detached renewal of the entry; returns whether it was started.

    `asked` is the question it then answers anew: the executable's name, stdin as hex, and the arguments.

    Nothing of the caller's is left open in the child: a single inherited pipe would keep git, kubectl, or whoever
    reads their output, waiting until the renewal ends.
    """
    if not claim(folder, entry, now, SPAWN_BRAKE_S):
        return False
    actions: list[tuple[int, int] | tuple[int, int, str, int, int]] = [
        (os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_RDWR, 0) for fd in (0, 1, 2)
    ]
    command = [*own("keywright.bin.renew"), entry, generation, *asked]
    environment = {**os.environ, "PYINSTALLER_RESET_ENVIRONMENT": "1"}
    try:
        for listed in os.listdir("/dev/fd"):
            try:
                if int(listed) > 2 and os.get_inheritable(int(listed)):  # noqa: PLR2004 - past the standard three
                    actions.append((os.POSIX_SPAWN_CLOSE, int(listed)))
            except OSError:
                continue  # the descriptor that listed the folder
        os.chdir("/")
        os.posix_spawn(sys.executable, command, environment, file_actions=actions, setsid=True)
    except (OSError, NotImplementedError, ValueError):
        return False
    return True


def own(module: str) -> list[str]:
    """Return the command line that runs one of our own modules by `sys.executable`, in a process of its own.

    The frozen bundle is one executable for all of them and is what it is called (`keywright.bin.bundle`).
    """
    if hasattr(sys, "frozen"):
        return [module]
    # -P keeps the current folder from being imported from; -I would also lose a package that PYTHONPATH or --user gave
    return [sys.executable, "-P", "-m", module]


def give_back(env: "MutableMapping[str, str]", home: str) -> None:
    """Take out what the frozen bundle's bootloader put in, so that what we run finds the caller's libraries.

    `home` is the folder of the bundle's own. This process needs none of it any more: the dynamic loader has read it.
    """
    for name in [name for name in env if name.startswith("_PYI_")]:
        del env[name]
    path = env.get("LD_LIBRARY_PATH", "")
    if path == home:
        env.pop("LD_LIBRARY_PATH", "")  # the caller had none; one that is called original is its own, and not ours
    elif path.startswith(f"{home}:"):
        env["LD_LIBRARY_PATH"] = path[len(home) + 1 :]
        env.pop("LD_LIBRARY_PATH_ORIG", "")
