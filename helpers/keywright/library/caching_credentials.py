"""Minted credentials by id, which are minted anew ahead of their end, beside secrets that stay as they are."""

import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from datetime import datetime, timedelta
from threading import Lock
from typing import Final, NamedTuple

from keywright.credential import Credential
from keywright.deadline import CALL_S
from keywright.errors import ConfigurationError
from keywright.library import flights
from keywright.library.aws_keys import AwsKeys
from keywright.library.credential_store import CredentialStore
from keywright.library.in_memory_credentials import InMemoryCredentials, utc_now
from keywright.library.minted import Minted
from keywright.library.minter import AnyMinter, AwsMint, AwsMinter, Minting, Value, aws_minting, minting
from keywright.library.rounds import Refresher, Stopped
from keywright.log import one_line
from keywright.secret import Secret

MINT_WITHIN: Final = timedelta(seconds=CALL_S)
"""How long a round waits for one mint before it goes on to the next id."""
INTERVAL: Final = timedelta(seconds=30)
"""How long the refresher rests between two rounds: half the skew, so that none is missed."""

_LOGGER: Final = logging.getLogger("keywright")


class CachingCredentials(CredentialStore):
    """Holds tokens and AWS keys by id, some as they were given, some minted and minted anew ahead of their end.

    It fails closed: until one is minted, and from its end on if minting the next one keeps failing, the id resolves to
    None. So a proxy that asks on each request denies what it has no credential for:

        store = CachingCredentials(
            static={"billing": os.environ["BILLING_TOKEN"]},
            minters={"github": "github-app:acme", "search": mint_search_token},
        )

        def forward(request: Request) -> Response:
            token = store.resolve(request.credential_id)
            if token is None:
                return Response(status=403)
            return send(request, authorization=f"Bearer {token.reveal()}")

        with store.refresher():
            serve(forward)

    Readers never wait, a mint under way or not. Tasks of asyncio call `resolve` as it is, and `refresh_due`, which
    waits, as `await asyncio.to_thread(store.refresh_due)`.
    """

    def __init__(
        self,
        static: Mapping[str, Secret | str | AwsKeys] | None = None,
        minters: Mapping[str, AnyMinter] | None = None,
        *,
        mint_within: timedelta = MINT_WITHIN,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """Mint nothing yet.

        Args:
            static: the token, or the AWS keys, of each id that is not minted.
            minters: who mints the token of each other id: a `Minter`, a provider, a function of `now`, or the id of a
                keywright profile.
            mint_within: how long a round waits for one mint.
            now: the wall clock (aware UTC).

        Raises:
            ConfigurationError: an id is in both.
            UsageError: a secret is empty, or a minter is none.
        """
        self._now = now
        self._mint_within_s = mint_within.total_seconds()
        self._static = InMemoryCredentials(now=now)
        self._mintings: dict[str, Minting] = {}
        self._minted: dict[str, Minted] = {}
        self._flights: dict[str, _Flight] = {}
        self._lock = Lock()
        flights.forget_after_fork(self)
        for credential_id, value in (static or {}).items():
            self.insert_static(credential_id, value)
        for credential_id, minter in (minters or {}).items():
            self._register(credential_id, minting(credential_id, minter))

    def resolve(self, credential_id: str, /) -> Secret | None:
        """Return the token of that id, which is not expired; None if there is none now."""
        value = self._usable(credential_id)
        return value.secret if isinstance(value, Credential) else self._static.resolve(credential_id)

    def resolve_aws(self, credential_id: str, /) -> AwsKeys | None:
        """Return the AWS keys of that id, which are not expired; None if there are none now."""
        value = self._usable(credential_id)
        return value if isinstance(value, AwsKeys) else self._static.resolve_aws(credential_id)

    def ids(self) -> list[str]:
        """Return every id, sorted, of what is not minted yet too; never a secret."""
        with self._lock:
            return sorted([*self._static.ids(), *self._mintings])

    def insert_static(self, credential_id: str, value: Secret | str | AwsKeys, /) -> None:
        """Store a token or AWS keys that are not minted, in the place of whatever the id held.

        Raises:
            ConfigurationError: the id is a minter's.
            UsageError: a secret of it is empty, or is none.
        """
        with self._lock:
            if credential_id in self._mintings:
                raise _taken(credential_id, "a minter")
            self._static.insert(credential_id, value)

    def insert_runtime(self, credential_id: str, secret: Secret | str, /) -> None:
        """Store a token, as `insert_static` does."""
        self.insert_static(credential_id, secret)

    def insert_aws_runtime(self, credential_id: str, keys: AwsKeys, /) -> None:
        """Store AWS keys, as `insert_static` does."""
        self.insert_static(credential_id, keys)

    def register_aws_provider(self, credential_id: str, minter: AwsMinter | AwsMint, /) -> None:
        """Have the AWS keys of that id minted from the next round on.

        Raises:
            ConfigurationError: the id is taken, by a secret or by another minter.
            UsageError: that is no minter.
        """
        self._register(credential_id, aws_minting(credential_id, minter))

    def refresh_due(self, now: datetime | None = None, /) -> list[str]:
        """Mint what is missing or due, one after the other, and return the ids, sorted, that hold a new value now.

        Due is what has its minter's `refresh_skew` or less left. A mint that fails leaves what there is in its place
        until that expires. What a minter takes too long for is kept when it comes, and until then no other mint of
        that id begins. One that somebody else began is waited for.

        Args:
            now: as of when (aware UTC); by default the store's own clock.
        """
        return self._do_round(Future(), self._now() if now is None else now)

    def refresher(self, interval: timedelta = INTERVAL) -> Refresher:
        """Return what refreshes the store in a thread, once it is started or entered by `with`.

        Raises:
            UsageError: the interval is no time.
        """
        return Refresher(lambda stopped: self._do_round(stopped, self._now()), interval)

    def _register(self, credential_id: str, how: Minting) -> None:
        with self._lock:
            if credential_id in self._static:
                raise _taken(credential_id, "a static secret")
            if credential_id in self._mintings:
                raise _taken(credential_id, "another minter")
            self._mintings[credential_id] = how

    def _usable(self, credential_id: str) -> Value | None:
        minted = self._minted.get(credential_id)
        return minted.value if minted is not None and minted.is_usable(self._now()) else None

    def _do_round(self, stopped: Stopped, now: datetime) -> list[str]:
        with self._lock:
            mintings = sorted(self._mintings.items())
        return [each for each, how in mintings if not stopped.done() and self._refresh(each, how, now, stopped)]

    def _refresh(self, credential_id: str, how: Minting, now: datetime, stopped: Stopped) -> bool:
        """Mint one id if that is due; whether this put another value in its place."""
        with self._lock:
            flight = self._flights.get(credential_id)
            starts = flight is None
            if flight is None:
                minted = self._minted.get(credential_id)
                if minted is not None and not minted.is_due(now, how.refresh_skew):
                    return False
                flight = self._flights[credential_id] = _Flight(Future(), time.monotonic() + self._mint_within_s)
        if starts:
            flights.start(lambda: self._fly(credential_id, how, now, flight))
        left_s = max(flight.ends_s - time.monotonic(), 0.0)
        wait([flight.landed, stopped], timeout=left_s, return_when=FIRST_COMPLETED)
        if flight.landed.done():
            return starts and flight.landed.result()
        if not stopped.done():
            _warn(credential_id, "it takes too long")
        return False

    def _fly(self, credential_id: str, how: Minting, now: datetime, flight: "_Flight") -> None:
        """Mint, and put what came in its place: here, so that an answer nobody waits for any more is not lost."""
        is_another, failed = False, ""
        try:
            is_another = self._keep(credential_id, how.minted(now), now)
        except BaseException as error:  # noqa: BLE001 - whatever a minter raises concerns its own id alone
            failed = type(error).__name__
        try:
            if failed:  # told out here: a log that breaks shows what it was told in the middle of, and its text
                _warn(credential_id, failed)
        finally:
            with self._lock:
                if self._flights.get(credential_id) is flight:
                    del self._flights[credential_id]
            flight.landed.set_result(is_another)

    def _keep(self, credential_id: str, value: Value, now: datetime) -> bool:
        """Put it in its place; whether it is another one than was there."""
        before = self._minted.get(credential_id)
        # A caller's `now` need not be the store's: only the store's own clock can be seen to go back.
        self._minted[credential_id] = Minted(value, since=min(now, self._now()))
        return before is None or before.value != value

    def _after_fork(self) -> None:
        """In a child no mint goes on, and whoever held the lock is gone with its thread."""
        self._lock = Lock()
        self._flights = {}

    def __repr__(self) -> str:
        return f"CachingCredentials(ids={self.ids()!r})"


class _Flight(NamedTuple):
    """One mint under way: whether it brought another value, and until when anybody waits (`time.monotonic`)."""

    landed: Future[bool]
    ends_s: float


def _taken(credential_id: str, whose: str) -> ConfigurationError:
    return ConfigurationError(f"the id `{credential_id}` is taken by {whose}", mend="give one of the two another id")


def _warn(credential_id: str, why: str) -> None:
    _LOGGER.warning("credential mint failed for %s (%s)", one_line(credential_id), why)
