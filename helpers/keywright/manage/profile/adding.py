"""`keywright profile add`: a new account, kept in the vault or written in `config.toml`."""

from collections.abc import Mapping
from datetime import datetime

from keywright.errors import UsageError
from keywright.manage.profile import written
from keywright.manage.profile.asked import credential_for
from keywright.manage.profile.saving import WRITTEN, keep, supported, write
from keywright.manage.profile.told import doing
from keywright.manage.profile.wish import Wish
from keywright.manage.terminal import Asking, tell_person
from keywright.profiles.custom import load_catalog, locate
from keywright.profiles.identity import DEFAULT, ProfileId
from keywright.profiles.kept import KeptProfiles
from keywright.profiles.model import AuthProfile
from keywright.request import parse_host
from keywright.vault.vault import open_vault


def add(wish: Wish, env: Mapping[str, str], now: datetime, asking: Asking) -> ProfileId:
    """Add the profile; returns its id.

    Raises:
        ProfileNotFound: there is no such provider.
        UsageError: the provider has no such mode, the secret is missing, or something else in the wish is wrong.
        VaultLocked: the vault is locked; nothing was added, as below.
        VaultUnusable: the vault is damaged, cannot be trusted or cannot be written.
        StateUnusable: what is known of profiles cannot be read, and nothing was added; or not be written.
        ConfigurationError: the settings, or what was to be written there, are wrong.
    """
    catalog = load_catalog(locate(env))
    mode = supported(catalog, wish.id, wish.mode)
    id_ = ProfileId.parse(wish.id)
    fallback = tuple(dict.fromkeys(str(ProfileId.parse(text)) for text in wish.fallback))
    if str(id_) in fallback:
        raise UsageError("a profile cannot stand in for itself")
    if mode in WRITTEN:
        _write(id_, wish, fallback, env)
    else:
        if wish.options:
            raise UsageError(f"`--set` is for profiles of config.toml, not for mode {mode}")
        if not wish.username.isprintable():
            raise UsageError("a user name has no control characters")
        hosts = tuple(dict.fromkeys(_host(text) for text in wish.hosts))
        _stop_if_there(id_, env, asking, is_forced=wish.is_forced)
        keep(
            AuthProfile(
                id=id_,
                credential=credential_for(id_, mode, wish, asking),
                created_at=now,
                updated_at=now,
                enabled=not wish.is_disabled,
                username=wish.username,
                hosts=hosts,
                fallback=fallback,
            ),
            wish.priority,
            env,
            is_forced=wish.is_forced,
        )
    if id_.name == DEFAULT and asking.is_on_terminal:
        others = " or ".join(f"{id_.provider}:{name}" for name in catalog.suggested_names(id_.provider)[1:])
        tell_person(f"the next account there may be {others}")
    return id_


def _write(id_: ProfileId, wish: Wish, fallback: tuple[str, ...], env: Mapping[str, str]) -> None:
    if wish.hosts or wish.key_ref or wish.expires_at or wish.username:
        raise UsageError(f"what {id_} is for is said with `--set key=value`, in the words of config.toml")
    table = written.parse_options(id_.provider, wish.options)
    if wish.priority is not None:
        table["priority"] = wish.priority
    if fallback:
        table["fallback"] = list(fallback)
    write(id_, table, env, is_forced=wish.is_forced, is_disabled=wish.is_disabled)


def _stop_if_there(id_: ProfileId, env: Mapping[str, str], asking: Asking, *, is_forced: bool) -> None:
    """Stop before anybody types a secret for nothing."""
    if asking.is_on_terminal:
        with doing("save profile"):
            open_vault(env).open()
    if not is_forced and KeptProfiles(env).get(id_) is not None:
        raise written.exists(id_)


def _host(text: str) -> str:
    host = parse_host(text, "https")
    if host is None:
        raise UsageError("a host is written as api.example.com, or with a port as registry.example:5000")
    return host
