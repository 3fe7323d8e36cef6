"""`keywright status`: what is cached, until when, and what went wrong last.

    $ keywright status
    PROFILE          FOR                      CLIENTS      STATE  EXPIRES IN  TURN              LAST ERROR
    github-app:acme  https://github.com/acme  git, docker  fresh  48m 12s
    aws-ecr:default  1234….amazonaws.com      docker       stale  2h 10m                        unreachable: … (3 times)
    openai:work                                                               cooling down 25s

With `--json` the same facts, one object per row; instants are RFC 3339 in UTC, spans are whole seconds.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from keywright.cache.entry import Entry
from keywright.cache.failures import Failure
from keywright.cache.open import Cache, open_cache
from keywright.errors import KeywrightError
from keywright.freshness import Freshness, Margins, Schedule
from keywright.log import one_line
from keywright.manage.resting import decided_about, document, words
from keywright.manage.span import left, span
from keywright.profiles.known import Decided
from keywright.providers.registry import READERS, make
from keywright.request import parse_url
from keywright.routes import profile_of
from keywright.settings.load import load, locate
from keywright.settings.model import OPTIONS, Settings

SCHEMA: Final = 1
_HEAD: Final = ("PROFILE", "FOR", "CLIENTS", "STATE", "EXPIRES IN", "TURN", "LAST ERROR")
_WORDS: Final = {Freshness.FRESH: "fresh", Freshness.STALE: "stale", Freshness.EXPIRED: "expired"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One credential, or a profile that has none. `digest` and `entry` are empty and None where there is no entry."""

    profile: str
    place: str
    clients: tuple[str, ...]
    state: str
    plan: Schedule | None
    failure: Failure | None
    decided: Decided | None
    digest: str = ""
    entry: Entry | None = None


def show(env: Mapping[str, str], now: datetime, *, as_json: bool) -> str:
    """Return the table, or the JSON document, with its final line break.

    Raises:
        ConfigurationError: the settings are wrong.
        CacheUnusable: the cache cannot be read.
        StateUnusable: what was decided about a profile cannot be read.
    """
    settings = load(locate(env))
    rows = read(settings, open_cache(env), env, now)
    if as_json:
        return json.dumps({"schema": SCHEMA, "credentials": [_document(row, now) for row in rows]}, indent=2) + "\n"
    if not rows:
        return f"nothing is cached, and {settings.source} names no profile\n"
    return _table([_HEAD, *(_cells(row, now) for row in rows)])


def read(settings: Settings, cache: Cache, env: Mapping[str, str], now: datetime) -> list[Row]:
    """Return the rows as of `now`, sorted.

    Raises:
        CacheUnusable: the cache cannot be read.
        StateUnusable: what was decided about a profile cannot be read.
    """
    return sorted(_rows(settings, cache, env, now), key=lambda row: (row.profile, row.place))


def count(env: Mapping[str, str], now: datetime) -> tuple[int, int]:
    """Return how many credentials are cached that may still be handed out, and how many that may not.

    Raises:
        ConfigurationError: the settings are wrong.
        CacheUnusable: the cache cannot be read.
    """
    settings, cache = load(locate(env)), open_cache(env)
    entries = [found[0] for digest in cache.entries.digests() if (found := cache.entries.read(digest))]
    states = [state_of(entry, _plan(entry, settings, env), now) for entry in entries]
    return states.count("fresh") + states.count("stale"), states.count("expired")


