"""Which of our executables `PATH` leads to, and whether anybody could put another in its place."""

import os
import re
import sys
from collections.abc import Iterator
from shlex import quote
from typing import Final, NamedTuple

from keywright import __version__
from keywright.manage.doctor.finding import Finding, error, note, ok, warning
from keywright.manage.doctor.scene import Scene
from keywright.manage.install.program import is_writable_by_others

NAMES: Final = (
    "keywright",
    "docker-credential-keywright",
    "git-credential-keywright",
    "kube-credential-keywright",
)
_VERSION: Final = re.compile(r"[0-9]+(?:\.[0-9]+)+[0-9A-Za-z.+-]*")


class _Place(NamedTuple):
    """One file of a name on `PATH`.

    Attributes:
        path: as `PATH` has it.
        real: what it is a link to; itself if it is none.
    """

    path: str
    real: str


def look_at_path(scene: Scene) -> Iterator[Finding]:
    """Look at every executable of ours on `PATH`, and at the folders before the one that wins."""
    folders = scene.env.get("PATH", os.defpath).split(os.pathsep)
    for folder in dict.fromkeys(folders):
        if not os.path.isabs(folder):
            shown = folder or "an empty entry"
            what = f"PATH has {shown}, so that a repository can bring helpers of its own"
            yield warning("path-relative", what, "take it out of PATH")
    absolute = [folder for folder in dict.fromkeys(folders) if os.path.isabs(folder)]
    yield from _open_folders(absolute[: max(_first(name, absolute) for name in NAMES)])
    for name in NAMES:
        yield from _look_at_name(name, absolute, scene)


def way_to(name: str) -> str:
    """Return what puts an executable of ours on `PATH`.

    Never a package of our name from an index: whose that is nobody here can tell.
    """
    folder = os.path.dirname(os.path.abspath(sys.executable))
    if os.access(os.path.join(folder, name), os.X_OK):
        return f'export PATH={quote(folder)}:"$PATH"'
    return "install keywright anew"


def _first(name: str, folders: list[str]) -> int:
    """Return how many folders come before the one that the name is found in; 0 if it is in none."""
    holding = (number for number, folder in enumerate(folders) if os.access(f"{folder.rstrip('/')}/{name}", os.X_OK))
    return next(holding, 0)


def _look_at_name(name: str, folders: list[str], scene: Scene) -> Iterator[Finding]:
    places: list[_Place] = []
    for folder in folders:
        path = f"{folder.rstrip('/')}/{name}"
        if os.path.islink(path) and not os.path.exists(path):
            yield warning("program-broken-link", f"{path} is a link to nothing", f"rm {quote(path)}")
        elif os.path.isfile(path) and os.access(path, os.X_OK):
            real = os.path.realpath(path)
            if real not in {place.real for place in places}:
                places.append(_Place(path, real))
    if not places:
        yield warning("program-missing", f"{name} is not on PATH", way_to(name))
        return
    if replaceable := _replaceable(places[0]):  # and so not to be run
        what = f"{name} is {places[0].path}, and other users can change {replaceable}"
        yield error("program-loose", what, f"chmod go-w {quote(replaceable)}")
        return
    version = _version(places[0], scene)
    hidden = places[1:]
    if version != __version__:
        shown = version or "of no version that it tells"
        what = f"{name} is {places[0].path}, {shown}; this keywright is {__version__}"
        yield warning("program-other-version", what, _one_of(name))
    elif hidden:
        what = f"{name} is {places[0].path}, before {' and '.join(place.path for place in hidden)}"
        yield note("program-twice", what, _one_of(name))
    else:
        yield ok("program-found", f"{name} is {places[0].path}, {version}")


def _one_of(name: str) -> str:
    """Which one is to stay is the person's to say: it may be a package's file, or the newer one."""
    return f"upgrade or uninstall what is not to stay, by the way it came; `type -a {name}` lists them"


def _open_folders(folders: list[str]) -> Iterator[Finding]:
    """Find the folders before ours in which others could put a program of one of our names."""
    for folder in folders:
        try:
            found = os.stat(folder)
        except OSError:
            continue
        if is_writable_by_others(found) or found.st_uid not in {0, os.geteuid()}:
            what = f"other users can put helpers of theirs into {folder}, which PATH has before ours"
            yield error("path-loose", what, f"chmod go-w {quote(folder)}")


def _replaceable(place: _Place) -> str:
    """Return the first of the files and folders of a program that others can change; empty if there is none."""
    for path in (place.path, os.path.dirname(place.path), place.real, os.path.dirname(place.real)):
        found = os.stat(path)
        if found.st_uid not in {0, os.geteuid()} or is_writable_by_others(found):
            return path
    return ""


def _version(place: _Place, scene: Scene) -> str:
    ran = scene.ask(place.path, "--version")
    return version_in(ran.stdout) if ran is not None and ran.code == 0 else ""


def version_in(text: str) -> str:
    """Return the first version in what a program printed; empty if there is none."""
    found = _VERSION.search(text[:500])
    return found.group() if found else ""
