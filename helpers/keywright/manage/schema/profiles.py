"""The documents of `keywright profile`, `provider` and `resolve`."""

from collections.abc import Mapping
from typing import Final, get_type_hints

from keywright.errors import ERRORS
from keywright.manage.schema.words import (
    Schema,
    always,
    by_name,
    each,
    flag,
    instant,
    maybe,
    one_of,
    record,
    text,
    whole,
)
from keywright.profiles.mode import Mode
from keywright.profiles.reason import FailureReason
from keywright.settings.model import OPTIONS, StaticOptions

VERSION: Final = 1
MODE: Final = one_of(Mode, "How it proves who it is.")
REASON: Final = one_of(FailureReason)
FAILURES: Final[Schema] = {
    "description": "What failed, in a word that stays the same whatever the message. Each has one exit code.",
    "oneOf": [
        {"const": code, "description": f"exit code {kind.exit_code}: {(kind.__doc__ or '').partition(chr(10))[0]}"}
        for code, kind in ERRORS.items()
    ],
}


def document(fields: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None, what: str = "") -> Schema:
    """Return the schema of one document: it carries its version."""
    return record({"schema": always(VERSION), **fields}, optional or {}, what)


FAILURE: Final = document(
    {"success": always(value=False), "error": text("What failed, without how to mend it."), "code": FAILURES},
    what="Printed instead where the command fails; standard error has its one line, and the exit code says so too.",
)


def or_failure(schema: Schema) -> Schema:
    """Return the schema of the document, or of the one that tells of a failure."""
    return {"oneOf": [schema, FAILURE]}


def done(fields: Mapping[str, Schema] | None = None, optional: Mapping[str, Schema] | None = None) -> Schema:
    """Return the schema of what tells that something was done to a profile."""
    told = {"success": always(value=True), "profile_id": text("`provider:name`.")}
    return or_failure(document({**told, **(fields or {})}, optional))


def _options(*, is_static: bool) -> Schema:
    """Return the schema of a profile's table in `config.toml`, of whichever provider."""
    kinds = {str: text(), int: whole(), int | None: whole(), tuple[str, ...]: each(text())}
    fields = {
        name: kinds.get(hint, by_name(text()))
        for options in OPTIONS.values()
        if (options is StaticOptions) is is_static
        for name, hint in get_type_hints(options).items()
    }
    return record({}, fields)


_HELD: Final = {
    Mode.API_KEY.value: record({"has_secret": flag(), "key_ref": text()}),
    Mode.TOKEN.value: record({"has_secret": flag(), "token_ref": text(), "expires_at": maybe(instant())}),
    Mode.OAUTH.value: record(
        {
            "has_secret": flag(),
            "has_refresh_token": flag(),
            "expires_at": maybe(instant()),
            "client_id": text(),
            "scopes": each(text()),
        }
    ),
    Mode.MINTED.value: _options(is_static=False),
    Mode.STATIC.value: _options(is_static=True),
}
_IDENTITY: Final = {
    "id": text("`provider:name`."),
    "provider": text(),
    "name": text(),
    "mode": MODE,
    "enabled": flag(),
    "valid": flag("Whether it is enabled and holds something good; a profile that rests may be."),
    "expired": flag("Whether what it holds has expired; what is minted is renewed by itself."),
    "email": text("Its account, for people; empty if nobody knows."),
    "priority": whole("Higher is tried first."),
}
_ROW: Final = record(
    _IDENTITY,
    {"last_used_at": instant(), "last_error": text(), "cooldown_until": instant(), "disabled_until": instant()},
)
_SHOWN: Final = document(
    _IDENTITY
    | {
        "is_revoked": flag("Whether its issuer took the grant back."),
        "created_at": maybe(instant()),
        "updated_at": maybe(instant()),
        "last_used_at": maybe(instant()),
        "last_error": text(),
        "last_error_at": maybe(instant()),
        "username": text(),
        "hosts": each(text(), "The only hosts its secret may be sent to; empty for its provider's."),
        "fallback": each(text(), "The profiles that may stand in for it."),
        "usage_stats": record(
            {
                "last_used": maybe(instant()),
                "cooldown_until": maybe(instant()),
                "disabled_until": maybe(instant()),
                "disabled_reason": one_of([*FailureReason, ""]),
                "error_count": whole(at_least=0),
                "failure_counts": by_name(whole(at_least=0), FailureReason),
                "last_failure_at": maybe(instant()),
            }
        ),
        "unusable_until": maybe(instant()),
        "last_good": flag("Whether it served last at its provider."),
    },
    _HELD,
)
_VERDICT: Final = document(
    {
        "success": always(value=True),
        "valid": flag(),
        "expired": flag(),
        "email": text(),
        "error": text("What is wrong, or what went wrong last; empty if nothing did."),
        "expires_in": maybe(whole("In seconds; below zero once it is over.")),
    }
)
_LOGGED_IN: Final = done(
    {"scopes": each(text()), "expires_at": maybe(instant()), "is_renewable": flag()}, {"email": text()}
)
_EXPORTED: Final = done({"mode": MODE}, {"data": {"type": "object"}, "file": text("The file that holds the data.")})

