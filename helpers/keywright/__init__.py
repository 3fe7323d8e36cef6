"""Short-lived credentials for kubectl, git, docker and programs, from one shared cache.

    >>> import keywright
    >>> keywright.get_token("github-app:acme")
    <secret>

Importing this package imports nothing else: the helpers pay for every line here on every call. What it offers to
programs (`keywright.library.api`) is imported when the first of its names is used.
"""

__version__ = "0.1.0"

__all__ = [
    "AsyncCredentialProvider",
    "AwsKeys",
    "AwsMinter",
    "Bug",
    "Busy",
    "CacheUnusable",
    "CachedCredentialProvider",
    "CachingCredentials",
    "ConfigurationError",
    "Credential",
    "CredentialExpired",
    "CredentialNotFound",
    "CredentialProvider",
    "CredentialStore",
    "InMemoryCredentialProvider",
    "InMemoryCredentials",
    "KeywrightError",
    "Minter",
    "NeedsPerson",
    "ProfileNotFound",
    "ProviderNotFound",
    "RateLimited",
    "RefreshNotSupported",
    "Refresher",
    "Refused",
    "Rejected",
    "Secret",
    "StateUnusable",
    "StaticCredentialProvider",
    "TokenRevoked",
    "Unavailable",
    "Unreachable",
    "UsageError",
    "VaultLocked",
    "VaultUnusable",
    "WrongPassphrase",
    "error_of_status",
    "get_token",
    "get_token_async",
    "is_rejection",
    "to_async",
    "with_refresh",
    "with_refresh_async",
]

TYPE_CHECKING = False  # as type checkers read it, without the import of `typing`
if TYPE_CHECKING:
    from keywright.library.api import *  # noqa: F403
else:

    def __getattr__(name: str) -> object:
        # Also asked for each submodule that is imported from here, `hit` first of all: those are none of its business.
        if name not in __all__:
            raise AttributeError(f"module 'keywright' has no attribute {name!r}")
        from keywright.library import api

        return getattr(api, name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
