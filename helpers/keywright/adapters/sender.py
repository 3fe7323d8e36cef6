"""What all adapters share: whose credential is sent, how, and where; and what a rejection is."""

import logging
from collections.abc import Mapping, MutableMapping
from inspect import iscoroutinefunction
from typing import Final, cast
from urllib.parse import urljoin, urlsplit

from keywright.adapters.scheme import Scheme
from keywright.credential import Credential
from keywright.errors import KeywrightError, UsageError
from keywright.library.asynchronous import to_async
from keywright.library.contract import AsyncCredentialProvider, CredentialProvider
from keywright.request import Url, parse_url
from keywright.secret import Secret

REJECTED: Final = 401
"""The one status that another credential mends. A 403 is about what the credential may do (RFC 9110, 15.5.4)."""

AnyProvider = CredentialProvider | AsyncCredentialProvider

_LOGGER: Final = logging.getLogger("keywright")


class Sent:
    """One credential as it is sent with one attempt."""

    __slots__ = ("credential", "value")

    def __init__(self, credential: Credential, value: Secret) -> None:
        self.credential = credential
        self.value = value


class Sender:
    """Knows the credential, its scheme and the one origin it may go to."""

    def __init__(self, provider: AnyProvider, scheme: Scheme, only_for: str | None) -> None:
        """Ask nobody yet.

        Raises:
            UsageError: `only_for` is no origin.
        """
        self._provider = provider
        self.scheme = scheme
        self._only_for = _origin_wanted(only_for)

    def __repr__(self) -> str:
        place = f", only_for='{self._only_for}'" if self._only_for else ""
        return f"{self._provider!r}, header={self.scheme.header!r}{place}"

    def covers(self, url: str) -> bool:
        """Return whether the credential may go to that URL. One that cannot be read is nowhere that we know."""
        return self._only_for is None or origin(url) == self._only_for

    def current(self) -> Sent:
        """Return what to send with an attempt.

        Raises:
            KeywrightError: there is none, and why.
        """
        return self._written(self._in_threads().current())

    def reject(self, sent: Sent) -> None:
        """Name it as rejected. That this failed is told, and hinders nobody from trying again."""
        try:
            self._in_threads().invalidate(sent.credential)
        except KeywrightError as error:
            _LOGGER.warning("%s", error)

    async def current_async(self) -> Sent:
        """Return what to send with an attempt; the loop goes on meanwhile.

        Raises:
            KeywrightError: there is none, and why.
        """
        return self._written(await self._in_tasks().current())

    async def reject_async(self, sent: Sent) -> None:
        """Name it as rejected, as `reject` does."""
        try:
            await self._in_tasks().invalidate(sent.credential)
        except KeywrightError as error:
            _LOGGER.warning("%s", error)

    def dress(self, headers: MutableMapping[str, str], sent: Sent) -> None:
        """Write the credential into the headers, in the place of what is there of its kind."""
        self.undress(headers)
        headers[self.scheme.header] = sent.value.reveal()

    def undress(self, headers: MutableMapping[str, str]) -> None:
        """Take out what the scheme would write, and what it would replace."""
        for name in self.scheme.headers_of(list(headers)):
            del headers[name]

    def is_rejected(self, sent: Sent, status: int, headers: Mapping[str, str]) -> bool:
        """Return whether the answer rejects what was sent: a 401 to a request that had it still.

        Args:
            sent: what was sent.
            status: the HTTP status of the answer.
            headers: the headers of the request that was answered, which redirects may have led elsewhere.
        """
        return status == REJECTED and headers.get(self.scheme.header) == sent.value.reveal()

    def _written(self, credential: Credential) -> Sent:
        return Sent(credential, Secret(self.scheme.value(credential)))

    def _in_threads(self) -> CredentialProvider:
        if _is_async(self._provider):
            raise UsageError(
                "this client runs in threads, and its provider in tasks", mend="give it the provider itself"
            )
        return cast("CredentialProvider", self._provider)

    def _in_tasks(self) -> AsyncCredentialProvider:
        if _is_async(self._provider):
            return cast("AsyncCredentialProvider", self._provider)
        return to_async(cast("CredentialProvider", self._provider))


def _is_async(provider: AnyProvider) -> bool:
    return iscoroutinefunction(provider.current)


def origin(url: str) -> Url | None:
    """Return the URL's scheme, host and port in normal form; None if it cannot be read, or names a user."""
    try:
        scheme, place = urlsplit(url)[:2]
    except ValueError:
        return None
    return parse_url(f"{scheme}://{place}") if scheme else None


def is_elsewhere(url: str, location: str) -> bool:
    """Return whether a redirect of `url` leads to another origin, or one cannot tell."""
    before = origin(url)
    try:
        after = origin(urljoin(url, location))
    except ValueError:
        return True
    return before is None or before != after


def _origin_wanted(text: str | None) -> Url | None:
    place = parse_url(text) if text is not None else None
    if text is not None and (place is None or not place.scheme or place.path):
        raise UsageError("`only_for` is not an origin", mend="write it as https://api.example.com")
    return place
