"""Giving a grant back to its issuer (RFC 7009), so that nobody who has a copy of its tokens can use them.

POST /revoke    token=1%2F%2F0g…&token_type_hint=refresh_token&client_id=abc
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from keywright.deadline import LOCK_WAIT_S
from keywright.errors import Busy, KeywrightError, ProfileNotFound
from keywright.profiles.identity import ProfileId
from keywright.profiles.kept import KeptProfiles
from keywright.profiles.model import AuthProfile, OAuth
from keywright.profiles.renewing import renewal_lock
from keywright.profiles.state import ProfileStates
from keywright.profiles.token_endpoint import CLIENT_SECRET, client_form, document, failure, post
from keywright.secret import Secret

REVOKE_S: Final = 10.0
"""How long each of the two revocations may take, in seconds."""
_OK: Final = 200


@contextmanager
def giving_back(id_: ProfileId, kept: KeptProfiles, states: ProfileStates) -> Iterator[AuthProfile]:
    """Yield the profile as it is, while nobody renews it, and remove it at the end of the block.

    Raises:
        ProfileNotFound: there is none.
        VaultLocked: the vault is locked; nothing has changed, as below.
        VaultUnusable: it cannot be trusted or written.
        StateUnusable: what was decided about profiles cannot be read; or written, which is found out at the end.
        Busy: another process has been renewing it for too long; or has put another grant in its place meanwhile, which
            stays.
    """
    from keywright.cache.lock import hold

    kept.check_room()
    states.decisions(id_.provider)  # what cannot be read now could not be forgotten afterwards
    with hold(renewal_lock(states, id_), LOCK_WAIT_S) as is_locked:
        if not is_locked:
            raise Busy("another process has been renewing it for too long", mend="try again")
        found = kept.get(id_)
        if found is None:
            raise ProfileNotFound(f"profile not found: {id_}", mend="`keywright profile list` shows what there is")
        yield found
        with kept.editing(id_.provider) as profiles:
            current = profiles.pop(str(id_), found)
            if (current.created_at, current.credential) != (found.created_at, found.credential):
                raise Busy("somebody has logged in anew meanwhile", mend="log out again, if that is to go too").about(
                    str(id_), ""
                )
        states.forget(str(id_))


def revoke(url: str, grant: OAuth, env: Mapping[str, str]) -> None:
    """Tell the issuer that the grant's tokens are void: the refresh token, then the access token.

    Raises:
        KeywrightError: it would not hear it, or did not answer: what it was not told of is good until it expires.
    """
    failures: list[KeywrightError] = []
    for hint, token in (("refresh_token", grant.refresh_token), ("access_token", grant.access_token)):
        if token:
            try:
                _revoke(url, hint, token, grant, env)
            except KeywrightError as error:
                failures.append(error)
    if failures:
        raise failures[0]


def _revoke(url: str, hint: str, token: Secret, grant: OAuth, env: Mapping[str, str]) -> None:
    form = {
        "token": token.reveal(),
        "token_type_hint": hint,
        **client_form(grant.client_id, grant.metadata.get(CLIENT_SECRET)),
    }
    response = post(url, form, timeout_s=REVOKE_S, env=env)
    answer = document(response)
    # A token that is void already is none to refuse (RFC 7009, section 2.2); some issuers do.
    if response.status != _OK and answer.get("error") != "invalid_token":
        raise failure(response, answer, "the issuer, told that the tokens are void,")