_SUMMARY: Final = {
    "name": text(),
    "label": text("Its name for people."),
    "description": text(),
    "modes": each(MODE, "The preferred one first."),
    "env_key": text("The environment variable that its tools read; empty for none."),
    "website": text(),
}
_ENDPOINT: Final = record(
    {},
    {
        **dict.fromkeys(("auth_url", "token_url", "device_url", "revocation_url", "issuer", "client_id"), text()),
        "scopes": each(text()),
        "parameters": by_name(text()),
    },
)
_PROVIDER: Final = document(
    {"name": text(), "label": text()},
    {
        **_SUMMARY,
        "scopes": each(text()),
        "oauth_endpoint": _ENDPOINT,
        "parent_provider": text(),
        "hosts": each(text()),
        "headers": each(text()),
        "username": text(),
        "validate": text("The question that tells a good secret: `GET https://…`."),
        "cooldown_bypass": flag(),
        "file": text("The file that describes it, where it is one of your own."),
    },
)

_RESOLVED: Final = {
    "profile": maybe(text("The one that gave the credential.")),
    "provider": text(),
    "mode": maybe(MODE),
    "email": text(),
    "expires_at": maybe(instant()),
    "attempted": each(text(), "The profiles that were looked at, the one that served last."),
    "last_resort": flag("Whether it should be resting, and all others failed."),
    "error": maybe(text("Why there is no credential.")),
}
_REVEALED: Final = {"credential": maybe(text("The secret; with --reveal alone."))}

DOCUMENTS: Final[dict[str, Schema]] = {
    "profile-list": or_failure(document({"profiles": each(_ROW), "total": whole(at_least=0)})),
    "profile-show": or_failure(_SHOWN),
    "profile-test": or_failure(_VERDICT),
    "profile-add": done(),
    "profile-import": done(),
    "profile-export": _EXPORTED,
    "profile-login": _LOGGED_IN,
    "profile-logout": done({"is_revoked": flag("Whether its issuer took the grant back.")}),
    "profile-enable": done({"enabled": always(value=True)}),
    "profile-disable": done({"enabled": always(value=False)}),
    "profile-priority": done({"priority": whole()}),
    "profile-remove": done(),
    "profile-report-failure": done({"reason": REASON, "unusable_until": maybe(instant())}),
    "profile-report-success": done(),
    "provider-list": or_failure(document({"providers": each(record(_SUMMARY))})),
    "provider-show": or_failure(_PROVIDER),
    "provider-scopes": or_failure(document({"provider": text(), "service": text(), "scopes": each(text())})),
    "provider-add": or_failure(document({"success": always(value=True), "file": text()})),
    "resolve": {
        "oneOf": [
            document(_RESOLVED, _REVEALED),
            document({"results": each(record(_RESOLVED, _REVEALED), "With --all: one for each provider.")}),
        ]
    },
}
