"""Tasks: the loop goes on, and who is cancelled takes nothing with them."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine

from fakes.holders import ENDS_WITHIN_S, Holder, make_holder
from keywright import (
    AsyncCredentialProvider,
    Credential,
    CredentialProvider,
    Secret,
    StaticCredentialProvider,
    Unreachable,
    get_token_async,
    to_async,
)


@pytest.fixture(params=["in memory", "cached"])
def holder(
    request: pytest.FixtureRequest, home: Path, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Holder]:
    holder = make_holder(request.param, home, clock, monkeypatch, is_async=True)
    yield holder
    holder.gate.open()
    holder.settle()


async def until_held(holder: Holder) -> None:
    """Let the loop go on until the issuer holds somebody's call."""
    assert await asyncio.to_thread(holder.gate.arrived.wait, ENDS_WITHIN_S)


def test_the_loop_goes_on_while_a_credential_is_got(holder: Holder) -> None:
    async def work() -> Credential:
        holder.gate.close()
        asking = asyncio.create_task(to_async(holder.provider).current())
        await until_held(holder)
        assert not asking.done()
        holder.gate.open()
        return await asking

    assert asyncio.run(work()) == holder.current()
    assert holder.minter.calls == 1


def test_cancelling_the_one_who_began_loses_nothing(holder: Holder) -> None:
    async def work() -> list[Credential]:
        provider = to_async(holder.provider)
        holder.gate.close()
        first = asyncio.create_task(provider.current())
        await until_held(holder)
        others = [asyncio.create_task(provider.current()) for _ in range(10)]
        await asyncio.sleep(0)
        first.cancel()
        others[0].cancel()
        await asyncio.wait([first, others[0]])
        assert first.cancelled()
        assert others[0].cancelled()
        holder.gate.open()
        return await asyncio.gather(*others[1:])

    found = asyncio.run(work())
    assert found == [holder.current()] * 9
    assert holder.minter.calls == 1


def test_what_nobody_waits_for_any_more_is_kept_all_the_same(holder: Holder) -> None:
    async def work() -> None:
        holder.gate.close()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(to_async(holder.provider).current(), 0.05)

    asyncio.run(work())  # and its loop is closed before the issuer answers
    holder.gate.open()
    holder.settle()
    holder.gate.close()
    assert holder.get()
    assert holder.minter.calls == 1


def test_a_failure_that_nobody_hears_is_no_noise(holder: Holder, caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        holder.gate.close()
        asking = asyncio.create_task(to_async(holder.provider).current())
        await until_held(holder)
        asking.cancel()
        holder.gate.open()

    holder.minter.failure = Unreachable("503")
    asyncio.run(work())
    holder.settle()
    assert not caplog.records


def test_tasks_and_threads_share_one_call(holder: Holder) -> None:
    found: list[Credential] = []

    async def work() -> list[Credential]:
        holder.gate.close()
        threads = [threading.Thread(target=lambda: found.append(holder.provider.current())) for _ in range(10)]
        for thread in threads:
            thread.start()
        asking = [asyncio.create_task(to_async(holder.provider).current()) for _ in range(10)]
        await until_held(holder)
        holder.gate.open()
        tasks = await asyncio.gather(*asking)
        for thread in threads:
            await asyncio.to_thread(thread.join, 30)
        return tasks

    tasks = asyncio.run(work())
    assert [*tasks, *found] == [holder.current()] * 20
    assert holder.minter.calls == 1


@dataclass
class Slow(CredentialProvider):
    """One of the user's own: it takes its time, and its threads are noted."""

    threads: set[int] = field(default_factory=set)
    rejected: list[Credential | None] = field(default_factory=list)

    def current(self) -> Credential:
        self.threads.add(threading.get_ident())
        return Credential(Secret("own"), datetime.now(UTC))

    def invalidate(self, rejected: Credential | None = None) -> None:
        self.threads.add(threading.get_ident())
        self.rejected.append(rejected)


def test_a_provider_of_the_users_own_never_keeps_the_loop_waiting() -> None:
    own = Slow()
    provider = to_async(own)
    assert isinstance(provider, AsyncCredentialProvider)

    async def work() -> None:
        await provider.invalidate(await provider.current())

    asyncio.run(work())
    assert threading.get_ident() not in own.threads
    assert [one and one.secret.reveal() for one in own.rejected] == ["own"]


def test_the_shortest_way_for_a_task(holder: Holder) -> None:
    if "Cached" in repr(holder.provider):
        assert asyncio.run(get_token_async("github-app:acme")) == holder.current().secret


def test_the_names_say_what_is_wrapped() -> None:
    assert repr(to_async(StaticCredentialProvider("canary"))).startswith("to_async(StaticCredentialProvider(")
    assert "canary" not in repr(to_async(StaticCredentialProvider("canary")))
