"""How long a resolver remembers what it found, and what ends that."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keywright.credential import Credential
from keywright.errors import Unreachable
from keywright.hit import stamp
from keywright.profiles.mode import Mode
from keywright.profiles.remembered import Remembered, ttl
from keywright.profiles.resolution import Resolution
from keywright.secret import Secret

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
HOUR_S = 3600


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def found(mode: Mode = Mode.API_KEY, left_s: float | None = None, provider: str = "openai") -> Resolution:
    credential = Credential(secret=Secret("s"), issued_at=NOW, expires_at=None if left_s is None else after(left_s))
    return Resolution(provider, profile_id=f"{provider}:a", credential=credential, mode=mode)


def keep(
    remembered: Remembered,
    one: Resolution,
    preferred: str = "",
    inputs: Mapping[str, str] | None = None,
    until: datetime | None = None,
) -> None:
    remembered.keep(preferred, one, inputs or {}, until, NOW)


@pytest.mark.parametrize("mode", [Mode.TOKEN, Mode.OAUTH])
@pytest.mark.parametrize(
    ("left_s", "ttl_s"),
    [
        (None, 300),
        (HOUR_S, HOUR_S - 60),
        (24 * HOUR_S, 24 * HOUR_S - 60),
        (91, 31),
        (90, 30),
        (89, 30),  # half a minute at least …
        (31, 30),
        (30, 30),
        (29, 29),  # … and never past the expiry
        (10, 10),
        (0.5, 0.5),
        (0, 0),
        (-1, 0),
        (-HOUR_S, 0),
    ],
)
def test_a_token_is_remembered_until_a_minute_before_its_expiry(mode: Mode, left_s: float | None, ttl_s: float) -> None:
    expires_at = None if left_s is None else after(left_s)
    assert ttl(mode, expires_at, NOW) == timedelta(seconds=ttl_s)


@pytest.mark.parametrize(
    ("mode", "left_s", "ttl_s"),
    [
        (Mode.API_KEY, None, HOUR_S),
        (Mode.API_KEY, 2 * HOUR_S, HOUR_S),
        (Mode.API_KEY, 60, 60),
        (Mode.API_KEY, -60, 0),
        (Mode.MINTED, HOUR_S, 0),
        (Mode.STATIC, None, 0),
    ],
)
def test_a_key_is_remembered_for_an_hour_and_what_has_its_own_cache_not_at_all(
    mode: Mode, left_s: float | None, ttl_s: float
) -> None:
    expires_at = None if left_s is None else after(left_s)
    assert ttl(mode, expires_at, NOW) == timedelta(seconds=ttl_s)


@pytest.mark.parametrize(
    ("at_s", "is_there"), [(0, True), (9.9, True), (10, False), (11, False), (-4, True), (-6, False)]
)
def test_an_entry_is_there_until_the_credential_expires_unless_the_clock_is_set_back(
    at_s: float, is_there: bool
) -> None:
    remembered = Remembered()
    keep(remembered, found(Mode.TOKEN, left_s=10))
    assert (remembered.recall("openai", "", after(at_s)) is not None) is is_there


def test_a_clock_that_was_set_back_by_less_than_an_entrys_age_ends_it_too() -> None:
    remembered = Remembered()
    keep(remembered, found(Mode.TOKEN, left_s=HOUR_S))
    assert remembered.recall("openai", "", after(3000))
    assert remembered.recall("openai", "", after(600)) is None
    assert remembered.recall("openai", "", after(601)) is None  # and it does not come back
    remembered.keep("", found(Mode.TOKEN, left_s=HOUR_S), {}, None, after(602))
    assert remembered.recall("openai", "", after(603))


def test_the_end_of_a_rest_ends_what_stood_in() -> None:
    remembered = Remembered()
    keep(remembered, found(), until=after(30))
    assert remembered.recall("openai", "", after(29))
    assert remembered.recall("openai", "", after(30)) is None


def test_a_file_that_changed_comes_or_goes_ends_it(tmp_path: Path) -> None:
    path = tmp_path / "openai.json"
    for change in (lambda: path.write_text("1"), lambda: path.write_text("22"), path.unlink):
        remembered = Remembered()
        keep(remembered, found(), inputs={str(path): stamp(str(path))})
        assert remembered.recall("openai", "", NOW)
        change()
        assert remembered.recall("openai", "", NOW) is None


def test_each_provider_and_each_preferred_name_has_its_own() -> None:
    remembered = Remembered()
    keep(remembered, found())
    assert remembered.recall("openai", "work", NOW) is None
    assert remembered.recall("groq", "", NOW) is None
    keep(remembered, found(), preferred="work")
    assert remembered.recall("openai", "work", NOW)


@pytest.mark.parametrize(("provider", "left"), [("open", 3), ("openai", 1), ("openrouter", 2), ("", 0), ("OPENAI", 3)])
def test_exactly_one_provider_is_forgotten_or_all(provider: str, left: int) -> None:
    remembered = Remembered()
    for one, preferred in (("openai", ""), ("openai", "work"), ("openrouter", "")):
        keep(remembered, found(provider=one), preferred=preferred)
    remembered.forget(provider)
    assert remembered.stats(NOW).total_entries == left


def test_the_numbers_tell_the_expired_ones_apart() -> None:
    remembered = Remembered()
    assert remembered.stats(NOW) == (0, 0, 0)
    keep(remembered, found())
    keep(remembered, found(Mode.TOKEN, left_s=10), preferred="short")
    assert remembered.stats(NOW)._asdict() == {"total_entries": 2, "valid": 2, "expired": 0}
    assert remembered.stats(after(10))._asdict() == {"total_entries": 2, "valid": 1, "expired": 1}


def test_a_failure_is_nothing_to_remember() -> None:
    remembered = Remembered()
    keep(remembered, Resolution("openai", error=Unreachable("no answer")))
    assert remembered.stats(NOW).total_entries == 0
