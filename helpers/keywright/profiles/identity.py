"""`provider:name`: how one account at one provider is called."""

import re
from typing import Final, NamedTuple, Self

from keywright.errors import UsageError

DEFAULT: Final = "default"
_PROVIDER: Final = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@+-]{0,126}[A-Za-z0-9])?")


class ProfileId(NamedTuple):
    """One profile's id.

    Attributes:
        provider: the provider's name, such as `openai`.
        name: whose account, such as `work`.
    """

    provider: str
    name: str = DEFAULT

    def __str__(self) -> str:
        return f"{self.provider}:{self.name}"

    @classmethod
    def split(cls, text: str) -> Self:
        """Return the two parts of any text, whatever they are: the last colon parts them.

        `a:b:c` is `a:b` and `c`; without a colon the name is `default`.
        """
        provider, colon, name = text.rpartition(":")
        return cls(provider, name) if colon else cls(text)

    @classmethod
    def make(cls, provider: str, name: str = "") -> Self:
        """Return an id that may be kept; the provider's name in lower case, no name being `default`.

        Raises:
            UsageError: a part holds something else than letters, digits and a few signs.
        """
        is_ascii = provider.isascii()  # before it is lowered: the Kelvin sign's lower case is `k`
        provider, name = provider.lower(), name or DEFAULT
        if not is_ascii or not _PROVIDER.fullmatch(provider):
            raise UsageError("a provider's name has at most 64 letters, digits, `_` and `-`, no sign at its ends")
        if not _NAME.fullmatch(name):
            raise UsageError(
                "a profile's name has at most 128 letters, digits, `.`, `_`, `@`, `+` and `-`, no sign at its ends",
                mend="write it as PROVIDER:NAME",
            )
        return cls(provider, name)

    @classmethod
    def find(cls, text: str) -> Self | None:
        """Return the id in `provider:name` as it stands there, or None if it is not fit to be kept."""
        provider, colon, name = text.partition(":")
        is_one = colon and _PROVIDER.fullmatch(provider) and _NAME.fullmatch(name)
        return cls(provider, name) if is_one else None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the id in `provider[:name]`, fit to be kept.

        Raises:
            UsageError: it is none.
        """
        provider, _, name = text.partition(":")
        return cls.make(provider, name)
