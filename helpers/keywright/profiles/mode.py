"""How a profile proves who it is."""

from enum import StrEnum


class Mode(StrEnum):
    """What kind of credential a profile holds, or that it mints one."""

    API_KEY = "api_key"
    OAUTH = "oauth"
    TOKEN = "token"  # noqa: S105 - a word, no password
    MINTED = "minted"
    STATIC = "static"
