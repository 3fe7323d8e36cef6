"""`keywright profile remove`: an account that one has no more, with all that is known of it and cached of it."""

from collections.abc import Callable, Mapping
from contextlib import suppress

from keywright.errors import CacheUnusable, ProviderNotFound, UsageError
from keywright.manage.invalidate import forget
from keywright.manage.profile import written
from keywright.manage.profile.found import not_found
from keywright.manage.profile.told import doing
from keywright.profiles.identity import ProfileId
from keywright.profiles.kept import KeptProfiles
from keywright.profiles.state import ProfileStates
from keywright.settings.load import load, locate
from keywright.settings.model import OPTIONS, Settings


def remove(text: str, env: Mapping[str, str], say: Callable[[str], None]) -> str:
    """Remove the profile; returns its id.

    Raises:
        ProfileNotFound: there is none of that id.
        UsageError: it is written in `config.toml`, and a route or a fallback there names it.
        VaultLocked: it may be in the vault, which is locked.
        VaultUnusable: the vault is damaged, cannot be trusted or cannot be written.
        StateUnusable: what is known of it cannot be read, and nothing was changed; or not be forgotten.
        ConfigurationError: the settings are wrong.
        Unavailable: they cannot be written.
        Busy: others kept the vault or the settings locked for too long.
    """
    settings = load(locate(env))
    with doing("delete profile"):
        id_ = ProfileId.split(text) if text in settings.profiles else _parsed(text)
        ProfileStates(env).decisions(id_.provider)  # what cannot be read now could not be forgotten afterwards
        if str(id_) in settings.profiles:
            written.remove(str(id_), env)
        elif id_.provider in OPTIONS:
            raise _missing(id_)
        else:
            KeptProfiles(env).remove(id_)
            _warn(str(id_), settings, say)
        ProfileStates(env).forget(str(id_))
    try:
        with suppress(ProviderNotFound):  # nothing was cached
            forget(str(id_), env, say)
    except CacheUnusable as error:
        say(f"what is cached of it stays until it expires: {error.line}")
    return str(id_)


def _warn(id_: str, settings: Settings, say: Callable[[str], None]) -> None:
    for route in settings.routes:
        if id_ in route.profiles:
            say(f"a route for {route.url} still names {id_}; mend that in {settings.source}")
    for profile in settings.profiles.values():
        if id_ in profile.fallback:
            say(f"the fallback of {profile.id} still names {id_}; mend that in {settings.source}")


def _parsed(text: str) -> ProfileId:
    try:
        return ProfileId.parse(text)
    except UsageError:
        raise _missing(text) from None


def _missing(id_: object) -> Exception:
    error = not_found("")
    error.what = f"profile {id_} not found"
    return error
