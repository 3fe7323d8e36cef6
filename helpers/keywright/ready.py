"""Deciding which answers may be kept ready for the hit path, and keeping them."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from keywright import trace
from keywright.cache.answers import LONGEST_S, Answer
from keywright.cache.open import Cache
from keywright.errors import CacheUnusable
from keywright.freshness import Schedule
from keywright.hit import boot_mark, question, stamp
from keywright.renewal import Served
from keywright.request import Client, Request
from keywright.settings.model import ENV, Settings

if TYPE_CHECKING:
    from keywright.tracing.facts import Why

STORE: Final = ["store"]


def in_words(name: str, request: Request) -> str:
    """Return the question that the executable of that name was asked, in words, on one line, with nothing secret."""
    place = str(request.url) if request.url else request.asked
    return " ".join(f"{name} {request.verb.value} {place}".split())


class Asked(NamedTuple):
    """One question as the process got it, before any translation.

    Attributes:
        name: the executable's name.
        args: its arguments.
        env: its environment.
        stdin: what was read from standard input; None if nothing was.
    """

    name: str
    args: Sequence[str]
    env: Mapping[str, str]
    stdin: bytes | None

    @property
    def digest(self) -> str:
        """The question's digest; empty if no answer to it may be kept (`keywright.hit.question`)."""
        return question(self.name, list(self.args), self.env, self.stdin)

    @property
    def replay(self) -> list[str]:
        """What `keywright.hit.wake` hands to a renewal: the name, stdin as hex, and the arguments."""
        return [self.name, (self.stdin or b"").hex(), *self.args]

    def words(self, request: Request) -> str:
        """The question in words, on one line, with nothing secret."""
        return in_words(self.name, request)


class Ready:
    """Keeps the answers of one call, where that is allowed.

    A cache that cannot be written loses the answer, silently: the entry was the cache's problem to report.
    """

    def __init__(self, cache: Cache, settings: Settings, asked: Asked, *, vault: str = "") -> None:
        """Take stock before anything is looked for; `vault` is the vault's file, which decides what is not ours."""
        self._vault = {vault: stamp(vault)} if vault else {}
        self._answers = cache.answers
        self._entries = cache.entries
        self._decided = {settings.source: settings.stamp}
        self._asked = asked
        self._digest = asked.digest

    def keep(self, request: Request, served: Served, body: bytes, now_s: float) -> None:
        """Keep `body` as the ready answer to the question.

        Allowed is a credential that is on disk, whose expiry is known and at most a day away, that the next call would
        be given as well, and that is not already past serving. It ends with the rest of a profile it stands in for.
        """
        plan = served.plan
        why_not = self._why_not(served, now_s)
        if why_not or plan is None:
            trace.tell("answer_not_kept", why=why_not or "no_expiry")
            return
        refuse_at_s = _refuse_at_s(served, plan)
        entry = served.entry.key.digest
        answer = Answer(
            exit_code=0,
            issued_at_s=plan.issued_at.timestamp(),
            refresh_at_s=min(plan.renew_at.timestamp(), refuse_at_s),
            expires_at_s=refuse_at_s,
            boot=served.entry.boot,
            entry=entry,
            entry_path=self._entries.path(entry),
            entry_stamp=served.stamp,
            generation=served.entry.generation,
            question=self._asked.words(request),
            inputs={**self._decided, **served.decided, **served.entry.inputs},
            body=body,
        )
        if self._put(answer, now_s) and request.client is Client.GIT:
            self._keep_store(answer, now_s)

    def keep_not_mine(self, request: Request, body: bytes, exit_code: int, now_s: float) -> None:
        """Keep "not mine" for a day: a global helper is asked about every host, and that has to be as fast as a hit."""
        if not self._digest:
            trace.tell("answer_not_kept", why="never_answered_from_disk")
            return
        answer = Answer(
            exit_code=exit_code,
            issued_at_s=now_s,
            refresh_at_s=now_s + LONGEST_S,
            expires_at_s=now_s + LONGEST_S,
            boot=boot_mark(now_s),
            question=self._asked.words(request),
            inputs={**self._decided, **self._vault},
            body=body,
        )
        self._put(answer, now_s)

    def _why_not(self, served: Served, now_s: float) -> "Why | None":
        """Return why the credential leaves no ready answer; None if it may."""
        if not self._digest:
            return "never_answered_from_disk"
        if not served.stamp:
            return "not_on_disk"
        if not served.is_first_choice:
            return "not_first_choice"
        if served.plan is None:
            return "no_expiry"
        if any(str(value).startswith(ENV) for value in served.entry.options.values()):
            return "depends_on_environment"  # on a variable that is not in the question's digest
        refuse_at_s = _refuse_at_s(served, served.plan)
        if refuse_at_s <= now_s:
            return "past_serving"
        return "lasts_too_long" if refuse_at_s > now_s + LONGEST_S else None

    def _put(self, answer: Answer, now_s: float) -> bool:
        """Keep the answer; returns False if the cache cannot be written."""
        try:
            is_kept = self._answers.keep(self._digest, answer, now_s)
        except CacheUnusable:
            trace.tell("answer_not_kept", why="unwritable")
            return False
        if is_kept:
            trace.tell("answer_kept", until=answer.expires_at_s)
        else:
            trace.tell("answer_not_kept", why="not_settled")
        return True

    def _keep_store(self, answer: Answer, now_s: float) -> None:
        """Keep the silence that answers git's `store` of this very credential, which follows every success.

        It does not hang on the entry: what we issued stays what we issued after a renewal.
        """
        place = (self._asked.stdin or b"").split(b"\n\n")[0]
        digest = question(self._asked.name, STORE, self._asked.env, place + b"\n" + answer.body)
        silence = Answer(
            exit_code=0,
            issued_at_s=answer.issued_at_s,
            refresh_at_s=answer.expires_at_s,
            expires_at_s=answer.expires_at_s,
            boot=answer.boot,
            entry=answer.entry,
            generation=answer.generation,
            question=f"{self._asked.name} store (of what was issued)",
            inputs=self._decided,
        )
        if digest:
            with suppress(CacheUnusable):
                self._answers.keep(digest, silence, now_s)


def _refuse_at_s(served: Served, plan: Schedule) -> float:
    return min(plan.refuse_at, served.until or plan.refuse_at).timestamp()
