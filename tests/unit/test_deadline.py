"""A bound holds whatever is inside it, and leaves no trace."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType

import pytest

from keywright.deadline import CALL_S, FETCH_S, LOCK_WAIT_S, OutOfTime, _Within, is_spent, left_s, paused, within

# pytest-timeout's own method is the alarm that is tested here.
pytestmark = [pytest.mark.timeout(60, method="thread"), pytest.mark.real_clock]
SOON_S, NEVER_S = 0.01, 600.0


class Clock:
    """The clock of the bounds, which stands until a test moves it; the system's timer goes by its own."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock_of_bounds(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("keywright.deadline.time", clock)
    return clock


def strike() -> None:
    """Do what the timer does at its end, now."""
    signal.raise_signal(signal.SIGALRM)


@pytest.fixture(autouse=True)
def no_alarm() -> Iterator[None]:
    """No timer runs, before and after; the handler is nobody's."""
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    before = signal.getsignal(signal.SIGALRM)
    yield
    left = signal.setitimer(signal.ITIMER_REAL, 0)
    assert signal.signal(signal.SIGALRM, before) is before
    assert left == (0.0, 0.0)


def test_each_gives_up_before_the_one_around_it() -> None:
    assert 0 < FETCH_S < LOCK_WAIT_S < CALL_S


def test_a_quick_block_returns() -> None:
    with within(NEVER_S):
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= NEVER_S


def test_an_error_of_the_block_passes() -> None:
    with pytest.raises(KeyError), within(NEVER_S):
        raise KeyError


def test_a_block_that_waits_is_interrupted() -> None:
    with pytest.raises(OutOfTime), within(SOON_S):
        signal.pause()


def test_a_block_that_is_busy_is_interrupted() -> None:
    def work_for_ever() -> None:
        while True:
            pass

    with pytest.raises(OutOfTime), within(SOON_S):
        work_for_ever()


def test_a_server_that_sends_nothing_is_interrupted() -> None:
    reading, writing = os.pipe()
    try:
        with pytest.raises(OutOfTime), within(SOON_S):
            os.read(reading, 1)
    finally:
        os.close(reading)
        os.close(writing)


def test_a_program_that_hangs_is_interrupted() -> None:
    with subprocess.Popen(["sleep", "600"]) as child:
        try:
            with pytest.raises(OutOfTime), within(SOON_S):
                child.wait()
        finally:
            child.kill()


def test_a_library_that_catches_every_exception_does_not_catch_it() -> None:
    def ask_for_ever() -> None:
        while True:
            with suppress(Exception):
                signal.pause()

    with pytest.raises(OutOfTime), within(SOON_S):
        ask_for_ever()


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_no_time_at_all_is_not_for_ever(seconds: float) -> None:
    with pytest.raises(OutOfTime), within(seconds):
        signal.pause()


def test_of_nested_bounds_the_outer_strikes_if_it_is_sooner() -> None:
    struck: list[str] = []

    def inner() -> None:
        try:
            with within(NEVER_S):
                assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 30
                strike()
        except OutOfTime:
            struck.append("inside")
            raise

    with pytest.raises(OutOfTime), within(30):
        inner()
    assert struck == ["inside"]


def test_of_nested_bounds_the_inner_strikes_if_it_is_sooner() -> None:
    with within(NEVER_S):
        with pytest.raises(OutOfTime), within(SOON_S):
            signal.pause()
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] < NEVER_S


def test_the_outer_bound_still_strikes_after_an_inner_one_was_kept(clock_of_bounds: Clock) -> None:
    with within(30):
        with within(1):
            clock_of_bounds.now_s += 0.5
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 30
        with pytest.raises(OutOfTime):
            strike()


def test_the_outer_bound_still_strikes_after_an_inner_one_struck() -> None:
    with within(30):
        with suppress(OutOfTime), within(SOON_S):
            signal.pause()
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 30
        with pytest.raises(OutOfTime):
            strike()