def _rows(settings: Settings, cache: Cache, env: Mapping[str, str], now: datetime) -> Iterator[Row]:
    seen: set[str] = set()
    decided = decided_about(env, now)
    digests = set(cache.entries.digests()) | set(cache.failures.digests())
    for digest in digests:
        found, failure = cache.entries.read(digest), cache.failures.recall(digest)
        if found is None and failure is None:
            continue
        plan = _plan(found[0], settings, env) if found else None
        profile = found[0].key.profile if found else failure.error.account if failure else ""
        place = _place(found[0]) if found else failure.error.host if failure else ""
        seen.add(profile)
        yield Row(
            profile=profile,
            place=place,
            clients=_clients(found[0] if found else None, cache.answers.questions(digest)),
            state=state_of(found[0] if found else None, plan, now),
            plan=plan,
            failure=failure,
            decided=decided.get(profile),
            digest=digest,
            entry=found[0] if found else None,
        )
    told = {profile for profile, row in decided.items() if words(row, now)}
    for profile in (settings.profiles.keys() | told) - seen:
        yield Row(
            profile=profile,
            place="",
            clients=(),
            state=_state_of_none(profile.partition(":")[0]),
            plan=None,
            failure=None,
            decided=decided.get(profile),
        )


def _state_of_none(provider: str) -> str:
    """Return what a profile without a cached credential is: one whose provider the settings lack is in the vault."""
    if provider not in OPTIONS:
        return "kept"
    return "static" if provider in READERS else "none"


def _place(entry: Entry) -> str:
    facts = entry.key.facts
    return entry.url or facts.get("cluster") or facts.get("role_arn") or facts.get("aws_profile", "")


def _plan(entry: Entry, settings: Settings, env: Mapping[str, str]) -> Schedule | None:
    """Return the entry's schedule under the settings of today, those it was minted with, or the house rule."""
    try:
        profile = profile_of(entry, settings)
        provider = make(profile, parse_url(entry.url) if entry.url else None, env)
    except (KeywrightError, LookupError, TypeError):  # nobody's any more, or a newer keywright's: shown all the same
        return entry.plan(Margins())
    return entry.plan(profile.margins(provider.margins))


def state_of(entry: Entry | None, plan: Schedule | None, now: datetime) -> str:
    """Return in a word what a caller may do with the entry at `now`."""
    if entry is None:
        return "none"
    if plan is None or not entry.is_undisturbed:
        return "expired"
    return _WORDS[plan.classify(now)]


def _clients(entry: Entry | None, questions: list[str]) -> tuple[str, ...]:
    asked = {words.split("-credential-")[0].split(" ")[0] for words in questions}
    return tuple(sorted(asked | ({entry.client} if entry else set())))


def _cells(row: Row, now: datetime) -> tuple[str, ...]:
    expires_in = "" if row.plan is None else span((row.plan.expires_at - now).total_seconds())
    turn = words(row.decided, now)
    return row.profile, row.place, ", ".join(row.clients), row.state, expires_in, turn, told(row.failure, now)


def told(failure: Failure | None, now: datetime) -> str:
    """Return what is remembered of a failure, in words; empty if nothing is."""
    if failure is None:
        return ""
    wait_s = failure.retry_at_s - now.timestamp()
    retry = f"retry in {left(wait_s)}" if failure.holds(now.timestamp()) else "retry at the next call"
    mend = f"; {failure.error.mend}" if failure.error.mend else ""
    return f"{failure.error.code}: {failure.error.what}{mend} ({failure.times}; {retry})"


def _table(rows: list[tuple[str, ...]]) -> str:
    cells = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(_HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join(lines) + "\n"


def _document(row: Row, now: datetime) -> dict[str, object]:
    plan, failure = row.plan, row.failure
    return {
        "profile": row.profile,
        "provider": row.profile.partition(":")[0],
        "for": row.place,
        "clients": list(row.clients),
        "state": row.state,
        "turn": document(row.decided),
        "issued_at": _instant(plan.issued_at) if plan else None,
        "renew_at": _instant(plan.renew_at) if plan else None,
        "refuse_at": _instant(plan.refuse_at) if plan else None,
        "expires_at": _instant(plan.expires_at) if plan else None,
        "expires_in_s": int((plan.expires_at - now).total_seconds()) if plan else None,
        "last_error": {
            "code": failure.error.code,
            "what": failure.error.what,
            "mend": failure.error.mend,
            "attempts": failure.attempts,
            "retry_in_s": max(0, int(failure.retry_at_s - now.timestamp())),
        }
        if failure
        else None,
    }


def _instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
