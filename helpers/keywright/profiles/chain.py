"""Several providers: all of them at once, or one after the other until one has a credential."""

import time
from collections.abc import Iterable
from typing import Final

from keywright.deadline import CALL_S, left_s, within
from keywright.errors import Bug, KeywrightError, ProfileNotFound
from keywright.profiles.resolution import Resolution
from keywright.profiles.resolver import Resolver

AT_ONCE: Final = 16
"""How many providers are asked at the same time; the others wait for their turn."""


class MultiResolver:
    """Resolves several providers side by side."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    def resolve_all(self, providers: Iterable[str]) -> list[Resolution]:
        """Return any valid credential of each provider, in the order asked; takes as long as the slowest of them.

        What one fails of, even a bug, is its own answer and nobody else's.
        """
        from concurrent.futures import ThreadPoolExecutor

        asked = list(providers)
        if not asked:
            return []
        ends_s = time.monotonic() + left_s(CALL_S)  # threads know nothing of the bound around this one
        with ThreadPoolExecutor(max_workers=min(len(asked), AT_ONCE)) as pool:
            return list(pool.map(lambda provider: self._resolve(provider, ends_s), asked))

    def _resolve(self, provider: str, ends_s: float) -> Resolution:
        try:
            with within(ends_s - time.monotonic()):
                return self._resolver.resolve_any(provider)
        except Exception as error:  # noqa: BLE001 - a bug's text may hold a secret; its type does not
            told = Bug(f"a bug: {type(error).__name__}", mend="please report this line")
            return Resolution(provider.lower(), error=told)


class FallbackChain:
    """Providers in the order in which they stand in for each other; one that is named twice is tried twice."""

    def __init__(self, resolver: Resolver, *providers: str) -> None:
        self._resolver = resolver
        self._providers = providers

    def resolve(self) -> Resolution:
        """Return any valid credential of the first provider that has one. `attempted` covers those before it too."""
        attempted: tuple[str, ...] = ()
        failed: list[KeywrightError] = []
        for provider in self._providers:
            found = self._resolver.resolve_any(provider)
            attempted += found.attempted
            if found.error is None:
                reasons = [*map(str, failed), found.told or f"using {found.profile_id} instead"]
                return found._replace(attempted=attempted, told="; ".join(reasons) if failed else found.told)
            failed.append(found.error)
        if failed:
            last = failed[-1]
            error = ProfileNotFound(f"all providers failed, last error: {last.what}", mend=last.mend)
            error.caused_by = last
        else:
            error = ProfileNotFound("no providers configured", mend="name at least one")
        return Resolution("", error=error, attempted=attempted)
