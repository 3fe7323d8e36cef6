"""What `import keywright` offers: imported whole when the first of its names is used, and not before."""

from keywright.credential import (
    Credential,
)
from keywright.errors import (
    Bug,
    Busy,
    CacheUnusable,
    ConfigurationError,
    CredentialExpired,
    CredentialNotFound,
    KeywrightError,
    NeedsPerson,
    ProfileNotFound,
    ProviderNotFound,
    RateLimited,
    RefreshNotSupported,
    Refused,
    Rejected,
    StateUnusable,
    TokenRevoked,
    Unavailable,
    Unreachable,
    UsageError,
    VaultLocked,
    VaultUnusable,
    WrongPassphrase,
)
from keywright.library.asynchronous import (
    to_async,
)
from keywright.library.aws_keys import (
    AwsKeys,
)
from keywright.library.cached import (
    CachedCredentialProvider,
)
from keywright.library.caching_credentials import (
    CachingCredentials,
)
from keywright.library.contract import (
    AsyncCredentialProvider,
    CredentialProvider,
)
from keywright.library.credential_store import (
    CredentialStore,
)
from keywright.library.in_memory import (
    InMemoryCredentialProvider,
)
from keywright.library.in_memory_credentials import (
    InMemoryCredentials,
)
from keywright.library.minter import (
    AwsMinter,
    Minter,
)
from keywright.library.rejection import (
    error_of_status,
    is_rejection,
)
from keywright.library.retry import (
    with_refresh,
    with_refresh_async,
)
from keywright.library.rounds import (
    Refresher,
)
from keywright.library.static import (
    StaticCredentialProvider,
)
from keywright.library.tokens import (
    get_token,
    get_token_async,
)
from keywright.secret import (
    Secret,
)

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
