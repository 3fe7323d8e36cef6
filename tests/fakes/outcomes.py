"""The outcome table: what a caller gets for what is cached and what the issuer says.

It holds under margins of 90 s for renewing and 0 s for refusing, with no failure remembered.
"""

from typing import Final, NamedTuple

from keywright.errors import CredentialExpired, KeywrightError, NeedsPerson, Refused, Unavailable, Unreachable


class Row(NamedTuple):
    """One situation.

    Attributes:
        name: the situation in words.
        left_s: the cached credential's time to expiry in seconds; None if nothing is cached.
        failure: how asking the issuer fails; None if it answers.
        expected: `old` or `new` for the credential handed over, or the kind of error.
        asked: how often the call itself asks the issuer. A stale credential is served at once; its renewal is another
            process's.
    """

    name: str
    left_s: float | None
    failure: KeywrightError | None
    expected: str | type[KeywrightError]
    asked: int


OUTCOMES: Final = (
    Row("nothing cached, nothing to mint with", None, Unavailable("no key"), Unavailable, 1),
    Row("nothing cached, the issuer answers", None, None, "new", 1),
    Row("nothing cached, the issuer is broken", None, Unreachable("500"), Unreachable, 1),
    Row("an hour left", 3600, None, "old", 0),
    Row("an hour left, the issuer is broken", 3600, Unreachable("500"), "old", 0),
    Row("91 s left", 91, None, "old", 0),
    Row("90 s left", 90, None, "old", 0),
    Row("30 s left, the issuer answers", 30, None, "old", 0),
    Row("30 s left, the issuer refuses", 30, Refused("400"), "old", 0),
    Row("1 s left", 1, None, "old", 0),
    Row("just expired, the issuer answers", 0, None, "new", 1),
    Row("just expired, the issuer refuses", 0, Refused("400"), CredentialExpired, 1),
    Row("just expired, the issuer is broken", 0, Unreachable("500"), CredentialExpired, 1),
    Row("just expired, nothing to mint with", 0, Unavailable("no key"), CredentialExpired, 1),
    Row("just expired, a person is needed", 0, NeedsPerson("log in"), NeedsPerson, 1),
    Row("long expired, the issuer answers", -3600, None, "new", 1),
)
