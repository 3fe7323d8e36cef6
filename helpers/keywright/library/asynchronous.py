"""The same for tasks of asyncio: the loop is never kept waiting, and a task that is cancelled takes nothing with it."""

import time

from keywright.credential import Credential
from keywright.deadline import CALL_S
from keywright.library.contract import AsyncCredentialProvider, CredentialProvider
from keywright.library.held import Flight, HeldProvider, too_late, wait_for


class _Held(AsyncCredentialProvider):
    """A provider that holds its credential in memory: a look at it is no work for a thread."""

    def __init__(self, provider: HeldProvider) -> None:
        self._provider = provider

    async def current(self) -> Credential:
        ends_s = time.monotonic() + CALL_S
        while True:
            found = self._provider.look()
            if isinstance(found, Credential):
                return found
            landed = await _landed(found, ends_s)
            if landed is not None:
                return landed

    async def invalidate(self, rejected: Credential | None = None) -> None:
        import asyncio

        await asyncio.to_thread(self._provider.invalidate, rejected)

    def __repr__(self) -> str:
        return f"to_async({self._provider!r})"


class _Threaded(AsyncCredentialProvider):
    """Any other provider: it may take its time, so each call has a thread."""

    def __init__(self, provider: CredentialProvider) -> None:
        self._provider = provider

    async def current(self) -> Credential:
        import asyncio

        return await asyncio.to_thread(self._provider.current)

    async def invalidate(self, rejected: Credential | None = None) -> None:
        import asyncio

        await asyncio.to_thread(self._provider.invalidate, rejected)

    def __repr__(self) -> str:
        return f"to_async({self._provider!r})"


def to_async(provider: CredentialProvider) -> AsyncCredentialProvider:
    """Return the provider for tasks. Those and threads share what it holds, and one renewal.

    >>> asyncio.run(to_async(StaticCredentialProvider("t0k3n")).current()).secret
    <secret>
    """
    return _Held(provider) if isinstance(provider, HeldProvider) else _Threaded(provider)


async def _landed(flight: Flight, ends_s: float) -> Credential | None:
    """Wait for the flight, as `wait_for` does, and let the loop go on meanwhile."""
    import asyncio  # 50 ms that a program without tasks need not spend

    done = asyncio.wrap_future(flight)
    try:
        await asyncio.wait([done], timeout=max(ends_s - time.monotonic(), 0.0))
        if not done.done():
            raise too_late()
        done.exception()  # it is told below; asyncio would take it for one that nobody asked for
    finally:
        done.cancel()  # nobody listens any more; the flight is under way, and no cancellation reaches it
    return wait_for(flight, ends_s)
