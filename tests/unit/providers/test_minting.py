from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.errors import Unreachable
from keywright.providers.minting import TOKEN_AT_MOST, checked_token, reckon_expiry

NOW = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
DAY = timedelta(days=1)


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1))
def test_printable_ascii_is_a_token(text: str) -> None:
    assert checked_token(text, "it").reveal() == text


@pytest.mark.parametrize(
    "value",
    [
        "",
        "a\nb",
        "a\n",
        "\ra",
        "a\0b",
        "a b",
        "a\tb",
        "tökén",
        "\x7f",
        None,
        5,
        b"bytes",
        ["a"],
        "a" * (TOKEN_AT_MOST + 1),
    ],
)
def test_anything_else_is_not(value: object) -> None:
    with pytest.raises(Unreachable, match=r"^https://api answered with something that is no token$"):
        checked_token(value, "https://api")


def test_the_longest_token_is_64_kib() -> None:
    assert len(checked_token("a" * 65536, "it").reveal()) == 65536


@pytest.mark.parametrize("off", [timedelta(0), timedelta(minutes=10), timedelta(days=-1), timedelta(days=-19000)])
def test_a_lifetime_counts_from_now_whatever_the_issuers_calendar_says(off: timedelta) -> None:
    issuer = NOW + off
    assert reckon_expiry(NOW, issuer + timedelta(hours=1), issuer, DAY) == NOW + timedelta(hours=1)


def test_without_the_issuers_clock_its_word_is_taken() -> None:
    assert reckon_expiry(NOW, NOW + timedelta(hours=2), None, DAY) == NOW + timedelta(hours=2)


@pytest.mark.parametrize(
    ("expires_at", "issuer"),
    [
        ("9999-12-31T23:59:59Z", NOW - timedelta(seconds=1)),
        ("9999-12-31T23:59:59-14:00", None),
        ("0001-01-01T00:00:00Z", NOW + timedelta(days=1)),
    ],
)
def test_an_end_past_every_calendar_costs_no_credential(expires_at: str, issuer: datetime | None) -> None:
    assert reckon_expiry(NOW, datetime.fromisoformat(expires_at), issuer, DAY) == NOW + DAY
