"""Putting a new profile in its place: into the vault, or into `config.toml`; one of which nothing is known yet."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from keywright.cache.open import open_cache
from keywright.errors import CacheUnusable, UsageError
from keywright.manage.invalidate import forget_failures
from keywright.manage.profile import written
from keywright.manage.profile.told import doing
from keywright.profiles.catalog import Catalog
from keywright.profiles.document import parse_credential
from keywright.profiles.identity import ProfileId
from keywright.profiles.kept import KeptProfiles
from keywright.profiles.mode import Mode
from keywright.profiles.model import AuthProfile, Kept, OAuth
from keywright.profiles.state import ProfileStates

WRITTEN: Final = (Mode.MINTED, Mode.STATIC)
"""The modes of the profiles that are written in `config.toml`."""
MASK: Final = "***"
"""What stands for a secret in an export that reveals none."""


def supported(catalog: Catalog, id_: str, mode: str | None) -> Mode:
    """Return the mode, if the id's provider has it; of None the one that is meant.

    Raises:
        ProfileNotFound: there is no such provider.
        UsageError: it has no such mode.
    """
    provider = catalog.get(id_.partition(":")[0])
    if mode is None and provider.modes:
        return Mode.API_KEY if Mode.API_KEY in provider.modes else provider.modes[0]
    if mode not in provider.modes:
        has = f"it has {', '.join(provider.modes)}" if provider.modes else ""
        raise UsageError(f"provider {provider.name} does not support mode: {mode}", mend=has)
    return Mode(mode)


def keep(profile: AuthProfile, priority: int | None, env: Mapping[str, str], *, is_forced: bool) -> None:
    """Put a profile into the vault, as one of which nothing is known yet.

    Where it takes another's place and does not say otherwise, it is for the same hosts and has the same user name,
    fallback and, without a `priority`, priority: a new token is not to go where the old one must not.

    Raises:
        UsageError: there is one of that name, and `is_forced` does not say to replace it.
        VaultLocked: the vault is locked; nothing was changed, as below.
        VaultUnusable: the vault is damaged, cannot be trusted or cannot be written.
        Busy: other processes kept the vault locked for too long.
        StateUnusable: what is known of profiles cannot be written; the profile was put.
    """
    id_ = str(profile.id)
    with doing("save profile"), KeptProfiles(env).editing(profile.id.provider) as profiles:
        if id_ in profiles and not is_forced:
            raise written.exists(id_)
        profiles[id_] = _in_place_of(profiles.get(id_), profile, priority)
    ProfileStates(env).forget(id_)
    with suppress(CacheUnusable):  # what failed before is no reason not to ask for the new one
        forget_failures(id_, open_cache(env))


def write(
    id_: ProfileId, table: Mapping[str, Any], env: Mapping[str, str], *, is_forced: bool, is_disabled: bool = False
) -> None:
    """Put a profile into `config.toml`, as one of which nothing is known yet.

    Raises:
        UsageError: there is one of that name, and `is_forced` does not say to replace it.
        ConfigurationError: the settings, or what was to be written there, are wrong; nothing was changed, as below.
        Unavailable: they cannot be written.
        Busy: others kept them locked for too long.
        StateUnusable: what is known of profiles cannot be written; the profile was put.
    """
    written.put(id_, table, env, is_forced=is_forced)
    states = ProfileStates(env)
    with states.changing(id_.provider) as draft:
        draft.decided.pop(str(id_), None)
        draft.used.pop(str(id_), None)
        draft.last_good = "" if draft.last_good == str(id_) else draft.last_good
    if is_disabled:
        states.decide(str(id_), "", lambda decided: decided._replace(enabled=False))


def _in_place_of(old: AuthProfile | None, profile: AuthProfile, priority: int | None) -> AuthProfile:
    if old is None:
        return profile._replace(priority=priority or 0)
    return profile._replace(
        priority=old.priority if priority is None else priority,
        username=profile.username or old.username,
        hosts=profile.hosts or old.hosts,
        fallback=profile.fallback or old.fallback,
    )


def credential_of(mode: str, text: str | bytes) -> Kept:
    """Return the credential in a JSON text of its mode's shape.

    Raises:
        UsageError: there is no such mode, or the text has another shape, holds no secret, a masked one, or one that no
            client could be handed.
    """
    data = parsed(text)
    credential = parse_credential(mode, data)
    if isinstance(data, dict) and MASK in [*data.values(), *(data.get("metadata") or {}).values()]:
        raise UsageError("its secrets are masked", mend="`keywright profile export --reveal` writes them")
    return one_line_secret(credential)


def one_line_secret(credential: Kept) -> Kept:
    """Return the credential, if every client could be handed its secret; nobody finds out from a later failure.

    Raises:
        UsageError: it is blank, or has control characters, such as a line break within.
    """
    secret = credential.access_token if isinstance(credential, OAuth) else credential[0]
    text = secret.reveal() if secret else ""
    if text and (not text.strip() or not text.isprintable()):
        raise UsageError("the secret is blank, or is no single line of printable characters", mend="nothing was kept")
    return credential


def parsed(text: str | bytes) -> object:
    """Return what a text of JSON says; None, which is no credential, if it is none."""
    try:
        data: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return data
