"""The cache that all helpers share, as the source of what a process holds."""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from math import inf
from typing import Final, TypeVar

from keywright import hit
from keywright.broker import Broker
from keywright.cache.open import Cache, open_cache
from keywright.deadline import CALL_S, OutOfTime, within
from keywright.errors import Busy, CacheUnusable, CredentialNotFound, KeywrightError, VaultUnusable
from keywright.freshness import Freshness
from keywright.library.failing import FailureMemory
from keywright.library.held import Value
from keywright.log import one_line
from keywright.profiles.model import LEEWAY
from keywright.providers.home import expand
from keywright.renewal import Served
from keywright.request import Request
from keywright.routes import named
from keywright.secret import Secret
from keywright.serve import bug
from keywright.settings.load import load, locate
from keywright.settings.model import Settings, StaticOptions
from keywright.vault.vault import open_vault

UNKNOWN_S: Final = 60.0
"""How long a credential is used whose end nobody knows, until somebody looks again behind its users."""
STAND_IN_S: Final = 5.0
"""How long one is used that stands in for another, until somebody looks whether it still has to."""

Result = TypeVar("Result")
Pick = Callable[[Settings, Request, Mapping[str, str]], tuple[Settings, Request]]
"""What a question comes down to: the settings to answer it by, and the question itself."""

_LOGGER: Final = logging.getLogger("keywright")


def as_asked(settings: Settings, request: Request, _env: Mapping[str, str]) -> tuple[Settings, Request]:
    """Return the question as it was asked (`Pick`)."""
    return settings, request


class Shared:
    """Finds, renews and drops what one request is answered with, by a broker over the shared cache."""

    def __init__(
        self,
        request: Request,
        env: Callable[[], Mapping[str, str]],
        now_s: Callable[[], float],
        pick: Pick,
    ) -> None:
        """Take the question, the environment as it is at each look, and the wall clock (epoch seconds).

        `pick` says what the question comes down to under the settings of the day.
        """
        self._request = request
        self._env = env
        self._now_s = now_s
        self._pick = pick
        self._failures = FailureMemory()

    def find(self) -> Value:
        """Return what the helpers would be served, minted if need be.

        Raises:
            KeywrightError: there is nothing, and why.
        """
        return self._in_time(self._found)

    def _found(self, call: "_Call") -> Value:
        if call.has_cache:  # which remembers failures too
            return call.found()
        self._failures.stop_while_failing(self._now_s())
        try:
            found = call.found()
        except KeywrightError as error:
            self._failures.remember(error, self._now_s())
            raise
        self._failures.forget()
        return found

    def renew(self, value: Value) -> Value | None:
        """Renew what `value` came from, unless somebody else is at it; None if nothing newer has come of it yet.

        Raises:
            KeywrightError: it could not be renewed, and why.
        """
        return self._in_time(lambda call: call.renewed(value))

    def holds(self, value: Value) -> bool:
        """Return whether the files that decided it, the cache's entry among them, are as they were."""
        return all(hit.stamp(path) == seen for path, seen in value.inputs)

    def drop(self, rejected: Secret | None) -> None:
        """Drop what is cached, for all processes, if it is what was rejected.

        Raises:
            CacheUnusable: the cache cannot be changed.
            Busy: a renewal kept it locked for too long.
        """
        self._in_time(lambda call: call.drop(rejected))

    def _in_time(self, work: "Callable[[_Call], Result]") -> Result:
        try:
            with within(CALL_S):
                return work(_Call(self._request, self._env(), self._now_s, self._pick))
        except OutOfTime:
            raise Busy(f"it took longer than {CALL_S:.0f} s", mend="try again") from None
        except KeywrightError:
            raise
        except Exception as error:  # noqa: BLE001 - a bug's text may hold a secret; its type and place do not
            raise bug(error) from None


class _Call:
    """One look: the settings, the cache and the broker as they are now."""

    def __init__(self, request: Request, env: Mapping[str, str], now_s: Callable[[], float], pick: Pick) -> None:
        self._env = env
        self._now_s = now_s
        self._cache = _open_cache(env)
        self.has_cache = self._cache is not None
        self._vault = _stamped_vault(env)
        settings = load(locate(env), self._cache.seals if self._cache else None)
        self._settings, self._request = pick(settings, request, env)
        self.broker = Broker(settings=self._settings, cache=self._cache, env=env, now=self._now, say=_say)

    def found(self) -> Value:
        return self.valued(self.broker.serve(self._request))

    def renewed(self, value: Value) -> Value | None:
        served = self.broker.serve(self._request)
        if self._is_due(served):
            served = self.broker.renew(self._request, served.entry.key.digest, served.entry.generation) or served
        found = self.valued(served)
        is_same = found.entry and (found.entry, found.generation) == (value.entry, value.generation)
        return None if is_same else found

    def _is_due(self, served: Served) -> bool:
        """Whether it is stale and nobody else is at its renewal: the brake is that of the helpers' own."""
        if self._cache is None or not served.stamp or served.freshness is not Freshness.STALE:
            return False
        return hit.claim(self._cache.folder, served.entry.key.digest, self._now_s(), hit.SPAWN_BRAKE_S)

    def drop(self, rejected: Secret | None) -> None:
        if self._cache is not None:  # without one there is nothing to drop
            with suppress(CredentialNotFound):
                self.broker.invalidate(self._request, rejected)

    def valued(self, served: Served) -> Value:
        """Return what was served with what is known of how long that lasts."""
        entry, plan, now_s = served.entry, served.plan, self._now_s()
        inputs = {self._settings.source: self._settings.stamp, **served.decided, **entry.inputs}
        if self._cache is not None and served.stamp:
            inputs[self._cache.entries.path(entry.key.digest)] = served.stamp
        is_read = not entry.generation  # where it lies, and not minted
        if is_read:
            inputs |= self._sources(entry.key.profile)
        ends = [plan.renew_at.timestamp() if plan else inf, served.until.timestamp() if served.until else inf]
        refuse_at_s = plan.refuse_at.timestamp() if plan else inf
        if plan is None:
            ends.append(now_s + UNKNOWN_S)
        elif is_read:
            ends.append(refuse_at_s - LEEWAY.total_seconds())
        if not served.is_first_choice:
            ends.append(now_s + STAND_IN_S)
        return Value(
            credential=served.credential,
            renew_at_s=min(ends),
            refuse_at_s=refuse_at_s,
            inputs=tuple(inputs.items()),
            entry=entry.key.digest if served.stamp else "",
            generation=entry.generation,
        )

    def _sources(self, profile: str) -> dict[str, str]:
        """Return where that is read which nobody mints: the vault's file, or one of its own."""
        options = named(self._settings, profile).options
        if isinstance(options, StaticOptions) and options.secret.startswith("file://"):
            path = expand(options.secret.removeprefix("file://"), self._env)
            return {path: hit.stamp(path)}
        return self._vault

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._now_s(), UTC)


def _open_cache(env: Mapping[str, str]) -> Cache | None:
    try:
        return open_cache(env)
    except CacheUnusable as error:  # never costs the credential
        _say(f"not using the cache: {error.line}")
        return None


def _stamped_vault(env: Mapping[str, str]) -> dict[str, str]:
    try:
        path = open_vault(env).path
    except VaultUnusable:  # told to whoever needs it
        return {}
    return {path: hit.stamp(path)}


def _say(message: str) -> None:
    _LOGGER.warning("%s", one_line(message))
