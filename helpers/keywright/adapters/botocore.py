"""For botocore and boto3: the AWS keys of a session, asked for as they are needed, and new ones where AWS rejects them.

    >>> session = botocore.session.Session()
    >>> install(session, SessionCredentialProvider("aws-eks:prod"))
    >>> boto3.Session(botocore_session=session).client("sts").get_caller_identity()["Arn"]
    'arn:aws:sts::111122223333:assumed-role/deploy/keywright'

`SessionCredentialProvider` gives the session that all helpers share for the identity of an AWS profile of the settings.
Any other provider will do whose credentials are AWS keys: `as_credential` makes them.
"""

import logging
import re
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, Final

import botocore.credentials
import botocore.session
from botocore.credentials import ReadOnlyCredentials, RefreshableCredentials

from keywright.adapters.aws_session import SessionCredentialProvider
from keywright.credential import Credential
from keywright.errors import KeywrightError, UsageError
from keywright.library.contract import CredentialProvider
from keywright.providers.aws.packed_keys import pack, unpack

__all__ = ["KeywrightCredentials", "KeywrightProvider", "SessionCredentialProvider", "as_credential", "install"]

_METHOD: Final = "keywright"
REJECTED: Final = frozenset(
    {
        "AuthFailure",  # EC2's
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",  # S3's
        "InvalidClientTokenId",
        "InvalidToken",
        "UnrecognizedClientException",
    }
)
"""What AWS's services say of keys that are not good, or not any more: the common errors of their API references."""
UNKNOWN: Final = timedelta(minutes=1)
"""What keys without an end are said to have left: botocore then asks again for each request, which costs a look."""
_REMEMBERED: Final = 16
_NOTE: Final = "keywright_key"
_REPLAYABLE: Final = "keywright_replayable"
_RETRIED: Final = "keywright_retried"
_SIGNED_BY: Final = re.compile(r"Credential=([^/,\s]+)/")

_LOGGER: Final = logging.getLogger("keywright")


def as_credential(
    access_key: str,
    secret_key: str,
    token: str | None = None,
    *,
    issued_at: datetime,
    expires_at: datetime | None = None,
) -> Credential:
    """Return AWS keys as one credential, for a provider of your own; times are aware."""
    secret = pack(ReadOnlyCredentials(access_key, secret_key, token))
    return Credential(secret, username=access_key, issued_at=issued_at, expires_at=expires_at)


class KeywrightCredentials(RefreshableCredentials):
    """botocore's refreshable credentials, whose refresh asks a provider of ours. Threads may share them."""

    def __init__(self, provider: CredentialProvider, now: Callable[[], datetime]) -> None:
        """Ask for the first keys.

        Args:
            provider: gives AWS keys, as `SessionCredentialProvider` does.
            now: the wall clock (aware UTC).

        Raises:
            KeywrightError: there are none, and why.
        """
        self._provider = provider
        self._now = now
        self._rejecting = Lock()
        self._is_rejected = False
        self._given: deque[str] = deque(maxlen=_REMEMBERED)
        self._last = provider.current()
        keys = unpack(self._last)
        self._given.append(keys.access_key)
        super().__init__(
            access_key=keys.access_key,
            secret_key=keys.secret_key,
            token=keys.token,  # type: ignore[arg-type]  # None for keys that live long, as in botocore's own
            expiry_time=self._end_of(self._last),
            refresh_using=self._ask,
            method=_METHOD,
            time_fetcher=now,
        )

    def refresh_needed(self, refresh_in: int | None = None) -> bool:
        """Return whether new keys are wanted: within botocore's 15 minutes, and after a rejection."""
        is_about_expiry = refresh_in == 0
        return (self._is_rejected and not is_about_expiry) or bool(super().refresh_needed(refresh_in))

    def reject(self, access_key: str) -> bool:
        """Hear that AWS rejected these keys. Returns whether they were ours, so that there is sense in a second try.

        Those that were replaced meanwhile cost the newer ones nothing.
        """
        with self._rejecting:
            last = self._last
            if last.username == access_key and not self._is_rejected:
                try:
                    self._provider.invalidate(last)
                except KeywrightError as error:
                    _LOGGER.warning("%s", error)
                self._is_rejected = True
            return access_key in self._given

    def _ask(self) -> dict[str, str | None]:
        """Return the keys that are good now; botocore lets one thread in at a time."""
        with self._rejecting:  # a rejection is about what was returned before this, or after
            last = self._last = self._provider.current()
            keys = unpack(last)
            self._is_rejected = False
            if keys.access_key not in self._given:
                self._given.append(keys.access_key)
        return {
            "access_key": keys.access_key,
            "secret_key": keys.secret_key,
            "token": keys.token,
            "expiry_time": self._end_of(last).isoformat(),
        }

    def _end_of(self, credential: Credential) -> datetime:
        return credential.expires_at or self._now() + UNKNOWN

    def __repr__(self) -> str:
        return f"KeywrightCredentials({self._provider!r})"


