"""`keywright resolve`: how it finds a credential, and how it tells of it.

    $ keywright resolve openai work --json
    {
      "schema": 1,
      "profile": "openai:work",
      "provider": "openai",
      "mode": "api_key",
      "email": "",
      "expires_at": null,
      "attempted": [
        "openai:work"
      ],
      "last_resort": false,
      "error": null
    }

With `--reveal` it has a `credential` too. With `--all` there is one document, whose `results` are such objects without
their own `schema`. `expires_at` is RFC 3339 in UTC; what there is not is null.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from keywright.broker import Broker
from keywright.cache.open import Cache, open_cache
from keywright.deadline import CALL_S, OutOfTime, within
from keywright.dialects.person import PersonDialect
from keywright.errors import Busy, CacheUnusable, CredentialNotFound
from keywright.profiles.chain import FallbackChain, MultiResolver
from keywright.profiles.instants import instant
from keywright.profiles.mode import Mode
from keywright.profiles.resolution import Obtain, Obtained, Resolution, ResolutionOptions
from keywright.profiles.resolver import Resolver
from keywright.profiles.turn import Turn
from keywright.prompt import find_ask
from keywright.request import Client, Request, Verb
from keywright.settings.load import load, locate
from keywright.settings.turns import Preference

SCHEMA: Final = 1


class Resolving:
    """Resolves as the person of `env` would, from the shared cache or from the issuers."""

    def __init__(self, env: Mapping[str, str], now: Callable[[], datetime], say: Callable[[str], None]) -> None:
        """Read the settings.

        Raises:
            ConfigurationError: they are wrong.
        """
        self._env = env
        self._now = now
        self._say = say
        self._cache: Cache | None = None
        try:
            self._cache = open_cache(env)
        except CacheUnusable as error:
            say(f"not using the cache: {error.line}")
        self._settings = load(locate(env), self._cache.seals if self._cache else None)

    def one(
        self,
        provider: str,
        preferred: str = "",
        *,
        prefer: str | None = None,
        mode: str | None = None,
        require_valid: bool = False,
        is_forced: bool = False,
    ) -> Resolution:
        """Return what the provider's profiles give. Without `prefer` and `is_forced` only what is valid counts.

        Raises:
            Busy: it took longer than a call may.
        """
        options = ResolutionOptions(
            provider=provider,
            preferred=preferred,
            preference=Preference(prefer) if prefer else self._settings.default_preference,
            require_valid=require_valid or not (prefer or is_forced),
            mode=Mode(mode) if mode else None,
            is_forced=is_forced,
        )
        return self._in_time(lambda: self._resolver(interactive=True).resolve_with(options))

    def chain(self, providers: Sequence[str]) -> Resolution:
        """Return what the first of the providers gives that has something.

        Raises:
            Busy: it took longer than a call may.
        """
        chain = FallbackChain(self._resolver(interactive=True), *providers)
        return self._in_time(chain.resolve)

    def all(self, providers: Sequence[str]) -> list[Resolution]:
        """Return what each of the providers gives. Nobody is asked for anything: several would ask at once."""
        return MultiResolver(self._resolver(interactive=False)).resolve_all(providers)

    def _resolver(self, *, interactive: bool) -> Resolver:
        return Resolver(
            settings=self._settings,
            env=self._env,
            now=self._now,
            say=self._say,
            obtain=self._obtain(interactive=interactive),
        )

    def _obtain(self, *, interactive: bool) -> Obtain:
        ask = find_ask(self._env) if interactive else None

        def obtain(turn: Turn) -> Obtained:
            # One broker for each: it is no thread's but its own.
            broker = Broker(
                settings=self._settings, cache=self._cache, env=self._env, now=self._now, say=self._say, ask=ask
            )
            served = broker.obtain(turn, asking(turn.profile.id, interactive=interactive))
            return Obtained(served.credential, is_new=served.is_new)

        return obtain

    def _in_time(self, find: Callable[[], Resolution]) -> Resolution:
        try:
            with within(CALL_S):
                return find()
        except OutOfTime:
            raise Busy(f"the call took longer than {CALL_S:.0f} s", mend="try again") from None


def asking(profile: str, *, interactive: bool) -> Request:
    """Return the request of somebody who names the profile."""
    return Request(client=Client.PERSON, verb=Verb.GET, asked=profile, profile=profile, interactive=interactive)


def plain(found: Resolution) -> bytes:
    """Return the secret by itself, as `keywright token` prints it, without the line break.

    Raises:
        CredentialNotFound: there is none.
        Refused: it is empty or holds characters that do not fit on one line.
    """
    if found.credential is None:
        raise CredentialNotFound(f"there is no credential for provider {found.provider}")
    request = asking(found.profile_id, interactive=False)
    return PersonDialect().answer(request, found.credential, None).removesuffix(b"\n")


def document(found: Resolution, *, is_revealed: bool) -> str:
    """Return one JSON document on what was found; the secret is in it only if `is_revealed`."""
    return json.dumps({"schema": SCHEMA, **_row(found, is_revealed=is_revealed)}, indent=2)


def document_of_all(found: Sequence[Resolution], *, is_revealed: bool) -> str:
    """Return one JSON document on what was found of several providers."""
    return json.dumps({"schema": SCHEMA, "results": [_row(one, is_revealed=is_revealed) for one in found]}, indent=2)


def _row(found: Resolution, *, is_revealed: bool) -> dict[str, object]:
    credential = found.credential
    row: dict[str, object] = {
        "profile": found.profile_id or None,
        "provider": found.provider,
        "mode": found.mode,
        "email": found.email,
        "expires_at": instant(credential.expires_at) if credential and credential.expires_at else None,
        "attempted": list(found.attempted),
        "last_resort": found.is_last_resort,
        "error": str(found.error) if found.error else None,
    }
    if is_revealed:
        row["credential"] = credential.secret.reveal() if credential else None
    return row
