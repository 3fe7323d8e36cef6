"""`keywright profile logout ID`: give a grant back to its issuer, where one can, and remove the profile.

$ keywright profile logout gemini:work
logged out gemini:work; its issuer took the grant back

$ keywright profile logout gemini:work --json
{"schema": 1, "success": true, "profile_id": "gemini:work", "is_revoked": true}
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from keywright.errors import CacheUnusable, KeywrightError, UsageError
from keywright.manage.completion.offers import known_ids
from keywright.manage.terminal import show_line, tell_person

if TYPE_CHECKING:
    from keywright.profiles.identity import ProfileId
    from keywright.profiles.model import OAuth


@click.command()
@click.argument("id_", metavar="ID", shell_complete=known_ids)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def logout(id_: str, *, as_json: bool) -> None:
    """Tell a profile's issuer that its tokens are void, and remove the profile with them."""
    from keywright.manage.profile.told import failing

    with failing(as_json=as_json):
        show_line(_log_out(id_, os.environ, as_json=as_json))


def _log_out(text: str, env: Mapping[str, str], *, as_json: bool) -> str:
    from keywright.manage.profile.found import parse_known
    from keywright.manage.profile.told import done
    from keywright.profiles.kept import KeptProfiles
    from keywright.profiles.login.giving_back import giving_back, revoke
    from keywright.profiles.model import OAuth
    from keywright.profiles.state import ProfileStates

    id_ = parse_known(text)
    with giving_back(id_, KeptProfiles(env), ProfileStates(env)) as profile:
        if not isinstance(profile.credential, OAuth):
            raise UsageError(f"profile {id_} holds no grant", mend=f"run `keywright profile remove {id_}`")
        url = _revocation_url(id_.provider, profile.credential, env)
        is_revoked = False
        if url:
            try:
                revoke(url, profile.credential, env)
                is_revoked = True
            except KeywrightError as error:
                mend = "end its access on the provider's website, or let it expire"
                tell_person(f"{id_}: {error.what}; {mend} [{error.code}]")
    _forget_failures(id_, env)
    how = "its issuer took the grant back" if is_revoked else "the grant itself is as good as it was"
    return done(id_, f"logged out {id_}; {how}", as_json=as_json, is_revoked=is_revoked)


def _revocation_url(provider: str, grant: "OAuth", env: Mapping[str, str]) -> str:
    from keywright.profiles.custom import load_catalog, locate
    from keywright.profiles.login.plan import revocation_url_of

    catalog = load_catalog(locate(env))
    return revocation_url_of(catalog.get(provider).oauth_endpoint if catalog.knows(provider) else None, grant)


def _forget_failures(id_: "ProfileId", env: Mapping[str, str]) -> None:
    from keywright.cache.failures import Failures
    from keywright.cache.folder import locate
    from keywright.profiles.renewing import entry_of

    with suppress(CacheUnusable):
        Failures(locate("state", env), env).forget(entry_of(id_))
