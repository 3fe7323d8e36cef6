from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fakes.store_minter import FakeAwsMinter, FakeMinter
from keywright import AsyncCredentialProvider, CachedCredentialProvider, Credential, Minter, Secret, UsageError
from keywright.library.aws_keys import AwsKeys
from keywright.library.minter import EACH_ROUND, REFRESH_SKEW, AnyMinter, aws_minting, minting

START = datetime(2030, 1, 1, 12, tzinfo=UTC)


class Inheriting(Minter):
    def mint(self, now: datetime) -> Credential:
        return Credential(Secret("inherited"), issued_at=now)


class WithItsOwnSkew(Inheriting):
    refresh_skew = timedelta(seconds=1)


@dataclass(frozen=True)
class Structural:
    refresh_skew: timedelta = timedelta(minutes=5)

    def mint(self, now: datetime) -> Credential:
        return Credential(Secret("structural"), issued_at=now)


def mint(now: datetime) -> Credential:
    return Credential(Secret("plain"), issued_at=now)


@pytest.mark.parametrize(
    ("minter", "skew"),
    [
        (Inheriting(), timedelta(seconds=60)),
        (WithItsOwnSkew(), timedelta(seconds=1)),
        (Structural(), timedelta(minutes=5)),
        (FakeMinter(), timedelta(seconds=1)),
        (mint, timedelta(seconds=60)),
        (CachedCredentialProvider("github-app:acme"), EACH_ROUND),
        ("github-app:acme", EACH_ROUND),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_skew_is_the_minter_s_own_or_a_minute(minter: AnyMinter, skew: timedelta) -> None:
    assert minting("id", minter).refresh_skew == skew


@pytest.mark.parametrize("minter", [Inheriting(), WithItsOwnSkew(), Structural(), mint])
def test_each_of_them_mints(minter: AnyMinter) -> None:
    assert isinstance(minting("id", minter).minted(START), Credential)


def test_aws_keys_come_of_a_minter_or_a_function() -> None:
    assert aws_minting("id", FakeAwsMinter()).minted(START).expires_at == START + timedelta(seconds=10)
    plain = aws_minting("id", lambda _now: AwsKeys("AKIAEXAMPLE", Secret("key")))
    assert isinstance(plain.minted(START), AwsKeys)
    assert plain.refresh_skew == REFRESH_SKEW


class InTasks(AsyncCredentialProvider):
    async def current(self) -> Credential:
        return Credential(Secret("never"), issued_at=START)


async def mint_in_a_task(now: datetime) -> Credential:
    return Credential(Secret("never"), issued_at=now)


@pytest.mark.parametrize("minter", [InTasks(), mint_in_a_task], ids=["provider", "function"])
def test_one_that_runs_in_tasks_is_refused_where_it_is_given(minter: Any) -> None:
    with pytest.raises(UsageError, match="`id` runs in tasks"):
        minting("id", minter)
