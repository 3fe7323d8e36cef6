"""This machine's clock against the issuers': a credential lives on theirs."""

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from keywright.cache.folder import locate as locate_folder
from keywright.errors import KeywrightError
from keywright.hit import STEP_S, boot_mark
from keywright.manage.doctor.finding import Finding, error, note, ok, warning
from keywright.manage.doctor.scene import Scene
from keywright.manage.span import span
from keywright.providers.aws.hosts import sts_host
from keywright.request import parse_url
from keywright.settings.load import load, locate
from keywright.settings.model import AccessKeyOptions, EksOptions, GithubAppOptions, Settings
from keywright.transport import Response, send

SKEW_AT_MOST: Final = timedelta(seconds=60)
REFUSED_FROM: Final = timedelta(minutes=5)
"""The difference from which AWS takes no signature any more, and a GitHub App's JWT is long over."""
_ASKED_AT_MOST: Final = 4
_MEND: Final = "timedatectl set-ntp true"


def look_at_issuers(scene: Scene) -> Iterator[Finding]:
    """Ask the issuers of the settings' profiles what time it is: their `Date`, whatever else they answer."""
    if not scene.is_online:
        yield note("clock-unasked", "no issuer was asked what time it is")
        return
    urls = issuers(load(locate(scene.env)))
    if not urls:
        yield note("clock-unasked", "the settings name no issuer that could be asked what time it is")
    for url in urls[:_ASKED_AT_MOST]:
        yield _compared(url, scene)


def _compared(url: str, scene: Scene) -> Finding:
    place = parse_url(url)
    host = place.host if place else "the issuer"
    before = scene.now()
    try:
        answer: Response = send("HEAD", url, headers={}, timeout_s=scene.answers_within_s, env=scene.env)
    except KeywrightError as failure:
        return warning("issuer-unreachable", failure.what, failure.mend or f"curl -sSI {url}")
    if answer.date is None:
        return note("clock-untold", f"{host} does not say what time it is")
    after = scene.now()
    skew = before + (after - before) / 2 - answer.date
    if abs(skew) <= SKEW_AT_MOST:
        return ok("clock-right", f"this machine's clock agrees with that of {host}")
    way = "ahead of" if skew > timedelta(0) else "behind"
    what = f"this machine's clock is {span(abs(skew).total_seconds())} {way} that of {host}"
    return (error if abs(skew) >= REFUSED_FROM else warning)("clock-skewed", what, _MEND)


def issuers(settings: Settings) -> list[str]:
    """Return the URLs of the issuers that the settings name, each host once."""
    found: dict[str, str] = {}
    for profile in settings.profiles.values():
        match profile.options:
            case GithubAppOptions(api_url=url) | AccessKeyOptions(url=url):
                pass
            case EksOptions(region=region):
                url = f"https://{sts_host(region)}/"
            case _:
                continue
        place = parse_url(url)
        if place is not None:
            found.setdefault(place.host, f"{place.scheme}://{place.host}/")
    return list(found.values())


def look_at_steps(scene: Scene) -> Iterator[Finding]:
    """Find what the clock's own past left in the cache: credentials of a time that is still to come."""
    cache = locate_folder("cache", scene.env)
    if not os.path.isdir(f"{cache}/entries"):  # to look makes no folder
        return
    now_s = scene.now().timestamp()
    boot, _, since = boot_mark(now_s).partition(" ")
    sound = [entry for entry in scene.entries.of(cache) if not entry.fault]
    future = sum(entry.issued_at_s > now_s + SKEW_AT_MOST.total_seconds() for entry in sound)
    marks = (entry.boot.partition(" ") for entry in sound)
    stepped = sum(theirs == boot and float(since) < float(then) - STEP_S for theirs, _, then in marks)
    if future or stepped:
        what = f"{max(future, stepped)} cached credentials are older than the clock: it was set back"
        yield warning("clock-stepped", what, _MEND)
    else:
        yield ok("clock-steady", "the clock was not set back since anything was cached")
