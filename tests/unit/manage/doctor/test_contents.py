"""A cache of very many files: each entry is read once, and nothing is said of what was not looked at."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fakes.sick_house import House
from keywright.cache.entry import Entry
from keywright.cache.open import open_cache
from keywright.credential import CacheKey, Credential
from keywright.hit import STEP_S, boot_mark
from keywright.manage.doctor import clock, contents, folders
from keywright.secret import Secret

pytestmark = pytest.mark.real_clock


def keep(house: House, number: int, *, written_ahead_s: float = 0) -> Path:
    """Keep an entry, as written while the clock was that much ahead."""
    now = datetime.now(UTC)
    credential = Credential(Secret("canary"), username=None, issued_at=now, expires_at=now + timedelta(hours=1))
    key = CacheKey(provider="github-app", profile="github-app:acme", facts={"installation": str(number)})
    boot = boot_mark(now.timestamp() + written_ahead_s)
    open_cache(house.env).entries.save(Entry(key, 1, credential, boot=boot))
    return house.own / "cache" / "entries" / f"{key.digest}.json"


def test_the_entries_are_read_once_for_all_checks(house: House) -> None:
    path = keep(house, 1, written_ahead_s=2 * STEP_S)
    scene = house.scene()
    assert "entry-damaged" not in {finding.id for finding in folders.look(scene)}
    path.unlink()
    (found,) = clock.look_at_steps(scene)
    assert (found.id, found.what[:2]) == ("clock-stepped", "1 ")


def test_what_was_not_looked_at_is_not_called_private(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        keep(house, number)
    monkeypatch.setattr(contents, "LOOKED_AT_AT_MOST", 4)
    found = house.found(folders.look)
    assert "folder-crowded" in found
    assert str(house.own / "cache") in found["folder-crowded"].what
    assert not any(str(house.own / "cache") in one.what for id_, one in found.items() if id_ == "folder-private")
