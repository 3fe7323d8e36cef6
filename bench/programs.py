"""The races of programs that run for days: what one more use of a credential costs them, without a process for each."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import google.auth.credentials
from botocore.credentials import AssumeRoleCredentialFetcher, RefreshableCredentials
from botocore.utils import JSONFileCache
from google.auth.transport import Request as GoogleRequest
from measure import Race, Sample
from stage import Stage

from keywright import CachedCredentialProvider, Credential, InMemoryCredentialProvider, Secret, to_async

HOUR = timedelta(hours=1)
IN_MEMORY, FROM_DISK = 20_000, 200
"""How often each is asked in one round."""
KEYS = {"AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "canary", "SessionToken": "canary"}


class Google(google.auth.credentials.Credentials):
    """google-auth's credentials with a token that is good for an hour, renewed by its worker thread."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.refresh(None)
        self.with_non_blocking_refresh()  # type: ignore[no-untyped-call]

    def refresh(self, _request: GoogleRequest | None) -> None:
        self.token, self.expiry = "canary", (datetime.now(UTC) + HOUR).replace(tzinfo=None)


def programs(stage: Stage, rounds: int) -> Iterator[Race]:
    """One use of a credential that is good: held in memory, and looked up by a program that has just begun."""
    cached = CachedCredentialProvider("github-app:acme", env=stage.env)
    in_memory = InMemoryCredentialProvider(lambda now: Credential(Secret("canary"), now, now + HOUR))
    boto = RefreshableCredentials("AKIDEXAMPLE", "canary", "canary", datetime.now(UTC) + HOUR, boto_refresh, "bench")
    google, headers = Google(), dict[str, str]()
    in_tasks = to_async(cached)

    async def ask_in_task() -> None:
        for _ in range(IN_MEMORY):
            await in_tasks.current()

    def ask_google() -> None:
        google.before_request(None, "GET", "https://storage.example", headers)  # type: ignore[no-untyped-call]

    peer = "botocore RefreshableCredentials"
    yield measure(
        "A program's next use, in memory",
        {
            peer: calling(boto.get_frozen_credentials, IN_MEMORY),
            "google-auth, refresh worker": calling(ask_google, IN_MEMORY),
            "keywright, shared with the helpers": calling(cached.current, IN_MEMORY),
            "keywright, in memory alone": calling(in_memory.current, IN_MEMORY),
            "keywright, in a task": lambda: per_call(IN_MEMORY, lambda: asyncio.run(ask_in_task())),
        },
        rounds,
        unit="ns",
        bounds={"keywright, shared with the helpers": 1.0, "keywright, in memory alone": 1.0},
    )
    boto_cache: Any = JSONFileCache(str(stage.folder / "boto-cache"))
    fetcher: Any = AssumeRoleCredentialFetcher(
        client_creator=no_client,
        source_credentials=boto,
        role_arn="arn:aws:iam::111122223333:role/bench",
        cache=boto_cache,
    )
    entry = {"Credentials": {**KEYS, "Expiration": (datetime.now(UTC) + HOUR).isoformat()}}
    fetcher._cache[fetcher._cache_key] = entry  # noqa: SLF001 - as it writes it itself

    def begin() -> None:
        CachedCredentialProvider("github-app:acme", env=stage.env).current()

    peer = "botocore, assumed role from its file"
    yield measure(
        "A program's first use, from what another process left on disk",
        {
            peer: calling(fetcher.fetch_credentials, FROM_DISK),
            "keywright": calling(
                lambda: CachedCredentialProvider("github-app:acme", env=stage.env).current(), FROM_DISK
            ),
        },
        rounds,
        unit="µs",
        bounds={},
    )


def measure(
    title: str,
    contestants: dict[str, Callable[[], float]],
    rounds: int,
    *,
    unit: str,
    bounds: dict[str, float],
) -> Race:
    """Run every contestant once a round; the first is the base, and the first round does not count."""
    samples = {name: Sample() for name in contestants}
    for number in range(rounds + 1):
        for name, contestant in contestants.items():
            took_ms = contestant()
            if number:
                samples[name].wall_ms.append(took_ms)
    return Race(title=title, base=next(iter(contestants)), samples=samples, bounds=bounds, runs=rounds + 1, unit=unit)


def calling(work: Callable[[], object], times: int) -> Callable[[], float]:
    """Return what calls `work` so often and returns the milliseconds of one call."""

    def repeat() -> None:
        for _ in range(times):
            work()

    work()
    return lambda: per_call(times, repeat)


def per_call(times: int, work: Callable[[], object]) -> float:
    """Return the milliseconds of one of the calls in `work`."""
    began_ns = time.perf_counter_ns()
    work()
    return (time.perf_counter_ns() - began_ns) / times / 1e6


def boto_refresh() -> dict[str, str]:
    """Never called: an hour is left."""
    raise AssertionError(os.getpid())


def no_client(*_args: object, **_options: object) -> NoReturn:
    """Never called: the file has it."""
    raise AssertionError
