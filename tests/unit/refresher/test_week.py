"""A week of an agent that keeps five hundred profiles fresh, on a clock of its own."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from threading import Lock

import pytest

from fakes.agents import START, World
from keywright.credential import CacheKey, Credential
from keywright.errors import TokenRevoked, Unreachable
from keywright.freshness import Margins
from keywright.providers import registry
from keywright.providers.base import ALONE, Aid, Minted, Parent
from keywright.request import Url
from keywright.secret import Secret
from keywright.settings.model import Profile

WEEK = timedelta(days=0.5)
PROFILES = 500
FAILING, REVOKED = "github-app:p498", "github-app:p499"
GOOD = [f"github-app:p{number}" for number in range(PROFILES - 2)]
LOOK_S = 30.0


def lifetime(id_: str) -> timedelta:
    """1 to 24 hours, spread evenly."""
    number = int(id_.rpartition("p")[2])
    return timedelta(seconds=3600 + number * 23 * 3600 / (PROFILES - 3))


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
def test_a_week(issuer: Issuer, own: Path) -> None:
    world = World(until=START + WEEK)

    def check() -> None:
        now_s = world.at.timestamp()
        late = [id_ for id_, refuse_at_s in issuer.refuse_at_s.items() if now_s >= refuse_at_s]
        assert late == [], world.at

    world.between = check
    assert world.run() == 0
    assert len(issuer.refuse_at_s) == len(GOOD)
