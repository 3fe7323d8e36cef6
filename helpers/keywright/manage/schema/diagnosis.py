"""The documents of `keywright why` and `keywright doctor`."""

from typing import Final, get_args

from keywright.manage.doctor.finding import Area, Severity
from keywright.manage.schema.profiles import FAILURES, document
from keywright.manage.schema.words import Schema, each, flag, instant, maybe, one_of, record, text, whole
from keywright.manage.why.found import Outcome
from keywright.outlook import Verdict
from keywright.request import Client
from keywright.settings.turns import Preference
from keywright.tracing.facts import How, State, Why

_FAILED: Final = {"code": FAILURES, "what": text(), "mend": text("What one can do about it; empty where nothing is.")}
_ERROR: Final = maybe(record(_FAILED))
_PROFILE: Final = record(
    {
        "profile": text("`provider:name`."),
        "is_fallback": flag("Whether it stands in for one before it."),
        "priority": whole("Higher is tried first."),
        "rests_until": maybe(instant("Until when it is tried last.")),
        "verdict": one_of(get_args(Verdict), "What would come of it."),
        "error": _ERROR,
        "state": maybe(one_of(get_args(State), "What is cached for it.")),
        "why": maybe(one_of(get_args(Why), "Why what is cached would not be served.")),
        "renew_at": maybe(instant()),
        "refuse_at": maybe(instant()),
        "expires_at": maybe(instant()),
        "ready_answers": each(text(), "The questions, in words, that cost no more than a look."),
        "last_failure": maybe(
            record(
                {
                    **_FAILED,
                    "attempts": whole(at_least=1),
                    "failed_at": instant(),
                    "retry_at": maybe(instant("Until when its issuer is left alone.")),
                }
            )
        ),
    }
)
_WHY: Final = document(
    {
        "client": one_of([client.value for client in Client]),
        "asked": text(),
        "outcome": one_of(get_args(Outcome)),
        "answers": maybe(text("The profile that would answer.")),
        "mend": maybe(text("What one can do to get another outcome.")),
        "error": _ERROR,
        "settings": text("The settings' file."),
        "cache_error": _ERROR,
        "route": maybe(text("The route that covers it.")),
        "how": one_of(get_args(How), "What names the profiles."),
        "prefer": maybe(one_of([preference.value for preference in Preference])),
        "needs_path": flag("Whether git has to tell its path to get this."),
        "profiles": each(_PROFILE, "In the order in which they would be tried."),
        "stored": maybe(
            record({"holds": flag(), "names": maybe(each(text())), "error": _ERROR}, what="What the vault has for it.")
        ),
        "nearest": maybe(
            record({"url": text(), "profiles": each(text()), "differs": each(text())}, what="A route that nearly does.")
        ),
    }
)
_DOCTOR: Final = document(
    {
        "is_well": flag("Whether no error was found; the exit code says so too."),
        "findings": each(
            record(
                {
                    "area": one_of([area.value for area in Area]),
                    "id": text("Its stable name, such as `folder-loose`."),
                    "severity": one_of([severity.value for severity in Severity]),
                    "what": text(),
                    "mend": maybe(text("The command, or the few words, that mend it.")),
                }
            )
        ),
    }
)

DOCUMENTS: Final[dict[str, Schema]] = {
    "doctor": _DOCTOR,
    **dict.fromkeys(("why-docker", "why-git", "why-kube", "why-token"), _WHY),
}
