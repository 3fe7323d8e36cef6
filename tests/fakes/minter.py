"""A provider that mints at once, counts, and fails on demand; it stands in the registry where `github-app` stood."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from keywright.credential import CacheKey, Credential
from keywright.errors import KeywrightError
from keywright.freshness import Margins
from keywright.hit import stamp
from keywright.providers import registry
from keywright.providers.base import ALONE, Aid, Minted, Parent
from keywright.request import Url
from keywright.secret import Secret
from keywright.settings.model import Profile


@dataclass
class Minter:
    """The issuer behind `Minting`: what it hands out, and what it was asked."""

    lifetime: timedelta | None = timedelta(hours=1)
    failure: KeywrightError | None = None
    failing: str = ""
    """The one profile that `failure` concerns; empty for all."""
    margins: Margins = field(default_factory=Margins)
    files: tuple[str, ...] = ()
    logins: tuple[str, ...] = ()
    """Files that only a failing attempt finds out about."""
    notes: tuple[str, ...] = ()
    calls: int = 0
    memories: list[dict[str, str]] = field(default_factory=list)
    aids: list[Aid] = field(default_factory=list)
    is_kept: bool = True
    pause: Callable[[], object] = bool
    """What each fetch waits for before it answers."""
    parents: dict[str, Parent] = field(default_factory=dict)
    """The parent of each profile that has one."""
    gate: Callable[[], None] = lambda: None
    """What everybody who asks has to pass before they are answered."""

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def maker(profile: Profile, _url: Url | None, _env: Mapping[str, str]) -> "Minting":
            return Minting(self, profile)

        monkeypatch.setitem(registry.PROVIDERS, "github-app", maker)


@dataclass(frozen=True)
class Minting:
    """One profile's provider."""

    minter: Minter
    profile: Profile

    @property
    def key(self) -> CacheKey:
        return CacheKey(provider="github-app", profile=self.profile.id, facts={"subject": self.profile.id})

    @property
    def margins(self) -> Margins:
        return self.minter.margins

    @property
    def inputs(self) -> Mapping[str, str]:
        return {path: stamp(path) for path in self.minter.files}

    @property
    def parent(self) -> Parent | None:
        return self.minter.parents.get(self.profile.id)

    def fetch(self, now: datetime, timeout_s: float, memory: Mapping[str, str], aid: Aid = ALONE) -> Minted:
        minter = self.minter
        inputs = self.inputs
        minter.gate()
        minter.calls += 1
        minter.memories.append(dict(memory))
        minter.aids.append(aid)
        assert timeout_s > 0
        minter.pause()
        if minter.failure is not None and minter.failing in {"", self.profile.id}:
            failure = minter.failure
            raised = type(failure)(failure.what, mend=failure.mend, retry_after_s=failure.retry_after_s)
            raised.evidence = failure.evidence
            raised.inputs = {path: stamp(path) for path in minter.logins}
            raise raised
        return Minted(
            credential=Credential(
                secret=Secret(f"minted-{self.profile.id}-{minter.calls}"),
                username="x-access-token",
                issued_at=now,
                expires_at=None if minter.lifetime is None else now + minter.lifetime,
            ),
            inputs=inputs,
            notes=minter.notes,
            memory={"installation_id": str(minter.calls)},
            is_kept=minter.is_kept,
        )
