"""A week of an agent that keeps five hundred profiles fresh, on a clock of its own."""

import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil, log2
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from threading import Lock

import pytest

from fakes.agents import World
from keywright.cache.failures import FIRST_S, JITTER, LONGEST_S
from keywright.cache.open import open_cache
from keywright.credential import CacheKey, Credential
from keywright.errors import TokenRevoked, Unreachable
from keywright.freshness import Freshness, Margins
from keywright.providers import registry
from keywright.providers.base import ALONE, Aid, Minted, Parent
from keywright.request import Url
from keywright.secret import Secret
from keywright.settings.model import Profile

WEEK = timedelta(days=1)
START = datetime.fromtimestamp(int(time.time()), UTC)
"""Really now: a file that is just being written has the time of a real clock, and what is a week old is swept."""
PROFILES = 500
FAILING, REVOKED = "github-app:p498", "github-app:p499"
GOOD = [f"github-app:p{number}" for number in range(PROFILES - 2)]
LOOK_S = 30.0


def lifetime(id_: str) -> timedelta:
    """1 h for a few, as GitHub's tokens have; 4 to 8 h for some, as sessions; 12 h for most, as ECR's; or a day."""
    number = int(id_.rpartition("p")[2])
    hours = 1 if number % 50 == 0 else 4 + number // 10 % 5 if number % 10 == 0 else 12 if number % 2 else 24
    return timedelta(hours=hours)


@dataclass
class Issuer:
    """Mints for every profile, counts, and knows until when each of its last tokens may be served."""

    calls: Counter[str] = field(default_factory=Counter)
    refuse_at_s: dict[str, float] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def mint(self, id_: str, now: datetime) -> Credential:
        with self._lock:
            self.calls[id_] += 1
        if id_ == FAILING:
            raise Unreachable("the issuer answered with status 503")
        if id_ == REVOKED:
            raise TokenRevoked("its issuer took the grant back")
        self.refuse_at_s[id_] = (now + lifetime(id_)).timestamp() - 30
        return Credential(secret=Secret(f"minted-{id_}"), issued_at=now, expires_at=now + lifetime(id_))


@dataclass(frozen=True)
class Minting:
    """One profile's provider."""

    issuer: Issuer
    profile: Profile

    @property
    def key(self) -> CacheKey:
        return CacheKey(provider="github-app", profile=self.profile.id, facts={})

    @property
    def margins(self) -> Margins:
        return Margins()

    @property
    def inputs(self) -> Mapping[str, str]:
        return {}

    @property
    def parent(self) -> Parent | None:
        return None

    def fetch(self, now: datetime, timeout_s: float, memory: Mapping[str, str], aid: Aid = ALONE) -> Minted:
        assert timeout_s > 0
        return Minted(credential=self.issuer.mint(self.profile.id, now))


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Issuer:
    issuer = Issuer()

    def maker(profile: Profile, _url: Url | None, _env: Mapping[str, str]) -> Minting:
        return Minting(issuer, profile)

    monkeypatch.setitem(registry.PROVIDERS, "github-app", maker)
    return issuer


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """`$KEYWRIGHT_HOME` in memory, where the machine has such a place: the disk's speed is not what is tested."""
    folder = Path(mkdtemp(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else tmp_path))
    rows = [
        f'[profiles."github-app:p{n}"]\napp_id = "1"\nprivate_key = "/key.pem"\ninstallation_id = 1\n'
        for n in range(PROFILES)
    ]
    (folder / "config.toml").write_text("version = 1\n" + "".join(rows))
    monkeypatch.setenv("KEYWRIGHT_HOME", str(folder))
    yield folder
    rmtree(folder)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_five_hundred_profiles_are_never_late_in_a_week_and_their_issuers_are_asked_no_more_than_that_takes(
    issuer: Issuer, own: Path
) -> None:
    world = World(at=START, until=START + WEEK)

    def check() -> None:
        now_s = world.at.timestamp()
        late = [id_ for id_, refuse_at_s in issuer.refuse_at_s.items() if now_s >= refuse_at_s]
        assert late == [], world.at

    world.between = check
    assert world.run() == 0
    assert sorted(issuer.refuse_at_s) == sorted(GOOD)

    entries = open_cache(os.environ).entries
    kept = {found[0].key.profile: found[0] for digest in entries.digests() if (found := entries.read(digest))}
    assert sorted(kept) == sorted(GOOD)
    for entry in kept.values():
        plan = entry.plan(Margins())
        assert plan is not None
        assert plan.classify(world.at) is Freshness.FRESH

    for id_ in GOOD:  # each is renewed when a quarter of its life is left, or up to a tenth of that sooner
        latest, soonest = lifetime(id_) * 3 / 4 + timedelta(seconds=LOOK_S), lifetime(id_) * (1 - 0.25 * 1.1)
        assert 1 + WEEK // latest <= issuer.calls[id_] <= 1 + WEEK // soonest, id_

    # The pauses double from 2 s to 5 min, give or take a fifth, and end with a look.
    at_most = ceil(log2(LONGEST_S / FIRST_S)) + ceil(WEEK.total_seconds() / (LONGEST_S * (1 - JITTER)))
    assert WEEK.total_seconds() / (LONGEST_S * (1 + JITTER) + LOOK_S) <= issuer.calls[FAILING] <= at_most
    assert issuer.calls[REVOKED] == 1
    assert sorted(line for line in world.said if not line.startswith("renewed ")) == [
        f"failed {FAILING}: the issuer answered with status 503 [unreachable]",
        f"failed {REVOKED}: its issuer took the grant back [token_revoked]",
    ]
