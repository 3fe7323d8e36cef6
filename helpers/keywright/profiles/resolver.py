"""Which account serves a provider: the first of its profiles, in their order, that has a credential.

A preferred profile comes first and obeys what was decided about it like any other, unless that is forced. One that is
disabled is never used, one that rests only after all others have failed. What fails is noted for all processes, so that
the next one asks somebody else. A provider's profiles are one person's accounts there: to go on to another one of them
is what a resolver is for, and it tells when it does; it never goes on to another provider's.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from keywright.deadline import is_spent
from keywright.errors import ConfigurationError, KeywrightError, UsageError
from keywright.hit import stamp
from keywright.profiles.mode import Mode
from keywright.profiles.remembered import CacheStats, Remembered
from keywright.profiles.resolution import Obtain, Resolution, ResolutionOptions
from keywright.profiles.search import Search
from keywright.profiles.state import is_usage
from keywright.profiles.turns import Line, Turns
from keywright.settings.model import Settings
from keywright.settings.turns import Preference


class Resolver:
    """Resolves providers, for one process. A failure is part of the answer, not an exception. Threads may share it."""

    def __init__(
        self,
        *,
        settings: Settings,
        env: Mapping[str, str],
        now: Callable[[], datetime],
        say: Callable[[str], None],
        obtain: Obtain,
    ) -> None:
        """Take what one process is given; `obtain` gets the credential of the profile whose turn it is."""
        self._settings = settings
        self._now = now
        self._obtain = obtain
        self._turns = Turns(settings=settings, env=env, now=now, say=say)
        self._remembered = Remembered()

    def resolve(self, provider: str, preferred: str = "") -> Resolution:
        """Return the credential of the provider's first valid profile, in the order that the settings wish.

        What was found before costs a look at the files that decided it.
        """
        options = ResolutionOptions(
            provider, preferred, preference=self._settings.default_preference, require_valid=True
        )
        options = _plain(options)
        found = self._remembered.recall(options.provider, options.preferred, self._now())
        return found or self._search(options, is_remembered=True)

    def resolve_with(self, options: ResolutionOptions) -> Resolution:
        """Return the credential of the first profile that `options` allow."""
        return self._search(_plain(options))

    def resolve_with_mode(self, provider: str, mode: Mode) -> Resolution:
        """Return the credential of the first valid profile of the mode, in the order that the settings wish."""
        wished = self._settings.default_preference
        return self.resolve_with(ResolutionOptions(provider, preference=wished, require_valid=True, mode=mode))

    def resolve_api_key(self, provider: str) -> Resolution:
        """Return the first API key."""
        return self.resolve_with_mode(provider, Mode.API_KEY)

    def resolve_oauth(self, provider: str) -> Resolution:
        """Return the first OAuth access token, renewed if it has run out."""
        return self.resolve_with_mode(provider, Mode.OAUTH)

    def resolve_any(self, provider: str) -> Resolution:
        """Return the first valid credential: OAuth before tokens before API keys, each kind taking turns."""
        options = ResolutionOptions(provider, preference=Preference.TYPE, require_valid=True)
        return self._search(_plain(options), failing="no valid credential found")

    def invalidate(self, provider: str = "") -> None:
        """Forget what was found for this very provider; for all of them if none is given."""
        self._remembered.forget(provider.lower())

    def cache_stats(self) -> CacheStats:
        """Return how much of what was found is remembered."""
        return self._remembered.stats(self._now())

    def _search(
        self, options: ResolutionOptions, *, failing: str = "no valid profile found", is_remembered: bool = False
    ) -> Resolution:
        provider, preferred = options.provider, options.preferred
        wished = f"{provider}:{preferred}" if preferred else ""
        search = Search(options, wished)
        try:
            line = self._turns.line_up_provider(
                provider, options.preference or Preference.DEFAULT, wished, is_forced=options.is_forced
            )
        except KeywrightError as error:
            return Resolution(provider, error=error.about(provider, ""))
        turns = line.turns if line else ()
        if wished and wished not in [turn.profile.id for turn in turns]:
            search.miss_wished()
        for turn in turns:
            if not search.may_try(turn):
                continue
            try:
                obtained = self._obtain(turn)
            except KeywrightError as error:
                search.fail(turn, error)
                # A wrong setting is nothing that the account has done, and an old failure has been noted already.
                if not isinstance(error, ConfigurationError | UsageError) and not error.is_repeated:
                    self._turns.failed(turn, error, is_alone=bool(line and line.is_alone))
                if is_spent():
                    break
                continue
            self._turns.served(turn, is_new=obtained.is_new)
            found = Resolution(
                provider,
                profile_id=turn.profile.id,
                credential=obtained.credential,
                mode=turn.candidate.mode,
                email=turn.kept.email if turn.kept else "",
                attempted=tuple(search.attempted),
                is_last_resort=turn.rests,
                told=search.told(turn, line.passed_over_for(turn) if line else ()),
            )
            if line and is_remembered and search.is_steady:
                self._keep(options, found, line)
            return found
        return Resolution(provider, error=search.error(failing), attempted=tuple(search.attempted))

    def _keep(self, options: ResolutionOptions, found: Resolution, line: Line) -> None:
        """Remember what was found until somebody's rest or disablement ends."""
        if not line.is_steady:
            return
        until = min((turn.until for turn in line.turns if turn.until), default=None)
        # That it was used just now is in the usage file since it was read, and changes nothing.
        inputs = {path: stamp(path) if is_usage(path) else seen for path, seen in line.inputs.items()}
        self._remembered.keep(options.preferred, found, inputs, until, self._now())


def _plain(options: ResolutionOptions) -> ResolutionOptions:
    """Return the options with the provider's name in lower case, and the preferred one's without it."""
    provider = options.provider.lower()
    return options._replace(provider=provider, preferred=options.preferred.removeprefix(f"{provider}:"))
