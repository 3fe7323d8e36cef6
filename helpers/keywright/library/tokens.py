"""The shortest way to a token: by the profile's id, from one provider for each in this process."""

from functools import lru_cache

from keywright.library.asynchronous import to_async
from keywright.library.cached import CachedCredentialProvider
from keywright.secret import Secret


@lru_cache(maxsize=1024)
def _provider(profile: str, url: str | None) -> CachedCredentialProvider:
    return CachedCredentialProvider(profile, url=url)


def get_token(profile: str, *, url: str | None = None) -> Secret:
    """Return the profile's token, which is not expired; minted if need be, renewed behind you once it grows old.

        >>> headers = {"Authorization": f"Bearer {get_token('github-app:acme').reveal()}"}

    Args:
        profile: the profile's id, such as `github-app:acme`.
        url: where it is for, which some profiles need, such as a registry's host.

    Raises:
        UsageError: `url` is none.
        KeywrightError: there is none, and why.
    """
    return _provider(profile, url).current().secret


async def get_token_async(profile: str, *, url: str | None = None) -> Secret:
    """Return the profile's token, as `get_token` does, in a task."""
    credential = await to_async(_provider(profile, url)).current()
    return credential.secret