class KeywrightProvider(botocore.credentials.CredentialProvider):
    """A source of credentials in botocore's chain. `install` puts it there, and sees to rejected keys too."""

    METHOD = _METHOD
    CANONICAL_NAME = _METHOD

    def __init__(
        self, provider: CredentialProvider, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Ask nobody yet.

        Args:
            provider: gives AWS keys, as `SessionCredentialProvider` does.
            now: the wall clock (aware UTC).
        """
        super().__init__()
        self._provider = provider
        self._now = now
        self._loading = Lock()
        self._loaded: KeywrightCredentials | None = None

    def load(self) -> KeywrightCredentials:
        """Return credentials that renew themselves, the same each time: all clients hear of one rejection.

        There is no next source to try: what fails here is told.

        Raises:
            KeywrightError: there are none, and why.
        """
        with self._loading:
            if self._loaded is None:
                self._loaded = KeywrightCredentials(self._provider, self._now)
            return self._loaded

    def before(self, params: dict[str, Any], context: dict[str, Any], **_event: Any) -> None:  # noqa: ANN401
        """Remember of a call whether its body can be sent twice, before any of it is read (`before-call`)."""
        context[_REPLAYABLE] = _is_replayable(params.get("body"))

    def note(self, request: Any, **_event: Any) -> None:  # noqa: ANN401 - botocore's events have no types
        """Remember with a signed request whose keys have signed it (`request-created`)."""
        found = _SIGNED_BY.search(str(request.headers.get("Authorization", "")))
        request.context[_NOTE] = found[1] if found else ""

    def retry(self, response: Any, request_dict: dict[str, Any], **_event: Any) -> float | None:  # noqa: ANN401
        """Return 0, for one more attempt at once, where keys of ours were rejected (`needs-retry`), else None."""
        context = request_dict["context"]
        code = response[1].get("Error", {}).get("Code") if response is not None else None
        if code not in REJECTED or context.get(_RETRIED) or self._loaded is None:
            return None
        if not self._loaded.reject(context.get(_NOTE, "")) or not context.get(_REPLAYABLE):
            return None
        context[_RETRIED] = True
        return 0

    def __repr__(self) -> str:
        return f"KeywrightProvider({self._provider!r})"


def install(
    session: botocore.session.Session,
    provider: CredentialProvider,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Make a botocore session, and all clients made of it from now on, act with the provider's keys.

    They come before whatever else the session would find, the environment's included. Where AWS says that they are not
    good any more, they are named as rejected and the request is signed and sent once more, at once; unless its body is
    a stream that cannot be rewound, or that did not stand at its beginning.

    Args:
        session: a session that has made no client yet; boto3 takes it as `boto3.Session(botocore_session=session)`.
        provider: gives AWS keys, as `SessionCredentialProvider` does.
        now: the wall clock (aware UTC).

    Raises:
        UsageError: the session has found keys already, and would go on acting with them.
    """
    if getattr(session, "_credentials", None) is not None:  # botocore looks for them once, and has no other way to tell
        raise UsageError("the session acts with other AWS keys already", mend="install ours before its first client")
    source = KeywrightProvider(provider, now=now)
    session.get_component("credential_provider").providers.insert(0, source)
    events = session.get_component("event_emitter")
    events.register("before-call", source.before)
    events.register_last("request-created", source.note)  # once it is signed
    events.register("needs-retry", source.retry)


def _is_replayable(body: Any) -> bool:  # noqa: ANN401
    """Return whether botocore can send it again: it rewinds a stream to its very beginning, wherever that stood."""
    if not hasattr(body, "read"):
        return True
    try:
        return bool(body.seekable() and body.tell() == 0)
    except (AttributeError, OSError):
        return False
