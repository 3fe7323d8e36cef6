"""Programs that hold a credential: one kind in memory alone, one over the cache that the helpers share."""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
import time_machine

from fakes.minter import Minter, Minting
from keywright import (
    CachedCredentialProvider,
    Credential,
    CredentialProvider,
    InMemoryCredentialProvider,
    to_async,
)
from keywright.settings.model import GithubAppOptions, Profile

ACME: Final = "github-app:acme"
SETTINGS: Final = f"""
version = 1
[profiles."{ACME}"]
app_id = "1"
private_key = "/key.pem"
installation_id = 7
renew_before = "90s"
refuse_before = "0s"
"""
"""90 s and 0 s: the margins under which the outcome table was written."""
ENDS_WITHIN_S: Final = 30.0


@dataclass
class Gate:
    """Lets minting through; closed, it holds whoever mints until it is opened."""

    event: threading.Event = field(default_factory=threading.Event)
    arrived: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.event.set()

    def close(self) -> None:
        self.event.clear()
        self.arrived.clear()

    def open(self) -> None:
        self.event.set()

    def wait_for_somebody(self) -> None:
        assert self.arrived.wait(ENDS_WITHIN_S)

    def pass_through(self) -> None:
        self.arrived.set()
        assert self.event.wait(ENDS_WITHIN_S)


@dataclass
class Holder:
    """One program: its provider, the issuer behind it, and the clock that both go by."""

    provider: CredentialProvider
    minter: Minter
    clock: time_machine.Traveller
    gate: Gate
    is_async: bool
    make: Callable[[], CredentialProvider]

    def current(self) -> Credential:
        """Ask once, as this program does."""
        if self.is_async:
            return asyncio.run(to_async(self.provider).current())
        return self.provider.current()

    def invalidate(self, rejected: Credential | None = None) -> None:
        if self.is_async:
            asyncio.run(to_async(self.provider).invalidate(rejected))
        else:
            self.provider.invalidate(rejected)

    def get(self) -> str:
        return self.current().secret.reveal()

    def many(self, count: int) -> "list[str | Exception]":
        """Ask `count` times at once; return what each got, or failed of."""
        if self.is_async:
            return asyncio.run(self._gathered(count))
        found: list[str | Exception] = []

        def ask() -> None:
            try:
                found.append(self.provider.current().secret.reveal())
            except Exception as error:  # noqa: BLE001 - whatever it is, it is what they got
                found.append(error)

        threads = [threading.Thread(target=ask) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(ENDS_WITHIN_S)
            assert not thread.is_alive()
        return found

    async def _gathered(self, count: int) -> "list[str | Exception]":
        asking = [to_async(self.provider).current() for _ in range(count)]
        found = await asyncio.gather(*asking, return_exceptions=True)
        assert not [one for one in found if isinstance(one, BaseException) and not isinstance(one, Exception)]
        return [one if isinstance(one, Exception) else one.secret.reveal() for one in found]  # type: ignore[union-attr]

    def after(self, seconds: float) -> None:
        self.clock.shift(seconds)

    def settle(self) -> None:
        """Wait until no renewal is under way."""
        ends_s = time.monotonic() + ENDS_WITHIN_S
        while flying := [thread for thread in threading.enumerate() if thread.name == "keywright-renewal"]:
            flying[0].join(ENDS_WITHIN_S)
            assert time.monotonic() < ends_s, "one renewal starts the next"


def make_holder(
    kind: str, home: Path, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch, *, is_async: bool
) -> Holder:
    """Return a program of the kind `in memory` or `cached`."""
    gate = Gate()
    minter = Minter(gate=gate.pass_through)
    profile = Profile(id=ACME, options=GithubAppOptions(app_id="1", private_key="/key.pem", installation_id=7))
    minter.install(monkeypatch)

    def mint(now: datetime) -> Credential:
        return Minting(minter, profile).fetch(now, 20.0, {}).credential

    def make() -> CredentialProvider:
        if kind == "cached":
            return CachedCredentialProvider(ACME)
        return InMemoryCredentialProvider(mint, renew_before=timedelta(seconds=90), refuse_before=timedelta(0))

    settings = home / ".config/keywright/config.toml"
    settings.parent.mkdir(parents=True, mode=0o700)
    settings.write_text(SETTINGS)
    return Holder(make(), minter, clock, gate, is_async, make)
