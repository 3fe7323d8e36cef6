"""How long something lasts, in words."""

import pytest

from keywright.manage.span import left, span


@pytest.mark.parametrize(
    ("seconds", "lasts", "is_left"),
    [
        (-1.0, "-", "-"),
        (0.0, "-", "-"),
        (0.0005, "-", "1s"),
        (0.4, "-", "1s"),
        (1.0, "1s", "1s"),
        (59.2, "59s", "1m"),
        (7800.0, "2h 10m", "2h 10m"),
    ],
)
def test_what_is_not_over_is_told_as_left(seconds: float, lasts: str, is_left: str) -> None:
    assert (span(seconds), left(seconds)) == (lasts, is_left)
