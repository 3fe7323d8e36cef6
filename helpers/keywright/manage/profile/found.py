"""Finding the profile that a command names, wherever it is: in the vault, in `config.toml`, or known by itself."""

from collections.abc import Mapping
from datetime import datetime

from keywright.errors import KeywrightError, ProfileNotFound, ProviderNotFound, UsageError
from keywright.profiles.identity import ProfileId
from keywright.profiles.turn import Book, Turn
from keywright.routes import named
from keywright.settings.load import load, locate
from keywright.settings.model import KeptOptions, Profile, Settings


def find(text: str, env: Mapping[str, str], now: datetime, settings: Settings | None = None) -> Turn:
    """Return the profile's turn as of `now`; changes no file. `text` is `provider[:name]`.

    Raises:
        ProfileNotFound: there is none.
        VaultLocked: it may be in the vault, which is locked.
        VaultUnusable: the vault is damaged or cannot be trusted.
        StateUnusable: what was decided about profiles is damaged or cannot be trusted.
        ConfigurationError: the settings are wrong.
    """
    settings = settings or load(locate(env))
    try:
        profile = named(settings, text if text in settings.profiles else str(ProfileId.parse(text)))
    except (ProviderNotFound, UsageError):
        raise not_found(text) from None
    turn = Book(env, only_looks=True).turn(profile, now)
    if isinstance(profile.options, KeptOptions) and turn.kept is None:
        raise not_found(text) if isinstance(turn.obstacle, ProviderNotFound) else _trouble(turn)
    return turn


def parse_known(text: str) -> ProfileId:
    """Return the id in `text`, of a profile that has to be there.

    Raises:
        ProfileNotFound: no profile can have it.
    """
    try:
        return ProfileId.parse(text)
    except UsageError:
        raise not_found(text) from None


def not_found(text: str) -> ProfileNotFound:
    """Return the error that says so."""
    return ProfileNotFound(f"profile not found: {text}", mend="`keywright profile list` shows what there is")


def kept_profile(id_: str) -> Profile:
    """Return what stands for a profile of the vault among those of the settings."""
    return Profile(id=id_, options=KeptOptions())


def _trouble(turn: Turn) -> KeywrightError:
    assert turn.obstacle is not None  # noqa: S101 - why it could not be read
    return turn.obstacle
