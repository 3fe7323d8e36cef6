"""`keywright why`: how it is told.

    $ keywright why git https://github.com/acme/app
    asked    git https://github.com/acme/app
    route    https://github.com/acme, in /home/me/.config/keywright/config.toml
    1        github-app:acme: fresh until 2026-01-02T04:04:05Z (48m 12s); its next question is a hit
    2        github-app:spare: stands in for the ones before it; its issuer would be asked
    outcome  github-app:acme answers, from the cache

With `--json` the same facts; instants are RFC 3339 in UTC, what there is not is null.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from shlex import quote
from typing import Any, Final

from keywright.cache.failures import Failure
from keywright.errors import CredentialNotFound, KeywrightError
from keywright.log import one_line
from keywright.manage.span import left, span
from keywright.manage.why.found import Found
from keywright.outlook import Outlook, Prospect
from keywright.ready import in_words
from keywright.request import Client, Request

SCHEMA: Final = 1
_WHY: Final = {
    "too_little_left": "too little of it is left",
    "input_changed": "a file that decided it has changed since",
    "clock_set_back": "the clock was set back since",
    "no_expiry": "nobody knows when it expires, so that it served once",
}
_HOW: Final = {
    "named": "none is needed: the profile is named",
    "command_line": "none is needed: its settings are on the command line",
    "well_known": "none is needed: the host is well known",
}


def as_lines(found: Found, now: datetime) -> str:
    """Return the lines for a person."""
    rows = list(_rows(found, now))
    width = max(len(head) for head, _ in rows)
    return "\n".join(one_line(f"{head:<{width}}  {words}") for head, words in rows)


def as_json(found: Found) -> str:
    """Return the JSON document."""
    outlook = found.outlook
    answering = outlook.answering if outlook else None
    facts = {
        "schema": SCHEMA,
        "client": found.request.client.value,
        "asked": _asked(found.request),
        "outcome": found.outcome,
        "answers": answering.turn.profile.id if answering else None,
        "mend": _mend(found) or None,
        "error": _error(found.settings_error or found.error),
        "settings": found.settings,
        "cache_error": _error(found.cache_error),
        "route": str(outlook.choice.route.url) if outlook and outlook.choice.route else None,
        "how": outlook.choice.how if outlook else "none",
        "prefer": outlook.choice.prefer.value if outlook and outlook.choice.prefer else None,
        "needs_path": not found.is_pathless,
        "profiles": [_profile(one, found) for one in outlook.prospects] if outlook else [],
        "stored": {
            "holds": found.stored.holds,
            "names": list(found.stored.names) if found.stored.names is not None else None,
            "error": _error(found.stored.error),
        }
        if found.stored
        else None,
        "nearest": {
            "url": str(found.nearest.route.url),
            "profiles": list(found.nearest.route.profiles),
            "differs": list(found.nearest.differs),
        }
        if found.nearest
        else None,
    }
    return json.dumps(facts, indent=2)


def _rows(found: Found, now: datetime) -> Iterator[tuple[str, str]]:
    outlook = found.outlook
    yield "asked", f"{found.request.client.value} {_asked(found.request)}"
    if found.settings_error is not None:
        yield "settings", found.settings_error.line
    if found.cache_error is not None:
        yield "cache", f"it is not used: {found.cache_error.line}"
    if outlook is not None:
        route = outlook.choice.route
        yield "route", f"{route.url}, in {found.settings}" if route else _HOW[outlook.choice.how]
        if outlook.choice.prefer is not None and len(outlook.choice.profiles) > 1:
            yield "prefer", outlook.choice.prefer.value
        for position, one in enumerate(outlook.prospects, start=1):
            yield str(position), _words(one, outlook, found, now)
    elif found.settings_error is None and isinstance(found.error, CredentialNotFound):
        yield "route", f"{found.error.what}, in {found.settings}"
        yield from _near(found)
    yield "outcome", _outcome(found)
    if mend := _mend(found):
        yield "mend", mend


def _near(found: Found) -> Iterator[tuple[str, str]]:
    if found.nearest is not None:
        (route, parts), verb = found.nearest, "differs" if len(found.nearest.differs) == 1 else "differ"
        yield "nearest", f"{route.url} ({', '.join(route.profiles)}): its {' and '.join(parts)} {verb}"
    stored = found.stored
    if stored is not None and stored.holds:
        if stored.error is not None:
            yield "vault", f"there is something for this place: {stored.error.line}"
        elif stored.names is None:
            yield "vault", "there is something for this place; the vault is not opened just to look"
        else:
            yield (
                "vault",
                f"{', '.join(stored.names)}{'' if stored.fits else ' (for another user or path, or expired)'}",
            )


def _words(one: Prospect, outlook: Outlook, found: Found, now: datetime) -> str:
    turn, parts = one.turn, [f"{one.turn.profile.id}:"]
    clauses: list[str] = []
    if turn.profile.id not in {profile.id for profile in outlook.choice.profiles}:
        clauses.append("it stands in for one before it")
    if turn.candidate.priority:
        clauses.append(f"its priority is {turn.candidate.priority}")
    if turn.rests:
        clauses.append(f"it is cooling down{_until(turn.until, now)}, and tried last")
    clauses += _of_cache(one, now)
    if one.failure is not None:
        clauses.append(_of_failure(one.failure, now, holds=one.holds))
    match one.verdict:
        case "read":
            clauses.append(_of_reading(one, now))
        case "asked":
            clauses.append("its issuer would be asked")
        case "left_alone":
            clauses.append("its issuer is left alone meanwhile")
        case "kept_back" | "unfit" if one.error is not None:
            clauses.append(one.error.quoted.removeprefix(f"{turn.profile.id} "))
        case "cached":
            is_ready = _question(found.request) in found.ready.get(one.entry, ())
            clauses.append("a ready answer is kept" if is_ready else "there is no ready answer yet")
    return " ".join([*parts, "; ".join(clauses)])


def _of_cache(one: Prospect, now: datetime) -> list[str]:
    judged = one.judged
    if judged is None:
        return []
    if judged.served is not None and judged.plan is not None:
        return [f"{judged.state}{_until(judged.plan.refuse_at, now)}"]
    return [f"what is cached is {judged.state}: {_WHY[judged.why]}"] if judged.why else ["nothing is cached"]


def _of_reading(one: Prospect, now: datetime) -> str:
    kept = one.turn.kept
    expires_at: datetime | None = getattr(kept.credential, "expires_at", None) if kept else None
    where = f"in the vault{_until(expires_at, now)}" if kept else "where the settings say it is"
    return f"read {where}"


def _of_failure(failure: Failure, now: datetime, *, holds: bool) -> str:
    ago_s = now.timestamp() - failure.failed_at_s
    ago = f"{span(ago_s)} ago" if ago_s >= 1 else "just now"
    when = f"asked again in {left(failure.retry_at_s - now.timestamp())}" if holds else "asked again at the next call"
    mend = f"; {failure.error.mend}" if failure.error.mend else ""
    return f"failed {failure.times}, last {ago} ({failure.error.code}: {failure.error.what}{mend}), {when}"


def _until(at: datetime | None, now: datetime) -> str:
    return f" until {instant(at)} ({span((at - now).total_seconds())})" if at else ""


def _outcome(found: Found) -> str:
    answering = found.outlook.answering if found.outlook else None
    whom = answering.turn.profile.id if answering else ""
    match found.outcome:
        case "cached":
            return f"{whom} answers, from the cache"
        case "read":
            return f"{whom} answers, with what is there"
        case "asked":
            return f"{whom} is tried, and its issuer asked"
        case "stored":
            return "what the client once handed over is given back, from the vault"
        case "not_mine":
            return "not mine: the client is told that there is nothing here"
        case "fails":
            return f"the call fails: {error.line}" if (error := _failing(found)) else "the call fails"


def _failing(found: Found) -> KeywrightError | None:
    """Return the failure that the client would hear."""
    if found.settings_error or found.outlook is None:
        stored = found.stored.error if found.stored else None
        return found.settings_error or stored or found.error
    errors = [one.error or (one.failure.error if one.failure else None) for one in found.outlook.prospects]
    known = [error for error in errors if error is not None]
    return known[-1] if known else None


def _mend(found: Found) -> str:
    """Return what the person can do."""
    if found.outcome == "fails":
        error = _failing(found)
        return error.mend if error else ""
    url = found.request.url
    if found.outcome == "not_mine" and url is not None:
        if found.error is not None and found.error.mend:
            return found.error.mend
        route = f'client = "{found.request.client.value}", url = "{url}", profiles = ["PROVIDER:NAME"]'
        return f"add to {found.settings}: [[routes]] with {route}"
    if not found.is_pathless and not found.is_path_told and url is not None:
        setting = quote(f"credential.{url.scheme}://{url.host}.useHttpPath")
        return f"only with the path: `git config --global {setting} true`"
    return ""


def _question(request: Request) -> str:
    client = request.client.value
    return in_words("keywright" if request.client is Client.PERSON else f"{client}-credential-keywright", request)


def _asked(request: Request) -> str:
    if request.client is Client.PERSON:
        return f"{request.profile} for {request.url}" if request.url else request.profile
    return str(request.url) if request.url else request.asked


def _profile(one: Prospect, found: Found) -> dict[str, Any]:
    judged, turn, failure = one.judged, one.turn, one.failure
    outlook = found.outlook
    named = {profile.id for profile in outlook.choice.profiles} if outlook else set()
    plan = judged.plan if judged else None
    return {
        "profile": turn.profile.id,
        "is_fallback": turn.profile.id not in named,
        "priority": turn.candidate.priority,
        "rests_until": instant(turn.until) if turn.rests and turn.until else None,
        "verdict": one.verdict,
        "error": _error(one.error),
        "state": judged.state if judged else None,
        "why": judged.why if judged else None,
        "renew_at": instant(plan.renew_at) if plan else None,
        "refuse_at": instant(plan.refuse_at) if plan else None,
        "expires_at": instant(plan.expires_at) if plan else None,
        "ready_answers": found.ready.get(one.entry, []),
        "last_failure": {
            **(_error(failure.error) or {}),
            "attempts": failure.attempts,
            "failed_at": _instant_of(failure.failed_at_s),
            "retry_at": _instant_of(failure.retry_at_s) if one.holds else None,
        }
        if failure
        else None,
    }


def instant(at: datetime) -> str:
    """Return the instant as RFC 3339 in UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _instant_of(seconds: float) -> str | None:
    """Return the instant of epoch seconds; None of a number that a damaged file may hold."""
    try:
        return instant(datetime.fromtimestamp(seconds, UTC))
    except (ValueError, OverflowError, OSError):
        return None


def _error(error: KeywrightError | None) -> dict[str, str] | None:
    return {"code": error.code, "what": error.what, "mend": error.mend} if error else None
