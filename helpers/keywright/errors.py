"""Everything that can go wrong, on purpose.

    KeywrightError                                                              code                  exit
    ├── UsageError           the caller spoke a language this client lacks      usage                 2
    ├── ConfigurationError   the settings are wrong, and where                  configuration         2
    ├── ProviderNotFound     no provider or profile of that name                provider_not_found    2
    ├── ProfileNotFound      no account of that name among those kept           profile_not_found     1
    ├── CredentialNotFound   nothing here serves this request: "not mine"       credential_not_found  1
    ├── CredentialExpired    what was kept is no longer usable                  credential_expired    1
    ├── RefreshNotSupported  this credential cannot be renewed                  refresh_not_supported 3
    ├── TokenRevoked         the issuer took the grant back                     token_revoked         1
    ├── Unavailable          a provider cannot try here: key, file, login       unavailable           1
    ├── Refused              the issuer was asked and said no                   refused               1
    ├── Unreachable          the issuer did not answer, or not sensibly         unreachable           1
    ├── Rejected             a server takes the credential no more              rejected              1
    ├── RateLimited          a server wants to be asked later                   rate_limited          1
    ├── Busy                 locked or out of time: somebody else is renewing   busy                  5
    ├── NeedsPerson          only a person can go on                            needs_person          4
    ├── CacheUnusable        the cache cannot be trusted or written             cache_unusable        1
    ├── VaultLocked          the vault's passphrase or keyring is wanted first  vault_locked          4
    ├── WrongPassphrase      that is not the vault's passphrase                 wrong_passphrase      1
    ├── VaultUnusable        the vault is damaged, newer, foreign or unwritable vault_unusable        1
    ├── StateUnusable        what was decided about profiles cannot be read     state_unusable        1
    └── Bug                  anything else: its type is told, never its text    bug                   70
    Interrupted by the user                                                                           130
    The client closed its pipe                                                                        141

A message is one line for the person at the keyboard: what failed, for which account and host, and the command that
mends it; its code ends it, in brackets. A failure that another line quotes has its code in parentheses instead, so that
brackets hold the kind of the line itself. A message never holds a secret, an HTTP body or another library's exception
text.
"""

from collections.abc import Mapping
from typing import ClassVar, Final, NamedTuple, Self

EXIT_INTERRUPTED: Final = 130
EXIT_BROKEN_PIPE: Final = 141


class Evidence(NamedTuple):
    """What an issuer said when it failed, in its own terms and free of secrets; what it did not say stays empty.

    Attributes:
        status: the HTTP status, such as 403. Where a 403 only limits the rate, whoever knows so writes 429.
        oauth_error: the `error` of an OAuth answer (RFC 6749 section 5.2, RFC 6750 section 3.1): `invalid_grant`, say.
        code: an issuer's own code, such as AWS's `ThrottlingException` or OpenAI's `insufficient_quota`.
    """

    status: int | None = None
    oauth_error: str = ""
    code: str = ""


