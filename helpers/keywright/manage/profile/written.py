"""The profiles of `config.toml`: put there, and taken out again, with everything else in the file left as it is.

The change is made to a copy, which has to pass the check that every call makes before it takes the file's place. A link
stays a link, and mode and owner stay what they are. Who edits the file by hand meanwhile is never overwritten.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, get_type_hints

import tomlkit
from tomlkit.exceptions import TOMLKitError

from keywright.cache.lock import hold
from keywright.errors import Busy, CacheUnusable, ConfigurationError, Unavailable, UsageError
from keywright.manage.install.file import read, replace
from keywright.manage.profile.tables import place_in, text_without
from keywright.profiles.identity import ProfileId
from keywright.settings.check import VERSION, check
from keywright.settings.load import locate, parse_toml
from keywright.settings.model import OPTIONS

LOCK_WAIT_S: Final = 5.0


def table_of(id_: str, env: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the profile's table as it is written; None if there is none.

    Raises:
        ConfigurationError: the settings are wrong.
        Unavailable: they cannot be read.
    """
    path = locate(env)
    found = _profiles(_checked(path, read(path) or b"")).get(id_)
    return None if found is None else dict(found)


def put(id_: ProfileId, table: Mapping[str, Any], env: Mapping[str, str], *, is_forced: bool) -> str:
    """Write a profile; returns the settings' file.

    Raises:
        UsageError: there is one of that name, and `is_forced` does not say to replace it.
        ConfigurationError: something in the table, or in the file, is wrong; the file is as it was, as below.
        Unavailable: the file cannot be written.
        Busy: others kept it locked for too long.
    """

    def change(document: tomlkit.TOMLDocument) -> str:
        profiles = document.setdefault("profiles", tomlkit.table(is_super_table=True))
        if str(id_) in profiles and not is_forced:
            raise exists(id_)
        place_in(profiles, str(id_), table)
        return tomlkit.dumps(document)

    return _edit(env, change, lambda before: before | {str(id_): dict(table)})


def remove(id_: str, env: Mapping[str, str]) -> str:
    """Take a profile out; returns the settings' file.

    Raises:
        UsageError: a route, or another profile's fallback, names it.
        ConfigurationError: something in the file is wrong; it is as it was, as below.
        Unavailable: the file cannot be written.
        Busy: others kept it locked for too long.
    """

    def change(document: tomlkit.TOMLDocument) -> str:
        users = list(_users(id_, document.unwrap()))
        if users:
            raise UsageError(f"{' and '.join(users)} names {id_}", mend=f"mend that in {locate(env)} first")
        return text_without(document, id_)

    return _edit(env, change, lambda before: {key: table for key, table in before.items() if key != id_})


def exists(id_: object) -> UsageError:
    """Return the error that says that there is such a profile."""
    return UsageError(f"profile {id_} exists already", mend="`--force` puts the new one in its place")


def parse_options(provider: str, options: Sequence[str]) -> dict[str, Any]:
    """Return the table in `key=value`, lists parted by commas and tables written as `permissions.contents=read`.

    Raises:
        UsageError: one is not `key=value`.
    """
    hints, table = get_type_hints(OPTIONS[provider]), dict[str, Any]()
    for option in options:
        key, sign, text = option.partition("=")
        if not sign or not key:
            raise UsageError("`--set` wants key=value, such as region=eu-central-1")
        name, dot, within = key.partition(".")
        kind = hints.get(name, str)
        if dot:
            table.setdefault(name, {})[within] = text
        elif kind in {int, int | None}:
            table[name] = int(text) if text.isascii() and text.removeprefix("-").isdigit() else text
        else:
            table[name] = text.split(",") if kind == tuple[str, ...] else text
    return table


def _edit(
    env: Mapping[str, str],
    change: Callable[[tomlkit.TOMLDocument], str],
    meant: Callable[[dict[str, Any]], dict[str, Any]],
) -> str:
    path = locate(env)
    with _locked(path):
        before = read(path)
        content = f"version = {VERSION}\n".encode() if before is None else before
        plain = _checked(path, content)
        try:
            after = change(tomlkit.parse(content.decode())).encode()
        except (TOMLKitError, ValueError) as error:
            raise _by_hand(path, type(error).__name__) from None
        changed = _checked(path, after)
        is_meant = _profiles(changed) == meant(dict(_profiles(plain)))
        if not is_meant or _without_profiles(changed) != _without_profiles(plain):
            raise _by_hand(path, "its tables are intertwined")
        if not replace(path, before, after, lock=""):
            raise Busy(f"{path} was changed by somebody else meanwhile", mend="try again")
    return path


@contextmanager
def _locked(path: str) -> Iterator[None]:
    real = os.path.realpath(path)
    try:
        os.makedirs(os.path.dirname(real), mode=0o700, exist_ok=True)
        with hold(f"{real}.lock", LOCK_WAIT_S) as is_locked:
            if not is_locked:
                raise Busy(f"another process has kept {path} locked for too long", mend="try again")
            yield
    except CacheUnusable as error:
        raise Unavailable(error.what, mend="make it writable") from None
    except OSError as error:
        raise Unavailable(f"{path} cannot be written ({type(error).__name__})", mend="make it writable") from None


def _checked(path: str, content: bytes) -> dict[str, Any]:
    document = parse_toml(path, content)
    if content:
        check(path, document)
    return document


def _profiles(document: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = document.get("profiles", {})
    return found


def _without_profiles(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != "profiles"}


def _users(id_: str, document: Mapping[str, Any]) -> Iterator[str]:
    for number, route in enumerate(document.get("routes", ()), 1):
        if id_ in route["profiles"]:
            yield f"route number {number}, for {route['url']},"
    for name, table in _profiles(document).items():
        if id_ in table.get("fallback", ()):
            yield f'the `fallback` of [profiles."{name}"]'


def _by_hand(path: str, why: str) -> ConfigurationError:
    return ConfigurationError(f"{path} cannot be edited without disturbing it ({why})", mend="edit it by hand")
