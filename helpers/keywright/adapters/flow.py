"""The two attempts at a request, as httpx and httpx2 want them: a generator of requests that is sent their answers."""

from collections.abc import AsyncGenerator, Callable, Generator, MutableMapping
from typing import ClassVar, Generic, Protocol, TypeVar

from keywright.adapters.scheme import Scheme, by_kind
from keywright.adapters.sender import AnyProvider, Sender
from keywright.errors import UsageError


class Place(Protocol):
    """A URL of either library."""

    @property
    def scheme(self) -> str:
        """Lower case."""

    @property
    def netloc(self) -> bytes:
        """Host and port, IDNA-encoded."""


class Asked(Protocol):
    """A request of either library."""

    @property
    def url(self) -> Place:
        """Where it goes."""

    @property
    def headers(self) -> MutableMapping[str, str]:
        """What goes with it."""

    @property
    def stream(self) -> object:
        """Its body."""


AnyRequest = TypeVar("AnyRequest", bound=Asked)
AnyRequest_co = TypeVar("AnyRequest_co", bound=Asked, covariant=True)
IsReplayable = Callable[[AnyRequest], bool]
"""Whether a request's body can be sent a second time."""


class Answered(Protocol[AnyRequest_co]):
    """An answer of either library."""

    @property
    def status_code(self) -> int:
        """The HTTP status."""

    @property
    def request(self) -> AnyRequest_co:
        """The request that it answers: after redirects, the last one."""


def place_of(request: Asked) -> str:
    """Return the URL of a request as far as its port."""
    return f"{request.url.scheme}://{request.url.netloc.decode('ascii')}"


class AuthFlow(Generic[AnyRequest]):
    """What both libraries' `CredentialAuth` do."""

    in_memory: ClassVar[type]
    """The library's class of the bodies that can be sent a second time."""

    def __init__(self, provider: AnyProvider, *, scheme: Scheme = by_kind, only_for: str | None = None) -> None:
        """Ask nobody yet.

        Args:
            provider: where the credential comes from; a client of tasks takes one of either kind.
            scheme: how it is sent.
            only_for: the one origin that it may go to, such as `https://api.github.com`; other requests go without.

        Raises:
            UsageError: `only_for` is no origin; or `scheme` goes by a header that is not `Authorization`, and the
                library would carry that one to wherever a redirect leads.
        """
        if not scheme.is_authorization:
            what = f"the client carries {scheme.header} to wherever it is redirected"
            raise UsageError(what, mend="use CredentialTransport or AsyncCredentialTransport")
        self._sender = Sender(provider, scheme, only_for)

    def sync_auth_flow(self, request: AnyRequest) -> Generator[AnyRequest, Answered[AnyRequest], None]:
        """Return the attempts at a request.

        Raises:
            KeywrightError: there is no credential, and why.
        """
        return attempts(self._sender, request, self._is_replayable)

    def async_auth_flow(self, request: AnyRequest) -> AsyncGenerator[AnyRequest, Answered[AnyRequest]]:
        """Return the attempts at a request of a task; the loop never waits for a credential.

        Raises:
            KeywrightError: there is no credential, and why.
        """
        return attempts_async(self._sender, request, self._is_replayable)

    def _is_replayable(self, request: AnyRequest) -> bool:
        return isinstance(request.stream, self.in_memory)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._sender!r})"


def attempts(
    sender: Sender, request: AnyRequest, is_replayable: IsReplayable[AnyRequest]
) -> Generator[AnyRequest, Answered[AnyRequest], None]:
    """Yield the request with the current credential and, where that is rejected, with the next one.

    After redirects it is the last request that is yielded again: what led there is done, a POST with a 303 say.
    """
    if not sender.covers(place_of(request)):
        yield request
        return
    sent = sender.current()
    sender.dress(request.headers, sent)
    response = yield request
    request = response.request
    if not sender.is_rejected(sent, response.status_code, request.headers):
        return
    sender.reject(sent)
    if is_replayable(request) and sender.covers(place_of(request)):
        sender.dress(request.headers, sender.current())
        yield request


async def attempts_async(
    sender: Sender, request: AnyRequest, is_replayable: IsReplayable[AnyRequest]
) -> AsyncGenerator[AnyRequest, Answered[AnyRequest]]:
    """Yield the same in a task."""
    if not sender.covers(place_of(request)):
        yield request
        return
    sent = await sender.current_async()
    sender.dress(request.headers, sent)
    response = yield request
    request = response.request
    if not sender.is_rejected(sent, response.status_code, request.headers):
        return
    await sender.reject_async(sent)
    if is_replayable(request) and sender.covers(place_of(request)):
        sender.dress(request.headers, await sender.current_async())
        yield request