@pytest.mark.parametrize("moment", ["as it is set", "as it is ended"])
def test_one_that_strikes_at_its_own_begin_or_end_leaves_nothing(moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    set_timer = signal.setitimer

    def strikes_at_once(which: int, seconds: float, again_s: float = 0.0) -> tuple[float, float]:
        before = set_timer(which, seconds, again_s)
        if (seconds > 0) == (moment == "as it is set"):
            strike()
        return before

    with monkeypatch.context() as patch:
        patch.setattr(signal, "setitimer", strikes_at_once)
        with pytest.raises(OutOfTime), within(NEVER_S):
            pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert left_s(NEVER_S) == NEVER_S


@pytest.mark.parametrize("event", ["call", "return"])
def test_one_that_strikes_as_its_end_begins_or_is_over_leaves_nothing(event: str) -> None:
    with within(NEVER_S):
        with pytest.raises(OutOfTime), striking(event), within(30):
            pass
        assert 30 < signal.getitimer(signal.ITIMER_REAL)[0] <= NEVER_S
        assert 30 < left_s(NEVER_S) <= NEVER_S
    assert left_s(NEVER_S) == NEVER_S


@contextmanager
def striking(event: str) -> Iterator[None]:
    """Strike once as the end of a bound begins (`call`), or as its last step returns (`return`)."""
    end, last = _Within.__exit__.__code__, ExitStack.close.__code__
    wanted = end if event == "call" else last

    def look(frame: FrameType, happened: str, _arg: object) -> None:
        if happened == event and frame.f_code is wanted:
            sys.setprofile(None)
            strike()

    sys.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(None)


def test_a_strike_that_nobody_heard_is_repeated() -> None:
    """As where one comes between Python's last step and a system call, which would then wait for good."""

    def miss_one() -> None:
        assert signal.sigwait([signal.SIGALRM]) == signal.SIGALRM  # gone, and no handler knows
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
        signal.pause()

    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    with pytest.raises(OutOfTime), within(SOON_S):
        miss_one()


def test_a_strike_that_was_heard_is_none_any_more() -> None:
    with within(SOON_S):
        with suppress(OutOfTime):
            signal.pause()
        strike()


def test_a_bound_that_struck_and_was_caught_is_known_to_be_spent(clock_of_bounds: Clock) -> None:
    assert not is_spent()
    with within(30):
        assert not is_spent()
        with suppress(OutOfTime), within(NEVER_S):
            clock_of_bounds.now_s += 30
            strike()
        assert is_spent()
    assert not is_spent()


def test_an_inner_bound_that_struck_leaves_the_outer_one_unspent() -> None:
    with within(NEVER_S):
        with suppress(OutOfTime), within(SOON_S):
            signal.pause()
        assert not is_spent()


def test_what_a_person_takes_counts_for_no_bound(clock_of_bounds: Clock) -> None:
    with within(NEVER_S), within(30):
        with paused():
            assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
            clock_of_bounds.now_s += 100
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 30
        assert left_s(NEVER_S) == 30


def test_the_bound_strikes_after_a_pause_and_a_persons_own_bound_within_it() -> None:
    def wait_twice() -> None:
        with paused(), suppress(OutOfTime), within(SOON_S):
            signal.pause()
        signal.pause()

    with pytest.raises(OutOfTime), within(SOON_S):
        wait_twice()


def test_where_nothing_is_bounded_there_is_nothing_to_pause() -> None:
    with paused():
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_the_time_that_is_left_is_that_of_the_sooner_bound() -> None:
    assert left_s(NEVER_S) == NEVER_S
    with within(30), within(NEVER_S):
        assert 0 < left_s(NEVER_S) <= 30
        assert left_s(1) == 1


def test_somebody_elses_alarm_is_given_back() -> None:
    struck = threading.Event()

    def theirs(_number: int, _frame: FrameType | None) -> None:
        struck.set()

    before = signal.signal(signal.SIGALRM, theirs)
    try:
        signal.setitimer(signal.ITIMER_REAL, NEVER_S)
        with within(30):
            assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 30
        assert signal.getsignal(signal.SIGALRM) is theirs
        assert 30 < signal.getitimer(signal.ITIMER_REAL)[0] <= NEVER_S
        strike()
        assert struck.is_set()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_in_another_thread_the_bound_is_told_and_strikes_nobody() -> None:
    seen: list[tuple[float, bool]] = []

    def work() -> None:
        with within(SOON_S):
            assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
            while not is_spent():
                threading.Event().wait(SOON_S)
            seen.append((left_s(NEVER_S), is_spent()))
        seen.append((left_s(NEVER_S), is_spent()))

    in_thread(work)
    assert seen == [(0.0, True), (NEVER_S, False)]


def test_a_thread_knows_nothing_of_the_bounds_and_alarms_of_another() -> None:
    seen: list[float] = []

    def work() -> None:
        with paused():
            seen.append(left_s(NEVER_S))

    with within(30):
        in_thread(work)
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 30
    assert seen == [NEVER_S]


def in_thread(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
