import logging
import threading
from collections.abc import Callable
from concurrent.futures import wait
from datetime import timedelta

import pytest

from fakes.store_minter import BOUND_S, CANARY
from keywright import UsageError
from keywright.library import rounds
from keywright.library.rounds import Refresher, Stopped

A_DAY = timedelta(days=1)
AT_ONCE = timedelta(milliseconds=1)


class Rounds:
    """Counts the rounds, and does in each what the test says."""

    def __init__(self, each: Callable[[Stopped], object] = lambda _stopped: None) -> None:
        self.count = 0
        self.each = each
        self.began = threading.Semaphore(0)

    def __call__(self, stopped: Stopped) -> None:
        self.count += 1
        self.began.release()
        self.each(stopped)

    def wait(self, count: int) -> None:
        for _ in range(count):
            assert self.began.acquire(timeout=BOUND_S)


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "keywright-refresher"]


def test_rounds_begin_at_once_and_go_on_until_stopped() -> None:
    done = Rounds()
    with Refresher(done, AT_ONCE):
        done.wait(3)
    count = done.count
    assert not threads()
    assert done.count == count


def test_it_is_started_and_stopped_as_often_as_one_likes() -> None:
    done = Rounds()
    refresher = Refresher(done, A_DAY)
    refresher.stop()
    for _ in range(2):
        refresher.start()
        refresher.start()
        done.wait(1)
        assert len(threads()) == 1
        refresher.stop()
        refresher.stop()
        assert not threads()
    assert done.count == 2


def test_it_ends_where_the_block_fails() -> None:
    done = Rounds()
    with pytest.raises(KeyError), Refresher(done, A_DAY):
        raise KeyError
    assert not threads()


def test_after_each_round_comes_the_interval_however_long_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    """No burst: between two rounds there is one whole wait, which nothing that was missed shortens."""
    history: list[str] = []
    enough = threading.Event()

    def rest(futures: list[Stopped], *, timeout: float) -> None:
        history.append(f"rests {timeout} s")
        if len(history) >= 6:
            enough.set()
            wait(futures, timeout=BOUND_S)

    monkeypatch.setattr(rounds, "wait", rest)
    with Refresher(lambda _stopped: history.append("round"), timedelta(seconds=30)):
        assert enough.wait(BOUND_S)
    assert history == ["round", "rests 30.0 s"] * 3


def test_a_round_that_fails_is_told_without_its_text_and_the_next_one_comes(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_stopped: Stopped) -> None:
        raise ValueError(CANARY)

    done = Rounds(fail)
    with caplog.at_level(logging.DEBUG), Refresher(done, AT_ONCE):
        done.wait(2)
    assert "credential refresh failed (ValueError)" in caplog.text
    assert CANARY not in caplog.text


def test_a_round_may_stop_it(caplog: pytest.LogCaptureFixture) -> None:
    done = Rounds()
    refresher = Refresher(done, AT_ONCE)
    done.each = lambda _stopped: refresher.stop()
    refresher.start()
    done.wait(1)
    for thread in threads():
        thread.join(BOUND_S)
    assert (done.count, threads(), caplog.messages) == (1, [], [])


def test_a_round_can_see_that_it_is_to_stop() -> None:
    seen: list[bool] = []
    done = Rounds(lambda stopped: seen.append(stopped.result(BOUND_S)))
    with Refresher(done, A_DAY):
        done.wait(1)
    assert seen == [True]


@pytest.mark.parametrize("interval", [timedelta(0), timedelta(seconds=-1)])
def test_no_interval_is_refused(interval: timedelta) -> None:
    with pytest.raises(UsageError, match="interval"):
        Refresher(Rounds(), interval)


def test_the_longest_interval_is_one() -> None:
    done = Rounds()
    with Refresher(done, timedelta.max):
        done.wait(1)
    assert done.count == 1


def test_a_forked_child_has_none_running_until_it_starts_one() -> None:
    done = Rounds()
    with Refresher(done, A_DAY) as refresher:
        done.wait(1)
        assert refresher._running is not None
        parents, stopped = refresher._running
        refresher._after_fork()
        refresher.start()
        done.wait(1)
        assert len(threads()) == 2
        stopped.set_result(True)
        parents.join(BOUND_S)
    assert not threads()
