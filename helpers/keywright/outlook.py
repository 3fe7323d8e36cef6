"""What the broker would do for a request, found out without doing it: nobody is asked, locked out or written for.

The decisions are the broker's own: `choice_for`, the line of turns, `judge`, the failure memory. Only what follows from
them is left out.
"""

import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final, Literal, NamedTuple

from keywright.cache.failures import Failure
from keywright.cache.folder import locate
from keywright.cache.forgiving import ForgivingCache
from keywright.cache.open import Cache, open_cache
from keywright.errors import ConfigurationError, KeywrightError, UsageError
from keywright.profiles.turn import Book, Turn
from keywright.profiles.turns import Turns
from keywright.providers.base import Provider, Reader
from keywright.providers.bound import stop_elsewhere
from keywright.providers.registry import find_reader, make_for
from keywright.renewal import Judged, judge
from keywright.request import Request
from keywright.routes import Choice, choice_for
from keywright.settings.model import VAULT, Settings, StaticOptions
from keywright.vault.looking import opens_by_file
from keywright.vault.vault import Vault, open_vault

Verdict = Literal["cached", "read", "asked", "left_alone", "kept_back", "unfit"]
"""From the cache; read where it is kept; from its issuer; or why not: its issuer failed a moment ago, an obstacle, or
it does not fit the place."""
ANSWERS: Final[frozenset[Verdict]] = frozenset({"cached", "read", "asked"})


class Prospect(NamedTuple):
    """What would come of one profile in line.

    Attributes:
        turn: the profile, and what is decided about it.
        verdict: what would come of it.
        entry: the digest of its entry; empty for one that has none.
        judged: what is cached for it; None for one that has no entry.
        failure: what is remembered of its failures, or of its session's where that is what holds it up.
        holds: whether its issuer is left alone for it.
        error: why it is kept back or does not fit.
    """

    turn: Turn
    verdict: Verdict
    entry: str = ""
    judged: Judged | None = None
    failure: Failure | None = None
    holds: bool = False
    error: KeywrightError | None = None


class Outlook(NamedTuple):
    """What would be done for a request.

    Attributes:
        choice: the profiles that may serve it, and what names them.
        prospects: what would come of each, in the order to try them.
    """

    choice: Choice
    prospects: tuple[Prospect, ...]

    @property
    def answering(self) -> Prospect | None:
        """The first that is not known to fail; None if all of them are."""
        return next((one for one in self.prospects if one.verdict in ANSWERS), None)


def look_ahead(
    request: Request, *, settings: Settings, cache: Cache | None, env: Mapping[str, str], now: datetime
) -> Outlook:
    """Return what the broker would do for the request at `now`.

    Raises:
        CredentialNotFound: nothing here serves it.
        StateUnusable: what was decided about its profiles cannot be read.
        KeywrightError: as `choice_for`.
    """
    choice = choice_for(settings, request)
    turns = Turns(settings=settings, env=env, now=lambda: now, say=_ignore)
    book = Book(env, only_looks=True)
    line = turns.line_up(choice.profiles, choice.prefer, is_forced=request.is_forced, book=book)
    kept = ForgivingCache(cache, _ignore)
    return Outlook(choice, tuple(_prospect(turn, request, kept, env, now) for turn in line.turns))


def _prospect(turn: Turn, request: Request, kept: ForgivingCache, env: Mapping[str, str], now: datetime) -> Prospect:
    profile = turn.profile
    if turn.obstacle is not None:
        return Prospect(turn, "kept_back", error=turn.obstacle)
    reader = find_reader(profile, env, turn.kept)
    if reader is not None:
        return _reading(turn, reader, request, env, now)
    try:
        provider = make_for(profile, request, env)
    except (UsageError, ConfigurationError) as error:
        return Prospect(turn, "unfit", error=error)
    judged = judge(profile, provider, kept.find(provider.key), now)
    own = kept.recall(provider.key)
    if judged.served is not None:
        return Prospect(turn, "cached", provider.key.digest, judged, own)
    for failure in _failures(provider, own, kept):
        if failure.holds(now.timestamp()):
            return Prospect(turn, "left_alone", provider.key.digest, judged, failure, holds=True)
    return Prospect(turn, "asked", provider.key.digest, judged, own)


def _reading(turn: Turn, reader: Reader, request: Request, env: Mapping[str, str], now: datetime) -> Prospect:
    """Read what lies in clear or beside its key; of another vault see no more than whether it is locked."""
    options = turn.profile.options
    if not isinstance(options, StaticOptions):  # the vault's own, and read already
        return Prospect(turn, "read")
    try:
        stop_elsewhere(options.url, request, setting="url")
        if not options.secret.startswith(VAULT) or _opens_by_file(open_vault(env)):
            reader.read(request, now)
    except ConfigurationError as error:
        return Prospect(turn, "unfit", error=error)
    except KeywrightError as error:
        return Prospect(turn, "kept_back", error=error)
    return Prospect(turn, "read")


def _opens_by_file(vault: Vault) -> bool:
    return opens_by_file(vault, vault.read())


def _failures(provider: Provider, own: Failure | None, kept: ForgivingCache) -> Iterator[Failure]:
    """Yield what is remembered against a fetch: of the credential, then of the session that it is made with."""
    if own is not None:
        yield own
    parent = provider.parent
    of_session = kept.recall(parent.provider.key) if parent else None
    if of_session is not None:
        yield of_session


def open_if_there(env: Mapping[str, str]) -> Cache | None:
    """Return the cache as it is; None if there is none yet: opening it would make it.

    Raises:
        CacheUnusable: a folder cannot be trusted.
    """
    cache, state = locate("cache", env), locate("state", env)
    parts = (cache, *(f"{cache}/{name}" for name in ("entries", "answers", "renew", "checked")))
    if not all(map(os.path.lexists, (*parts, state, f"{state}/failures"))):
        return None
    return open_cache(env)


def _ignore(_message: str) -> None:
    """Hear a warning that whoever looks has no use for: what is wrong with the cache is told before."""
