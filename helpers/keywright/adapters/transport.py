"""The two attempts at a request below the client, as httpx and httpx2 want them: one transport before another.

A redirect is a request of its own here. It is made of the client's own request, which never holds the secret.
"""

from collections.abc import Callable
from types import TracebackType
from typing import ClassVar, Generic, Protocol, Self, TypeVar

from keywright.adapters.flow import AnyRequest, place_of
from keywright.adapters.sender import REJECTED, Sender, Sent


class Received(Protocol):
    """An answer of either library."""

    @property
    def status_code(self) -> int:
        """The HTTP status."""

    def read(self) -> bytes:
        """Read what is left of it, so that its connection can be used again."""

    def close(self) -> None:
        """Give its connection back."""

    async def aread(self) -> bytes:
        """Read what is left of it, in a task."""

    async def aclose(self) -> None:
        """Give its connection back, in a task."""


AnyReceived = TypeVar("AnyReceived", bound=Received)
Request_contra = TypeVar("Request_contra", contravariant=True)
Received_co = TypeVar("Received_co", covariant=True)


class Inner(Protocol[Request_contra, Received_co]):
    """What does the sending: a transport of either library."""

    def handle_request(self, request: Request_contra, /) -> Received_co:
        """Return the answer to a request."""

    def close(self) -> None:
        """Close its connections."""

    def __enter__(self) -> object: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...


class AsyncInner(Protocol[Request_contra, Received_co]):
    """The same for tasks."""

    async def handle_async_request(self, request: Request_contra, /) -> Received_co:
        """Return the answer to a request."""

    async def aclose(self) -> None:
        """Close its connections."""

    async def __aenter__(self) -> object: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...


class _ToOneOrigin(Generic[AnyRequest]):
    """What goes to the one origin, and how it is written into a request."""

    in_memory: ClassVar[type]
    """The library's class of the bodies that can be sent a second time."""

    def __init__(self, sender: Sender, copy: Callable[[AnyRequest], AnyRequest]) -> None:
        self._sender = sender
        self._copy = copy

    def _covers(self, request: AnyRequest) -> bool:
        return self._sender.covers(place_of(request))

    def _is_replayable(self, request: AnyRequest) -> bool:
        return isinstance(request.stream, self.in_memory)

    def _dressed(self, request: AnyRequest, sent: Sent) -> AnyRequest:
        """Return a copy of the request that carries the credential."""
        copy = self._copy(request)
        self._sender.dress(copy.headers, sent)
        return copy

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._sender!r})"


class Transport(_ToOneOrigin[AnyRequest], Generic[AnyRequest, AnyReceived]):
    """What both libraries' `CredentialTransport` do."""

    def __init__(
        self, sender: Sender, copy: Callable[[AnyRequest], AnyRequest], inner: Inner[AnyRequest, AnyReceived]
    ) -> None:
        super().__init__(sender, copy)
        self._inner = inner

    def handle_request(self, request: AnyRequest) -> AnyReceived:
        """Return the answer to a request; the second one, where the first was a 401.

        Raises:
            KeywrightError: there is no credential, and why.
        """
        if not self._covers(request):
            return self._inner.handle_request(request)
        sent = self._sender.current()
        response = self._inner.handle_request(self._dressed(request, sent))
        if response.status_code != REJECTED:
            return response
        try:
            self._sender.reject(sent)
            if not self._is_replayable(request):
                return response
            again = self._sender.current()
            response.read()
        except BaseException:
            response.close()
            raise
        response.close()
        return self._inner.handle_request(self._dressed(request, again))

    def close(self) -> None:
        """Close what does the sending."""
        self._inner.close()

    def __enter__(self) -> Self:
        self._inner.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        self._inner.__exit__(kind, error, trace)


class AsyncTransport(_ToOneOrigin[AnyRequest], Generic[AnyRequest, AnyReceived]):
    """What both libraries' `AsyncCredentialTransport` do."""

    def __init__(
        self, sender: Sender, copy: Callable[[AnyRequest], AnyRequest], inner: AsyncInner[AnyRequest, AnyReceived]
    ) -> None:
        super().__init__(sender, copy)
        self._inner = inner

    async def handle_async_request(self, request: AnyRequest) -> AnyReceived:
        """Return the answer to a request; the second one, where the first was a 401.

        Raises:
            KeywrightError: there is no credential, and why.
        """
        if not self._covers(request):
            return await self._inner.handle_async_request(request)
        sent = await self._sender.current_async()
        response = await self._inner.handle_async_request(self._dressed(request, sent))
        if response.status_code != REJECTED:
            return response
        try:
            await self._sender.reject_async(sent)
            if not self._is_replayable(request):
                return response
            again = await self._sender.current_async()
            await response.aread()
        except BaseException:
            await response.aclose()
            raise
        await response.aclose()
        return await self._inner.handle_async_request(self._dressed(request, again))

    async def aclose(self) -> None:
        """Close what does the sending."""
        await self._inner.aclose()

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        await self._inner.__aexit__(kind, error, trace)
