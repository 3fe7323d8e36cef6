"""What lies in the folders: no links, nothing of others, nothing damaged or left behind."""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from shlex import quote
from typing import Final, NamedTuple

from keywright.manage.doctor.entries import LOOKED_AT_AT_MOST, Read
from keywright.manage.doctor.finding import Finding, error, note, warning
from keywright.manage.doctor.scene import Scene

LEFT_AFTER_S: Final = 600.0
"""The age from which a half-written file has no writer any more: none takes longer than a call."""
_NAMED_AT_MOST: Final = 20
_FOLDERS: Final = frozenset({"entries", "answers", "renew", "checked", "failures", "profiles"})
_SETTINGS: Final = re.compile(r"config\.toml|providers\.d(/[^/]+)?")
"""What a person wrote, which may be a link to elsewhere and be read by others; on macOS it lies among our own."""
_KNOWN: Final = {
    "cache": re.compile(
        r"(entries|answers|renew|checked)|entries/[0-9a-f]{64}\.(json|json\.broken|lock)|"
        r"(answers|renew|checked)/[0-9a-zA-Z._-]+"
    ),
    "data": re.compile(r"vault|vault\.(kind|lock|sock)|vault-[0-9a-f]{8}\.key"),
    "state": re.compile(
        r"(failures|profiles)|failures/[0-9a-zA-Z._-]+|profiles/[0-9a-zA-Z._-]+|installed\.(json|lock)|agent\.(lock|pid)"
    ),
}


class _File(NamedTuple):
    """One file or folder in a folder of ours: its path, its path below that folder, and what `lstat` says of it."""

    path: str
    name: str
    found: os.stat_result


def look_inside(kinds: list[str], folder: str, scene: Scene) -> Iterator[Finding]:
    """Find what is wrong with the files; many of one kind are one finding."""
    files = list(islice(_files(folder, ""), LOOKED_AT_AT_MOST + 1))
    entries = scene.entries.of(folder) if "cache" in kinds else []
    own = [file for file in files[:LOOKED_AT_AT_MOST] if not _SETTINGS.fullmatch(file.name)]
    yield from _faults(own, entries, kinds, scene.now().timestamp())
    if len(files) > LOOKED_AT_AT_MOST:
        what = f"{folder} holds more than {LOOKED_AT_AT_MOST} files; the others were not looked at"
        yield note("folder-crowded", what)


def _faults(files: list[_File], entries: list[Read], kinds: list[str], now_s: float) -> Iterator[Finding]:
    plain = [file for file in files if stat.S_ISREG(file.found.st_mode)]
    mine = [file for file in files if file.found.st_uid == os.geteuid()]
    links = [file for file in files if _is_link(file)]
    # A link that somebody else put here is only deleted: `chown` would hand over what it leads to.
    foreign = [file for file in files if file.found.st_uid != os.geteuid() and not _leads_elsewhere(file)]
    loose = [file for file in mine if file.found.st_mode & 0o077 and not _is_link(file) and not _is_socket(file)]
    misplaced = [file for file in mine if not _is_link(file) and not _is_kind(file) and _is_known(file.name, kinds)]
    shut = [file for file in mine if not _is_link(file) and _is_shut(file) and file not in misplaced]
    twice = [file for file in plain if file.found.st_nlink > 1]
    left = [file for file in plain if file.name.endswith(".tmp") and file.found.st_ctime < now_s - LEFT_AFTER_S]
    broken = [file for file in plain if file.name.endswith(".broken")]
    strange = [file for file in files if not _is_link(file) and not _is_known(file.name, kinds)]
    faulty = {entry.path: entry.fault for entry in entries if entry.fault}
    damaged = [file for file in plain if faulty.get(file.path) == "damaged"]
    newer = [file for file in plain if faulty.get(file.path) == "newer"]
    delete = "rm -f"
    if links:
        away = " && ".join(f"mv {_q(file)} {_q(file)}.old" for file in links[:_NAMED_AT_MOST])
        yield error(
            "file-link", _told(links, "is a link", "are links"), away if "data" in kinds else _all(delete, links)
        )
    if foreign:
        own = f"sudo chown -h {os.geteuid()}"
        yield error(
            "file-foreign", _told(foreign, "belongs to another user", "belong to other users"), _all(own, foreign)
        )
    if loose:
        yield error(
            "file-loose", _told(loose, "is open to other users", "are open to other users"), _all("chmod go=", loose)
        )
    yield from _unusable(misplaced, shut)
    if twice:
        what = _told(twice, "has a second name elsewhere (a hard link)", "have second names elsewhere (hard links)")
        yield error(
            "file-hard-link",
            what,
            " && ".join(f"cp -p {_q(f)} {_q(f)}.1 && mv {_q(f)}.1 {_q(f)}" for f in twice[:_NAMED_AT_MOST]),
        )
    if damaged:
        yield warning("entry-damaged", _told(damaged, "is damaged", "are damaged"), _all(delete, damaged))
    if newer:
        what = _told(newer, "was written by a newer keywright", "were written by a newer keywright")
        yield warning("entry-newer", what, "upgrade this keywright")
    if broken:
        yield warning(
            "entry-broken",
            _told(broken, "was damaged and set aside", "were damaged and set aside"),
            _all(delete, broken),
        )
    if left:
        what = _told(
            left,
            "was left half-written by a process that was killed",
            "were left half-written by processes that were killed",
        )
        yield warning("temporary-left", what, _all(delete, left))
    if strange:
        yield note("file-unknown", _told(strange, "is not keywright's", "are not keywright's"), _all("ls -l", strange))


