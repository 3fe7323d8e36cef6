"""What is due, by the clock and by the files it depends on. Nothing here opens a cache or a vault.

Three kinds are renewed ahead of their end:

    an entry of the cache   that this environment leads to: stale, expired, or one of its files has changed
    a profile of settings   that mints and has no entry yet, where a place is known to mint it for
    a grant of the vault    whose access token ends soon

Nothing secret is held: an agent that remembers what is due knows no token.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from math import inf
from typing import Final, NamedTuple

from keywright import hit
from keywright.cache.entry import Entry
from keywright.errors import KeywrightError, UsageError
from keywright.profiles.model import AuthProfile
from keywright.providers.registry import PROVIDERS, make
from keywright.request import Client, Request, Url, Verb, parse_url
from keywright.routes import is_used_unwritten, profile_of
from keywright.settings.model import AccessKeyOptions, KeptOptions, Profile, Route, Settings

REVIVED_FOR: Final = timedelta(days=1)
"""How long after its end a credential for a place is still renewed: after that its user has gone."""
_REPOSITORIES: Final = ["v1", "repos"]
"""How the path of an AWS CodeCommit repository begins; its name is all that follows."""
_TICK_S: Final = 0.001
"""A grant is due after its instant, an entry at it."""
_LAST: Final = "~"
"""Sorts behind every name."""
_FOREVER: Final[Mapping[str, str]] = {}


class Target(NamedTuple):
    """What may have to be renewed.

    Attributes:
        name: what its failures are remembered under: the entry's digest, or what stands for a grant.
        profile: whose it is.
        request: what is asked for it: its place, and for whom; never with a person to ask.
        was_cached: whether it has an entry, to be renewed only while that is there.
    """

    name: str
    profile: Profile
    request: Request
    was_cached: bool = False

    @property
    def place(self) -> str:
        """Where it is for; empty if nowhere in particular."""
        return str(self.request.url) if self.request.url else ""

    @property
    def label(self) -> str:
        """What a person calls it."""
        return f"{self.profile.id} for {self.place}" if self.place else self.profile.id


class Dated(NamedTuple):
    """A target, and when it is due; instants are epoch seconds.

    Attributes:
        target: the target.
        from_s: when what there is was issued: a clock that reads earlier is wrong, or was then.
        until_s: when it is to be renewed.
        over_s: when it is renewed no more.
        boot: the boot it was issued in.
        boot_s: when that was by the clock it was issued by (both of `keywright.hit.boot_mark`).
        inputs: the files that decided it, with their stamps.
    """

    target: Target
    from_s: float
    until_s: float
    over_s: float = inf
    boot: str = "-"
    boot_s: float = 0.0
    inputs: Mapping[str, str] = _FOREVER

    def is_due(self, now_s: float) -> bool:
        """Whether its time has come."""
        return not self.from_s <= now_s < self.until_s and now_s < self.over_s


class Known:
    """Dated entries, in the order in which they are due: what is due is found without looking at the rest.

    Attributes:
        inputs: the files that they depend on, or have depended on.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self.inputs: set[str] = set()
        self._dated: dict[str, Dated] = {}
        self._order: list[tuple[float, str]] = []
        self._latest_s = -inf  # of these two the latest ever is enough: what is gone costs a look at all the others
        self._boots: dict[str, float] = {}

    def replace(self, name: str, dated: Dated | None) -> None:
        """Put an entry in the place of the one of its name; None takes that away."""
        old = self._dated.pop(name, None)
        if old is not None:
            del self._order[bisect_left(self._order, (old.until_s, name))]
        if dated is None:
            return
        self._dated[name] = dated
        insort(self._order, (dated.until_s, name))
        self._latest_s = max(self._latest_s, dated.from_s)
        self._boots[dated.boot] = max(dated.boot_s, self._boots.get(dated.boot, 0.0))
        self.inputs.update(dated.inputs)

    def due(self, now_s: float, suspect: Collection[str] = ()) -> list[Dated]:
        """Return those whose time has come, and those of the names in `suspect` that are not over."""
        names = [name for _, name in self._order[: bisect_right(self._order, (now_s, _LAST))]]
        if now_s < self._latest_s:
            names = list(self._dated)
        found = [self._dated[name] for name in names if self._dated[name].is_due(now_s)]
        seen = {dated.target.name for dated in found}
        return found + [self._dated[name] for name in suspect if name not in seen and now_s < self._dated[name].over_s]

    def next_at_s(self, now_s: float) -> float:
        """Return when the next one's time comes; infinity if there is none."""
        place = bisect_right(self._order, (now_s, _LAST))
        return self._order[place][0] if place < len(self._order) else inf

    def disturbed(self, stamps: Mapping[str, str]) -> set[str]:
        """Return the names of those that depend on a file which has another stamp now."""
        return {
            name
            for name, dated in self._dated.items()
            if any(stamps.get(path) != seen for path, seen in dated.inputs.items())
        }

    def issued_before_a_step(self, now_s: float) -> set[str]:
        """Return the names of those issued by a clock that was set back since (`hit.has_stepped_back`)."""
        same, _, since = hit.boot_mark(now_s).partition(" ")
        earliest_s = float(since) + hit.STEP_S
        if self._boots.get(same, 0.0) <= earliest_s:
            return set()
        return {name for name, one in self._dated.items() if one.boot == same and one.boot_s > earliest_s}


