"""The file systems under the folders: their kind, and by trial what a shared cache rests on.

A lock that two processes can hold at once makes two of them spend one refresh token. What a file system promises is no
proof (an NFS client may keep locks to itself), so several processes contend for one lock in the very folder and write
down when they held it: no two of these spans may overlap. filelock's own check of file systems has the same idea.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import pairwise
from shlex import quote
from typing import Final

from keywright.cache.folder import locate
from keywright.manage.doctor.contention import Span, contend
from keywright.manage.doctor.finding import Finding, Severity, error, note, ok, warning
from keywright.manage.doctor.scene import Scene

ELSEWHERE: Final = "export KEYWRIGHT_HOME=/a/folder/on/a/local/disk"
SKEW_AT_MOST_S: Final = 60.0
_PROBE: Final = "doctor-"
_NS: Final = 123_456_789
_COARSE_NS: Final = 50_000_000
"""The age below which no file is the ground of a ready answer: a time that says less than this says too little."""

_KINDS: Final[Mapping[str, tuple[Severity, str]]] = {
    "9p": (Severity.WARNING, "is shared with another machine: its locks may not keep that one out"),
    "afs": (Severity.WARNING, "is a network file system: its locks may not keep other machines out"),
    "ceph": (Severity.WARNING, "is a network file system: its locks may not keep other machines out"),
    "cifs": (Severity.WARNING, "is a network file system: it has neither owners nor modes of its own"),
    "exfat": (Severity.WARNING, "has neither owners nor modes: other users may read it"),
    "fuse": (Severity.WARNING, "is a program's file system: its locks and times are what that program makes them"),
    "msdos": (Severity.WARNING, "has neither owners nor modes: other users may read it"),
    "nfs": (Severity.WARNING, "is a network file system: its locks may not keep other machines out, and can hang"),
    "overlay": (Severity.NOTE, "is a container's own layer: it is gone with the container"),
    "ramfs": (Severity.NOTE, "is in memory: it is empty after a restart"),
    "smb3": (Severity.WARNING, "is a network file system: it has neither owners nor modes of its own"),
    "tmpfs": (Severity.NOTE, "is in memory: it is empty after a restart"),
    "vfat": (Severity.WARNING, "has neither owners nor modes: other users may read it"),
    "virtiofs": (Severity.WARNING, "is shared with another machine: its locks may not keep that one out"),
}
_ALIASES: Final = {"nfs4": "nfs", "fuseblk": "fuse", "smbfs": "cifs"}


def look_at_kinds(scene: Scene) -> Iterator[Finding]:
    """Say what kind of file system each folder is on."""
    try:
        with open(scene.mounts, encoding="utf-8", errors="surrogateescape") as file:
            mounts = file.read()
    except OSError:
        yield note("filesystem-unknown", "this system does not list what is mounted")
        return
    for kind, path in _folders(scene).items():
        name = kind_of(path, mounts)
        known = _KINDS.get(_ALIASES.get(name, name.partition(".")[0]))
        if known is None:
            yield ok("filesystem-kind", f"the {kind} is on {name or 'an unknown file system'}")
            continue
        severity, why = known
        if kind == "data" and severity is Severity.NOTE:  # there lies what no issuer gives a second time
            severity = Severity.WARNING
        yield Finding(f"filesystem-{name.partition('.')[0]}", severity, f"{path} is on {name}, which {why}", ELSEWHERE)


def kind_of(path: str, mounts: str) -> str:
    """Return the kind of file system that a path is on, by what proc_pid_mountinfo(5) lists; empty if nobody knows."""
    real, best, kind = os.path.realpath(path), "", ""
    for line in mounts.splitlines():
        front, _, back = line.partition(" - ")
        fields = front.split(" ")
        if len(fields) < 5 or not back:  # noqa: PLR2004 - the fifth is the mount point
            continue
        point = _unescaped(fields[4])
        if (real == point or real.startswith(f"{point.rstrip('/')}/")) and len(point) >= len(best):
            best, kind = point, back.split(" ")[0]  # of two at one point the later one hides the other
    return kind


def look_by_trial(scene: Scene) -> Iterator[Finding]:
    """Try locks, replacing and times in each folder, once on each file system."""
    devices: set[int] = set()
    for kind, path in _folders(scene).items():
        if not os.path.isdir(path):
            continue
        device = os.stat(path).st_dev
        if device in devices:
            continue
        devices.add(device)
        try:
            trial = tempfile.mkdtemp(prefix=_PROBE, dir=path)
        except OSError as failure:
            why = errno.errorcode.get(failure.errno or 0, type(failure).__name__)
            yield error("filesystem-unwritable", f"nothing can be made in the {kind}, {path} ({why})", ELSEWHERE)
            continue
        try:
            yield from _try(path, trial, scene)
        except OSError as failure:
            why = errno.errorcode.get(failure.errno or 0, type(failure).__name__)
            yield error("filesystem-unwritable", f"no file can be written in {path} ({why})", f"df -h {quote(path)}")
        finally:
            shutil.rmtree(trial, ignore_errors=True)


def _try(path: str, trial: str, scene: Scene) -> Iterator[Finding]:
    spans = contend(f"{trial}/lock", scene.env)
    if spans is None:
        yield warning(
            "locks-untried", f"locks in {path} could not be tried: the processes for it did not end", ELSEWHERE
        )
    elif not spans:
        yield error("locks-missing", f"nothing can be locked in {path}", ELSEWHERE)
    elif overlapping(spans):
        yield error("locks-overlap", f"two processes held one lock in {path} at the same time", ELSEWHERE)
    else:
        holders = len({span.pid for span in spans})
        yield ok("locks-exclude", f"{holders} processes took one lock in {path} {len(spans)} times, one at a time")
    yield from _try_replacing(path, trial)
    yield from _try_times(path, trial, scene.now().timestamp())


def overlapping(spans: list[Span]) -> bool:
    """Return whether two of the spans overlap."""
    in_order = sorted(spans, key=lambda span: span.from_ns)
    return any(later.from_ns < earlier.to_ns for earlier, later in pairwise(in_order))


def _try_replacing(path: str, trial: str) -> Iterator[Finding]:
    old, new = f"{trial}/old", f"{trial}/new"
    for name, text in ((old, "old"), (new, "new")):
        with open(name, "w", encoding="ascii") as file:
            file.write(text)
    with open(old, encoding="ascii") as reader:
        is_whole = False
        with suppress(OSError):
            os.rename(new, old)
            with open(old, encoding="ascii") as file:
                is_whole = file.read() == "new" and reader.read() == "old"
    if is_whole:
        yield ok("replace-whole", f"a file in {path} is replaced whole, under the eyes of a reader")
    else:
        yield error("replace-torn", f"a file in {path} that is being read cannot be replaced", ELSEWHERE)


def _try_times(path: str, trial: str, now_s: float) -> Iterator[Finding]:
    name = f"{trial}/times"
    with open(name, "w", encoding="ascii"):
        pass
    made_s = os.stat(name).st_mtime
    wanted_ns = int(made_s) * 10**9 + _NS
    os.utime(name, ns=(wanted_ns, wanted_ns))
    if abs(os.stat(name).st_mtime_ns - wanted_ns) > _COARSE_NS:
        what = f"times of files in {path} are coarse: a change may go unseen for as long"
        yield warning("times-coarse", what, ELSEWHERE)
    elif abs(made_s - now_s) > SKEW_AT_MOST_S:
        what = f"files in {path} get times that are {abs(made_s - now_s):.0f} s off this machine's clock"
        yield warning("times-skewed", what, "timedatectl set-ntp true")
    else:
        yield ok("times-fine", f"times of files in {path} are fine enough")


def _folders(scene: Scene) -> dict[str, str]:
    return {kind: locate(kind, scene.env) for kind in ("cache", "state", "data")}


def _unescaped(field: str) -> str:
    """Return a field with its octal escapes as what they stand for: blanks, tabs, line breaks and backslashes."""
    for escape, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(escape, character)
    return field
