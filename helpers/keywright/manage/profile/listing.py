"""`keywright profile list`: every account there is, by provider.

    $ keywright profile list
    Authentication Profiles (3 total):

    📦 AWS CodeCommit:
      ✓ default (minted)

    📦 OpenAI:
      ⊘ personal (api_key)
      ✓ work (api_key) [error: refused: status 429] [priority:10] [cooling down 25s: rate_limit]

The marks: ⊘ disabled, ⚠ expired, ✗ not valid, ✓ good.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import groupby
from typing import Final, NamedTuple

from keywright.errors import VaultLocked
from keywright.log import one_line
from keywright.manage.profile.found import kept_profile
from keywright.manage.profile.told import document, when
from keywright.manage.span import left
from keywright.profiles.cooldown import is_disabled
from keywright.profiles.custom import load_catalog
from keywright.profiles.custom import locate as locate_providers
from keywright.profiles.instants import moment
from keywright.profiles.kept import KeptProfiles
from keywright.profiles.reason import FailureReason
from keywright.profiles.turn import Book, Turn
from keywright.settings.load import load, locate

_SHORT: Final = (FailureReason.RATE_LIMIT, FailureReason.SESSION_EXPIRED)


class Filters(NamedTuple):
    """Which profiles are meant; None for any. The provider's name counts in lower case."""

    provider: str | None = None
    mode: str | None = None
    is_enabled: bool | None = None


def listed(
    filters: Filters, env: Mapping[str, str], now: datetime, say: Callable[[str], None], *, as_json: bool
) -> str:
    """Return the list, or the JSON document. Of a locked vault nothing is listed, which is said.

    Raises:
        ConfigurationError: the settings, or a provider's file, are wrong.
        VaultUnusable: the vault is damaged or cannot be trusted.
        StateUnusable: what was decided about profiles is damaged or cannot be trusted.
    """
    turns = sorted(_turns(filters, env, now, say), key=lambda turn: turn.profile.id.partition(":"))
    if as_json:
        return document(profiles=[_row(turn, now) for turn in turns], total=len(turns))
    if not turns:
        return "No authentication profiles configured."
    catalog = load_catalog(locate_providers(env))
    lines = [f"Authentication Profiles ({len(turns)} total):", ""]
    for provider, group in groupby(turns, key=lambda turn: turn.profile.provider):
        label = catalog.get(provider).label if catalog.knows(provider) else provider
        lines += [f"📦 {label or provider}:", *(_line(turn, now) for turn in group), ""]
    return "\n".join(map(one_line, lines))


def is_valid(turn: Turn, now: datetime) -> bool:
    """Whether it is enabled and holds something good at `now`; whether it rests is another question."""
    is_good = turn.kept is None or turn.kept.is_valid(now)
    return turn.is_enabled and not turn.decided.is_revoked and is_good


def is_expired(turn: Turn, now: datetime) -> bool:
    """Whether what it holds has expired at `now`; what is minted is renewed by itself."""
    return turn.kept is not None and turn.kept.is_expired(now)


def rest(turn: Turn, now: datetime) -> str:
    """Return until when it is out of use after a failure, in words; empty if it is not."""
    if turn.until is None:
        return ""
    standing = turn.standing
    if is_disabled(standing, now):
        return f"disabled until {moment(turn.until)}: {standing.disabled_reason}"
    reasons = " or ".join(reason for reason in _SHORT if reason in standing.failure_counts)
    told = f"cooling down {left((turn.until - now).total_seconds())}"
    return f"{told}: {reasons}" if reasons else told


def _turns(filters: Filters, env: Mapping[str, str], now: datetime, say: Callable[[str], None]) -> Iterator[Turn]:
    book = Book(env, only_looks=True)
    profiles = dict(load(locate(env)).profiles)
    try:
        profiles |= {id_: kept_profile(id_) for id_ in KeptProfiles(env).all() if id_ not in profiles}
    except VaultLocked as error:
        say(f"{error.what}, and what is kept there is not listed; {error.mend} [{error.code}]")
    for profile in profiles.values():
        if filters.provider is not None and profile.provider != filters.provider.lower():
            continue
        turn = book.turn(profile, now)
        if filters.mode is not None and turn.candidate.mode != filters.mode:
            continue
        if filters.is_enabled is None or turn.is_enabled is filters.is_enabled:
            yield turn


def _line(turn: Turn, now: datetime) -> str:
    email = turn.kept.email if turn.kept else ""
    resting, priority = rest(turn, now), turn.candidate.priority
    parts = (
        f"  {_mark(turn, now)} {turn.candidate.name} ({turn.candidate.mode})",
        f" - {email}" if email else "",
        f" [error: {turn.used.last_error}]" if turn.used.last_error else "",
        f" [priority:{priority}]" if priority > 0 else "",
        f" [{resting}]" if resting else "",
    )
    return "".join(parts)


def _mark(turn: Turn, now: datetime) -> str:
    if not turn.is_enabled:
        return "⊘"
    if is_expired(turn, now):
        return "⚠"
    return "✓" if is_valid(turn, now) else "✗"


def _row(turn: Turn, now: datetime) -> dict[str, object]:
    resting = {"cooldown_until": turn.standing.cooldown_until, "disabled_until": turn.standing.disabled_until}
    optional = {
        "last_used_at": when(turn.used.last_used),
        "last_error": turn.used.last_error,
        **{key: when(until) for key, until in resting.items()},
    }
    return {
        "id": turn.profile.id,
        "provider": turn.profile.provider,
        "name": turn.candidate.name,
        "mode": turn.candidate.mode,
        "enabled": turn.is_enabled,
        "valid": is_valid(turn, now),
        "expired": is_expired(turn, now),
        "email": turn.kept.email if turn.kept else "",
        "priority": turn.candidate.priority,
        **{key: value for key, value in optional.items() if value},
    }
