"""What the story is told with: run a client, compare its issuer's counter, print the row."""

import json
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from keywright.demo.clients import Actor
from keywright.demo.exchange import HANG_UP, Answer, Call, Reply, honestly
from keywright.demo.narrator import Narrator
from keywright.demo.sandbox import Run, Sandbox, wait_until

HELD_AT_MOST_S: Final = 30.0
QUOTED_LINES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A run, and how many calls the issuer had answered before it and after it."""

    run: Run
    calls: tuple[int, int]

    @property
    def cost(self) -> int:
        """How many answers the run cost the issuer."""
        return self.calls[1] - self.calls[0]

    @property
    def is_success(self) -> bool:
        """Whether the program succeeded."""
        return self.run.exit_code == 0


class Stage:
    """A sandbox with a narrator beside it. Each method runs something and prints whether it did what it is to do."""

    def __init__(self, narrator: Narrator, sandbox: Sandbox) -> None:
        self._narrator = narrator
        self._sandbox = sandbox

    def works(self, actor: Actor, told: str, *, calls: int) -> None:
        """The client succeeds, at so many calls to its issuer."""
        seen = self._see(actor)
        self._row(actor.words, told, seen, holds=seen.is_success and seen.cost == calls)

    def works_in_the_end(self, actor: Actor, told: str) -> None:
        """The client succeeds after some attempts, at one call; the time is that of all of them together."""
        before, started_s = _answered(actor), time.monotonic()
        seen = self._see(actor)
        while not seen.is_success and time.monotonic() < started_s + HELD_AT_MOST_S:
            seen = self._see(actor)
        took_ms = (time.monotonic() - started_s) * 1000
        seen = Seen(run=replace(seen.run, took_ms=took_ms), calls=(before, _answered(actor)))
        self._row(actor.words, told, seen, holds=seen.is_success and seen.cost == 1)

    def fails(self, actor: Actor, told: str) -> None:
        """The client fails without a call: its service turned it away."""
        seen = self._see(actor)
        self._row(actor.words, told, seen, holds=not seen.is_success and seen.cost == 0)

    def fails_clearly(self, actor: Actor) -> None:
        """The client fails, and its person reads why in one line of our helper's."""
        seen = self._see(actor)
        line = next((line for line in seen.run.stderr.splitlines() if line.startswith(f"{actor.helper}: ")), "")
        holds = not seen.is_success and actor.profile in line
        self._row(actor.words, "the person reads why:", seen, holds=holds, quoted=line)

    def returns_before_its_renewal(self, actor: Actor, told: str, *, succeeds: bool) -> None:
        """The client, whether it succeeds or not, is back, and the renewal it caused is still waiting for the issuer.

        To be called with the issuer held back: a client that waited for the renewal would not come back.
        """
        seen = self._see(actor)
        has_begun = wait_until(lambda: actor.issuer.total > len(actor.issuer.facts))
        self._row(actor.words, told, seen, holds=has_begun and seen.is_success is succeeds and seen.cost == 0)

    @contextmanager
    def held_back(self, actor: Actor, *, after: int) -> Iterator[None]:
        """Keep the client's issuer from answering all but so many calls; at the end let it, and await the renewal."""
        gate = _Gate(admitted=after)
        actor.issuer.bend = gate
        try:
            yield
        finally:
            entries = self._sandbox.entries()
            gate.open()
            actor.issuer.bend = honestly
        wait_until(lambda: self._sandbox.entries() != entries and not self._sandbox.renewals())

    def becomes_stale(self, actor: Actor) -> None:
        """`keywright status` comes to call the client's credential stale."""

        def is_so() -> bool:
            document = json.loads(self._keywright("status", "--json").stdout)
            return any(row["profile"] == actor.profile and row["state"] == "stale" for row in document["credentials"])

        self._narrator.row("keywright status", f"{actor.profile}: stale", holds=wait_until(is_so))

    def crowd(self, actors: Sequence[Actor], size: int) -> None:
        """Many clients at once, each kind in turn, all succeed, and each issuer is asked once."""
        before = [_answered(actor) for actor in actors]
        members = [actors[number % len(actors)] for number in range(size)]
        runs = self._sandbox.run_all((actor.command, actor.env) for actor in members)
        for actor, asked in zip(actors, before, strict=True):
            own = [run for run, member in zip(runs, members, strict=True) if member is actor]
            worst = max(own, key=lambda run: (run.exit_code != 0, run.took_ms))
            seen = Seen(run=worst, calls=(asked, _answered(actor)))
            holds = seen.is_success and seen.cost == 1
            self._row(f"{len(own)} x {actor.words}", "minted once, for all", seen, holds=holds)

    def has_it_forgotten(self, actor: Actor, told: str) -> None:
        """The client's own command for that succeeds."""
        seen = self._see(actor, actor.forget)
        self._row(" ".join((actor.name, *actor.forget[1:-1])), told, seen, holds=seen.is_success)

    def manages(self, command: str, actor: Actor) -> None:
        """`keywright COMMAND PROFILE` succeeds, in the client's environment."""
        seen = self._see(actor, (f"{self._sandbox.bin}/keywright", command, actor.profile))
        done = seen.run.stdout.strip().rpartition(": ")[2]
        self._row(f"keywright {command}", f"{actor.profile}: {done}", seen, holds=seen.is_success)

    def skips(self, actor: Actor, why: str) -> None:
        """The client takes no part in this step."""
        self._narrator.skip(actor.words, why)

    def show_status(self) -> None:
        """Print `keywright status` as it is."""
        said = self._keywright("status").stdout
        for line in ("", "$ keywright status", *said.splitlines()):
            self._narrator.line(f"   {line}".rstrip())

    def _keywright(self, *words: str) -> Run:
        return self._sandbox.run((f"{self._sandbox.bin}/keywright", *words), self._sandbox.env)

    def _see(self, actor: Actor, command: Iterable[str] = ()) -> Seen:
        before = _answered(actor)
        run = self._sandbox.run(command or actor.command, actor.env)
        return Seen(run=run, calls=(before, _answered(actor)))

    def _row(self, words: str, told: str, seen: Seen, *, holds: bool, quoted: str = "") -> None:
        run = seen.run
        if run.exit_code:
            told = f"exit {run.exit_code}: {told}"
        if not holds:
            quoted = "\n".join((run.stderr or run.stdout).splitlines()[-QUOTED_LINES:])
        self._narrator.row(words, told, holds=holds, took_ms=run.took_ms, calls=seen.calls, quoted=quoted)


def _answered(actor: Actor) -> int:
    return len(actor.issuer.facts)


@contextmanager
def outage(actors: Sequence[Actor]) -> Iterator[None]:
    """Have all issuers hang up on every call, for the block. They keep their ports, which nobody else may get."""
    for actor in actors:
        actor.issuer.bend = lambda _call, _answer: HANG_UP
    try:
        yield
    finally:
        for actor in actors:
            actor.issuer.bend = honestly


class _Gate:
    """A `bend` that admits so many calls, and keeps those after them waiting until it is opened."""

    def __init__(self, admitted: int) -> None:
        self._left = threading.Semaphore(admitted)
        self._is_open = threading.Event()

    def __call__(self, call: Call, answer: Answer) -> Reply:
        if not self._left.acquire(blocking=False):
            self._is_open.wait(HELD_AT_MOST_S)
        return answer(call)

    def open(self) -> None:
        """Let everybody through from now on."""
        self._is_open.set()
