"""What a function of the program's own gets, and what it fails of."""

import traceback
from datetime import UTC, datetime

import pytest
import time_machine

from keywright import Credential, InMemoryCredentialProvider, KeywrightError, Rejected, error_of_status, with_refresh


class Broken:
    """Fails in its own way, and counts."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.calls = 0

    def mint(self, now: datetime) -> Credential:
        del now
        self.calls += 1
        raise self.error


def test_a_failure_that_is_told_again_and_again_does_not_grow() -> None:
    provider = InMemoryCredentialProvider(Broken(ValueError("own")).mint)
    lengths = set()
    for _ in range(20):
        with pytest.raises(ValueError, match="own") as raised:
            provider.current()
        lengths.add(len(traceback.extract_tb(raised.value.__traceback__)))
    assert max(lengths) - min(lengths) <= 2


def test_an_issuer_that_refuses_is_asked_twice_however_many_calls_are_tried_again(
    clock: time_machine.Traveller,
) -> None:
    broken = Broken(error_of_status(401))
    provider = InMemoryCredentialProvider(broken.mint)
    for _ in range(20):
        with pytest.raises(Rejected):
            with_refresh(provider, Credential.__repr__)
    assert broken.calls == 2
    clock.shift(61)
    with pytest.raises(Rejected):
        with_refresh(provider, Credential.__repr__)
    assert broken.calls <= 4


def test_the_trace_of_a_programs_own_error_is_its_own() -> None:
    """What it came of on the way is shown as the program's own `raise` would show it."""
    broken = Broken(KeyError())
    broken = Broken(KeyError())

    def mint(now: datetime) -> Credential:
        try:
            return broken.mint(now)
        except KeyError:
            raise ValueError("own")  # noqa: B904 - what it came of is what this is about

    with pytest.raises(ValueError, match="own") as raised:
        InMemoryCredentialProvider(mint).current()
    assert isinstance(raised.value.__context__, KeyError)
    assert not raised.value.__suppress_context__


def test_it_is_issued_by_the_clock_it_was_given() -> None:
    at = datetime(2031, 5, 1, tzinfo=UTC)
    asked: list[datetime] = []

    def mint(now: datetime) -> Credential:
        asked.append(now)
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        InMemoryCredentialProvider(mint, now_s=at.timestamp).current()
    assert asked == [at]


class TheirOwn(KeywrightError):
    """An error of the program's own kind, made of something else."""

    def __init__(self, region: str, *, attempts: int) -> None:
        super().__init__(f"nobody answers in {region}")
        self.attempts = attempts


def test_an_error_of_the_programs_own_kind_comes_through() -> None:
    provider = InMemoryCredentialProvider(Broken(TheirOwn("eu-1", attempts=3)).mint)
    for _ in range(2):
        with pytest.raises(TheirOwn, match="nobody answers in eu-1") as raised:
            provider.current()
        assert raised.value.attempts == 3
