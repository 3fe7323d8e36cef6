"""A few threads, none of which is waited for."""

import threading
from dataclasses import dataclass, field
from queue import SimpleQueue

import pytest

from keywright.refresher.crew import Crew, Finished

BOUND_S = 30


@dataclass
class World:
    now_s: float = 0.0
    done: "SimpleQueue[Finished[str]]" = field(default_factory=SimpleQueue)
    gate: threading.Event = field(default_factory=threading.Event)
    inside: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def crew(self, size: int) -> Crew[str]:
        return Crew(self.done.put, lambda: self.now_s, size)

    def hang(self) -> str:
        self.inside.release()
        assert self.gate.wait(BOUND_S)
        return "at last"

    def next(self) -> tuple[str, str]:
        return tuple(self.done.get(timeout=BOUND_S))  # type: ignore[return-value]


def test_no_more_work_at_once_than_there_are_threads() -> None:
    world = World()
    crew = world.crew(2)
    for name in "abc":
        crew.start(name, world.hang)
    for _ in range(2):
        assert world.inside.acquire(timeout=BOUND_S)
    assert not world.inside.acquire(blocking=False)
    assert crew.busy == {"a", "b", "c"}
    world.gate.set()
    assert sorted(world.next()[0] for _ in range(3)) == ["a", "b", "c"]
    assert crew.busy == set()


def test_what_hangs_is_written_off_and_replaced_and_its_result_is_posted_all_the_same() -> None:
    world = World()
    crew = world.crew(1)
    crew.start("a", world.hang)
    assert world.inside.acquire(timeout=BOUND_S)
    crew.start("b", lambda: "done")
    world.now_s = 10
    assert crew.write_off(10) == []
    assert crew.write_off(9) == ["a"]
    assert world.next() == ("b", "done")
    assert crew.busy == {"a"}  # and is not to be begun again
    assert crew.write_off(0) == []
    world.gate.set()
    assert world.next() == ("a", "at last")
    assert crew.busy == set()


def test_who_is_dismissed_begins_nothing() -> None:
    world = World()
    crew = world.crew(1)
    crew.start("a", world.hang)
    crew.start("b", world.hang)
    assert crew.dismiss() == ["b"]
    world.gate.set()
    assert world.next()[0] == "a"
    assert world.done.empty()


def test_a_system_without_threads_lets_it_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    crew = world.crew(1)

    def refuse(_self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        crew.start("a", lambda: "done")
    assert crew.busy == {"a"}
    crew.write_off(60)
    assert world.next() == ("a", "done")
