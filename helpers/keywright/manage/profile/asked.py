"""What a new profile of the vault holds: asked for, or named."""

from keywright.errors import UsageError
from keywright.manage.profile.saving import credential_of, one_line_secret
from keywright.manage.profile.wish import Wish
from keywright.manage.terminal import Asking
from keywright.profiles.document import parse_credential
from keywright.profiles.identity import ProfileId
from keywright.profiles.mode import Mode
from keywright.profiles.model import Kept


def credential_for(id_: ProfileId, mode: Mode, wish: Wish, asking: Asking) -> Kept:
    """Return the credential that the wish names, or that is typed or piped in.

    Raises:
        UsageError: there is none, or it is of another shape.
    """
    if wish.expires_at and mode is not Mode.TOKEN:
        raise UsageError("`--expires-at` is for mode token")
    if mode is Mode.OAUTH:
        return _grant(id_, wish, asking)
    field = "key" if mode is Mode.API_KEY else "token"
    data = {"expires_at": wish.expires_at} if wish.expires_at else {}
    if wish.key_ref:
        return parse_credential(mode, data | {f"{field}_ref": wish.key_ref})
    parse_credential(mode, data | {field: "-"})  # whatever is wrong with the rest is said before anybody is asked
    secret = asking.new(f"{'API key' if mode is Mode.API_KEY else 'Token'} of {id_}: ")
    text = secret.reveal().removesuffix("\r")  # of a line as Windows ends it
    if not text.strip():
        raise UsageError(f"{mode} is required for {mode} mode", mend="type it, or pipe it to standard input")
    return one_line_secret(parse_credential(mode, data | {field: text}))


def _grant(id_: ProfileId, wish: Wish, asking: Asking) -> Kept:
    mend = f"pipe the grant's JSON object, or run `keywright profile import {id_} --mode oauth FILE`"
    told = None if asking.is_on_terminal or wish.key_ref else asking.known("")
    if not told:
        raise UsageError("an OAuth grant is required for oauth mode", mend=mend)
    return credential_of(Mode.OAUTH, told.reveal())
