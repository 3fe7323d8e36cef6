"""The route that comes nearest, and where it differs."""

import pytest

from keywright.manage.why.nearest import find_nearest
from keywright.request import Client, parse_url
from keywright.settings.model import Route
from keywright.settings.values import parse_pattern

GIT, DOCKER, KUBE = Client.GIT, Client.DOCKER, Client.KUBE


def route(client: Client, url: str) -> Route:
    pattern = parse_pattern(client, url)
    assert pattern
    return Route(client=client, url=pattern, profiles=("static:x",))


@pytest.mark.parametrize(
    ("client", "routes", "url", "nearest", "differs"),
    [
        (GIT, ["https://git.example/team"], "https://git.example:8443/team/app", 0, ("port",)),
        (GIT, ["https://git.example/team"], "https://git.example/other", 0, ("path",)),
        (GIT, ["https://git.example/team"], "http://git.example/team", 0, ("scheme",)),
        (GIT, ["https://git.example:8443/team"], "https://git.example/other", 0, ("port", "path")),
        (GIT, ["https://a.example", "https://git.example"], "https://git.example.org", 0, ("host",)),
        (GIT, ["https://far.other", "https://a.example"], "https://git.example", 1, ("host",)),
        (GIT, ["https://a.example", "https://git.example/team"], "https://git.example", 1, ("path",)),
        (GIT, ["https://*.git.example"], "https://a.b.git.example", 0, ("host",)),
        (DOCKER, ["registry.example:5000"], "registry.example", 0, ("port",)),
        (DOCKER, ["https://registry.example"], "http://registry.example", 0, ("scheme",)),
        (KUBE, ["https://10.0.0.1:6443"], "https://10.0.0.1", 0, ("port",)),
    ],
)
def test_it_differs_in_as_little_as_can_be(
    client: Client, routes: list[str], url: str, nearest: int, differs: tuple[str, ...]
) -> None:
    place, written = parse_url(url), tuple(route(client, one) for one in routes)
    assert place
    found = find_nearest(written, client, place)
    assert found
    assert (written.index(found.route), found.differs) == (nearest, differs)


def test_another_client_s_is_none() -> None:
    place = parse_url("https://git.example")
    assert place
    assert find_nearest((route(DOCKER, "git.example"),), GIT, place) is None
