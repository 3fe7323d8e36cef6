"""A secret is a type: it cannot be printed, formatted, serialised or compared by accident."""

from typing import Final, NoReturn, final

MASK: Final = "<secret>"


@final
class Secret:
    """Holds one secret value. `str()`, `repr()`, `format()` and logging show a mask; JSON and pickle refuse it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value.

        Called only where it leaves the process: a wire format, an HTTP header, the cache file.
        """
        return self._value

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return MASK

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        from hmac import compare_digest  # 3 ms of hashlib that only a comparison needs

        return compare_digest(_bytes(self._value), _bytes(other._value))

    __hash__ = None  # type: ignore[assignment]  # a hash would be a fingerprint of the value

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled or copied: reveal() it where it leaves the process")


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")  # JSON may hold any lone surrogate
