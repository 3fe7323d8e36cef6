"""Logging in to one profile: by one process at a time, and so that what a person consented to is not lost.

Nobody is sent to a browser for a grant that could not be kept, and of several who want to log in to the same profile
at the same time one does, while the others wait for the outcome.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Final, NamedTuple

from keywright.cache.failures import Failures
from keywright.cache.folder import locate
from keywright.cache.lock import hold
from keywright.errors import Busy, CacheUnusable, UsageError
from keywright.profiles.catalog import Catalog, ProviderMetadata
from keywright.profiles.identity import ProfileId
from keywright.profiles.instants import instant
from keywright.profiles.kept import KeptProfiles
from keywright.profiles.known import Decided, Decisions
from keywright.profiles.login.person import Person
from keywright.profiles.login.plan import Given, Plan, plan_of
from keywright.profiles.mode import Mode
from keywright.profiles.model import AuthProfile, OAuth
from keywright.profiles.renewing import entry_of
from keywright.profiles.state import ProfileStates

WAIT_S: Final = 330.0
"""How long to wait for another process that is logging in to the same profile: longer than it waits for its person."""

Flow = Callable[[Plan, Person], OAuth]
"""Gets a grant from the person's consent."""


class LoggedIn(NamedTuple):
    """What came of it.

    Attributes:
        profile: the profile as it is kept now.
        is_others: whether another process logged in meanwhile, and this one found its grant.
        is_enabled: whether it may be used: who disabled it has to enable it again.
        missing: the scopes that were asked for and not granted.
    """

    profile: AuthProfile
    is_others: bool
    is_enabled: bool
    missing: tuple[str, ...] = ()


class LoggingIn:
    """Logs in to the profiles of one user."""

    def __init__(self, env: Mapping[str, str], person: Person, *, wait_s: float = WAIT_S) -> None:
        """Take the caller's environment; waits for other processes for `wait_s` seconds at most."""
        self._env = env
        self._person = person
        self._wait_s = wait_s
        self._kept = KeptProfiles(env)
        self._states = ProfileStates(env)

    def log_in(self, id_: ProfileId, catalog: Catalog, given: Given, flow: Flow, *, is_forced: bool) -> LoggedIn:
        """Get a grant through `flow`, which is told where and as whom, and keep it as the profile's.

        Raises:
            ProfileNotFound: there is no such provider.
            UsageError: nobody logs in there, or the profile holds what is replaced only if forced.
            Unavailable: too little is known of where to log in.
            VaultLocked: the vault is locked: the person was not asked, as below.
            VaultUnusable: it cannot be trusted or written.
            StateUnusable: what was decided about profiles cannot be read or written.
            Busy: another process has been logging in for too long.
            KeywrightError: the flow's own failure.
        """
        provider = catalog.get(id_.provider)
        if not catalog.supports(id_.provider, Mode.OAUTH):
            raise UsageError(f"provider {id_.provider} does not support mode: {Mode.OAUTH}")
        before = self._kept.get(id_)
        plan = self._plan(id_, provider, given, before, is_forced=is_forced)
        self._kept.check_room()
        self._states.decisions(id_.provider)  # what cannot be read now could not be changed afterwards
        with self._alone(id_):
            found = self._kept.get(id_)
            if found is not None and found != before and found.is_valid(self._person.now()):
                return LoggedIn(found, is_others=True, is_enabled=self._is_enabled(found))
            grant = flow(plan, self._person)
            return self._keep(id_, grant, plan)

    def _plan(
        self, id_: ProfileId, provider: ProviderMetadata, given: Given, before: AuthProfile | None, *, is_forced: bool
    ) -> Plan:
        grant = before.credential if before and isinstance(before.credential, OAuth) else None
        if before is not None and not is_forced:
            if grant is None:
                raise UsageError(f"profile {id_} exists, and holds no grant", mend="add `--force` to replace it")
            if self._is_good(before):
                raise UsageError(f"profile {id_} is logged in", mend="add `--force` to log in anew")
        return plan_of(provider, given, grant)

    def _is_good(self, profile: AuthProfile) -> bool:
        decided = self._states.decisions(profile.id.provider).of(str(profile.id), instant(profile.created_at))
        return not decided.is_revoked and (profile.is_renewable or profile.is_valid(self._person.now()))

    def _is_enabled(self, profile: AuthProfile) -> bool:
        decided = self._states.decisions(profile.id.provider).of(str(profile.id), instant(profile.created_at))
        return profile.enabled if decided.enabled is None else decided.enabled

    @contextmanager
    def _alone(self, id_: ProfileId) -> Iterator[None]:
        path = self._states.lock_path(f"login-{entry_of(id_)[:16]}")
        with hold(path, 0) as is_first:
            if is_first:
                yield
                return
        self._person.say(f"another process is logging in to {id_}; waiting for it")
        with hold(path, self._wait_s) as is_locked:
            if not is_locked:
                raise Busy(f"another process has been logging in to {id_} for too long", mend="end it, or try again")
            yield

    def _keep(self, id_: ProfileId, grant: OAuth, plan: Plan) -> LoggedIn:
        now = self._person.now()
        grant = grant._replace(
            client_id=plan.client_id, scopes=grant.scopes or plan.scopes, metadata={**grant.metadata, **plan.metadata}
        )
        with self._kept.editing(id_.provider) as profiles:
            current = profiles.get(str(id_))
            is_new = current is None
            if current is None:
                current = AuthProfile(id_, grant, created_at=now, updated_at=now)
            # Whatever it held before: its new tokens go no further than that might, and who was disabled stays so.
            profiles[str(id_)] = saved = current._replace(credential=grant, updated_at=now)
        if is_new:
            self._states.forget(str(id_))
        self._forgive(saved)
        missing = tuple(scope for scope in plan.scopes if scope not in grant.scopes)
        return LoggedIn(saved, is_others=False, is_enabled=self._is_enabled(saved), missing=missing)

    def _forgive(self, profile: AuthProfile) -> None:
        """Forget what the old grant did; what the person decided stays."""
        id_, since = str(profile.id), instant(profile.created_at)
        with self._states.changing(profile.id.provider) as draft:
            decided = Decisions(draft.decided).of(id_, since)
            draft.decided[id_] = Decided(since=since, enabled=decided.enabled, priority=decided.priority)
            draft.used.pop(id_, None)
        with suppress(CacheUnusable):
            Failures(locate("state", self._env), self._env).forget(entry_of(profile.id))
