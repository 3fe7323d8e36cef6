"""How a person or a script asks: `keywright token PROFILE [--url URL] [--force]` prints the secret and a line break.

$ keywright token github-app:acme
ghs_16C7e42F292c6912E7710c838347Ae178B4a
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from keywright.credential import Credential
from keywright.dialects.base import NOTHING, Reply
from keywright.errors import KeywrightError, Refused, UsageError
from keywright.request import Client, Request, Verb, parse_url

_USAGE: Final = "run `keywright token PROFILE [--url URL] [--force]`"


class PersonDialect:
    """Speaks plain text."""

    @property
    def executable(self) -> str:
        """The name of the command for people."""
        return "keywright"

    def parse(self, args: Sequence[str], _stdin: bytes, _env: Mapping[str, str]) -> Request:
        """Return the request in `token PROFILE [--url URL] [--force]`.

        Raises:
            UsageError: the arguments are others.
        """
        is_forced = list(args[-1:]) == ["--force"]
        url = None
        match list(args[:-1] if is_forced else args):
            case ["token", profile] if profile:
                pass
            case ["token", profile, "--url", text] if profile:
                url = parse_url(text)
                if url is None:
                    raise UsageError("the --url is not a URL of scheme, host, port and path", mend=_USAGE)
            case _:
                raise UsageError("that is not how to ask for a token", mend=_USAGE)
        return Request(
            client=Client.PERSON,
            verb=Verb.GET,
            asked=profile,
            profile=profile,
            url=url,
            interactive=True,
            is_forced=is_forced,
        )

    def answer(self, _request: Request, credential: Credential, _report_until: datetime | None) -> bytes:
        """Return the secret and a line break.

        Raises:
            Refused: the secret is empty or holds blanks, a line break or a character that `$(...)` would not hand on.
        """
        secret = credential.secret.reveal()
        if not secret or not secret.isascii() or not secret.isprintable():
            raise Refused("the secret is empty or holds characters that do not fit on one line")
        return secret.encode("ascii") + b"\n"

    def done(
        self,
        _request: Request,
        *,
        is_minted: bool,  # noqa: ARG002 - the contract; nothing is stored
        listed: Mapping[str, str] = NOTHING,  # noqa: ARG002 - the same
    ) -> Reply:
        """Return nothing: a person has no other verb here."""
        return Reply(b"", 0)

    def failure(self, _request: Request | None, error: KeywrightError) -> Reply:
        """Return the error as one line."""
        return Reply(b"", error.exit_code, error.line)
