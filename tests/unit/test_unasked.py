"""Renewing what nobody waits for: `Broker.renew_due`."""

import os
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from fakes.agents import START
from fakes.minter import Minter, Minting
from keywright.broker import Broker
from keywright.cache.failures import Failure
from keywright.cache.open import Cache, open_cache
from keywright.errors import (
    CacheUnusable,
    KeywrightError,
    NeedsPerson,
    TokenRevoked,
    Unavailable,
    Unreachable,
    VaultLocked,
)
from keywright.hit import stamp
from keywright.profiles.state import ProfileStates
from keywright.providers.base import Parent
from keywright.renewal import Served
from keywright.request import Client, Request, Verb
from keywright.settings.model import GithubAppOptions, Profile, Settings, StaticOptions
from keywright.unasked import may_be_asked

ACME = Profile(id="github-app:acme", options=GithubAppOptions(app_id="1", private_key="/k", installation_id=1))
SESSION = Profile(id="github-app:session", options=ACME.options)
MINUTE = timedelta(minutes=1)


@dataclass
class House:
    minter: Minter = field(default_factory=Minter)

    @property
    def cache(self) -> Cache:
        return open_cache(os.environ)

    def renew(
        self,
        after: timedelta = timedelta(0),
        profile: Profile = ACME,
        *,
        has_cache: bool = True,
        was_cached: bool = False,
    ) -> Served | None:
        at: datetime = START + after
        broker = Broker(
            settings=Settings(source="/config.toml", stamp="-", profiles={ACME.id: ACME}),
            cache=self.cache if has_cache else None,
            env=os.environ,
            now=lambda: at,
            say=lambda _message: None,
        )
        request = Request(client=Client.GIT, verb=Verb.GET, asked=ACME.id, profile=ACME.id)
        return broker.renew_due(profile, request, was_cached=was_cached)


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    house = House()
    house.minter.install(monkeypatch)
    return house


def test_it_is_renewed_when_it_is_missing_stale_or_expired_and_not_when_it_is_fresh(house: House) -> None:
    served = [house.renew(after * MINUTE) for after in (0, 1, 40, 50, 51, 300)]
    assert [one is not None for one in served] == [True, False, False, True, False, True]
    assert house.minter.calls == 3
    generations = [one.entry.generation for one in served if one]
    assert generations == sorted(set(generations))


def test_what_was_dropped_since_it_was_found_due_is_not_brought_back(house: House) -> None:
    served = house.renew()
    assert served is not None
    house.cache.entries.forget(served.entry.key.digest)
    assert house.renew(50 * MINUTE, was_cached=True) is None
    assert house.minter.calls == 1
    assert house.renew(50 * MINUTE) is not None


def test_a_secret_that_is_read_where_it_lies_is_nothing_to_renew(house: House) -> None:
    assert house.renew(profile=Profile(id="static:x", options=StaticOptions(url="https://x", secret="env://X"))) is None


def test_nothing_is_minted_that_could_not_be_kept(house: House) -> None:
    with pytest.raises(CacheUnusable):
        house.renew(has_cache=False)
    assert house.minter.calls == 0


def test_whoever_holds_the_lock_is_at_it(house: House) -> None:
    served = house.renew()
    assert served is not None
    took: list[Served | None] = []
    with house.cache.entries.lock(served.entry.key.digest, 0):
        other = threading.Thread(target=lambda: took.append(house.renew(50 * MINUTE)))
        other.start()
        other.join(30)
    assert took == [None]
    assert house.minter.calls == 1


def test_a_failure_is_remembered_noted_and_not_repeated(house: House) -> None:
    house.minter.failure = Unreachable("down")
    with pytest.raises(Unreachable):
        house.renew()
    assert house.renew(timedelta(seconds=1)) is None
    assert house.minter.calls == 1
    assert ProfileStates(os.environ).usage("github-app").of(ACME.id, "").error_count == 1


def test_the_failure_of_a_session_is_noted_once_for_those_that_need_it(house: House) -> None:
    house.minter.parents[ACME.id] = Parent(SESSION, Minting(house.minter, SESSION), timedelta(0))
    house.minter.failure, house.minter.failing = Unreachable("down"), SESSION.id
    for after_s in (0, 1):
        with pytest.raises(KeywrightError):
            house.renew(timedelta(seconds=after_s))
    assert house.minter.calls == 1
    assert ProfileStates(os.environ).usage("github-app").of(ACME.id, "").error_count == 1


def _failure(error: KeywrightError, **inputs: str) -> Failure:
    return Failure(error, 1, failed_at_s=100, retry_at_s=110, inputs=inputs)


@pytest.mark.parametrize(
    ("error", "now_s", "may"),
    [
        (Unreachable("down"), 105, False),
        (Unreachable("down"), 110, True),
        (Unreachable("down"), 99, True),  # the clock was set back
        (Unavailable("no key"), 1000, True),
        (TokenRevoked("taken back"), 1000, False),
        (NeedsPerson("log in"), 1000, False),
        (VaultLocked("locked"), 699, False),
        (VaultLocked("locked"), 700, True),  # by an OS keyring, say, whose unlocking changes no file
    ],
)
def test_who_failed_may_be_asked_again(error: KeywrightError, now_s: float, may: bool) -> None:
    assert may_be_asked(_failure(error), now_s) is may
    assert may_be_asked(None, now_s)


@pytest.mark.parametrize("error", [TokenRevoked("taken back"), NeedsPerson("log in"), Unreachable("down")])
def test_a_change_of_what_decided_it_ends_every_wait(error: KeywrightError, tmp_path: object) -> None:
    path = f"{tmp_path}/login"
    failure = _failure(error, **{path: stamp(path)})
    assert not may_be_asked(failure, 105)
    with open(path, "w", encoding="ascii") as file:
        file.write("another")
    assert may_be_asked(failure, 105)
