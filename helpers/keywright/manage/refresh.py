"""`keywright refresh PROFILE`: renew now, whatever the age. `keywright refresh --due`: renew all that is due, once."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final

from keywright.broker import Broker
from keywright.cache.open import open_cache
from keywright.errors import EXIT_INTERRUPTED, UsageError
from keywright.manage.agent import leave
from keywright.manage.span import span
from keywright.manage.terminal import nothing_from_stdin, nothing_on_stdout
from keywright.profiles.instants import moment
from keywright.prompt import find_ask
from keywright.providers.registry import make
from keywright.refresher.agent import Report, renew_all_due
from keywright.refresher.mail import Mailbox, signals
from keywright.request import Client, Request, Url, Verb, parse_url
from keywright.routes import named, profile_of
from keywright.settings.load import load, locate
from keywright.settings.model import Profile

SCHEMA: Final = 1


def renew(
    name: str, url: str | None, env: Mapping[str, str], now: Callable[[], datetime], say: Callable[[str], None]
) -> Iterator[str]:
    """Renew each cached credential of the profile, or mint its first; yields one line for each.

    With `url`, just the one for that place. What was minted in another environment (`AWS_PROFILE` set in a kubeconfig,
    say) cannot be renewed from this one, and is named.

    Raises:
        ProviderNotFound: there is neither a profile nor a credential of that name.
        KeywrightError: one could not be renewed.
    """
    settings, cache = load(locate(env)), open_cache(env)
    broker = Broker(settings=settings, cache=cache, env=env, now=now, say=say, ask=find_ask(env))
    targets: list[tuple[Url | None, Profile]] = []
    if url is not None:
        place = parse_url(url)
        if place is None:
            raise UsageError("the --url is not a URL of scheme, host, port and path")
        targets.append((place, named(settings, name)))
    else:
        for digest in cache.entries.digests():
            found = cache.entries.read(digest)
            if found is None or found[0].key.profile != name:
                continue
            target = parse_url(found[0].url) if found[0].url else None, profile_of(found[0], settings)
            if make(target[1], target[0], env).key == found[0].key:
                targets.append(target)
            else:
                say(f"{name}: one was minted with other settings or in another environment, and is left to expire")
    for place, profile in targets or [(None, named(settings, name))]:
        request = Request(client=Client.PERSON, verb=Verb.GET, asked=name, profile=name, url=place, interactive=True)
        served = broker.refresh(profile, request)
        until = served.credential.expires_at
        left = f"expires in {span((until - now()).total_seconds())}" if until else "expiry unknown"
        yield f"{name}{f' for {place}' if place else ''}: renewed, {left}"


def renew_due(
    env: Mapping[str, str],
    now: Callable[[], datetime],
    show: Callable[[str], None],
    say: Callable[[str], None],
    *,
    as_json: bool,
) -> int:
    """Renew whatever is due; `show` gets the ids that were renewed, or a document. Returns the exit code.

    Raises:
        ConfigurationError: the settings are wrong.
        CacheUnusable: there is no cache to renew anything in.
    """
    mail = Mailbox()
    with nothing_from_stdin(), nothing_on_stdout(), signals(mail):
        report = renew_all_due(env, now=now, monotonic=time.monotonic, mail=mail, say=say)
    for failed in report.failed:
        say(failed.error.line)
    if as_json:
        show(json.dumps(_document(report), indent=2))
    else:
        for id_ in sorted({renewed.target.profile.id for renewed in report.renewed}):
            show(id_)
    code = EXIT_INTERRUPTED if report.is_interrupted else int(bool(report.failed))
    if report.is_left_hanging:
        leave(code)
    return code


def _document(report: Report) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "renewed": [
            {
                "profile": renewed.target.profile.id,
                "for": renewed.target.place,
                "expires_at": moment(renewed.expires_at) if renewed.expires_at else None,
            }
            for renewed in sorted(report.renewed, key=lambda one: one.target.label)
        ],
        "failed": [
            {
                "profile": failed.target.profile.id,
                "for": failed.target.place,
                "code": failed.error.code,
                "what": failed.error.what,
                "mend": failed.error.mend,
            }
            for failed in sorted(report.failed, key=lambda one: one.target.label)
        ],
    }
