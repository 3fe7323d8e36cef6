"""Bodies that may have to be sent a second time."""


class Body:
    """Whether and from where a request's body can be sent again."""

    def __init__(self, body: object) -> None:
        self._body = body
        self._start: int | None = None
        if not self._is_in_memory and hasattr(body, "seek") and hasattr(body, "tell"):
            try:
                self._start = body.tell()
            except OSError:
                self._start = None

    @property
    def _is_in_memory(self) -> bool:
        return self._body is None or isinstance(self._body, str | bytes | bytearray)

    def rewind(self) -> bool:
        """Go back to where it started; False if that cannot be done."""
        if self._is_in_memory:
            return True
        if self._start is None or not hasattr(self._body, "seek"):
            return False
        try:
            self._body.seek(self._start)
        except OSError:
            return False
        return True
