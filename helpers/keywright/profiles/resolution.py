"""What is asked of a resolver, and what it answers."""

from typing import NamedTuple, Protocol

from keywright.credential import Credential
from keywright.errors import KeywrightError
from keywright.profiles.mode import Mode
from keywright.profiles.turn import Turn
from keywright.settings.turns import Preference


class ResolutionOptions(NamedTuple):
    """Which of a provider's profiles will do.

    Attributes:
        provider: the provider's name; it counts in lower case.
        preferred: the name of the profile to try first; empty for none.
        preference: the rule that orders the others; None for `Preference.DEFAULT`.
        require_valid: pass over what has expired and cannot be renewed, instead of trying it.
        mode: pass over every other mode; None for any.
        is_forced: try the preferred one whatever its mode, and whatever was decided about it.
    """

    provider: str
    preferred: str = ""
    preference: Preference | None = None
    require_valid: bool = False
    mode: Mode | None = None
    is_forced: bool = False


class Resolution(NamedTuple):
    """A credential and whose it is, or why there is none.

    Attributes:
        provider: the provider's name.
        profile_id: the profile that gave it, `provider:name`; empty if none did.
        credential: what it gave; None if none did.
        mode: how that profile proves who it is; None if none did.
        email: the account's address; empty if it is not known.
        error: why there is no credential; None if there is one.
        attempted: the ids of all profiles that were looked at, in this order, the successful one last.
        is_last_resort: whether the profile should be resting, and all others failed.
        told: one line for the person on why it is this profile and not another; empty where there is nothing to tell.
    """

    provider: str
    profile_id: str = ""
    credential: Credential | None = None
    mode: Mode | None = None
    email: str = ""
    error: KeywrightError | None = None
    attempted: tuple[str, ...] = ()
    is_last_resort: bool = False
    told: str = ""


class Obtained(NamedTuple):
    """What one profile gave; `is_new` says whether its issuer was asked for it just now."""

    credential: Credential
    is_new: bool = False


class Obtain(Protocol):
    """Gets one profile's credential, from wherever this process gets credentials."""

    def __call__(self, turn: Turn, /) -> Obtained:
        """Return what the profile gives; an OAuth grant that has run out is renewed first.

        Raises:
            KeywrightError: it gives nothing, and why.
        """
