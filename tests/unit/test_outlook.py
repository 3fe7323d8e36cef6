"""What the broker would do, held against what it then does: through whatever has happened before."""

import os
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
import time_machine

from fakes.minter import Minter
from keywright.broker import Broker
from keywright.cache.open import open_cache
from keywright.errors import KeywrightError, Refused, Unavailable, Unreachable
from keywright.outlook import look_ahead, open_if_there
from keywright.profiles.state import ProfileStates
from keywright.renewal import Served
from keywright.request import Client, Request, Verb, parse_url
from keywright.settings.model import GithubAppOptions, Profile, Route, Settings

ACME, SPARE, LAST = "github-app:acme", "github-app:spare", "github-app:last"
PLACE = parse_url("https://github.com/acme")
REQUEST = Request(client=Client.GIT, verb=Verb.GET, url=PLACE, asked="https://github.com/acme")
FAILURES = (
    Unreachable("down"),
    Unreachable("slow down", retry_after_s=90),
    Refused("no"),
    Unavailable("no key"),
)
SPANS_S = (0, 1, 5, 40, 400, 50 * 60, 3600, 26 * 3600)


def profile(id_: str, *fallback: str) -> Profile:
    options = GithubAppOptions(app_id="1", private_key="/key.pem", installation_id=7)
    return Profile(id=id_, options=options, fallback=fallback)


@pytest.fixture
def settings(home: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("KEYWRIGHT_HOME", str(home / "kw"))
    assert PLACE
    return Settings(
        source=str(home / "kw" / "config.toml"),
        stamp="-",
        profiles={ACME: profile(ACME), SPARE: profile(SPARE, LAST), LAST: profile(LAST)},
        routes=(Route(client=Client.GIT, url=PLACE, profiles=(ACME, SPARE)),),
    )


@pytest.fixture
def minter(home: Path, monkeypatch: pytest.MonkeyPatch) -> Minter:
    minter = Minter()
    minter.install(monkeypatch)
    return minter


def serve(settings: Settings) -> Served | KeywrightError:
    broker = Broker(
        settings=settings,
        cache=open_cache(os.environ),
        env=os.environ,
        now=lambda: datetime.now(UTC),
        say=lambda _message: None,
    )
    try:
        return broker.serve(REQUEST)
    except KeywrightError as error:
        return error


def happen(random: Random, minter: Minter, clock: time_machine.Traveller) -> None:
    """Let something happen that changes what the next call gets."""
    clock.shift(random.choice(SPANS_S))
    minter.failure = random.choice((None, *FAILURES))
    minter.failing = random.choice(("", ACME, SPARE))
    one, is_enabled = random.choice((ACME, SPARE)), random.random() < 0.7
    ProfileStates(os.environ).decide(one, "", lambda decided: decided._replace(enabled=is_enabled))
    cache = open_cache(os.environ)
    if random.random() < 0.2:
        for digest in cache.entries.digests():
            cache.entries.forget(digest)


@pytest.mark.parametrize("seed", [0, 1])
def test_it_comes_as_it_was_foreseen(
    settings: Settings, minter: Minter, clock: time_machine.Traveller, seed: int
) -> None:
    random, verdicts = Random(seed), set()
    for _ in range(50):
        happen(random, minter, clock)
        outlook = look_ahead(
            REQUEST, settings=settings, cache=open_if_there(os.environ), env=os.environ, now=datetime.now(UTC)
        )
        before, came = minter.calls, serve(settings)
        answering = outlook.answering
        verdicts.add(answering.verdict if answering else "fails")
        if answering is None:
            assert isinstance(came, KeywrightError)
            assert minter.calls == before
        elif answering.verdict == "cached":
            assert isinstance(came, Served)
            assert came.entry.key.profile == answering.turn.profile.id
            assert minter.calls == before
        else:
            assert minter.calls > before, "it was asked first of all"
            assert minter.failure or (isinstance(came, Served) and came.entry.key.profile == answering.turn.profile.id)
    assert {"cached", "asked", "fails"} <= verdicts


def test_a_cache_that_is_not_there_is_not_made(settings: Settings, home: Path) -> None:
    assert open_if_there(os.environ) is None
    assert not (home / "kw").exists()
