"""One more try with another credential, where a server rejects the one that it was sent."""

import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from keywright.credential import Credential
from keywright.errors import KeywrightError
from keywright.library.contract import AsyncCredentialProvider, CredentialProvider
from keywright.library.rejection import is_rejection

Result = TypeVar("Result")
IsRejection = Callable[[BaseException], bool]

_LOGGER: Final = logging.getLogger("keywright")


def with_refresh(
    provider: CredentialProvider, call: Callable[[Credential], Result], *, rejects: IsRejection = is_rejection
) -> Result:
    """Return what `call` returns for the current credential; where that is rejected, for the next one.

    A rejection is followed by one `invalidate` and, at once, one more try, whatever came of that; then by the second
    error. Any other error is raised as it is.

        >>> with_refresh(provider, lambda credential: fetch(url, token=credential.secret.reveal()))

    Args:
        provider: where the credential comes from.
        call: makes one request with it.
        rejects: whether what `call` raised is a rejection (`keywright.is_rejection`).

    Raises:
        KeywrightError: there is no credential. Whatever `call` raises comes through.
    """
    credential = None
    try:
        credential = provider.current()
        return call(credential)
    except Exception as error:
        if not rejects(error):
            raise
    try:
        provider.invalidate(credential)
    except Exception as error:  # noqa: BLE001 - the server's word is worth more to the caller than this
        _warn(error)
    return call(provider.current())


async def with_refresh_async(
    provider: AsyncCredentialProvider,
    call: Callable[[Credential], Awaitable[Result]],
    *,
    rejects: IsRejection = is_rejection,
) -> Result:
    """Return what `call` returns, as `with_refresh` does, in a task."""
    credential = None
    try:
        credential = await provider.current()
        return await call(credential)
    except Exception as error:
        if not rejects(error):
            raise
    try:
        await provider.invalidate(credential)
    except Exception as error:  # noqa: BLE001 - as above
        _warn(error)
    return await call(await provider.current())


def _warn(error: Exception) -> None:
    """Say that a credential could not be invalidated; of an error that is not ours the type alone."""
    told = error.line if isinstance(error, KeywrightError) else type(error).__name__
    _LOGGER.warning("the rejected credential was not invalidated: %s", told)
