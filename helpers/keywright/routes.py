"""Which profiles serve which request: what the user wrote, and the hosts that need nothing written."""

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from keywright.cache.entry import Entry
from keywright.errors import CredentialNotFound, ProviderNotFound, UsageError
from keywright.request import Client, Request, Url
from keywright.settings.model import (
    OPTIONS,
    CodecommitOptions,
    EcrOptions,
    EksOptions,
    KeptOptions,
    Profile,
    Route,
    Settings,
)
from keywright.settings.turns import Preference

if TYPE_CHECKING:
    from keywright.tracing.facts import How

WELL_KNOWN_CODECOMMIT: Final = Profile(id="aws-codecommit:default", options=CodecommitOptions())
WELL_KNOWN_ECR: Final = Profile(id="aws-ecr:default", options=EcrOptions())
_DOCKER_HUB: Final = "index.docker.io"


class Choice(NamedTuple):
    """The profiles that may serve a request; never empty.

    Attributes:
        profiles: in the order written.
        prefer: the rule that orders them; None for higher priorities first, and else as written.
        how: what names them: the request itself, its command line, a route, or that the host is well known.
        route: that route.
    """

    profiles: tuple[Profile, ...]
    prefer: Preference | None = None
    how: "How" = "named"
    route: Route | None = None


def choice_for(settings: Settings, request: Request) -> Choice:
    """Return the profiles that may serve the request.

    A profile asked for by name comes first, then the user's routes (the one that says most about the URL), then the
    well-known hosts.

    Raises:
        CredentialNotFound: nothing here serves it.
        ProviderNotFound: it names a profile that does not exist.
        UsageError: its command-line settings lack something.
    """
    if request.profile:
        return Choice((named(settings, request.profile),))
    if request.provider:
        return Choice((_from_command_line(request),), how="command_line")
    if request.url is None:
        raise CredentialNotFound("the request names no place")
    route = _best_route(settings.routes, request.client, request.url)
    if route is not None:
        return Choice(tuple(named(settings, name) for name in route.profiles), route.prefer, "route", route)
    if request.client is Client.DOCKER and request.url.scheme != "http" and _is_ecr(request.url):
        return Choice((WELL_KNOWN_ECR,), how="well_known")
    if request.client is Client.GIT and request.url.scheme == "https" and _is_codecommit(request.url):
        return Choice((WELL_KNOWN_CODECOMMIT,), how="well_known")
    raise CredentialNotFound("no route serves it", mend=_hint(settings.routes, request))


def _is_ecr(url: Url) -> bool:
    from keywright.providers.aws.hosts import find_registry  # the others never ask

    return find_registry(url.host if url.scheme else url.host.removesuffix(":443")) is not None


def _is_codecommit(url: Url) -> bool:
    if "git-codecommit" not in url.host:
        return False
    from keywright.providers.aws.hosts import find_codecommit_region

    return bool(find_codecommit_region(url.host))


def named(settings: Settings, name: str) -> Profile:
    """Return the profile of that name. One of a provider that is none of the settings' is the vault's, or nobody's.

    Raises:
        ProviderNotFound: there is none; the message lists those there are.
    """
    profile = settings.profiles.get(name)
    if profile is not None:
        return profile
    for well_known in (WELL_KNOWN_CODECOMMIT, WELL_KNOWN_ECR):
        if name == well_known.id:
            return well_known
    from keywright.profiles.identity import ProfileId

    id_ = ProfileId.find(name)
    if id_ is not None and id_.provider not in OPTIONS:
        return Profile(id=name, options=KeptOptions())
    known = ", ".join(sorted(settings.profiles)) or "none"
    raise ProviderNotFound(f"there is no profile `{name}`", mend=f"{settings.source} has: {known}")


def profile_of(entry: Entry, settings: Settings) -> Profile:
    """Return the profile an entry belongs to: the settings' own, or the one it was minted with.

    Raises:
        LookupError, TypeError: a newer keywright minted it, or one whose settings have changed since.
    """
    own = settings.profiles.get(entry.key.profile)
    if own is not None:
        return own
    kind = OPTIONS[entry.key.provider]
    return Profile(id=entry.key.profile, options=kind(**entry.options))  # type: ignore[arg-type]  # its own settings


def is_used_unwritten(profile: Profile) -> bool:
    """Whether clients use the profile although it is in no settings: for a well-known host, or from a command line."""
    if isinstance(profile.options, EksOptions):
        return profile.id == f"aws-eks:{profile.options.cluster}"
    return any(profile == one for one in (WELL_KNOWN_CODECOMMIT, WELL_KNOWN_ECR))


def _from_command_line(request: Request) -> Profile:
    options = dict(request.options or {})
    try:
        kind = OPTIONS[request.provider]
        name = options.get("cluster") or options.get("registry") or "default"
        return Profile(id=f"{request.provider}:{name}", options=kind(**options))  # type: ignore[arg-type]
    except (KeyError, TypeError):
        raise UsageError(f"the settings given for `{request.provider}` are not complete") from None


def _best_route(routes: tuple[Route, ...], client: Client, url: Url) -> Route | None:
    fitting = [route for route in routes if route.client is client and matches(route, url)]
    # The longest path says most, then the host with fewer stars; of equals, the first one written.
    return max(fitting, key=lambda route: (len(_components(route.url.path)), -route.url.host.count("*")), default=None)


def matches(route: Route, url: Url) -> bool:
    """Return whether the route covers the URL: exact scheme and host, whole labels, whole path components."""
    scheme, host = url.scheme, url.host
    if route.client is Client.DOCKER:
        if host.startswith(_DOCKER_HUB) and url.path not in {"", "v1"}:
            return False  # `docker login` keeps its own access and refresh tokens under paths of Docker Hub's
        if scheme == "http" and not url.is_loopback:
            return False
        # docker names bare hosts: only what both sides say can differ
        scheme = scheme if route.url.scheme else ""
        route_scheme = route.url.scheme if url.scheme else ""
        if {scheme, route_scheme} == {"http", "https"}:
            return False
        host = host if url.scheme else host.removesuffix(":443")
        wanted = route.url.host if route.url.scheme else route.url.host.removesuffix(":443")
    else:
        if scheme != route.url.scheme:
            return False
        wanted = route.url.host
    return _host_fits(wanted, host) and _path_fits(route, url)


def _host_fits(wanted: str, host: str) -> bool:
    if "*" not in wanted:
        return wanted == host
    return re.fullmatch(re.escape(wanted).replace(r"\*", "[a-z0-9_-]+"), host) is not None


def _path_fits(route: Route, url: Url) -> bool:
    wanted, given = _components(route.url.path), _components(url.path)
    if url.host == "github.com" or any(name.startswith("github-app:") for name in route.profiles):
        wanted, given = [_fold(c) for c in wanted], [_fold(c) for c in given]
    return given[: len(wanted)] == wanted


def _fold(component: str) -> str:
    return component.lower() if component.isascii() else component  # the Kelvin sign's lower case is `k`


def _components(path: str) -> list[str]:
    return path.split("/") if path else []


def _hint(routes: tuple[Route, ...], request: Request) -> str:
    """Return how to mend the one mistake everybody makes: routes by owner, and a git that does not say the owner."""
    url = request.url
    if request.client is not Client.GIT or url is None or url.path:
        return ""
    if not any(route.client is Client.GIT and route.url.path and _same_place(route.url, url) for route in routes):
        return ""
    return f"its routes go by path: run `git config --global credential.{url.scheme}://{url.host}.useHttpPath true`"


def _same_place(one: Url, other: Url) -> bool:
    return one.scheme == other.scheme and _host_fits(one.host, other.host)
