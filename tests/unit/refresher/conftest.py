"""What these tests share: a house of settings, whose issuer is at once there, and an agent on a clock of its own."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from fakes.agents import START, World
from fakes.minter import Minter
from keywright.broker import Broker
from keywright.cache.open import Cache, open_cache
from keywright.refresher.watch import Sight, Watch
from keywright.request import Client, Request, Verb
from keywright.settings.load import load
from keywright.settings.model import Settings

ACME = "github-app:acme"
SPARE = "github-app:spare"


def table(id_: str, more: str = "") -> str:
    """Return the settings of one profile that mints."""
    return f'[profiles."{id_}"]\napp_id = "1"\nprivate_key = "/key.pem"\ninstallation_id = 7\n{more}\n'


def route(*profiles: str) -> str:
    """Return the settings of one route."""
    named = ", ".join(f'"{profile}"' for profile in profiles)
    return f'[[routes]]\nclient = "git"\nurl = "https://github.com"\nprofiles = [{named}]\n'


@dataclass
class House:
    """Settings, an issuer, and a world for an agent."""

    folder: Path
    minter: Minter
    world: World = field(default_factory=World)

    def write(self, *parts: str) -> None:
        """Write the settings anew."""
        path = self.folder / "config.new"
        path.write_text("\n".join(("version = 1", *parts)))
        path.rename(self.folder / "config.toml")

    @property
    def settings(self) -> Settings:
        return load(str(self.folder / "config.toml"))

    @property
    def cache(self) -> Cache:
        return open_cache(os.environ)

    def broker(self, at: datetime) -> Broker:
        return Broker(
            settings=self.settings, cache=self.cache, env=os.environ, now=lambda: at, say=self.world.said.append
        )

    def get(self, id_: str, at: datetime) -> str:
        """Ask as a client does."""
        request = Request(client=Client.GIT, verb=Verb.GET, asked=id_, profile=id_)
        return self.broker(at).serve(request).credential.secret.reveal()

    def refresh(self, id_: str, at: datetime) -> None:
        """Renew it as another process does."""
        request = Request(client=Client.PERSON, verb=Verb.GET, asked=id_, profile=id_)
        self.broker(at).refresh(self.settings.profiles[id_], request)

    def look(self, at: datetime) -> Sight:
        """Look as an agent does that just started."""
        return Watch(os.environ, self.world.said.append).look(at)

    def due(self, at: datetime) -> list[str]:
        """Return the ids of what is due."""
        return sorted(target.profile.id for target in self.look(at).due)

    def run(self, for_: timedelta = timedelta(hours=1), between: Callable[[], object] | None = None) -> int:
        """Run an agent for a while."""
        self.world.until = self.world.at + for_
        if between is not None:
            self.world.between = between
        return self.world.run()


@pytest.fixture
def house(home: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    folder = home / "kw"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("KEYWRIGHT_HOME", str(folder))
    minter = Minter()
    minter.install(monkeypatch)
    house = House(folder, minter)
    house.write(table(ACME))
    assert house.world.at == START
    return house
