"""The two attempts at a request, as httpx and httpx2 want them: a generator of requests that is sent their answers."""

from collections.abc import AsyncGenerator, Callable, Generator, MutableMapping
from typing import Protocol, TypeVar

from keywright.adapters.sender import Sender


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
