"""The failures that all processes remember together, so that a broken issuer is asked a bounded number of times.

One JSON file per entry under the state folder. It is void once its time has come, or once one of the files that
decided the attempt (settings, key, AWS configuration, SSO login), or the way to the issuer (proxies, certificates), has
changed: who mends the cause is not made to wait.
"""

import json
import os
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from keywright.cache.folder import PrivateFolder
from keywright.errors import ERRORS, KeywrightError, NeedsPerson, Unavailable, VaultLocked, VaultUnusable
from keywright.hit import sha256, stamp

SCHEMA: Final = 1
FIRST_S: Final = 2.0
LONGEST_S: Final = 300.0
LONGEST_HERE_S: Final = 15.0
"""The longest pause after a failure on this side: nobody is spared by waiting for a person to mend something."""
_HERE: Final = (NeedsPerson, Unavailable, VaultLocked, VaultUnusable)
LONGEST_ASKED_S: Final = 3600.0
JITTER: Final = 0.2
KEPT_S: Final = 7 * 86400.0
LAST_S: Final = 253402300800.0
"""The end of the year 9999: what is later is told by no clock, and shown by none."""
WAY: Final = ("ALL_PROXY", "AWS_CA_BUNDLE", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_DIR", "SSL_CERT_FILE")
"""The environment that decides how an issuer is reached, in either case."""


class Failure(NamedTuple):
    """One remembered failure.

    Attributes:
        error: what went wrong, as it was first told.
        attempts: how many attempts in a row have failed.
        failed_at_s: when the last one did (epoch seconds).
        retry_at_s: when the issuer may be asked again (epoch seconds).
        inputs: the files that decided the attempt, with their stamps.
    """

    error: KeywrightError
    attempts: int
    failed_at_s: float
    retry_at_s: float
    inputs: Mapping[str, str]

    @property
    def times(self) -> str:
        """How many attempts have failed, in words."""
        return "once" if self.attempts == 1 else f"{self.attempts} times"

    def holds(self, now_s: float) -> bool:
        """Whether the issuer is not to be asked yet. A clock behind the failure proves nothing: ask."""
        if not self.failed_at_s <= now_s < self.retry_at_s:
            return False
        return all(stamp(path) == seen for path, seen in self.inputs.items())


def pause_s(attempts: int, error: KeywrightError) -> float:
    """Return how long to leave the issuer alone: 2 s doubling to 5 min with ±20 % jitter, or longer if it asked to.

    Where it was never asked, because something is missing here, at most 15 s.
    """
    from random import uniform

    longest_s = LONGEST_HERE_S if isinstance(error, _HERE) else LONGEST_S
    own = min(FIRST_S * 2.0 ** min(attempts - 1, 16), longest_s) * uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - jitter
    return max(own, min(error.retry_after_s or 0.0, LONGEST_ASKED_S))


class Failures:
    """The failure memory of one state folder."""

    def __init__(self, state: str, env: Mapping[str, str]) -> None:
        """Open `STATE/failures`, made if need be; `env` is the caller's.

        Raises:
            CacheUnusable: the folder cannot be trusted.
        """
        PrivateFolder.open(state)
        self._folder = PrivateFolder.open(f"{state}/failures")
        way = [f"{name}={env[name]}" for name in sorted(env) if name.upper() in WAY]
        self._way = sha256("\0".join(way).encode("utf-8", "surrogateescape")).hexdigest()

    def recall(self, entry: str) -> Failure | None:
        """Return what is remembered of the entry, held or run out; None if nothing or if it is damaged.

        Raises:
            CacheUnusable: the file cannot be trusted.
        """
        file = self._folder.read(f"{entry}.json")
        if file is None:
            return None
        try:
            document = json.loads(file[0])
            kind = ERRORS[document["code"]]
            error = kind(str(document["what"]), mend=str(document["mend"]))
            if isinstance(error, NeedsPerson):
                error.question = str(document.get("question", ""))
            failed_at_s, retry_at_s = _instant(document["failed_at_unix_s"]), _instant(document["retry_at_unix_s"])
            return Failure(
                error=error.about(str(document["account"]), str(document["host"])),
                attempts=int(document["attempts"]),
                failed_at_s=failed_at_s,
                retry_at_s=retry_at_s if document["way"] == self._way else failed_at_s,
                inputs={str(path): str(seen) for path, seen in document["inputs"].items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            return None

    def record(self, entry: str, error: KeywrightError, now_s: float, inputs: Mapping[str, str]) -> Failure:
        """Remember one more failure; the caller holds the entry's lock. Returns what is now remembered.

        Raises:
            CacheUnusable: it cannot be written.
        """
        before = self.recall(entry)
        attempts = before.attempts + 1 if before and before.failed_at_s <= now_s else 1
        failure = Failure(
            error=error,
            attempts=attempts,
            failed_at_s=now_s,
            retry_at_s=now_s + pause_s(attempts, error),
            inputs=inputs,
        )
        document = {
            "schema": SCHEMA,
            "code": error.code,
            "what": error.what,
            "mend": error.mend,
            "account": error.account,
            "host": error.host,
            "attempts": attempts,
            "failed_at_unix_s": failure.failed_at_s,
            "retry_at_unix_s": failure.retry_at_s,
            "inputs": dict(inputs),
            "way": self._way,
        }
        if isinstance(error, NeedsPerson) and error.question:
            document["question"] = error.question
        self._folder.replace(f"{entry}.json", json.dumps(document).encode("ascii") + b"\n", mtime=now_s)
        return failure

    def sweep(self, now_s: float) -> None:
        """Forget what nobody has met again for a week: a file's mtime is when it failed.

        Raises:
            CacheUnusable: a file cannot be deleted.
        """
        being_written = f".{os.getpid()}.tmp"  # by another thread, and not dated yet: `now_s` need not be the system's
        for name, mtime in self._folder.mtimes().items():
            if mtime < now_s - KEPT_S and not name.endswith(being_written):
                self._folder.remove(name)

    def forget(self, entry: str) -> None:
        """Forget the entry's failures: it was renewed, or a person stepped in.

        Raises:
            CacheUnusable: the file cannot be deleted.
        """
        self._folder.remove(f"{entry}.json")

    def digests(self) -> list[str]:
        """Return the names of the entries that failures are remembered of, sorted."""
        return sorted(name.removesuffix(".json") for name in self._folder.mtimes() if name.endswith(".json"))


def _instant(told: Any) -> float:  # noqa: ANN401 - from a file
    """Return an instant in epoch seconds, of a year that a calendar has.

    Raises:
        ValueError: it is infinite, no number, or beyond all calendars.
        TypeError: as `float`.
    """
    seconds = float(told)
    if not 0 <= seconds < LAST_S:
        raise ValueError("no instant")
    return seconds
