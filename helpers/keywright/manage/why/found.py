"""Everything that decides one question, gathered without changing any of it."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Literal, NamedTuple

from keywright.cache.open import Cache
from keywright.errors import (
    CacheUnusable,
    ConfigurationError,
    CredentialNotFound,
    KeywrightError,
    Unavailable,
    VaultLocked,
    VaultUnusable,
)
from keywright.manage.why.nearest import Nearest, find_nearest
from keywright.outlook import Outlook, look_ahead, open_if_there
from keywright.providers.store import Store, place_of
from keywright.request import Client, Request
from keywright.routes import choice_for
from keywright.settings.load import load, locate
from keywright.settings.model import Settings
from keywright.vault.vault import open_vault

Outcome = Literal["cached", "read", "asked", "fails", "stored", "not_mine"]


class Stored(NamedTuple):
    """What the vault keeps for the place.

    Attributes:
        holds: whether there is anything.
        fits: whether something of it would be given back; True where that cannot be told.
        names: the names of it; None if they were not read.
        error: why they could not be, so that the call would fail as well.
    """

    holds: bool
    fits: bool = True
    names: tuple[str, ...] | None = None
    error: KeywrightError | None = None


class Found(NamedTuple):
    """What decides one question.

    Attributes:
        request: the question.
        settings: the settings' file, and why it cannot be used.
        settings_error: why the settings cannot be used; None if they can.
        cache_error: why the cache cannot be used; None if it can, or is not there yet.
        outlook: what the broker would do; None where nothing of the settings serves the question, or it fails.
        error: why it would fail before any profile is tried.
        ready: by entry, the questions that have a ready answer now.
        is_pathless: whether git's question without its path is answered in the same way.
        is_path_told: whether git is configured to tell the path; looked at only where it is needed.
        stored: what the vault keeps for the place; None where that is not looked at.
        nearest: the route that comes nearest; None where one covers it.
    """

    request: Request
    settings: str
    settings_error: KeywrightError | None = None
    cache_error: KeywrightError | None = None
    outlook: Outlook | None = None
    error: KeywrightError | None = None
    ready: Mapping[str, list[str]] = MappingProxyType({})
    is_pathless: bool = True
    is_path_told: bool = False
    stored: Stored | None = None
    nearest: Nearest | None = None

    @property
    def outcome(self) -> Outcome:
        """What the client would get, in a word."""
        if self.settings_error or (self.error and not isinstance(self.error, CredentialNotFound)):
            return "fails"
        if self.outlook is not None:
            answering = self.outlook.answering
            match answering.verdict if answering else "":
                case "cached" | "read" | "asked" as word:
                    return word
            return "fails"
        if self.stored is None or not self.stored.holds or not self.stored.fits:
            return "not_mine"
        return "fails" if self.stored.error else "stored"


def find(request: Request, env: Mapping[str, str], now: datetime) -> Found:
    """Return what decides the question as of `now`. Whatever is broken is told, not raised.

    Raises:
        ConfigurationError: the environment names no settings file.
    """
    found = Found(request, locate(env))
    try:
        settings = load(found.settings)
    except ConfigurationError as error:
        return found._replace(settings_error=error)
    cache: Cache | None = None
    try:
        cache = open_if_there(env)
    except CacheUnusable as error:
        found = found._replace(cache_error=error)
    try:
        outlook = look_ahead(request, settings=settings, cache=cache, env=env, now=now)
    except CredentialNotFound as error:
        nearest = find_nearest(settings.routes, request.client, request.url) if request.url else None
        return found._replace(error=error, nearest=nearest, stored=_stored(request, env, now))
    except KeywrightError as error:
        return found._replace(error=error)
    entries = [one.entry for one in outlook.prospects if one.entry] if cache else []
    is_pathless = _is_pathless(request, settings, outlook)
    return found._replace(
        outlook=outlook,
        ready={entry: cache.answers.usable(entry, now.timestamp()) for entry in entries} if cache else {},
        is_pathless=is_pathless,
        is_path_told=not is_pathless and _is_path_told(request, env, now),
    )


def _is_pathless(request: Request, settings: Settings, outlook: Outlook) -> bool:
    """Whether git needs not tell its path, which it leaves out unless it is told to."""
    if request.client is not Client.GIT or request.url is None or not request.url.path:
        return True
    try:
        return choice_for(settings, request._replace(url=request.url._replace(path=""))) == outlook.choice
    except CredentialNotFound:
        return False


def _is_path_told(request: Request, env: Mapping[str, str], now: datetime) -> bool:
    """Whether git, run from here, tells its helpers the path of the question."""
    from keywright.manage.doctor.git import tells_path
    from keywright.manage.doctor.scene import Scene, run

    return request.url is not None and tells_path(request.url, Scene(env=env, now=lambda: now, run=run))


def _stored(request: Request, env: Mapping[str, str], now: datetime) -> Stored | None:
    """Return what the vault keeps for the place; its names only where its key lies in a file.

    To open it with a key that somebody holds unlocked would be use of that key, and keep it from being locked.
    """
    place = place_of(request)
    if not place:
        return None
    try:
        vault = open_vault(env)
        document = vault.read()
        if document is None or not document.holds(place):
            return Stored(holds=False)
        from keywright.vault.looking import opens_by_file

        if not opens_by_file(vault, document):
            return Stored(holds=True)
        names = tuple(record.name for record in vault.open(document).find(place))
        return Stored(holds=True, fits=Store(vault).find(request, now) is not None, names=names)
    except (VaultLocked, VaultUnusable, CacheUnusable, Unavailable) as error:
        return Stored(holds=True, error=error)
