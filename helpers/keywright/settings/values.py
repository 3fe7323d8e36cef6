"""The two kinds of text that settings hold: durations, and the URLs of routes."""

import re
from datetime import timedelta
from typing import Final

from keywright.request import Client, Url, parse_url

_DURATION: Final = r"(?:([0-9]{1,5})h)?(?:([0-9]{1,5})m)?(?:([0-9]{1,6})s)?"
_ANY_LABEL: Final = "0--any--0"


def parse_duration(text: str) -> timedelta | None:
    """Return the span in `90s`, `3m` or `1h30m`; None if it is none."""
    match = re.fullmatch(_DURATION, text) if text else None
    if match is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def parse_pattern(client: Client, text: str) -> Url | None:
    """Return a route's URL in normal form, `*` standing for one whole label of its host; None if it is none.

    git's `.git` at the end is dropped, as it is from git's own requests.
    """
    # A star is no host character; one that stands for a whole label passes the parser as a label of letters.
    url = parse_url(text.replace("*", _ANY_LABEL))
    if url is None or _ANY_LABEL in url.path:
        return None
    labels = ["*" if label == _ANY_LABEL else label for label in url.name.split(".")]
    if any(_ANY_LABEL in label for label in labels):
        return None
    path = url.path
    if client is Client.GIT and not f"/{path}".endswith("/.git"):
        path = path.removesuffix(".git")
    return Url(scheme=url.scheme, host=".".join(labels) + url.host[len(url.name) :], path=path)
