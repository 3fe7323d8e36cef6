"""Whom git asks for which host, in which order, and what it tells them."""

import os
from collections.abc import Iterator, Sequence
from shlex import quote, split
from typing import Final, NamedTuple

from keywright.manage.doctor.finding import Finding, error, note, ok, warning
from keywright.manage.doctor.scene import Scene
from keywright.manage.install.git import is_own, masked_value, wishes_for
from keywright.request import Client, Url
from keywright.settings.load import load, locate
from keywright.settings.model import Settings
from keywright.settings.values import parse_pattern

_TRUE: Final = frozenset({"", "true", "yes", "on", "1"})
_SECTION: Final = "credential."
_FIELDS: Final = 3
"""What git prints of each entry, NUL after each: its scope, its origin, and the key with the value."""


class _Setting(NamedTuple):
    """One entry of git's configuration.

    Attributes:
        origin: where it stands, such as `/home/me/.gitconfig`.
        url: the URL it is for; None for every one.
        name: `helper` or `usehttppath`.
        value: its value; empty for a helper that empties the list.
    """

    origin: str
    url: Url | None
    name: str
    value: str


def look(scene: Scene) -> Iterator[Finding]:
    """Go through the helpers of every host that the settings route, or that ours is set up for."""
    if not scene.which("git"):
        return
    found = _read(scene)
    if found is None:
        yield error("git-config-wrong", "git cannot read its configuration", "git config --list --show-origin")
        return
    settings = load(locate(scene.env))
    places = _places(found, settings)
    for place in places:
        yield from _look_at_place(place, found, settings)
    yield from _look_for_ours(found, scene)
    if not places:
        yield note("git-unused", "git asks keywright about no host", "keywright install git URL")


def tells_path(place: Url, scene: Scene) -> bool:
    """Whether git, as it is configured, tells helpers the path of this place."""
    return _tells_path(place, _read(scene) or ())


def _tells_path(place: Url, found: Sequence[_Setting]) -> bool:
    said = [one.value.lower() in _TRUE for one in found if one.name == "usehttppath" and _covers(one.url, place)]
    return bool(said and said[-1])


def _read(scene: Scene) -> list[_Setting] | None:
    """Return git's entries about credentials, in its order; None if it is not there or cannot read them."""
    git = scene.which("git")
    listing = ("config", "-z", "--show-scope", "--show-origin", "--get-regexp", r"^credential\.")
    ran = scene.ask(git, *listing) if git else None
    if ran is None or ran.code not in {0, 1}:  # 1: there is nothing
        return None
    return list(_settings(ran.stdout))


def _settings(listed: str) -> Iterator[_Setting]:
    fields = listed.split("\0")[:-1]
    for start in range(0, len(fields) - _FIELDS + 1, _FIELDS):
        _, origin, entry = fields[start : start + _FIELDS]
        key, _, value = entry.partition("\n")
        middle, _, name = key.removeprefix(_SECTION).rpartition(".")
        url = parse_pattern(Client.GIT, middle) if middle else None
        if name in {"helper", "usehttppath"} and (url is not None or not middle):
            yield _Setting(origin.removeprefix("file:"), url, name, value)


def _places(found: Sequence[_Setting], settings: Settings) -> list[Url]:
    """Return the places to look at, by scheme and host."""
    routed = [route.url for route in settings.routes if route.client is Client.GIT]
    ours = [one.url for one in found if one.url is not None and one.name == "helper" and _is_ours(one.value)]
    places = dict.fromkeys(url._replace(path="") for url in (*routed, *ours))
    # A pattern is looked at by itself only where nothing that it stands for is.
    others = {one: [other for other in places if other != one] for one in places}
    return [one for one in places if "*" not in one.host or not any(_covers(one, other) for other in others[one])]


def _look_at_place(place: Url, found: Sequence[_Setting], settings: Settings) -> Iterator[Finding]:
    chain: list[_Setting] = []
    for one in found:
        if one.name == "helper" and _covers(one.url, place):
            chain = [*chain, one] if one.value else []
    ours = [number for number, one in enumerate(chain) if _is_ours(one.value)]
    told = " then ".join(f"{_shown(one.value)} ({one.origin})" for one in chain)
    alone = f"keywright install git {quote(str(place))} --only"
    if not ours:
        asked = f"it asks {told}" if told else "it asks nobody"
        what = f"git does not ask keywright about {place}: {asked}"
        yield warning("git-not-asked", what, f"keywright install git {quote(str(place))}")
        return
    if ours[0] > 0:
        yield warning("git-others-first", f"about {place} git asks {told}: keywright is not the first", alone)
    elif len(chain) > len(ours):
        yield note(
            "git-others-too", f"about {place} git asks {told}: each is handed what keywright gave, to keep", alone
        )
    elif len(ours) > 1:
        yield note("git-twice", f"about {place} git asks keywright {len(ours)} times: {told}", alone)
    else:
        yield ok("git-asked", f"about {place} git asks {told}")
    yield from _look_at_path(place, found, settings)


def _look_at_path(place: Url, found: Sequence[_Setting], settings: Settings) -> Iterator[Finding]:
    """A route that goes by path needs git to tell it."""
    target = f"credential.{place}.useHttpPath"
    if not any(wish.target == target for wish in wishes_for([str(place)], "/x", settings, is_alone=False)):
        return
    if not _tells_path(place, found):
        what = f"routes for {place} go by path, and git does not tell it"
        yield error("git-path-untold", what, f"git config --global {quote(target)} true")


def _look_for_ours(found: Sequence[_Setting], scene: Scene) -> Iterator[Finding]:
    """See that what git is to run is there."""
    for one in found:
        if one.name != "helper" or not one.value or not _is_ours(one.value):
            continue
        path = _path_of(one.value)
        if not path:
            if not scene.which("git-credential-keywright"):
                what = f"{one.origin}: the helper `keywright` is not on PATH"
                yield error("git-helper-missing", what, "keywright install git --force")
        elif not os.access(path, os.X_OK):
            scope = str(one.url) if one.url else "--all"
            what = f"{one.origin}: the helper {path} is not there"
            yield error("git-helper-missing", what, f"keywright install git {quote(scope)} --force")


def _covers(pattern: Url | None, place: Url) -> bool:
    """Whether git takes a section for this place: at or above its path, each label of the host the same or a `*`."""
    if pattern is None:
        return True
    if pattern.scheme != place.scheme or not f"{place.path}/".startswith(f"{pattern.path}/" if pattern.path else ""):
        return False
    theirs, wanted = pattern.host.split("."), place.host.split(".")
    return len(theirs) == len(wanted) and all(one in {"*", other} for one, other in zip(theirs, wanted, strict=True))


def _is_ours(value: str) -> bool:
    return bool(value) and is_own("credential.helper", value)


def _path_of(value: str) -> str:
    """Return the path of a helper of ours; empty for one that goes by its name."""
    return "" if value == "keywright" else split(value.removeprefix("!"))[0]


def _shown(value: str) -> str:
    return "keywright" if _is_ours(value) else masked_value(value)
