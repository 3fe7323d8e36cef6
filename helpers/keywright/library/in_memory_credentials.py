"""Secrets that are what they are, by id."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from keywright.errors import UsageError
from keywright.library.aws_keys import AwsKeys
from keywright.library.credential_store import CredentialStore
from keywright.library.minter import is_whole
from keywright.secret import Secret


def utc_now() -> datetime:
    """Return the instant it is, by the wall clock."""
    return datetime.now(UTC)


class InMemoryCredentials(CredentialStore):
    """Holds tokens and AWS keys for as long as the process lives. It mints nothing.

    >>> store = InMemoryCredentials({"billing": "t0k3n"})
    >>> store.resolve("billing"), store.resolve_aws("billing")
    (<secret>, None)
    """

    def __init__(
        self, static: Mapping[str, Secret | str | AwsKeys] | None = None, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        """Take what each id holds; `now` is the wall clock (aware UTC).

        Raises:
            UsageError: an empty secret is among them.
        """
        self._now = now
        self._values: dict[str, Secret | AwsKeys] = {}
        for credential_id, value in (static or {}).items():
            self.insert(credential_id, value)

    def resolve(self, credential_id: str, /) -> Secret | None:
        """Return the token of that id; None if it holds none."""
        value = self._values.get(credential_id)
        return value if isinstance(value, Secret) else None

    def resolve_aws(self, credential_id: str, /) -> AwsKeys | None:
        """Return the AWS keys of that id, which are not expired; None if it holds none."""
        value = self._values.get(credential_id)
        if not isinstance(value, AwsKeys) or (value.expires_at is not None and value.expires_at <= self._now()):
            return None
        return value

    def ids(self) -> list[str]:
        """Return every id, sorted."""
        return sorted(list(self._values))  # noqa: C414 - a copy in one step: other threads may insert

    def insert(self, credential_id: str, value: Secret | str | AwsKeys, /) -> None:
        """Store a token or AWS keys, in the place of whatever the id held.

        Raises:
            UsageError: a secret of it is empty, or is none.
        """
        held: object = Secret(value) if isinstance(value, str) else value
        if not isinstance(held, Secret | AwsKeys) or not is_whole(held):
            raise UsageError(f"what `{credential_id}` is to hold is no secret, or an empty one")
        self._values[credential_id] = held

    def insert_runtime(self, credential_id: str, secret: Secret | str, /) -> None:
        """Store a token, as `insert` does."""
        self.insert(credential_id, secret)

    def insert_aws_runtime(self, credential_id: str, keys: AwsKeys, /) -> None:
        """Store AWS keys, as `insert` does."""
        self.insert(credential_id, keys)

    def __contains__(self, credential_id: object) -> bool:
        return credential_id in self._values

    def __repr__(self) -> str:
        return f"InMemoryCredentials(ids={self.ids()!r})"
