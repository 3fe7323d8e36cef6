"""What every source of a credential does, for programs that use it for days."""

from typing import Protocol, runtime_checkable

from keywright.credential import Credential


@runtime_checkable
class CredentialProvider(Protocol):
    """Gives the credential that is good now. Asked once for each attempt of each request; threads may share it.

    Its `repr` holds nothing secret. A class of your own that has a `current` is one:

        class FromFile(CredentialProvider):
            def current(self) -> Credential:
                return Credential(Secret(Path("token").read_text().strip()), issued_at=datetime.now(UTC))
    """

    def current(self) -> Credential:
        """Return a credential that is not expired, got if need be.

        Raises:
            KeywrightError: there is none, and why.
        """
        ...

    def invalidate(self, rejected: Credential | None = None) -> None:
        """Hear that a credential was rejected, so that `current` gives another one; by default nothing follows.

        Naming the rejected one keeps a late rejection from costing a newer one. None means: whatever is current.

        Raises:
            KeywrightError: it could not be forgotten.
        """
        del rejected


@runtime_checkable
class AsyncCredentialProvider(Protocol):
    """The same for tasks of asyncio."""

    async def current(self) -> Credential:
        """Return a credential that is not expired, got if need be. Cancelling who waits for it loses nothing.

        Raises:
            KeywrightError: there is none, and why.
        """
        ...

    async def invalidate(self, rejected: Credential | None = None) -> None:
        """Hear that a credential was rejected, so that `current` gives another one; by default nothing follows.

        Raises:
            KeywrightError: it could not be forgotten.
        """
        del rejected
