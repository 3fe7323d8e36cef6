"""Reading `config.toml`: which file, and what stands in it.

A file is parsed and checked (`keywright.settings.check`) when it is first read. The very same bytes are read as JSON
from then on: TOML and the check cost more than everything else a call does that finds a fresh credential.
"""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, Protocol

from keywright import __version__
from keywright.errors import ConfigurationError
from keywright.hit import folder_of, sha256, stamp
from keywright.request import Client, Url
from keywright.settings.model import OPTIONS, Profile, Route, Settings
from keywright.settings.turns import Preference, parse_cooldown
from keywright.settings.values import parse_duration, parse_pattern

_NO_HOME = "set KEYWRIGHT_CONFIG or HOME to an absolute path"


class Seals(Protocol):
    """Remembers what stood in the files whose bytes have passed the check."""

    def recall(self, digest: str) -> dict[str, Any] | None:
        """Return what stood in these bytes; None if they have not passed."""

    def add(self, digest: str, document: Mapping[str, Any]) -> None:
        """Remember that they have passed, and what stands in them."""


def locate(env: Mapping[str, str]) -> str:
    """Return the settings' file: `$KEYWRIGHT_CONFIG`, else `config.toml` in the configuration folder; absolute.

    Raises:
        ConfigurationError: the environment names no absolute file.
    """
    path = env.get("KEYWRIGHT_CONFIG", "")
    if not path:
        folder = folder_of("config", env)
        if not folder:
            import platformdirs

            with suppress(RuntimeError):  # a user without HOME who is in no passwd file: any uid of a container
                folder = platformdirs.user_config_dir("keywright", appauthor=False)
        if not folder:
            raise ConfigurationError("there is no home folder to look for settings in", mend=_NO_HOME)
        path = f"{folder}/config.toml"
    if not os.path.isabs(path):
        raise ConfigurationError(f"the settings' file has no absolute path: {path}", mend=_NO_HOME)
    return path


def load(path: str, seals: Seals | None = None) -> Settings:
    """Return the settings in the file; no file at all is no settings.

    Raises:
        ConfigurationError: the file cannot be read or something in it is wrong.
    """
    before = stamp(path)
    try:
        with open(path, "rb") as file:
            content = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return Settings(source=path, stamp=before)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({type(error).__name__})") from None
    digest = sha256(f"{__version__}\n".encode() + content).hexdigest()
    document = seals.recall(digest) if seals else None
    if document is None:
        from keywright.settings.check import check

        document = parse_toml(path, content)
        check(path, document)
        if seals is not None:
            seals.add(digest, document)
    return Settings(
        source=path,
        stamp=before,
        profiles={name: _profile(name, table) for name, table in document.get("profiles", {}).items()},
        routes=tuple(_route(row) for row in document.get("routes", ())),
        default_preference=Preference(document.get("default_preference", Preference.VALID)),
        cooldown=parse_cooldown(document.get("cooldown", {})),
    )


def parse_toml(path: str, content: bytes) -> dict[str, Any]:
    """Return what stands in the file's content; `path` is for messages, which never quote it.

    Raises:
        ConfigurationError: it is not TOML.
    """
    import tomllib

    try:
        return tomllib.loads(content.decode())
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} is not UTF-8") from None
    except (ValueError, RecursionError) as error:
        told = str(error)
        if told.startswith(("Cannot declare", "Cannot overwrite")):
            raise ConfigurationError(f"{path} says something twice: {told}", mend="keep one of the two") from None
        where = re.search(r"\(at [^()]*\)\Z", told)  # the rest may quote the file
        raise ConfigurationError(f"{path} is not TOML {where.group() if where else ''}".rstrip()) from None


def _profile(name: str, table: Mapping[str, Any]) -> Profile:
    kind = OPTIONS[name.partition(":")[0]]
    given: dict[str, Any] = {key: _frozen(value) for key, value in table.items() if key in kind._fields}
    return Profile(
        id=name,
        options=kind(**given),
        renew_before=_duration(table.get("renew_before")),
        refuse_before=_duration(table.get("refuse_before")),
        priority=table.get("priority", 0),
        fallback=tuple(table.get("fallback", ())),
    )


def _route(row: Mapping[str, Any]) -> Route:
    client = Client(row["client"])
    url = parse_pattern(client, row["url"])
    return Route(
        client=client,
        url=url or Url(scheme="", host=""),
        profiles=tuple(row["profiles"]),
        prefer=Preference(row["prefer"]) if "prefer" in row else None,
    )


def _duration(text: str | None) -> timedelta | None:
    return None if text is None else parse_duration(text)


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
