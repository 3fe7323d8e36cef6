"""Kept profiles as JSON: as the vault keeps them, and as `export` and `import` hand them over.

    {"version": 1, "profiles": {"openai:work": {"id": "openai:work", "provider": "openai", "name": "work",
       "mode": "api_key", "enabled": true, "created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:05Z",
       "api_key": {"key": "sk-…"}}}}

A credential by itself, by its mode: `{"key": …}` or `{"key_ref": "vault://NAME"}`; `{"token": …, "expires_at": …}` or
`{"token_ref": …}`; and OAuth's `{"provider", "profile_name", "access_token", "refresh_token", "expires_at", "email",
"client_id", "scopes", "metadata"}`, the first five always, a null `expires_at` being unknown. Instants are RFC 3339.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from keywright.errors import UsageError
from keywright.profiles.identity import ProfileId
from keywright.profiles.instants import instant, parse_instant
from keywright.profiles.mode import Mode
from keywright.profiles.model import ApiKey, AuthProfile, Kept, OAuth, Token
from keywright.secret import Secret

VERSION: Final = 1
_UNSET: Final = "0001-01-01T00:00:00Z"
"""How other programs write an instant that nobody set."""
_REFERENCE: Final = re.compile(r"vault://[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_NAMES: Final = {Mode.API_KEY: "API key", Mode.TOKEN: "token", Mode.OAUTH: "OAuth"}


class NewerDocument(Exception):
    """The document is of another version than this program's."""


def render(profiles: Mapping[str, AuthProfile]) -> str:
    """Return the profiles, by id, as one document; the same profiles are the same bytes."""
    rows = {id_: document_of(profile) for id_, profile in profiles.items()}
    return json.dumps({"version": VERSION, "profiles": rows}, indent=2, sort_keys=True)


def parse(text: str, only: str = "") -> dict[str, AuthProfile]:
    """Return the profiles of a document by id; with `only`, the one of that id, if it is there, and no look at others.

    Raises:
        NewerDocument: it is of another version.
        ValueError: it is damaged; the error quotes nothing of it.
    """
    try:
        document = json.loads(text)
        if document["version"] != VERSION:
            raise NewerDocument
        rows = document["profiles"].items()
        profiles = {id_: _profile(row) for id_, row in rows if not only or id_ == only}
        is_filed = all(id_ == row["id"] for id_, row in rows)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, UsageError) as error:
        raise ValueError(f"damaged profiles ({type(error).__name__})") from None
    if not is_filed or any(id_ != str(profile.id) for id_, profile in profiles.items()):
        raise ValueError("damaged profiles: one is filed under another's id")
    return profiles


def document_of(profile: AuthProfile) -> dict[str, Any]:
    """Return one profile, its secrets included."""
    extra = {
        "priority": profile.priority,
        "username": profile.username,
        "hosts": list(profile.hosts),
        "fallback": list(profile.fallback),
    }
    return {
        "id": str(profile.id),
        "provider": profile.id.provider,
        "name": profile.id.name,
        "mode": profile.mode.value,
        "enabled": profile.enabled,
        "created_at": instant(profile.created_at),
        "updated_at": instant(profile.updated_at),
        **{key: value for key, value in extra.items() if value},
        profile.mode.value: credential_document(profile),
    }


def credential_document(profile: AuthProfile) -> dict[str, Any]:
    """Return what the profile holds, in its mode's shape."""
    match profile.credential:
        case ApiKey(key, key_ref):
            return _without_empty({"key": _text(key), "key_ref": key_ref})
        case Token(token, token_ref, expires_at):
            until = None if expires_at is None else instant(expires_at)
            return _without_empty({"token": _text(token), "token_ref": token_ref, "expires_at": until})
        case OAuth() as grant:
            optional = {
                "email": grant.email,
                "client_id": grant.client_id,
                "scopes": list(grant.scopes),
                "metadata": {name: value.reveal() for name, value in grant.metadata.items()},
            }
            return {
                "provider": profile.id.provider,
                "profile_name": profile.id.name,
                "access_token": grant.access_token.reveal(),
                "refresh_token": _text(grant.refresh_token),
                "expires_at": None if grant.expires_at is None else instant(grant.expires_at),
                **_without_empty(optional),
            }


