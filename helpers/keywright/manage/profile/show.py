"""`keywright profile show`: all that is known of one account, and no secret.

    $ keywright profile show openai:work
    id              openai:work
    mode            api_key
    enabled         yes
    …
    cooldown_until  2026-01-02T03:04:35Z

With `--json` the fields of the profile, what it holds under its mode's name, and `usage_stats`.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from keywright.log import one_line
from keywright.manage.profile.found import find
from keywright.manage.profile.listing import is_expired, is_valid
from keywright.manage.profile.told import document, when
from keywright.profiles.cooldown import unusable_until
from keywright.profiles.model import ApiKey, Kept, OAuth, Token
from keywright.profiles.state import ProfileStates
from keywright.profiles.turn import Turn
from keywright.settings.model import Profile


def show(text: str, env: Mapping[str, str], now: datetime, *, as_json: bool) -> str:
    """Return the lines, or the JSON document, of one profile; no file is changed.

    Raises:
        ProfileNotFound: there is none of that id.
        VaultLocked: it may be in the vault, which is locked.
        VaultUnusable: the vault is damaged or cannot be trusted.
        StateUnusable: what was decided about profiles is damaged or cannot be trusted.
        ConfigurationError: the settings are wrong.
    """
    turn = find(text, env, now)
    last_good = ProfileStates(env).usage(turn.profile.provider).last_good
    facts = _facts(turn, now) | {"last_good": last_good == turn.profile.id}
    if as_json:
        return document(**facts)
    rows = [(key, _words(value)) for key, value in _flat(facts) if value not in (None, "", [], {})]
    width = max(len(key) for key, _ in rows)
    return "\n".join(one_line(f"{key:<{width}}  {words}") for key, words in rows)


def _facts(turn: Turn, now: datetime) -> dict[str, Any]:
    kept, profile, mode = turn.kept, turn.profile, turn.candidate.mode
    standing = turn.standing
    return {
        "id": profile.id,
        "provider": profile.provider,
        "name": turn.candidate.name,
        "mode": mode.value,
        "priority": turn.candidate.priority,
        "enabled": turn.is_enabled,
        "valid": is_valid(turn, now),
        "expired": is_expired(turn, now),
        "is_revoked": turn.decided.is_revoked,
        "created_at": when(kept.created_at) if kept else None,
        "updated_at": when(kept.updated_at) if kept else None,
        "last_used_at": when(turn.used.last_used),
        "last_error": turn.used.last_error,
        "last_error_at": when(turn.used.last_error_at),
        "email": kept.email if kept else "",
        "username": kept.username if kept else "",
        "hosts": list(kept.hosts) if kept else [],
        "fallback": list(kept.fallback if kept else profile.fallback),
        mode.value: _held(kept.credential) if kept else _options(profile),
        "usage_stats": {
            "last_used": when(turn.used.last_used),
            "cooldown_until": when(standing.cooldown_until),
            "disabled_until": when(standing.disabled_until),
            "disabled_reason": standing.disabled_reason or "",
            "error_count": standing.error_count,
            "failure_counts": dict(sorted(standing.failure_counts.items())),
            "last_failure_at": when(standing.last_failure_at),
        },
        "unusable_until": when(turn.until or unusable_until(standing, now)),
    }


def _held(credential: Kept) -> dict[str, object]:
    match credential:
        case ApiKey(key, key_ref):
            return {"has_secret": bool(key), "key_ref": key_ref}
        case Token(token, token_ref, expires_at):
            return {"has_secret": bool(token), "token_ref": token_ref, "expires_at": when(expires_at)}
        case OAuth() as grant:
            return {
                "has_secret": bool(grant.access_token),
                "has_refresh_token": bool(grant.refresh_token),
                "expires_at": when(grant.expires_at),
                "client_id": grant.client_id,
                "scopes": list(grant.scopes),
            }


def _options(profile: Profile) -> dict[str, object]:
    """Return what `config.toml` says of it: where its secret is, and never the secret."""
    plain = {key: dict(value) if isinstance(value, Mapping) else value for key, value in _given(profile)}
    return {key: list(value) if isinstance(value, tuple) else value for key, value in plain.items()}


def _given(profile: Profile) -> Iterator[tuple[str, object]]:
    for key, value in profile.options._asdict().items():
        if value not in (None, "", (), {}):
            yield key, value


def _flat(facts: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for key, value in facts.items():
        if isinstance(value, Mapping) and key != "failure_counts":
            yield from _flat(value)
        else:
            yield key, value


def _words(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(str, value))
        case Mapping():
            return ", ".join(f"{key} {count}" for key, count in value.items())
        case _:
            return str(value)
