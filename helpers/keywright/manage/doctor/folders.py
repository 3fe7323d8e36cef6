"""The four folders and what lies in them: ours alone, no links, nothing left behind."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from shlex import quote
from typing import Final

from keywright.cache.folder import locate
from keywright.manage.doctor.contents import look_inside
from keywright.manage.doctor.finding import Finding, error, note, ok
from keywright.manage.doctor.scene import Scene
from keywright.manage.install.program import is_writable_by_others
from keywright.profiles.custom import FOLDER
from keywright.settings import load as settings

_PRIVATE: Final = ("cache", "data", "state")


def look(scene: Scene) -> Iterator[Finding]:
    """Look at the folders that keywright writes, and then at what a person writes: the settings, own providers."""
    kinds: dict[str, list[str]] = {}
    for kind in _PRIVATE:
        kinds.setdefault(locate(kind, scene.env), []).append(kind)
    for path, its_kinds in kinds.items():
        yield from _look_at_folder(its_kinds, path, scene)
    yield from _look_at_settings(settings.locate(scene.env))


def _look_at_folder(kinds: list[str], path: str, scene: Scene) -> Iterator[Finding]:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        yield ok("folder-absent", f"{path} is not there yet; the first secret makes it")
        return
    faults = [*_faults_of_folder(kinds[0], path, found), *_open_above(path)]
    yield from faults  # at once: what lies in it may take too long to look at
    inside: list[Finding] = []
    if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid():
        inside += look_inside(kinds, path, scene)
    yield from inside
    if not faults and not inside:
        yield ok("folder-private", f"{path} and what lies in it are yours alone")


def _faults_of_folder(kind: str, path: str, found: os.stat_result) -> Iterator[Finding]:
    away = f"mv {quote(path)} {quote(f'{path}.old')}"
    if stat.S_ISLNK(found.st_mode):
        yield error("folder-link", f"{path} is a link, and no link is followed to the {kind}", away)
    elif not stat.S_ISDIR(found.st_mode):
        yield error("folder-file", f"{path} is no folder", away)
    elif found.st_uid != os.geteuid():
        own = f"sudo chown -R {os.geteuid()} {quote(path)}"
        yield error("folder-foreign", f"{path} belongs to user {found.st_uid}", own)
    elif found.st_mode & 0o077:
        yield error("folder-loose", f"{path} is open to other users", f"chmod 700 {quote(path)}")
    elif found.st_mode & stat.S_IRWXU != stat.S_IRWXU:
        yield error("folder-shut", f"{path} is closed to yourself", f"chmod 700 {quote(path)}")


def _open_above(path: str) -> Iterator[Finding]:
    """Find the folders above in which others could put another folder in this one's place."""
    above = os.path.dirname(path)
    while above != os.path.dirname(above):
        try:
            found = os.stat(above)
        except OSError:
            return
        if is_writable_by_others(found) and not found.st_mode & stat.S_ISVTX:
            what = f"other users can replace what lies in {above}, and {path} with it"
            yield error("folder-above-loose", what, f"chmod go-w {quote(above)}")
        above = os.path.dirname(above)


def _look_at_settings(path: str) -> Iterator[Finding]:
    """Whoever can write the settings decides whom secrets go to; a link to them is a person's own affair."""
    places = [*filter(os.path.exists, [path]), *_own_providers(f"{os.path.dirname(path)}/{FOLDER}")]
    if path not in places:
        yield note("settings-absent", f"{path} is not there: nothing is configured", "keywright profile add --help")
    faults = [fault for place in places for fault in _faults_of_settings(place)]
    faults += _open_above(path) if places else ()
    yield from faults
    if path in places and not faults:
        yield ok("settings-private", f"{path} is changed by you alone")


def _own_providers(folder: str) -> Iterator[str]:
    """Yield the folder of a person's own providers, which say where secrets may go, and its files."""
    if os.path.isdir(folder):
        yield folder
    with suppress(OSError):
        yield from sorted(f"{folder}/{name}" for name in os.listdir(folder) if name.endswith(".toml"))


def _faults_of_settings(path: str) -> Iterator[Finding]:
    try:
        found = os.stat(path)
    except OSError:
        return
    if found.st_uid not in {0, os.geteuid()}:
        yield error(
            "settings-foreign", f"{path} belongs to user {found.st_uid}", f"sudo chown {os.geteuid()} {quote(path)}"
        )
    elif not os.access(path, os.R_OK | (os.X_OK if stat.S_ISDIR(found.st_mode) else 0)):
        yield error("settings-shut", f"{path} is closed to yourself", f"chmod u+rX {quote(path)}")
    elif is_writable_by_others(found):
        yield error("settings-loose", f"{path} can be changed by other users", f"chmod go-w {quote(path)}")
