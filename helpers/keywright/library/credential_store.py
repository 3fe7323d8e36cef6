"""Where a program that forwards requests of others looks up what to send with each: by an id, and failing closed."""

from typing import Protocol, runtime_checkable

from keywright.errors import UsageError
from keywright.library.aws_keys import AwsKeys
from keywright.library.minter import AwsMint, AwsMinter
from keywright.secret import Secret


@runtime_checkable
class CredentialStore(Protocol):
    """Gives what is stored under an id, or None: then the request that asked for it is to be denied.

    An id holds a token or AWS keys, never both: who asks for the other kind gets None. Every method may be called from
    any thread, and `resolve` and `resolve_aws` wait for nothing, so that a task of asyncio calls them as they are.

    What a store of your own leaves out is refused: by default nothing is found, and nothing is taken.
    """

    def resolve(self, credential_id: str, /) -> Secret | None:
        """Return the token of that id, which is not expired; None if there is none now."""
        del credential_id
        return None

    def resolve_aws(self, credential_id: str, /) -> AwsKeys | None:
        """Return the AWS keys of that id, which are not expired; None if there are none now."""
        del credential_id
        return None

    def ids(self) -> list[str]:
        """Return every id, sorted, of what cannot be resolved yet too; never a secret."""
        return []

    def insert_runtime(self, credential_id: str, secret: Secret | str, /) -> None:
        """Store a token, in the place of what the id held.

        Raises:
            UsageError: this store takes none, or not this one.
            ConfigurationError: the id is taken by a minter.
        """
        del secret
        raise _cannot(self, "take a token", credential_id)

    def insert_aws_runtime(self, credential_id: str, keys: AwsKeys, /) -> None:
        """Store AWS keys, in the place of what the id held.

        Raises:
            UsageError: this store takes none, or not these.
            ConfigurationError: the id is taken by a minter.
        """
        del keys
        raise _cannot(self, "take AWS keys", credential_id)

    def register_aws_provider(self, credential_id: str, minter: AwsMinter | AwsMint, /) -> None:
        """Have the AWS keys of that id minted from now on.

        Raises:
            UsageError: this store mints none, or that is no minter.
            ConfigurationError: the id is taken.
        """
        del minter
        raise _cannot(self, "mint AWS keys", credential_id)


def _cannot(store: object, what: str, credential_id: str) -> UsageError:
    return UsageError(f"{type(store).__name__} cannot {what} for `{credential_id}`")
