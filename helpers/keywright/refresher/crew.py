"""Work done side by side by a few threads, none of which can keep the others, or the end of the process, waiting.

The standard library's pool joins its threads when the interpreter ends, so one that hangs would hang us. These threads
are daemons, there only while there is work, and one that takes too long is written off: another takes its place, and
what it is at is not begun a second time.
"""

from collections import deque
from collections.abc import Callable
from threading import Lock, Thread
from typing import Final, Generic, NamedTuple, TypeVar

SIZE: Final = 8

Result = TypeVar("Result")


class Finished(NamedTuple, Generic[Result]):
    """What came of one piece of work."""

    name: str
    result: Result


class Crew(Generic[Result]):
    """The threads of one process."""

    def __init__(
        self, post: Callable[[Finished[Result]], None], monotonic: Callable[[], float], size: int = SIZE
    ) -> None:
        """Let at most `size` threads work; each result goes to `post`, from the thread that got it."""
        self._post = post
        self._monotonic = monotonic
        self._size = size
        self._lock = Lock()
        self._waiting: deque[tuple[str, Callable[[], Result]]] = deque()
        self._began_s: dict[str, float] = {}
        self._written_off: set[str] = set()

    @property
    def busy(self) -> frozenset[str]:
        """What is waiting, being done or written off."""
        with self._lock:
            return frozenset([*(name for name, _ in self._waiting), *self._began_s, *self._written_off])

    def start(self, name: str, work: Callable[[], Result]) -> None:
        """Have the work done, which raises nothing; `name` must not be busy."""
        with self._lock:
            self._waiting.append((name, work))
            self._hire()

    def write_off(self, after_s: float) -> list[str]:
        """Give up on what has been worked on for longer than that; return its names. What it still brings is posted."""
        with self._lock:
            end_s = self._monotonic() - after_s
            late = [name for name, began_s in self._began_s.items() if began_s < end_s]
            for name in late:
                del self._began_s[name]
                self._written_off.add(name)
            self._hire()
        return late

    def dismiss(self) -> list[str]:
        """Begin nothing that is still waiting; return its names."""
        with self._lock:
            names = [name for name, _ in self._waiting]
            self._waiting.clear()
        return names

    def _hire(self) -> None:
        while self._waiting and len(self._began_s) < self._size:
            name, work = self._waiting.popleft()
            thread = Thread(target=self._work, args=(name, work), name=f"renewing {name[:12]}", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the system has no thread to give
                self._waiting.appendleft((name, work))
                return
            self._began_s[name] = self._monotonic()

    def _work(self, name: str, work: Callable[[], Result]) -> None:
        task: tuple[str, Callable[[], Result]] | None = (name, work)
        while task is not None:
            name, work = task
            result = work()
            with self._lock:
                is_replaced = name in self._written_off
                self._written_off.discard(name)
                self._began_s.pop(name, None)
                task = self._waiting.popleft() if self._waiting and not is_replaced else None
                if task is not None:
                    self._began_s[task[0]] = self._monotonic()
            self._post(Finished(name, result))
