"""The contract every provider keeps, in words."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

from keywright.credential import CacheKey, Credential
from keywright.freshness import Margins
from keywright.request import Request
from keywright.secret import Secret
from keywright.settings.model import Profile


class Minted(NamedTuple):
    """What a fetch brought home.

    Attributes:
        credential: the new credential.
        inputs: every file whose content decided it, by absolute path, with its stamp (`keywright.hit.stamp`) taken
            before the file was read. A file that was looked for and absent is a fact too.
        notes: what the person should know although it worked, one line each; never a secret.
        memory: facts worth keeping beside the credential for the next fetch, such as a looked-up installation id;
            never a secret.
        is_kept: whether it may be written to the cache: never so for a key that lives long.
    """

    credential: Credential
    inputs: Mapping[str, str] = MappingProxyType({})
    notes: tuple[str, ...] = ()
    memory: Mapping[str, str] = MappingProxyType({})
    is_kept: bool = True


class Aid(NamedTuple):
    """What a broker brings along to a fetch.

    Attributes:
        parent: the credential of the provider's parent; None if it has none, or is to get it by itself.
        answer: what a person typed to the question that the last try ended with (`NeedsPerson.question`).
    """

    parent: Credential | None = None
    answer: Secret | None = None


ALONE: Final = Aid()
"""Nothing is brought along."""


class Provider(Protocol):
    """Answers two questions: what identifies what you would return, and get me a new one."""

    @property
    def key(self) -> CacheKey:
        """Everything that changes the answer, and nothing secret.

        Imports nothing heavy (no botocore, urllib3, cryptography or filelock) and touches no file and no network:
        it is computed on calls that never fetch.
        """

    @property
    def margins(self) -> Margins:
        """How long before expiry this kind of credential is renewed and refused: the provider's floors only."""

    @property
    def inputs(self) -> Mapping[str, str]:
        """The files known to decide the answer before anything is fetched, by absolute path, stamped now.

        A remembered failure is forgotten when one of them changes. Called on a miss only; may stat, not read.
        """

    @property
    def parent(self) -> "Parent | None":
        """The session that the credential is made with, where it is worth an entry of its own; None for most.

        Called on a miss only; may read files, and says nothing about those it cannot read.
        """

    def fetch(self, now: datetime, timeout_s: float, memory: Mapping[str, str], aid: Aid = ALONE) -> Minted:
        """Get a new credential from its issuer.

        Args:
            now: aware UTC; becomes the credential's `issued_at`.
            timeout_s: give up after this many seconds, all retries included.
            memory: what the last fetch of this key left in `Minted.memory`; empty at first, and never to be trusted
                beyond saving a request.
            aid: what the caller could get beforehand. Whatever is not there the provider gets by itself.

        Raises:
            Unavailable: this provider cannot try here: a missing or broken key, file, login or environment.
            Refused: the issuer was asked and said no.
            Unreachable: the issuer did not answer in time or not in its own protocol.
            NeedsPerson: only a person can go on; with a `question` if an answer in `aid` would do.
            ConfigurationError: the settings, or what they point to, are wrong.
        """


class Reader(Protocol):
    """Hands out what is there already: read anew for each request, never cached, renewed or thrown away."""

    def read(self, request: Request, now: datetime) -> Credential:
        """Return what is there for the request as of `now` (aware UTC).

        Raises:
            ConfigurationError: it is not for the request's place.
            Unavailable: it is missing, empty or cannot be read.
            VaultLocked: it is in the vault, which is locked.
            VaultUnusable: it is in the vault, which is damaged or cannot be trusted.
        """


class Parent(NamedTuple):
    """A session that several credentials are made with: found, locked, renewed and kept as they are, once for all.

    Attributes:
        profile: whose it is, by an id and options of its own.
        provider: where it comes from.
        lifetime: how long a child lives that the session does not cut short; 0 for one that outlives its session.
    """

    profile: Profile
    provider: Provider
    lifetime: timedelta
