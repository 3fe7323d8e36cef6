"""The contract every dialect keeps, in words.

A dialect has no state and touches nothing: what it needs was read before it is called, and what it returns is written
afterwards. The story of one request: `parse`, then (once the broker has the credential) `answer`; or `done` for a verb
that hands no credential over; or `failure` for whatever was raised on the way, by the dialect itself included.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

from keywright.credential import Credential
from keywright.errors import KeywrightError
from keywright.request import Request

STDIN_AT_MOST: Final = 1 << 20
"""The longest standard input a dialect accepts, in bytes. Whoever reads it stops just above: one byte more will do."""

NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class Reply(NamedTuple):
    """What the client gets.

    Attributes:
        stdout: the exact bytes of the protocol.
        exit_code: the process's exit code.
        message: one line for the person, on stderr, that of a failure with its code; empty for silence.
    """

    stdout: bytes
    exit_code: int
    message: str = ""


class Dialect(Protocol):
    """Translates one client's protocol, success and failure alike."""

    @property
    def executable(self) -> str:
        """The name of the executable that speaks it."""

    def parse(self, args: Sequence[str], stdin: bytes, env: Mapping[str, str]) -> Request:
        """Return the client's question in our words.

        `args` excludes the executable's own name; `stdin` is what was read of standard input, at most
        `STDIN_AT_MOST` bytes and one. Nothing else is ever raised, whatever the bytes.

        Raises:
            UsageError: the client spoke a language this dialect does not know, or a request is cut short or forged.
            CredentialNotFound: the request is well-formed but cannot be ours: it names a host or a path that we refuse
                to bring into normal form, such as `evil.example .github.com` or `acme/../umbrella`.
        """

    def answer(self, request: Request, credential: Credential, report_until: datetime | None) -> bytes:
        """Return the bytes that hand `credential` over.

        `report_until` is the expiry to tell the client: the true one less the margin in which we would refuse it
        ourselves, so that no client holds on to a credential we no longer serve; None if unknown.

        What a client once handed over (`credential.kept`) is given back as it was.

        Raises:
            Refused: the credential cannot be said in this protocol: it holds a line break or NUL, say.
            CredentialNotFound: this is not the credential that was asked for: the client named another user.
        """

    def done(self, request: Request, *, is_minted: bool, listed: Mapping[str, str] = NOTHING) -> Reply:
        """Return the reply to a verb that hands no credential over: store, erase, list, version, capability, usage.

        `is_minted` tells whether a route serves the request's host: what a route serves is never stored, and that is no
        failure. `listed` holds what is stored for this client: the user name by the client's spelling of the place.
        """

    def failure(self, request: Request | None, error: KeywrightError) -> Reply:
        """Return what this client must see when we fail; `request` is None if it could not even be parsed.

        `CredentialNotFound` is "not mine" in the client's own words; everything else names its cause on stderr.
        """


def expiry_to_report(credential: Credential, report_until: datetime | None) -> datetime | None:
    """Return `report_until` in whole seconds, or None where it is unknown or not after the issue.

    A client that is told of an expiry in the past throws the credential away and asks again for every request
    (client-go), or asks the next helper (git); told of none, it uses what it got.
    """
    if report_until is None:
        return None
    whole = report_until.replace(microsecond=0)
    return whole if whole > credential.issued_at else None
