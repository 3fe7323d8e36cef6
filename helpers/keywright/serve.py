"""One request of one client, from its streams to its exit code. The only door to the outside world."""

import os
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from typing import NamedTuple, Self, TextIO

from keywright import hit, trace
from keywright.broker import Broker
from keywright.cache.open import Cache, open_cache
from keywright.deadline import CALL_S, OutOfTime, within
from keywright.dialects.base import NOTHING, Dialect, Reply
from keywright.errors import EXIT_INTERRUPTED, Bug, Busy, CacheUnusable, CredentialNotFound, KeywrightError
from keywright.freshness import Freshness
from keywright.keeping import Keeping
from keywright.log import say
from keywright.prompt import Ask, find_ask
from keywright.ready import Asked, Ready
from keywright.renewal import ABSENT, Served
from keywright.request import Client, Request, Verb
from keywright.settings.load import load, locate


class Process(NamedTuple):
    """Everything a process is given.

    Attributes:
        asked: its name, arguments, environment and standard input.
        stdout_fd: the descriptor that the client reads; -1 if it was closed.
        stderr: where the person reads.
        now: the clock, aware UTC.
        ask: how to ask the person one question; None where nobody can be asked.
    """

    asked: Asked
    stdout_fd: int
    stderr: TextIO
    now: Callable[[], datetime]
    ask: Ask | None = None

    @classmethod
    def real(cls, name: str, args: Sequence[str], stdin: bytes | None) -> Self:
        """Take this process's own, and keep its standard streams for the protocol alone.

        From here on descriptor 1 is standard error: a library or a signing program that prints cannot reach the client
        (kubernetes/kubernetes#90817). Descriptor 0 is empty: a program that a provider runs cannot eat the manifest of
        `kubectl apply -f -` (kubernetes/kubernetes#70261).
        """
        if not sys.warnoptions:
            warnings.simplefilter("ignore")  # a library's warning is two lines with a path: not for the person here
        try:
            os.fstat(1)
            is_heard = True
        except OSError:
            is_heard = False
        nothing = os.open(os.devnull, os.O_RDWR)
        while nothing <= 2:  # noqa: PLR2004 - one of the standard three was closed: nothing else may take its place
            os.set_inheritable(nothing, True)  # noqa: FBT003 - it takes no keywords
            nothing = os.open(os.devnull, os.O_RDWR)
        stdout_fd = os.dup(1) if is_heard else -1
        os.dup2(2, 1)
        os.dup2(nothing, 0)
        os.close(nothing)
        asked = Asked(name=name, args=tuple(args), env=dict(os.environ), stdin=stdin)
        return cls(
            asked=asked,
            stdout_fd=stdout_fd,
            stderr=sys.stderr,
            now=lambda: datetime.now(UTC),
            ask=find_ask(asked.env),
        )


