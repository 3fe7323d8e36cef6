"""`keywright agent`: renew what is due for as long as it runs. Nothing depends on it."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from keywright.errors import UsageError
from keywright.log import say
from keywright.manage.terminal import nothing_from_stdin, nothing_on_stdout
from keywright.refresher.agent import INTERVAL, LONGEST, SHORTEST, Agent
from keywright.refresher.alone import only_one
from keywright.refresher.mail import Mailbox, signals
from keywright.settings.values import parse_duration


def run(interval: str | None, env: Mapping[str, str], now: Callable[[], datetime]) -> int:
    """Run the agent until a signal ends it; return the exit code.

    Raises:
        UsageError: the interval is none, or out of bounds.
        Busy: another agent is running.
        CacheUnusable: the state's folder cannot be trusted or locked.
    """
    looks_every, mail = parse_interval(interval), Mailbox()
    with nothing_from_stdin(), nothing_on_stdout(), signals(mail), only_one(env):
        agent = Agent(env, interval=looks_every, now=now, monotonic=time.monotonic, mail=mail, say=_say)
        code = agent.run()
    if agent.is_left_hanging:
        leave(code)
    return code


def parse_interval(text: str | None) -> timedelta:
    """Return how often to look, from text such as `30s`.

    Raises:
        UsageError: it is no duration, or out of bounds.
    """
    if text is None:
        return INTERVAL
    interval = parse_duration(text)
    if interval is None or not SHORTEST <= interval <= LONGEST:
        raise UsageError("--interval is a duration of 1s to 1h, such as 30s or 2m")
    return interval


def leave(code: int) -> None:
    """End the process without waiting for threads that hang; the kernel frees their locks."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(code)


def _say(message: str) -> None:
    say(sys.stderr, "keywright", message)
