"""An agent on a clock of its own: time passes only while it sleeps, and what is under way ends before it does."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue

from keywright.refresher.agent import INTERVAL, Agent
from keywright.refresher.mail import Call, Notice

START = datetime(2030, 1, 1, 12, tzinfo=UTC)
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
    patience_s: float = HANGS_S
    """How long, really, before time passes although something is being renewed."""
    _queue: "SimpleQueue[Notice]" = field(default_factory=SimpleQueue)

    def now(self) -> datetime:
        return self.at

    def post(self, notice: Notice) -> None:
        self._queue.put(notice)

    def wait(self, at_most_s: float) -> Notice | None:
        assert at_most_s >= 0
        if self.is_working():
            try:
                return self._queue.get(timeout=self.patience_s)
            except Empty:
                assert self.patience_s < HANGS_S, "a renewal hangs"
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
        self.is_working = lambda: agent.is_working
        code = agent.run()
        assert not agent.is_left_hanging or self.patience_s < HANGS_S
        return code
