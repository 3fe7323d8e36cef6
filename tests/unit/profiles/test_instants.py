"""Instants as text: one form in files, one for people, and none without a time zone."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.kept import BORN
from keywright.profiles.instants import instant, moment, parse_instant


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (BORN, "2026-01-02T03:04:05Z"),
        (BORN + timedelta(microseconds=120), "2026-01-02T03:04:05.000120Z"),
        (BORN.astimezone(timezone(timedelta(hours=-5))), "2026-01-02T03:04:05Z"),
    ],
)
def test_an_instant_is_written_in_utc(at: datetime, text: str) -> None:
    assert instant(at) == text
    assert parse_instant(text) == at
    assert parse_instant(text).tzinfo is UTC


@pytest.mark.parametrize("text", ["", "now", "2026-01-02", "2026-01-02T03:04:05", "2026-13-01T00:00:00Z", "1767323045"])
def test_what_is_no_instant_or_of_no_time_zone_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_instant(text)


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_instant_comes_out_as_it_went_in(at: datetime) -> None:
    assert parse_instant(instant(at)) == at


def test_a_person_reads_it_to_the_second() -> None:
    assert moment(BORN + timedelta(microseconds=999_999)) == "2026-01-02T03:04:05Z"