def of_entry(entry: Entry, settings: Settings, env: Mapping[str, str], primed: Container[str]) -> Dated | None:
    """Return when the entry is due; None if it never is, or was minted with other settings or in another environment.

    It never is once its profile was taken out of the settings: nobody can ask for it any more. Nor is a session by
    itself: it is renewed with what is made of it. One that is `primed`, by its name, is renewed however long ago it
    ended.
    """
    place = parse_url(entry.url) if entry.url else None
    try:
        profile = profile_of(entry, settings)
        if profile.id not in settings.profiles and not is_used_unwritten(profile):
            return None
        provider = make(profile, place, env)
        if provider.key != entry.key:
            return None
        plan = entry.plan(profile.margins(provider.margins))
    except (KeywrightError, LookupError, TypeError):  # nobody's any more, or a newer keywright's
        return None
    if plan is None:
        return None
    digest, (boot, _, boot_s) = entry.key.digest, entry.boot.partition(" ")
    return Dated(
        target=Target(digest, profile, _request(profile, place, _client(entry.client)), was_cached=True),
        from_s=plan.issued_at.timestamp(),
        until_s=plan.renew_at.timestamp(),
        over_s=inf if digest in primed else (plan.expires_at + REVIVED_FOR).timestamp(),
        boot=boot,
        boot_s=float(boot_s),
        inputs=entry.inputs,
    )


def of_settings(settings: Settings, env: Mapping[str, str]) -> dict[str, Target]:
    """Return what the settings name a profile and a place for, by the name of its entry: it can be minted unasked."""
    found = (target for profile in settings.profiles.values() for target in _primed(profile, settings, env))
    return {target.name: target for target in found}


def of_grants(profiles: Iterable[AuthProfile]) -> list[Dated]:
    """Return when each of the vault's grants is due; those that are never renewed are left out."""
    from keywright.profiles.renewing import entry_of

    found = []
    for kept in profiles:
        if kept.due_at is not None:
            profile = Profile(id=str(kept.id), options=KeptOptions())
            target = Target(entry_of(kept.id), profile, _request(profile, None, Client.PERSON))
            found.append(Dated(target, -inf, kept.due_at.timestamp() + _TICK_S))
    return found


def _primed(profile: Profile, settings: Settings, env: Mapping[str, str]) -> Iterator[Target]:
    if profile.provider not in PROVIDERS or _is_for_another_environment(profile, env):
        return
    try:
        digest = make(profile, None, env).key.digest
    except UsageError:  # it needs a place
        for route in settings.routes:
            if profile.id in route.profiles and _is_one_place(route):
                with suppress(KeywrightError):
                    digest = make(profile, route.url, env).key.digest
                    yield Target(digest, profile, _request(profile, route.url, route.client))
    except KeywrightError:
        return
    else:
        yield Target(digest, profile, _request(profile, None, Client.PERSON))


def _is_for_another_environment(profile: Profile, env: Mapping[str, str]) -> bool:
    """Whether its secret is in a variable that is not set here: a service has not all that a shell has."""
    options = profile.options
    if not isinstance(options, AccessKeyOptions):
        return False
    kind, _, name = options.key.partition("://")
    return kind == "env" and not env.get(name)


def _is_one_place(route: Route) -> bool:
    """Whether the route covers a single place: a registry's host, or one repository."""
    if "*" in route.url.host:
        return False
    if route.client is not Client.GIT:
        return True
    parts = route.url.path.split("/")
    return parts[:-1] == _REPOSITORIES and bool(parts[-1])


def _request(profile: Profile, place: Url | None, client: Client) -> Request:
    return Request(client=client, verb=Verb.GET, url=place, asked=profile.id, profile=profile.id)


def _client(word: str) -> Client:
    return Client(word) if word in {client.value for client in Client} else Client.PERSON