class Call:
    """The state of one call: what it was given, and what it has opened so far."""

    def __init__(self, dialect: Dialect, process: Process) -> None:
        self._dialect = dialect
        self._process = process
        self._cache: Cache | None = None
        self._ready: Ready | None = None

    def run(self) -> int:
        """Answer, keep the answer ready, wake a renewal if one is due; return the exit code."""
        with trace.timed("call_ended") as told:
            code = told["exit_code"] = self._run()
        return code

    def _run(self) -> int:
        request = None
        try:
            with within(CALL_S):
                asked = self._process.asked
                request = self._dialect.parse(asked.args, asked.stdin or b"", asked.env)
                tell_request(request)
                if request.verb is not Verb.GET:
                    return self._write(self._without_credential(request))
                return self._get(request)
        except KeyboardInterrupt:
            return EXIT_INTERRUPTED
        except OutOfTime:
            return self._fail(request, Busy(f"the call took longer than {CALL_S:.0f} s", mend="try again"))
        except KeywrightError as error:
            return self._fail(request, error)
        except Exception as error:  # noqa: BLE001 - a bug's text may hold a secret; its type and place do not
            return self._fail(request, bug(error))

    def _get(self, request: Request) -> int:
        served = self._find(request)
        body = self._dialect.answer(request, served.credential, served.report_until)
        code = hit.write(self._process.stdout_fd, body, 0)
        with suppress(OutOfTime):  # the client has its answer, and gets no second one
            if self._ready is not None:
                self._ready.keep(request, served, body, self._now_s())
            self._wake(request, served)
        return code

    def _find(self, request: Request) -> Served:
        broker, keeping = self._open()
        try:
            return broker.serve(request)
        except CredentialNotFound:
            found = keeping.find(request, self._process.now())
            if found is None:
                raise
            return found

    def _without_credential(self, request: Request) -> Reply:
        is_minted, listed = False, NOTHING
        if request.verb in {Verb.STORE, Verb.ERASE, Verb.LIST}:
            broker, keeping = self._open()
            if request.verb is Verb.STORE:
                is_minted = keeping.keep(request, self._process.now())
            elif request.verb is Verb.LIST:
                listed = keeping.listed()
            else:
                self._erase(request, broker, keeping)
        return self._dialect.done(request, is_minted=is_minted, listed=listed)

    def _erase(self, request: Request, broker: Broker, keeping: Keeping) -> None:
        """Forget the credential, and what was stored for its place before a route served it."""
        try:
            broker.invalidate(request, request.password)
        except CredentialNotFound:
            keeping.erase(request)
            return
        try:
            keeping.erase(request)
        except KeywrightError as error:  # what the route minted is forgotten all the same
            self._say(f"what was stored for it is kept: {error.line}")

    def _open(self) -> tuple[Broker, Keeping]:
        asked = self._process.asked
        path = locate(asked.env)
        try:
            self._cache = open_cache(asked.env)
        except CacheUnusable as error:
            trace.tell("cache_unusable", error=error)
            self._say(f"not using the cache: {error.line}")
        settings = load(path, self._cache.seals if self._cache else None)
        trace.tell("settings", path=path, is_found=settings.stamp != ABSENT)
        keeping = Keeping(settings=settings, env=asked.env)
        if self._cache is not None:
            self._ready = Ready(self._cache, settings, asked, vault=keeping.source)
        process = self._process
        broker = Broker(
            settings=settings, cache=self._cache, env=asked.env, now=process.now, say=self._say, ask=process.ask
        )
        return broker, keeping

    def _wake(self, request: Request, served: Served) -> None:
        """Start a renewal behind a stale answer, or behind one that kubectl seems to have had rejected."""
        asked = self._process.asked
        digest = asked.digest
        if self._cache is None or not digest or not served.stamp:
            return
        folder, entry, generation = self._cache.folder, served.entry.key.digest, str(served.entry.generation)
        is_due = served.freshness is Freshness.STALE
        if request.client is Client.KUBE:
            is_due = hit.note_asker(folder, digest, generation, entry, self._now_s()) or is_due
        if is_due:
            is_woken = hit.wake(folder, entry, generation, asked.replay, self._now_s())
            trace.tell("renewal_woken" if is_woken else "renewal_braked", entry=entry)

    def _fail(self, request: Request | None, error: KeywrightError) -> int:
        reply = self._dialect.failure(request, error)
        code = self._write(reply)
        is_not_mine = isinstance(error, CredentialNotFound) and not reply.message
        if is_not_mine and request is not None and request.verb is Verb.GET and self._ready is not None:
            self._ready.keep_not_mine(request, reply.stdout, reply.exit_code, self._now_s())
        return code

    def _write(self, reply: Reply) -> int:
        if reply.message:
            self._say(reply.message)
        return hit.write(self._process.stdout_fd, reply.stdout, reply.exit_code)

    def _say(self, message: str) -> None:
        say(self._process.stderr, self._process.asked.name, message)

    def _now_s(self) -> float:
        return self._process.now().timestamp()


def serve(dialect: Dialect, process: Process) -> int:
    """Run one request of one client; return the exit code (drawn in `keywright.errors`)."""
    with traced(process, process.asked.name):
        return Call(dialect, process).run()


def traced(process: Process, by: str) -> AbstractContextManager[None]:
    """Trace the block, as the executable `by`, if the environment asks for it and the options have not yet."""
    env = process.asked.env
    if not env.get(trace.VARIABLE) or trace.is_on():
        return trace.told_to(None)
    from keywright.tracing.wanted import open_tracer, set_own_environment

    tracer = open_tracer(env, by=by, stderr=process.stderr, now=process.now, hand_on=set_own_environment)
    return trace.told_to(tracer)


def tell_request(request: Request) -> None:
    """Tell a trace what is asked, without what the client handed over."""
    trace.tell("request", client=request.client, verb=request.verb, url=request.url, profile=request.profile or None)


def bug(error: BaseException) -> Bug:
    """Return what may be told of an unforeseen exception: its type, and the line of ours it came from."""
    place, trace = "", error.__traceback__
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "")
        if module.startswith("keywright"):
            place = f" in {module}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return Bug(f"a bug: {type(error).__name__}{place}", mend="please report this line")
