"""A minter of a store: it counts, fails on demand, hangs at a gate, and knows how many of its mints ran at once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event, Lock

from keywright.credential import Credential
from keywright.library.aws_keys import AwsKeys
from keywright.secret import Secret

SKEW = timedelta(seconds=1)
TTL = timedelta(seconds=10)
BOUND_S = 20.0
"""How long a test waits for what is bound to come."""
CANARY = "canary-minted-7c31"
"""What every secret of these minters begins with, and every failure's text holds."""


def at_ms(instant_ms: int) -> datetime:
    """Return the instant, so many milliseconds after the epoch, as S3 counts."""
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=instant_ms)


class Clock:
    """A clock that stands until it is set."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


class FakeMinter:
    """Mints `canary-minted-7c31-NAME-1`, then `-2` …"""

    def __init__(self, name: str = "eks", *, ttl: timedelta | None = TTL, refresh_skew: timedelta = SKEW) -> None:
        self.name = name
        self.ttl = ttl
        self.refresh_skew = refresh_skew
        self.failure: BaseException | None = None
        self.gate = Event()
        self.gate.set()
        self.began = Event()
        self.calls = 0
        self.running = 0
        self.peak = 0
        self.on_mint: Callable[[], None] = lambda: None
        self._lock = Lock()

    def mint(self, now: datetime) -> Credential:
        return Credential(Secret(self._token()), issued_at=now, expires_at=self._end(now))

    def _end(self, now: datetime) -> datetime | None:
        return None if self.ttl is None else now + self.ttl

    def _token(self) -> str:
        with self._lock:
            self.calls += 1
            self.running += 1
            self.peak = max(self.peak, self.running)
            token = f"{CANARY}-{self.name}-{self.calls}"
        try:
            self.began.set()
            self.on_mint()
            if not self.gate.wait(BOUND_S):
                raise AssertionError("nobody opened the gate")
            if self.failure is not None:
                raise self.failure
        finally:
            with self._lock:
                self.running -= 1
        return token


class FakeAwsMinter(FakeMinter):
    """The same for AWS keys."""

    def mint(self, now: datetime) -> AwsKeys:  # type: ignore[override]  # another kind, in the same words
        token = self._token()
        return AwsKeys("ASIAEXAMPLE", Secret(token), Secret(f"{token}-session"), self._end(now))
