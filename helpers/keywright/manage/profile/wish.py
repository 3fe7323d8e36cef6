"""What `keywright profile add` was asked for."""

from collections.abc import Sequence
from typing import NamedTuple


class Wish(NamedTuple):
    """What was asked for.

    Attributes:
        id: `provider[:name]`.
        mode: how it proves who it is; None for an API key where there are some, else the provider's first.
        priority: higher is offered first; None where nothing was said.
        expires_at: when a token expires (RFC 3339); empty if never, or if nobody knows.
        key_ref: where the vault has the secret (`vault://NAME`); empty if it is to be asked for.
        username: the user name that goes with it; empty for the provider's own.
        hosts: the only hosts it may be sent to; empty for the provider's own.
        fallback: the profiles that may stand in for it.
        options: `key=value`, for one written in `config.toml`.
        is_disabled: whether it is not to be used yet.
        is_forced: whether it may take the place of one of its name.
    """

    id: str
    mode: str | None = None
    priority: int | None = None
    expires_at: str = ""
    key_ref: str = ""
    username: str = ""
    hosts: Sequence[str] = ()
    fallback: Sequence[str] = ()
    options: Sequence[str] = ()
    is_disabled: bool = False
    is_forced: bool = False
