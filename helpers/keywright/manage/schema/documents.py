"""Every document there is, by its name: the words of the command that prints it, joined by `-`."""

from typing import Final

from keywright.errors import UsageError
from keywright.manage.schema import diagnosis, profiles
from keywright.manage.schema.profiles import FAILURE, FAILURES, REASON, VERSION, document
from keywright.manage.schema.words import Schema, each, flag, instant, maybe, one_of, record, text, whole

_TURN: Final = record(
    {
        "enabled": flag(),
        "is_revoked": flag(),
        "cooldown_until": maybe(instant()),
        "disabled_until": maybe(instant()),
        "disabled_reason": maybe(REASON),
    },
    what="What keeps a profile from its turn.",
)
_CREDENTIAL: Final = record(
    {
        "profile": text("`provider:name`; empty for one that nobody has any more."),
        "provider": text(),
        "for": text("The URL, host, cluster or role it is for."),
        "clients": each(text(), "Who has asked for it: docker, git, keywright, kube."),
        "state": one_of(
            ("fresh", "stale", "expired", "none", "static", "kept"),
            "`none`: nothing is cached; `static`: it is read where it lies; `kept`: it lies in the vault.",
        ),
        "turn": _TURN,
        "issued_at": maybe(instant()),
        "renew_at": maybe(instant("From when on it is renewed.")),
        "refuse_at": maybe(instant("From when on it is not handed out.")),
        "expires_at": maybe(instant()),
        "expires_in_s": maybe(whole("In seconds; below zero once it is over.")),
        "last_error": maybe(
            record(
                {
                    "code": FAILURES,
                    "what": text(),
                    "mend": text("What one can do about it; empty where one has to wait."),
                    "attempts": whole(at_least=1),
                    "retry_in_s": whole("In seconds.", at_least=0),
                }
            )
        ),
    }
)
_PLACE: Final = {"profile": text(), "for": text("The URL, host, cluster or role.")}

DOCUMENTS: Final[dict[str, Schema]] = {
    "status": document({"credentials": each(_CREDENTIAL)}),
    "cache-stats": document(
        {"total_entries": whole(at_least=0), "valid": whole(at_least=0), "expired": whole(at_least=0)}
    ),
    "classify": document({"reason": REASON}),
    "refresh": document(
        {
            "renewed": each(record(_PLACE | {"expires_at": maybe(instant())})),
            "failed": each(record(_PLACE | {"code": FAILURES, "what": text(), "mend": text()})),
        }
    ),
    "vault-status": document(
        {
            "path": text(),
            "key": maybe(one_of(("file", "passphrase", "keyring"), "What the vault's key is wrapped with.")),
            "state": one_of(("none", "locked", "unlocked")),
            "why": maybe(text("Why it is locked.")),
            "locks_in_s": maybe(whole("Whole seconds.")),
            "locks_idle_in_s": maybe(whole("Whole seconds, unless it is used.")),
            "records": maybe(whole(at_least=0)),
        }
    ),
    "vault-list": document(
        {"records": each(record({"name": text(), "place": text("Where it belongs; empty for your own secrets.")}))}
    ),
    "failure": FAILURE,
    **diagnosis.DOCUMENTS,
    **profiles.DOCUMENTS,
}

ALIASES: Final = {
    "profile-delete": "profile-remove",
    "profile-providers": "provider-list",
    "profile-set-priority": "profile-priority",
    "profile-status": "profile-show",
}
"""Commands that are the same as another one."""


def schema_of(name: str) -> Schema:
    """Return the JSON Schema of the documents of a command, named as `profile-list`.

    Raises:
        UsageError: there are none of that name.
    """
    found = DOCUMENTS.get(ALIASES.get(name, name))
    if found is None:
        raise UsageError(f"there is no document `{name}`", mend="`keywright schema` lists them")
    own = ALIASES.get(name, name)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:keywright:schema:{own}:{VERSION}",
        "title": "A command that failed" if own == "failure" else f"keywright {own.replace('-', ' ', 1)} --json",
        **found,
    }
