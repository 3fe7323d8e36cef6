"""Of the routes that do not cover a place, the one that comes nearest, and where the two differ."""

from collections.abc import Iterator
from itertools import combinations
from typing import Final, Literal, NamedTuple

from keywright.request import Client, Url
from keywright.routes import matches
from keywright.settings.model import Route

Part = Literal["scheme", "host", "port", "path"]
PARTS: Final[tuple[Part, ...]] = ("scheme", "port", "path", "host")
"""What may differ, what is soonest a slip first."""


class Nearest(NamedTuple):
    """A route that would cover the place if only some parts were others.

    Attributes:
        route: the route.
        differs: those parts.
    """

    route: Route
    differs: tuple[Part, ...]


def find_nearest(routes: tuple[Route, ...], client: Client, url: Url) -> Nearest | None:
    """Return the route that differs in the fewest parts, other hosts last; None if the client has no route at all."""
    found = [Nearest(route, _differences(route, url)) for route in routes if route.client is client]
    return min(found, key=lambda one: (_weight(one.differs), -_shared(one.route.url.host, url.host)), default=None)


def _differences(route: Route, url: Url) -> tuple[Part, ...]:
    """Return the fewest parts that, taken from the route, make a place that it covers."""
    for count in range(1, len(PARTS)):
        for parts in combinations(PARTS, count):
            if matches(route, _with(url, route.url, parts)):
                return parts
    return PARTS


def _with(url: Url, other: Url, parts: tuple[Part, ...]) -> Url:
    """Return `url` with those parts of `other`."""
    name = other.name.replace("*", "any") if "host" in parts else url.name
    port = other.host[len(other.name) :] if "port" in parts else url.host[len(url.name) :]
    return Url(
        scheme=other.scheme if "scheme" in parts else url.scheme,
        host=name + port,
        path=other.path if "path" in parts else url.path,
    )


def _weight(parts: tuple[Part, ...]) -> int:
    return sum(len(PARTS) if part == "host" else 1 for part in parts)


def _shared(one: str, other: str) -> int:
    """Return how many labels the two hosts share, from their ends on."""
    return sum(1 for _ in _same(one.split(".")[::-1], other.split(".")[::-1]))


def _same(one: list[str], other: list[str]) -> Iterator[str]:
    for left, right in zip(one, other, strict=False):
        if left != right:
            return
        yield left
