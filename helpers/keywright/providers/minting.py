"""What every provider does with an issuer's answer: check that it is a token, and reckon when it ends."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from keywright.errors import Unreachable
from keywright.secret import Secret

TOKEN_AT_MOST: Final = 64 * 1024
_VISIBLE_ASCII: Final = r"[!-~]+"


def checked_token(value: object, issuer: str) -> Secret:
    """Return `value` as a secret if every client's protocol can carry it: printable ASCII, no blank, 1 to 65536 bytes.

    A line break in a password would be a second line of git's protocol (CVE-2020-5260), a NUL the end of a string.

    Raises:
        Unreachable: it is anything else.
    """
    if not isinstance(value, str) or len(value) > TOKEN_AT_MOST or not re.fullmatch(_VISIBLE_ASCII, value):
        raise Unreachable(f"{issuer} answered with something that is no token")
    return Secret(value)


def reckon_expiry(now: datetime, expires_at: datetime, issuer_date: datetime | None, usual: timedelta) -> datetime:
    """Return on this machine's clock what the issuer wrote on its own: its lifetime counts, not its calendar.

    `usual` is the lifetime that counts where the issuer's reaches past every calendar.
    """
    try:
        ends_at = expires_at if issuer_date is None else now + (expires_at - issuer_date)
        return ends_at.astimezone(UTC)
    except OverflowError:
        return now + usual
