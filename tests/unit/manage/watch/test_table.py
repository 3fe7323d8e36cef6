"""What `keywright status --watch` draws: what changed is marked, what does not fit is cut."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from fakes.client import call
from fakes.minter import Minter
from keywright.cache.open import Cache, open_cache
from keywright.dialects.git import GitDialect
from keywright.errors import Refused
from keywright.hit import claim
from keywright.manage.status import Row, read
from keywright.manage.watch.story import Watch
from keywright.manage.watch.table import cut, width
from keywright.profiles.state import ProfileStates
from keywright.settings.model import Settings

CONFIG = """
version = 1
[profiles."github-app:acme"]
app_id = "1"
private_key = "/key.pem"
installation_id = 7
[[routes]]
client = "git"
url = "https://github.com/acme"
profiles = ["github-app:acme"]
"""
GIT = b"protocol=https\nhost=github.com\npath=acme/web\n"
WIDE = (200, 24)


class Seen:
    """A watch and what it shows."""

    def __init__(self) -> None:
        self.watch = Watch(os.environ, lambda: datetime.now(UTC))

    def __call__(self, size: tuple[int, int] = WIDE) -> list[str]:
        lines = self.watch.look(size, 1)
        assert len(lines) <= size[1]
        assert all(width(line.text) < size[0] for line in lines)
        return [line.text for line in lines]

    @property
    def row(self) -> str:
        """The one row, its columns apart by one blank."""
        return " ".join(self()[2].split())


@pytest.fixture
def minter(home: Path, monkeypatch: pytest.MonkeyPatch) -> Minter:
    (home / "kw").mkdir(mode=0o700)
    (home / "kw" / "config.toml").write_text(CONFIG)
    monkeypatch.setenv("KEYWRIGHT_HOME", str(home / "kw"))
    minter = Minter()
    minter.install(monkeypatch)
    return minter


@pytest.fixture
def seen(minter: Minter) -> Seen:
    return Seen()


def get() -> None:
    call(GitDialect(), ["get"], GIT)


def test_nothing_is_marked_at_first(seen: Seen) -> None:
    get()
    top, head, row = seen()
    assert top.startswith("keywright status, 12:00:00Z")
    assert top.endswith("every 1s; q or Ctrl-C ends")
    assert head.split() == ["PROFILE", "STATE", "EXPIRES", "IN", "CHANGE", "TURN", "FOR", "CLIENTS", "LAST", "ERROR"]
    assert " ".join(row.split()) == "github-app:acme fresh 1h https://github.com/acme/web git"


def test_it_counts_down_and_the_state_follows(seen: Seen, clock: time_machine.Traveller) -> None:
    get()
    assert "fresh 1h" in seen.row
    clock.shift(1)
    assert "fresh 59m 59s" in seen.row
    clock.shift(50 * 60)
    assert "stale 9m 59s" in seen.row
    clock.shift(9 * 60 + 40)
    assert "expired 19s" in seen.row


def test_a_renewal_is_seen_as_it_happens_and_marked_for_a_while(seen: Seen, clock: time_machine.Traveller) -> None:
    get()
    seen()
    clock.shift(50 * 60)
    cache = open_cache(os.environ)
    (digest,) = cache.entries.digests()
    assert claim(cache.folder, digest, datetime.now(UTC).timestamp(), 30)
    assert "stale 10m renewing" in seen.row
    clock.shift(11 * 60)
    get()
    assert seen.row.startswith("* github-app:acme fresh 1h renewed")
    clock.shift(4)
    assert "renewed" in seen.row
    clock.shift(2)
    assert seen.row.startswith("github-app:acme fresh 59m")


def test_what_else_changes_is_marked_in_a_word(seen: Seen, minter: Minter, clock: time_machine.Traveller) -> None:
    seen()
    minter.failure = Refused("no", mend="check app_id")
    get()
    assert seen.row.startswith("* github-app:acme none failed https://github.com/acme/web refused: no; check app_id")
    clock.shift(60)
    minter.failure = None
    get()
    assert " fresh 1h minted " in seen.row
    clock.shift(60)
    ProfileStates(os.environ).decide("github-app:acme", "", lambda decided: decided._replace(enabled=False))
    assert " changed disabled " in seen.row
    clock.shift(60)
    cache = open_cache(os.environ)
    cache.entries.forget(cache.entries.digests()[0])
    assert seen.row.startswith("* github-app:acme none")


def test_it_reads_again_only_what_has_changed(
    seen: Seen, monkeypatch: pytest.MonkeyPatch, clock: time_machine.Traveller
) -> None:
    get()
    reads: list[Cache] = []

    def counted(settings: Settings, cache: Cache, env: Mapping[str, str], now: datetime) -> list[Row]:
        reads.append(cache)
        return read(settings, cache, env, now)

    monkeypatch.setattr("keywright.manage.watch.story.read", counted)
    for _ in range(5):
        seen()
        clock.shift(1)
    assert len(reads) == 1
    clock.shift(10)
    seen()
    assert len(reads) == 2


def test_it_takes_no_lock(seen: Seen) -> None:
    get()
    entries = open_cache(os.environ).entries
    with entries.lock(entries.digests()[0], 0) as is_locked:
        assert is_locked
        assert "fresh" in seen.row


def test_what_is_broken_is_told_where_the_table_was(seen: Seen, home: Path) -> None:
    get()
    seen()
    config = home / "kw" / "config.toml"
    config.write_text("junk")
    assert seen()[1].endswith("[configuration]")
    config.write_text(CONFIG)
    assert "fresh" in seen.row
    (home / "kw" / "cache").chmod(0o755)
    assert "is open to other users; run `chmod 700" in seen()[1]


def test_nothing_at_all_is_said(seen: Seen, home: Path) -> None:
    (home / "kw" / "config.toml").unlink()
    assert seen()[1] == "nothing is cached, and the settings name no profile"


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (20, 3), (40, 24), (80, 2)])
def test_any_terminal_will_do(seen: Seen, size: tuple[int, int]) -> None:
    get()
    seen(size)


def test_rows_that_do_not_fit_are_counted(seen: Seen, home: Path) -> None:
    profile = '[profiles."static:{}"]\nurl = "https://x.example"\nsecret = "env://X"\n'
    (home / "kw" / "config.toml").write_text("version = 1\n" + "".join(map(profile.format, "abcdefgh")))
    lines = seen((60, 6))
    assert lines[-1] == "  … and 5 more"
    assert len(lines) == 6


@given(st.text(st.characters(categories=("L", "N", "M", "Zs"))), st.integers(0, 20))
def test_a_cut_text_fits(text: str, columns: int) -> None:
    assert width(cut(text, columns)) <= columns


def test_a_wide_character_is_two_columns() -> None:
    assert cut("東京都", 4) == "東…"
    assert width("東京") == 4
