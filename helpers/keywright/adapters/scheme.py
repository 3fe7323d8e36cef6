"""How a credential is written into a request: the header's name, and its value."""

import re
from base64 import b64encode
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from keywright.credential import Credential
from keywright.errors import Unavailable, UsageError

AUTHORIZATION: Final = "Authorization"
"""The one header that HTTP clients take out by themselves where a redirect leads elsewhere."""
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""RFC 9110, section 5.6.2."""
_PLAIN: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?")
"""What every client sends as it is: of RFC 9110, section 5.5, the part that is ASCII."""


class Scheme(NamedTuple):
    """One way to send a credential.

    Attributes:
        header: the header's name.
        write: makes the header's value of a credential.
        replaced: headers that are taken out of a request that carries the credential: another one would be beside it.
    """

    header: str
    write: Callable[[Credential], str]
    replaced: tuple[str, ...] = ()

    def instead_of(self, *names: str) -> "Scheme":
        """Return the same scheme, which takes these headers out of each request that it writes to."""
        return self._replace(replaced=names)

    def value(self, credential: Credential) -> str:
        """Return the header's value.

        Raises:
            Unavailable: it cannot be sent: a client would say so with the secret in its message.
        """
        value = self.write(credential)
        if not _PLAIN.fullmatch(value):
            what = f"the credential holds what no {self.header} header can: a line break, or what is not ASCII"
            raise Unavailable(what, mend="look at where it is kept")
        return value

    @property
    def is_authorization(self) -> bool:
        """Whether it goes by the header that clients know to be secret."""
        return self.header.lower() == AUTHORIZATION.lower()

    def headers_of(self, names: Iterable[str]) -> list[str]:
        """Return those of `names` that are in the way of the credential."""
        wanted = {name.lower() for name in (self.header, *self.replaced)}
        return [name for name in names if name.lower() in wanted]


def header(name: str) -> Scheme:
    """Return the scheme of services that want the bare secret in a header of their own, such as `X-API-Key`.

    Raises:
        UsageError: it is no header's name.
    """
    if not _TOKEN.fullmatch(name):
        raise UsageError("that is not the name of a header")
    return Scheme(name, _bare)


def _bare(credential: Credential) -> str:
    return credential.secret.reveal()


def _bearer(credential: Credential) -> str:
    return f"Bearer {credential.secret.reveal()}"


def _basic(credential: Credential) -> str:
    name = credential.username or ""
    if ":" in name:
        raise Unavailable("HTTP Basic knows no user name with a colon", mend="send it by another scheme")
    pair = f"{name}:{credential.secret.reveal()}".encode("utf-8", "surrogatepass")  # an error would hold the secret
    return f"Basic {b64encode(pair).decode('ascii')}"


def _by_kind(credential: Credential) -> str:
    if credential.kept is not None and credential.kept.authtype:
        return f"{credential.kept.authtype} {credential.secret.reveal()}"
    return _bearer(credential) if credential.username is None else _basic(credential)


bearer: Final = Scheme(AUTHORIZATION, _bearer)
"""`Authorization: Bearer TOKEN` (RFC 6750), whatever user name goes with it."""
basic: Final = Scheme(AUTHORIZATION, _basic)
"""`Authorization: Basic …` (RFC 7617); without a user name that one is empty."""
by_kind: Final = Scheme(AUTHORIZATION, _by_kind)
"""Basic for a credential with a user name, Bearer for one without; as it was handed over where a client did so."""