def _unusable(misplaced: list[_File], shut: list[_File]) -> Iterator[Finding]:
    if misplaced:
        away = " && ".join(f"mv {_q(file)} {_q(file)}.old" for file in misplaced[:_NAMED_AT_MOST])
        told = _told(
            misplaced, "is not the kind of file that belongs there", "are not the kind of files that belong there"
        )
        yield error("file-kind", told, away)
    if shut:
        told = _told(shut, "is closed to yourself", "are closed to yourself")
        yield error("file-shut", told, _all("chmod u+rwX", shut))


def _leads_elsewhere(file: _File) -> bool:
    """Whether the file is, or may be, one that lies somewhere else under another name."""
    mode = file.found.st_mode
    return stat.S_ISLNK(mode) or (stat.S_ISREG(mode) and file.found.st_nlink > 1)


def _is_known(name: str, kinds: list[str]) -> bool:
    """Whether keywright could have written a file of that name in a folder of these kinds, whole or not."""
    return name.endswith((".tmp", ".broken")) or any(_KNOWN[kind].fullmatch(name) for kind in kinds)


def _files(folder: str, above: str) -> Iterator[_File]:
    """Yield what lies in the folder, and then what lies in its folders; a link is not followed."""
    try:
        with os.scandir(folder) as listing:
            found = list(listing)
    except OSError:
        return
    for one in found:
        with suppress(OSError):  # it is gone again
            yield _File(one.path, f"{above}{one.name}", os.lstat(one.path))
    for one in found:
        if one.is_dir(follow_symlinks=False):
            yield from _files(one.path, f"{above}{one.name}/")


def _told(files: list[_File], one: str, many: str) -> str:
    return f"{files[0].path} {one}" if len(files) == 1 else f"{len(files)} files {many}, {files[0].path} among them"


def _all(command: str, files: list[_File]) -> str:
    return " ".join((command, *(_q(file) for file in files[:_NAMED_AT_MOST])))


def _q(file: _File) -> str:
    return quote(file.path)


def _is_kind(file: _File) -> bool:
    """Whether it is what belongs under its name: a folder, or else a plain file or a socket."""
    if stat.S_ISDIR(file.found.st_mode) or file.name in _FOLDERS:
        return stat.S_ISDIR(file.found.st_mode) and file.name in _FOLDERS
    return stat.S_ISREG(file.found.st_mode) or _is_socket(file)


def _is_shut(file: _File) -> bool:
    """Whether its owner may not do with it what every call does."""
    wanted = stat.S_IRWXU if stat.S_ISDIR(file.found.st_mode) else stat.S_IRUSR
    if file.name.endswith("lock"):
        wanted |= stat.S_IWUSR
    return file.found.st_mode & wanted != wanted


def _is_link(file: _File) -> bool:
    return stat.S_ISLNK(file.found.st_mode)


def _is_socket(file: _File) -> bool:
    """A socket's own mode says little: the folder and the peer's user keep others out."""
    return stat.S_ISSOCK(file.found.st_mode)
