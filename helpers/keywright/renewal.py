"""One entry: may it still be served, and how is it renewed. Its session first, and a person asked where that helps.

Whoever calls holds the entry's lock. A credential that is made with a session (`Provider.parent`) finds that session in
an entry of its own, locked after the credential's: what ten clusters share is got once, and its failure is met once.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from keywright import hit, trace
from keywright.cache.entry import Entry, options_of
from keywright.cache.failures import Failure
from keywright.cache.forgiving import ForgivingCache
from keywright.credential import CacheKey, Credential
from keywright.deadline import FETCH_S, PERSON_S, OutOfTime, is_spent, left_s, paused, within
from keywright.errors import (
    Busy,
    ConfigurationError,
    CredentialExpired,
    KeywrightError,
    NeedsPerson,
    Refused,
    Unavailable,
    Unreachable,
    UsageError,
)
from keywright.freshness import JITTER_AT_MOST, Freshness, Schedule
from keywright.prompt import Ask
from keywright.providers.base import ALONE, Aid, Minted, Parent, Provider
from keywright.request import Request, Verb
from keywright.settings.model import Profile, Settings

if TYPE_CHECKING:
    from keywright.tracing.facts import State, Why

CAUSES: Final = (Refused, Unavailable, Unreachable)
ABSENT: Final = "-"
"""The stamp of a file that is not there (`keywright.hit.stamp`)."""
_LEFT_FOR_THE_CHILD_S: Final = 2.0
_FOR_A_BETTER_SESSION: Final = 1 / 3
"""How much of the time that is left goes into renewing a session that could be used as it is."""
_WORN: Final = 0.1
"""A session that has used up less of its lifetime than this would hardly last longer if it were renewed."""


class Served(NamedTuple):
    """A credential that may be handed over, and what is known about it.

    Attributes:
        entry: the entry that holds it.
        plan: when it is to be renewed and refused; None if its expiry is unknown.
        freshness: its state now. A credential just fetched is served once, whatever its state.
        stamp: the stamp of the entry's file; empty if it could not be kept.
        may_be_kept: whether its provider lets it be kept: never so for a key that lives long.
        is_first_choice: whether the next call would find it in the same way: nothing failed on the way to it.
        is_new: whether its issuer was asked just now.
        decided: the files that decided whose turn it is, with their stamps.
        until: when somebody else's turn may come, because a rest ends; None if no such end is known.
    """

    entry: Entry
    plan: Schedule | None
    freshness: Freshness
    stamp: str
    may_be_kept: bool = True
    is_first_choice: bool = True
    is_new: bool = False
    decided: Mapping[str, str] = MappingProxyType({})
    until: datetime | None = None

    @property
    def credential(self) -> Credential:
        """The credential itself."""
        return self.entry.credential

    @property
    def report_until(self) -> datetime | None:
        """The expiry to tell a client: from then on we would refuse to serve it ourselves."""
        return self.plan.refuse_at if self.plan else None


class Judged(NamedTuple):
    """What may be done with what is cached for a profile.

    Attributes:
        served: it, if it may still be served.
        state: fresh, stale or expired; missing where there is nothing.
        why: why it is expired.
        plan: its schedule; None where there is none.
    """

    served: "Served | None"
    state: "State"
    why: "Why | None" = None
    plan: Schedule | None = None


def as_it_is(profile: str, credential: Credential) -> Served:
    """Return what lies here already: not of the cache, so it leaves neither an entry nor a ready answer behind."""
    end = credential.expires_at
    plan = Schedule(issued_at=credential.issued_at, renew_at=end, refuse_at=end, expires_at=end) if end else None
    key = CacheKey(provider=profile.partition(":")[0], profile=profile, facts={})
    entry = Entry(key=key, generation=0, credential=credential)
    return Served(entry=entry, plan=plan, freshness=Freshness.FRESH, stamp="")


class Renewals:
    """Judges and renews entries, for one process."""

    def __init__(
        self,
        *,
        settings: Settings,
        kept: ForgivingCache,
        now: Callable[[], datetime],
        say: Callable[[str], None],
        ask: Ask | None,
    ) -> None:
        self._settings = settings
        self._kept = kept
        self._now = now
        self._say = say
        self._ask = ask
        self._began = now()

    def judge(self, profile: Profile, provider: Provider, found: tuple[Entry, str] | None) -> Served | None:
        """Return what was found, if it may still be served."""
        judged = judge(profile, provider, found, self._now())
        trace.tell(
            "entry",
            profile=profile.id,
            entry=provider.key.digest,
            state=judged.state,
            why=judged.why,
            expires_at=judged.plan.expires_at if judged.plan else None,
        )
        return judged.served

    def stop_while_failing(self, key: CacheKey, request: Request, found: tuple[Entry, str] | None) -> None:
        """Raise the remembered failure while its time has not run out, unless it is for this person to mend now."""
        failure, now_s = self._kept.recall(key), self._now().timestamp()
        if failure is None or not failure.holds(now_s) or (_question(failure.error) and self._may_ask(request)):
            return
        wait_s = max(1, round(failure.retry_at_s - now_s))
        trace.tell(
            "left_alone", entry=key.digest, error=failure.error, attempts=failure.attempts, until=failure.retry_at_s
        )
        failure.error.is_repeated = True
        failure.error.what += f" (asked {failure.times}; asking again in {wait_s} s)"
        raise expired(found, failure.error) if isinstance(failure.error, CAUSES) else failure.error

    @contextmanager
    def lock(self, provider: Provider, request: Request, wait_s: float) -> Iterator[bool]:
        """Hold the entry's lock for the block; yields False if it stayed taken for `wait_s` seconds.

        Where its holder is asking a person, a caller who may ask one too waits as long as the person is given.
        """
        with ExitStack() as stack:
            with trace.timed("lock", entry=provider.key.digest) as told:
                is_locked = stack.enter_context(self._kept.lock(provider.key, wait_s))
                told["is_locked"] = is_locked
            if not is_locked and self._may_ask(request) and self._asked_by_another(provider):
                with paused():
                    is_locked = stack.enter_context(self._kept.lock(provider.key, PERSON_S))
            yield is_locked

    def busy(self, provider: Provider) -> KeywrightError:
        """Return the error for a lock that stayed taken."""
        if self._asked_by_another(provider):
            return Busy("another process is waiting for an answer on its terminal", mend="answer there, then try again")
        return Busy("another process has been renewing it for too long", mend="try again, or see `keywright status`")

    def renew_while_locked(
        self, profile: Profile, provider: Provider, request: Request, old: Entry | None, *, is_anew: bool = False
    ) -> Served:
        """Fetch and keep. A failure is remembered; failing to keep is a warning.

        `is_anew` asks for a new session too, where there is one: the credential seems to have been rejected.
        """
        started = self._now()
        trace.tell("fetch_began", profile=profile.id, is_anew=is_anew)
        with trace.timed("fetch_ended", profile=profile.id) as told:
            minted = self._fetch(profile, provider, request, old.memory if old else {}, is_anew=is_anew)
            told["expires_at"] = minted.credential.expires_at
        from random import uniform  # 4 ms that only a mint needs

        for note in minted.notes:
            self._say(f"{profile.id}: {note}")
        entry = Entry(
            key=provider.key,
            generation=max(int(started.timestamp() * 1e6), old.generation + 1 if old else 0),
            credential=minted.credential,
            boot=hit.boot_mark(started.timestamp()),
            jitter=uniform(0, JITTER_AT_MOST),  # noqa: S311 - spreads a fleet's renewals, guards nothing
            inputs=minted.inputs,
            memory=minted.memory,
            client=request.client.value,
            url=str(request.place) if request.place else "",
            options=options_of(profile.options),
        )
        if minted.is_kept:
            stamp = self._kept.keep(entry, self._now().timestamp())
        else:
            stamp = ""
            self._kept.forgive(provider.key)
        trace.tell("kept", entry=entry.key.digest, is_found=bool(stamp), why=None if minted.is_kept else "long_lived")
        plan = entry.plan(profile.margins(provider.margins))
        return Served(
            entry=entry,
            plan=plan,
            freshness=plan.classify(self._now()) if plan else Freshness.EXPIRED,
            stamp=stamp,
            may_be_kept=minted.is_kept,
            is_new=True,
        )

    def _fetch(
        self, profile: Profile, provider: Provider, request: Request, memory: Mapping[str, str], *, is_anew: bool
    ) -> Minted:
        """Fetch, with the session brought along where there is one, all of it within the bound of one fetch."""
        try:
            with within(FETCH_S):
                parent = provider.parent
                if parent is None:
                    return self._fetch_asking(profile, provider, request, memory, ALONE)
                try:
                    session = self._session(parent, request, is_anew=is_anew)
                except KeywrightError:
                    self._kept.brake_like(provider.key, parent.provider.key)
                    raise
                aid = Aid(parent=session.credential)
                minted = self._fetch_asking(profile, provider, request, memory, aid)
                # To change what decided the session is to change what decided its children.
                return minted._replace(inputs={**minted.inputs, **session.entry.inputs})
        except OutOfTime:  # between the two: each remembers its own
            raise Unreachable("no answer in time").about(profile.id, place_of(request)) from None

    def _fetch_asking(
        self, profile: Profile, provider: Provider, request: Request, memory: Mapping[str, str], aid: Aid
    ) -> Minted:
        """Fetch; where only an answer is wanted and this client's person may be asked, ask and fetch once more."""
        try:
            return self._fetch_once(profile, provider, request, memory, aid)
        except NeedsPerson as error:
            question = error.question
            if not question or not self._may_ask(request) or self._ask is None:
                raise
        with paused():  # the locks stay held: who else needs the answer waits for this one
            answer = self._ask(question)
        return self._fetch_once(profile, provider, request, memory, aid._replace(answer=answer))

    def _fetch_once(
        self, profile: Profile, provider: Provider, request: Request, memory: Mapping[str, str], aid: Aid
    ) -> Minted:
        inputs = {self._settings.source: self._settings.stamp, **provider.inputs}
        try:
            with within(FETCH_S):
                # A second less, so that the provider, which knows what it waited for, is the first to give up.
                minted = provider.fetch(self._now(), max(left_s(FETCH_S) - 1, 0.1), memory, aid)
        except OutOfTime:
            error: KeywrightError = Unreachable("no answer in time")
        except (ConfigurationError, UsageError):
            raise  # nobody was asked, so there is nobody to spare
        except KeywrightError as failed:
            error = failed
        else:
            _tell_files({**inputs, **minted.inputs})
            return minted
        _tell_files({**inputs, **error.inputs})
        error.about(profile.id, place_of(request))
        self._kept.remember(provider.key, error, self._now().timestamp(), {**inputs, **error.inputs})
        raise error

    def _session(self, parent: Parent, request: Request, *, is_anew: bool) -> Served:
        """Return the parent's credential. One that is stale, or would cut its child short, is renewed first.

        If that fails while it is still usable, it is used all the same. Failures are the parent's own and remembered
        there, so that it is one failure for all of its children; whoever hears of it hears the child's name.
        """
        # It is shared, so nothing of the one place it is wanted for goes into it.
        own = Request(client=request.client, verb=Verb.GET, interactive=request.interactive)
        profile, provider = parent.profile, parent.provider
        usable: Served | None = None
        try:
            usable = self.judge(profile, provider, self._kept.find(provider.key))
            if usable and self._lasts(usable, parent, is_anew=is_anew):
                return usable
            if usable:  # nobody is asked for what can be done without
                own = own._replace(interactive=False)
            self.stop_while_failing(provider.key, own, None)
            is_pressing = usable is None or not self._covers(usable, parent)
            wait_s = max(left_s(FETCH_S) - _LEFT_FOR_THE_CHILD_S, 0.0) if is_pressing else 0.0
            with self.lock(provider, own, wait_s) as is_locked:
                found = self._kept.find(provider.key)
                usable = self.judge(profile, provider, found)
                if usable and (not is_locked or self._lasts(usable, parent, is_anew=is_anew)):
                    return usable
                self.stop_while_failing(provider.key, own, None)
                if not is_locked:
                    raise self.busy(provider)
                # A service that hangs must leave its child the time to use what there is.
                with within(left_s(FETCH_S) * _FOR_A_BETTER_SESSION) if usable else nullcontext():
                    return self.renew_while_locked(profile, provider, own, found[0] if found else None)
        except (KeywrightError, OutOfTime) as error:
            if usable and not is_spent():
                return usable
            if isinstance(error, OutOfTime):
                raise
            error.account, error.host = "", ""
            raise

    def _lasts(self, session: Served, parent: Parent, *, is_anew: bool) -> bool:
        """Return whether a new session would be no better."""
        issued_at, expires_at = session.credential.issued_at, session.credential.expires_at
        if session.freshness is Freshness.STALE or expires_at is None or (is_anew and issued_at < self._began):
            return False
        age = self._now() - issued_at
        return self._covers(session, parent) or age < (expires_at - issued_at) * _WORN

    def _covers(self, session: Served, parent: Parent) -> bool:
        expires_at = session.credential.expires_at
        return expires_at is not None and expires_at - self._now() >= parent.lifetime

    def _may_ask(self, request: Request) -> bool:
        return self._ask is not None and request.interactive

    def _asked_by_another(self, provider: Provider) -> bool:
        """Return whether the last that is known of the entry, or of its session, is that a person is being asked."""
        keys = [provider.key, *([provider.parent.provider.key] if provider.parent else ())]
        failures: list[Failure | None] = [self._kept.recall(key) for key in keys]
        return any(_question(failure.error) for failure in failures if failure)


