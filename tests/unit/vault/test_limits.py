"""How long an unlocked vault stays so."""

import pytest

from keywright.vault.limits import Left, Limits, since_boot


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("uses", "asked_at", "left"),
    [
        ([], 100, Left(10, 60)),
        ([], 109, Left(1, 51)),
        ([], 110, Left(0, 50)),
        ([109], 110, Left(9, 50)),
        ([109, 118, 127], 130, Left(7, 30)),
        ([109, 118, 127, 136, 145, 154], 159, Left(1, 1)),
        ([109, 118, 127, 136, 145, 154], 160, Left(0, 0)),
        ([], 3600, Left(-3490, -3440)),
    ],
)
def test_use_moves_the_idle_limit_and_nothing_moves_the_other(uses: list[int], asked_at: int, left: Left) -> None:
    clock = Clock()
    limits = Limits(10, 60, clock)
    for used_at in uses:
        clock.now = used_at
        limits.use()
    clock.now = asked_at
    assert limits.left() == left
    assert (left.least_s > 0) == (asked_at not in {110, 160, 3600} or uses == [109])


def test_the_clock_goes_on() -> None:
    assert since_boot() <= since_boot()