def parse_credential(mode: str, data: object) -> Kept:
    """Return the credential in `data`, which has the shape of its mode.

    Raises:
        UsageError: there is no such mode, or `data` is of another shape, or holds no secret; nothing of it is quoted.
    """
    if mode not in _NAMES:
        raise UsageError(f"unsupported mode: {mode}" if mode.isprintable() else "unsupported mode")
    kind = Mode(mode)
    try:
        return _credential(kind, data)
    except _Wrong as wrong:
        raise UsageError(f"invalid {_NAMES[kind]} data: {wrong}") from None


class _Wrong(Exception):
    """What is wrong with a credential's data."""


def _profile(row: Mapping[str, Any]) -> AuthProfile:
    mode = str(row["mode"])
    if not isinstance(row["enabled"], bool) or type(row.get("priority", 0)) is not int:
        raise TypeError
    return AuthProfile(
        id=ProfileId.make(row["provider"], row["name"]),
        credential=parse_credential(mode, row[mode]),
        created_at=parse_instant(row["created_at"]),
        updated_at=parse_instant(row["updated_at"]),
        priority=row.get("priority", 0),
        enabled=row["enabled"],
        username=str(row.get("username", "")),
        hosts=tuple(map(str, row.get("hosts", ()))),
        fallback=tuple(map(str, row.get("fallback", ()))),
    )


def _credential(mode: Mode, data: object) -> Kept:
    if not isinstance(data, dict):
        raise _Wrong("it is no JSON object")
    if mode is Mode.API_KEY:
        _only(data, "key", "key_ref")
        key, reference = _either(data, "key", "key_ref")
        return ApiKey(key, reference)
    if mode is Mode.TOKEN:
        _only(data, "token", "token_ref", "expires_at")
        token, reference = _either(data, "token", "token_ref")
        return Token(token, reference, _until(data))
    _only(
        data,
        *("provider", "profile_name", "access_token", "refresh_token", "expires_at"),
        *("email", "client_id", "scopes", "metadata"),
    )
    access, refresh = _string(data, "access_token"), _string(data, "refresh_token")
    if not access and not refresh:
        raise _Wrong("it holds no token")
    scopes, metadata = data.get("scopes") or [], data.get("metadata") or {}
    if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
        raise _Wrong("`scopes` is no list of texts")
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise _Wrong("`metadata` is no object of texts")
    return OAuth(
        access_token=Secret(access),
        refresh_token=Secret(refresh) if refresh else None,
        expires_at=_until(data),
        email=_string(data, "email"),
        client_id=_string(data, "client_id"),
        scopes=tuple(scopes),
        metadata={str(name): Secret(value) for name, value in metadata.items()},
    )


def _only(data: Mapping[str, object], *known: str) -> None:
    if data.keys() - set(known):
        raise _Wrong(f"it holds other things than {', '.join(known)}")


def _either(data: Mapping[str, object], name: str, reference_name: str) -> tuple[Secret | None, str]:
    value, reference = _string(data, name), _string(data, reference_name)
    if not value and not reference:
        raise _Wrong(f"`{name}` and `{reference_name}` are empty")
    if reference and not _REFERENCE.fullmatch(reference):
        raise _Wrong(f"`{reference_name}` is not vault://NAME")
    return (Secret(value) if value else None), reference


def _string(data: Mapping[str, object], name: str) -> str:
    value = data.get(name)
    if value is not None and not isinstance(value, str):
        raise _Wrong(f"`{name}` is no text")
    return value or ""


def _until(data: Mapping[str, object]) -> datetime | None:
    text = _string(data, "expires_at")
    try:
        return None if text in {"", _UNSET} else parse_instant(text)
    except (ValueError, OverflowError):
        raise _Wrong("`expires_at` is no RFC 3339 instant such as 2026-01-02T03:04:05Z") from None


def _text(secret: Secret | None) -> str:
    return secret.reveal() if secret else ""


def _without_empty(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value}