def judge(profile: Profile, provider: Provider, found: tuple[Entry, str] | None, now: datetime) -> Judged:
    """Return what may be done at `now` with what was found for the profile."""
    if found is None:
        return Judged(None, "missing")
    entry, stamp = found
    plan = entry.plan(profile.margins(provider.margins))
    if plan is None:
        return Judged(None, "expired", "no_expiry")
    freshness = plan.classify(now)
    if freshness is Freshness.EXPIRED:
        return Judged(None, "expired", "too_little_left", plan)
    if not entry.is_undisturbed:
        return Judged(None, "expired", "input_changed", plan)
    if hit.has_stepped_back(entry.boot, now.timestamp()):
        return Judged(None, "expired", "clock_set_back", plan)
    served = Served(entry=entry, plan=plan, freshness=freshness, stamp=stamp)
    return Judged(served, "fresh" if freshness is Freshness.FRESH else "stale", None, plan)


def _tell_files(inputs: Mapping[str, str]) -> None:
    """Tell which files decided a fetch, and which of them were there."""
    if trace.is_on():
        for path, seen in inputs.items():
            trace.tell("file", path=path, is_found=seen != ABSENT)


def place_of(request: Request) -> str:
    """Return where the credential is for, in words; empty where the profile's name has said it."""
    if request.url:
        return str(request.url)
    return "" if request.asked == request.profile else request.asked


def expired(found: tuple[Entry, str] | None, cause: KeywrightError) -> KeywrightError:
    """Say, where there was a credential, that it has run out and why it was not renewed."""
    if found is None:
        return cause
    error = CredentialExpired(
        f"the credential is no longer usable and renewing it failed ({cause.code}): {cause.what}",
        mend=cause.mend,
        retry_after_s=cause.retry_after_s,
    )
    error.caused_by, error.is_repeated = cause, cause.is_repeated
    return error.about(cause.account, cause.host)


def _question(error: KeywrightError) -> str:
    return error.question if isinstance(error, NeedsPerson) else ""