class KeywrightError(Exception):
    """The base of every expected failure.

    Attributes:
        what: what failed, a clause without the account and the host.
        mend: what the person can do about it, a clause; empty where there is nothing to do but wait.
        account: the profile's id, such as `github-app:acme`; empty until a broker names it.
        host: the host or cluster the credential was for; empty until a broker names it.
        retry_after_s: how long the issuer asked to be left alone, in seconds; None where it said nothing.
        inputs: files, with their stamps, that decided it and were only found on the way: to mend one mends the cause.
        evidence: what the issuer said, set by whoever met it; None where none was asked.
        caused_by: the failure that this one came of; None if it came of nothing else.
        is_repeated: whether it is an earlier failure that is told again, and nobody was asked this time.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, mend: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.mend = mend
        self.retry_after_s = retry_after_s
        self.account = ""
        self.host = ""
        self.inputs: Mapping[str, str] = {}
        self.evidence: Evidence | None = None
        self.caused_by: KeywrightError | None = None
        self.is_repeated = False

    def about(self, account: str, host: str) -> Self:
        """Name the account and host this failure concerns, where no deeper layer did. Returns self."""
        self.account = self.account or account
        self.host = self.host or host
        return self

    def as_told(self, evidence: Evidence) -> Self:
        """Say what the issuer said in its own terms. Returns self."""
        self.evidence = evidence
        return self

    @property
    def is_retryable(self) -> bool:
        """Whether asking the same again, later, may go well with nobody mending anything."""
        return isinstance(self, Busy | RateLimited | Unreachable)

    @property
    def line(self) -> str:
        """What a person is told, and the code that a script or a search knows its kind by: `…; try again [busy]`."""
        return f"{self} [{self.code}]"

    @property
    def quoted(self) -> str:
        """What another line says of it, which ends with a code of its own or with none: `acme:ann (busy): …`."""
        return self._told(f" ({self.code})")

    def __str__(self) -> str:
        return self._told("")

    def _told(self, kind: str) -> str:
        whom = " for ".join(part for part in (self.account, self.host) if part)
        line = f"{whom}{kind}: {self.what}" if whom else f"{self.what}{kind}"
        return f"{line}; {self.mend}" if self.mend else line


class UsageError(KeywrightError):
    """The caller spoke a language this client does not know."""

    code = "usage"
    exit_code = 2


class ConfigurationError(KeywrightError):
    """The settings are wrong; the message names file, table and key."""

    code = "configuration"
    exit_code = 2


class ProviderNotFound(KeywrightError):
    """No provider or profile has that name."""

    code = "provider_not_found"
    exit_code = 2


class ProfileNotFound(KeywrightError):
    """There is no such profile, or no such provider to have one at: what a command about profiles was asked for."""

    code = "profile_not_found"


class CredentialNotFound(KeywrightError):
    """Nothing here serves this request. Clients hear it in their own words and go on to the next source."""

    code = "credential_not_found"


class CredentialExpired(KeywrightError):
    """What was kept is no longer usable and was not replaced."""

    code = "credential_expired"


class RefreshNotSupported(KeywrightError):
    """This kind of credential cannot be renewed."""

    code = "refresh_not_supported"
    exit_code = 3


class TokenRevoked(KeywrightError):
    """The issuer took the grant back; only a new login helps."""

    code = "token_revoked"


class Unavailable(KeywrightError):
    """A provider cannot try here: a key, file, login or setting is missing or broken."""

    code = "unavailable"


class Refused(KeywrightError):
    """The issuer was asked and said no."""

    code = "refused"


class Unreachable(KeywrightError):
    """The issuer did not answer in time, or not in its own protocol."""

    code = "unreachable"


class Rejected(KeywrightError):
    """The server that a credential is for did not accept it: another one may mend that. Raised by who uses it."""

    code = "rejected"


class RateLimited(KeywrightError):
    """The server that a credential is for wants to be asked later: no other credential mends that."""

    code = "rate_limited"


class Busy(KeywrightError):
    """Another process holds the renewal, or the time for this call ran out."""

    code = "busy"
    exit_code = 5


class NeedsPerson(KeywrightError):
    """Only a person can go on: a login, a second factor, a consent.

    Attributes:
        question: what to ask the person, such as `MFA code for arn:aws:iam::111122223333:mfa/ann`, where the answer is
            all that is wanted; empty where they have to go elsewhere.
    """

    code = "needs_person"
    exit_code = 4

    def __init__(self, what: str, *, mend: str = "", retry_after_s: float | None = None, question: str = "") -> None:
        super().__init__(what, mend=mend, retry_after_s=retry_after_s)
        self.question = question


class CacheUnusable(KeywrightError):
    """The cache cannot be trusted or written: a warning wherever a credential can be had without it."""

    code = "cache_unusable"


class VaultLocked(KeywrightError):
    """The vault's key is not at hand: its passphrase, or an unlocked keyring, is wanted first."""

    code = "vault_locked"
    exit_code = 4


class WrongPassphrase(KeywrightError):
    """That is not the vault's passphrase; the vault itself is whole."""

    code = "wrong_passphrase"


class VaultUnusable(KeywrightError):
    """The vault is damaged, of a newer version, open to others or cannot be written; nothing was changed."""

    code = "vault_unusable"


class StateUnusable(KeywrightError):
    """What was decided about profiles is damaged, newer, or cannot be trusted or written: nothing is decided for it."""

    code = "state_unusable"


class Bug(KeywrightError):
    """Something nobody foresaw. Only its type and place are told: its text may hold a secret."""

    code = "bug"
    exit_code = 70


ERRORS: Final[dict[str, type[KeywrightError]]] = {
    kind.code: kind
    for kind in (
        UsageError,
        ConfigurationError,
        ProviderNotFound,
        ProfileNotFound,
        CredentialNotFound,
        CredentialExpired,
        RefreshNotSupported,
        TokenRevoked,
        Unavailable,
        Refused,
        Unreachable,
        Rejected,
        RateLimited,
        Busy,
        NeedsPerson,
        CacheUnusable,
        VaultLocked,
        WrongPassphrase,
        VaultUnusable,
        StateUnusable,
        Bug,
    )
}
"""Every kind by its code, as it is written to the failure memory and to `status --json`."""
