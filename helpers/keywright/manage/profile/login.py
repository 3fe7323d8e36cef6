"""`keywright profile login ID`: get an OAuth grant with a browser, or with a code for another device, and keep it.

    $ keywright profile login gemini:work --client-id abc.apps.example
    keywright: to log in, open https://accounts.example/auth?response_type=code&client_id=abc.apps.example&…
    logged in gemini:work as ann@example.com

    $ keywright profile login gemini:work --json
    {"schema": 1, "success": true, "profile_id": "gemini:work", "email": "ann@example.com", "scopes": ["openid"],
     "expires_at": "2026-01-02T04:04:05Z", "is_renewable": true}

What the person is told meanwhile goes to standard error; a token goes nowhere but into the vault.
"""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from time import sleep
from typing import TYPE_CHECKING, Final

import click

from keywright.errors import UsageError
from keywright.manage.completion.offers import possible_ids
from keywright.manage.terminal import Asking, show_line, tell_person

if TYPE_CHECKING:
    from keywright.profiles.login.once import Flow, LoggedIn
    from keywright.profiles.login.person import Person
    from keywright.profiles.login.plan import Given, Plan
    from keywright.profiles.model import OAuth
    from keywright.secret import Secret

_LAST_PORT: Final = 65535


@click.command()
@click.argument("id_", metavar="ID", shell_complete=possible_ids)
@click.option("--device", "by_device", is_flag=True, help="Show a code to enter on another device.")
@click.option("--client-id", default="", help="The client to log in as, where the provider has none for all.")
@click.option("--client-secret-stdin", "has_secret", is_flag=True, help="Ask for that client's secret, or read it.")
@click.option("--scope", "scopes", multiple=True, help="What to ask for, instead of the provider's scopes; repeatable.")
@click.option("--auth-url", default="", help="Where you consent.")
@click.option("--token-url", default="", help="Where codes are exchanged for tokens.")
@click.option("--device-url", default="", help="Where a device's code is got.")
@click.option("--port", type=click.IntRange(0, _LAST_PORT), default=0, help="The port the client is registered with.")
@click.option("--no-browser", is_flag=True, help="Show the address, and open no browser.")
@click.option("--force", "is_forced", is_flag=True, help="Replace what the profile holds, however good.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def login(
    id_: str,
    *,
    by_device: bool,
    client_id: str,
    has_secret: bool,
    scopes: tuple[str, ...],
    auth_url: str,
    token_url: str,
    device_url: str,
    port: int,
    no_browser: bool,
    is_forced: bool,
    as_json: bool,
) -> None:
    """Log in to a profile by OAuth, in your browser or with a code, and keep the grant in the vault."""
    from keywright.manage.profile.told import failing
    from keywright.profiles.login.plan import Given

    with failing(as_json=as_json):
        given = Given(
            client_id=client_id,
            client_secret=_client_secret() if has_secret else None,
            scopes=scopes,
            auth_url=auth_url,
            token_url=token_url,
            device_url=device_url,
        )
        person = _person(os.environ, no_browser=no_browser)
        flow = _flow(os.environ, by_device=by_device, port=port)
        came = _log_in(id_, given, person, flow, os.environ, is_forced=is_forced)
        show_line(_told(came, as_json=as_json))


def _log_in(
    id_: str, given: "Given", person: "Person", flow: "Flow", env: Mapping[str, str], *, is_forced: bool
) -> "LoggedIn":
    from keywright.profiles.custom import load_catalog, locate
    from keywright.profiles.identity import ProfileId
    from keywright.profiles.login.once import LoggingIn

    catalog = load_catalog(locate(env))
    came = LoggingIn(env, person).log_in(ProfileId.parse(id_), catalog, given, flow, is_forced=is_forced)
    id_ = str(came.profile.id)
    if came.missing:
        person.say(f"{id_} was not granted all that was asked for: {', '.join(came.missing)} is missing")
    if not came.profile.is_renewable:
        person.say(f"{id_} cannot be renewed: its issuer gave no refresh token, log in again when it has expired")
    if not came.is_enabled:
        person.say(f"{id_} is still disabled; run `keywright profile enable {id_}`")
    return came


def _flow(env: Mapping[str, str], *, by_device: bool, port: int) -> "Flow":
    """Return the flow that suits what is known and where the person is."""

    def flow(plan: "Plan", person: "Person") -> "OAuth":
        from keywright.profiles.login import device, pkce

        if by_device and not plan.device_url:
            raise UsageError("nothing is known of where a device gets its code", mend="add `--device-url`")
        if plan.device_url and (by_device or person.browse is None or not plan.auth_url):
            return device.log_in(plan, person, env)
        return pkce.log_in(plan, person, env, port=port)

    return flow


def _person(env: Mapping[str, str], *, no_browser: bool) -> "Person":
    from keywright.profiles.login import browser
    from keywright.profiles.login.person import Person

    browse = None if no_browser or not browser.is_here(env) else browser.open_page
    return Person(say=tell_person, browse=browse, now=lambda: datetime.now(UTC), sleep=sleep)


def _client_secret() -> "Secret":
    secret = Asking().known("Client secret: ")
    if not secret:
        raise UsageError("the client's secret is empty")
    return secret


def _told(came: "LoggedIn", *, as_json: bool) -> str:
    from keywright.log import one_line
    from keywright.manage.profile.told import done, when

    profile = came.profile
    whose = f" as {profile.email}" if profile.email else ""
    who = " by another process" if came.is_others else ""
    facts = {
        **({"email": profile.email} if profile.email else {}),
        "scopes": list(getattr(profile.credential, "scopes", ())),
        "expires_at": when(profile.expires_at),
        "is_renewable": profile.is_renewable,
    }
    return done(profile.id, one_line(f"logged in {profile.id}{whose}{who}"), as_json=as_json, **facts)
