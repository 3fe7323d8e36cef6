"""A secret that is for one place, as its settings say: handed out for that place and what lies below it, alone."""

from keywright.errors import ConfigurationError
from keywright.request import Client, Request
from keywright.settings.values import parse_pattern


def stop_elsewhere(place: str, request: Request, *, setting: str) -> None:
    """Return if what is for `place` may be handed out for the request; `setting` is where `place` is written.

    Raises:
        ConfigurationError: the request is for another place, or its client does not say for which.
    """
    if request.url is None and request.client is Client.PERSON:
        return  # who asks by name says where it goes
    bound = parse_pattern(request.client, place)  # as its route is read: git's `.git` is dropped
    if request.url is None:
        raise ConfigurationError(
            f"it is for {place} alone, and the client does not say where it is",
            mend="set `provideClusterInfo: true` in the kubeconfig",
        )
    if bound is None or not bound.covers(request.url):
        raise ConfigurationError(f"it is for {place} alone", mend=f"mend the route, or the profile's `{setting}`")
