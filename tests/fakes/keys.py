"""A provider whose keys are numbered, and a server that takes one of them: what an adapter stands between."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Lock

from keywright.credential import Credential
from keywright.demo.exchange import Call, Reply
from keywright.demo.issuer import LoopbackServer
from keywright.errors import KeywrightError
from keywright.library.contract import AsyncCredentialProvider, CredentialProvider
from keywright.secret import Secret

ISSUED = datetime(2030, 1, 1, 12, tzinfo=UTC)
CANARY = "k3y-canary"
"""What every key starts with: it may be seen by a server, and nowhere else."""


def key(number: int) -> str:
    return f"{CANARY}-{number}"


class Keys(CredentialProvider):
    """Gives `key(1)` until it is rejected, then `key(2)`, and so on."""

    def __init__(self, username: str | None = None) -> None:
        self.username = username
        self.number = 1
        self.asked = 0
        self.rejected: list[str] = []
        self.failure: KeywrightError | None = None
        """What `current` fails of."""
        self.deafness: KeywrightError | None = None
        """What `invalidate` fails of; the next key is given all the same."""
        self._lock = Lock()

    def current(self) -> Credential:
        with self._lock:
            self.asked += 1
            if self.failure is not None:
                raise self.failure
            return Credential(Secret(key(self.number)), issued_at=ISSUED, username=self.username)

    def invalidate(self, rejected: Credential | None = None) -> None:
        with self._lock:
            assert rejected is not None, "an adapter knows what it sent"
            self.rejected.append(rejected.secret.reveal())
            if rejected.secret.reveal() == key(self.number):
                self.number += 1
            if self.deafness is not None:
                raise self.deafness

    def __repr__(self) -> str:
        return "Keys()"


class AsyncKeys(AsyncCredentialProvider):
    """The same keys, for tasks."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys

    async def current(self) -> Credential:
        return self.keys.current()

    async def invalidate(self, rejected: Credential | None = None) -> None:
        self.keys.invalidate(rejected)

    def __repr__(self) -> str:
        return "AsyncKeys()"


class Door(LoopbackServer):
    """Lets those in whose header holds the one value that is wanted, and says 401 to the others.

    `/then/302/HOST/PATH` redirects (307 too) to `http://HOST/PATH`, to `/PATH` where HOST is `here`.
    """

    def __init__(self, header: str = "Authorization", wanted: str = "") -> None:
        super().__init__(
            {
                "GET /thing": self._thing,
                "POST /thing": self._thing,
                "GET /status/{status}": lambda call: self._told(call, int(call.values["status"])),
                "GET /then/{status}/{host}/{path*}": self._elsewhere,
                "POST /then/{status}/{host}/{path*}": self._elsewhere,
            }
        )
        self.header = header
        self.wanted = wanted
        """The value of the header that opens it; nothing does while this is empty."""

    @property
    def sent(self) -> list[str]:
        """What each request had in the header, in the order of the answers; empty for none."""
        return [str(fact.call.headers.get(self.header, "")) for fact in self.facts]

    @property
    def bodies(self) -> list[bytes]:
        return [fact.call.body for fact in self.facts]

    def _thing(self, call: Call) -> Reply:
        is_open = self.wanted and call.headers.get(self.header) == self.wanted
        return self._told(call, 200 if is_open else 401)

    def _told(self, call: Call, status: int) -> Reply:
        return Reply(status=status, body=f"answer {len(self.facts) + 1}".encode())

    def _elsewhere(self, call: Call) -> Reply:
        host, path = call.values["host"], call.values["path"]
        location = f"/{path}" if host == "here" else f"http://{host}/{path}"
        return Reply(status=int(call.values["status"]), headers=(("Location", location),))


@contextmanager
def door(header: str = "Authorization", wanted: str = "") -> Iterator[Door]:
    with Door(header, wanted) as server:
        yield server
