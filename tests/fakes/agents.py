"""An agent on a clock of its own: time passes only while it sleeps, and what is under way ends before it does."""

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue

from keywright.refresher.agent import INTERVAL, Agent
from keywright.refresher.mail import Call, Notice

START = datetime(2030, 1, 1, 12, tzinfo=UTC)
PAUSE_S = 0.02
HANGS_S = 30.0
"""How long a renewal of a fake may really take. Reached only when something hangs."""


@dataclass
class World:
    """The clock, the mail and whatever happens between two looks."""

    at: datetime = START
    until: datetime = START + timedelta(hours=1)
    between: Callable[[], object] = lambda: None
    """What happens each time the agent goes to sleep."""
    said: list[str] = field(default_factory=list)
    slept_s: list[float] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    """What arrives as soon as the agent sleeps."""
    env: Mapping[str, str] = field(default_factory=lambda: os.environ)
    interval: timedelta = INTERVAL
    is_working: Callable[[], bool] = lambda: False
    monotonic_s: float = 0.0
    hanging: list[str] = field(default_factory=list)
    """Whose renewals hang: time passes although they are at it, once nobody else is."""
    at_work: Callable[[], int] = lambda: 0
    """How many threads are at a renewal, those that were written off among them."""
    _queue: "SimpleQueue[Notice]" = field(default_factory=SimpleQueue)

    def now(self) -> datetime:
        return self.at

    def post(self, notice: Notice) -> None:
        self._queue.put(notice)

    def wait(self, at_most_s: float) -> Notice | None:
        assert at_most_s >= 0
        give_up_s = time.monotonic() + HANGS_S
        while self.is_working():
            try:
                return self._queue.get(timeout=PAUSE_S)
            except Empty:
                if self.hanging and self.at_work() == len(self.hanging):
                    break
                assert time.monotonic() < give_up_s, "a renewal hangs"
        self.between()
        if self.calls:
            return self.calls.pop(0)
        if self.at >= self.until:
            return Call.END
        self.slept_s.append(at_most_s)
        self.at += timedelta(seconds=at_most_s)
        self.monotonic_s += at_most_s
        return None

    def run(self) -> int:
        """Run an agent until the world ends; return its exit code."""
        agent = Agent(
            self.env,
            interval=self.interval,
            now=self.now,
            monotonic=lambda: self.monotonic_s,
            mail=self,
            say=self.said.append,
        )
        crew = agent._rounds._crew
        self.is_working = lambda: agent.is_working
        self.at_work = lambda: len(crew._began_s) + len(crew._written_off)
        code = agent.run()
        assert not agent.is_left_hanging or self.hanging
        return code


def land() -> None:
    """Wait for the renewals that hung and do so no longer: they go by the environment, which is soon another test's."""
    for thread in threading.enumerate():
        if thread.name.startswith("renewing "):
            thread.join(HANGS_S)
            assert not thread.is_alive()
