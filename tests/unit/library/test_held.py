"""The outcome table in one process, for what is held in memory alone and for what all processes share."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine

from fakes.holders import ACME, ENDS_WITHIN_S, Holder, make_holder
from fakes.outcomes import OUTCOMES, Row
from keywright import KeywrightError, Refused, Unreachable

MANY = 50


@pytest.fixture(params=["in memory", "in memory, in tasks", "cached", "cached, in tasks"])
def holder(
    request: pytest.FixtureRequest, home: Path, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Holder]:
    kind, _, tasks = request.param.partition(", ")
    holder = make_holder(kind, home, clock, monkeypatch, is_async=bool(tasks))
    yield holder
    holder.gate.open()
    holder.settle()


def minted(number: int) -> str:
    return f"minted-{ACME}-{number}"


@pytest.mark.parametrize("row", OUTCOMES, ids=[row.name for row in OUTCOMES])
def test_the_outcome_table(holder: Holder, row: Row) -> None:
    if row.left_s is not None:
        assert holder.get() == minted(1)
        holder.after(3600 - row.left_s)
    holder.minter.failure, before = row.failure, holder.minter.calls
    if isinstance(row.expected, str):
        assert holder.get() == minted(before if row.expected == "old" else before + 1)
    else:
        with pytest.raises(row.expected) as raised:
            holder.get()
        assert type(raised.value) is row.expected
        assert row.failure
        assert row.failure.what in str(raised.value)
    holder.settle()
    is_renewed_behind = row.left_s is not None and 0 < row.left_s <= 90
    assert holder.minter.calls == before + (1 if is_renewed_behind else row.asked)


@pytest.mark.parametrize(("left_s", "is_due"), [(91, False), (90, True), (1, True)])
def test_the_boundaries_belong_to_the_worse_state(holder: Holder, left_s: float, *, is_due: bool) -> None:
    holder.get()
    holder.after(3600 - left_s)
    assert holder.get() == minted(1)
    holder.settle()
    assert holder.minter.calls == (2 if is_due else 1)


def test_while_it_is_fresh_nobody_asks_again(holder: Holder) -> None:
    for _ in range(100):
        assert holder.get() == minted(1)
        holder.after(30)
    assert holder.minter.calls == 1


def test_many_on_nothing_wait_for_one_and_get_the_same(holder: Holder) -> None:
    assert holder.many(MANY) == [minted(1)] * MANY
    assert holder.minter.calls == 1


def test_many_on_an_expired_one_wait_for_one_and_get_the_new(holder: Holder) -> None:
    holder.get()
    holder.after(3600)
    assert holder.many(MANY) == [minted(2)] * MANY
    assert holder.minter.calls == 2


def test_many_on_a_stale_one_get_it_at_once_while_one_renews(holder: Holder) -> None:
    holder.get()
    holder.after(3570)
    holder.gate.close()
    # The issuer answers nobody until all have been served.
    assert holder.many(MANY) == [minted(1)] * MANY
    holder.gate.wait_for_somebody()
    holder.gate.open()
    holder.settle()
    assert holder.minter.calls == 2
    assert holder.many(MANY) == [minted(2)] * MANY
    assert holder.minter.calls == 2


def test_many_hear_why_there_is_none_and_the_issuer_was_asked_once(holder: Holder) -> None:
    holder.get()
    holder.after(3600)
    holder.minter.failure = Refused("no")
    failures = holder.many(MANY)
    assert {type(failure).__name__ for failure in failures} == {"CredentialExpired"}
    assert len({id(failure) for failure in failures}) == MANY
    assert holder.minter.calls == 2


def test_who_waits_when_the_old_one_expires_gets_the_new_one(holder: Holder) -> None:
    """A second left and a renewal that takes longer: nobody fails who comes in between."""
    holder.get()
    holder.after(3599)
    holder.gate.close()
    assert holder.get() == minted(1)
    holder.gate.wait_for_somebody()
    holder.after(2)
    late: list[str] = []
    waiting = threading.Thread(target=lambda: late.append(holder.get()))
    waiting.start()
    waiting.join(0.05)
    assert not late
    holder.gate.open()
    waiting.join(ENDS_WITHIN_S)
    assert late == [minted(2)]
    assert holder.minter.calls == 2


def test_after_a_renewal_that_failed_the_old_one_is_served_and_another_is_tried_later(holder: Holder) -> None:
    holder.get()
    holder.after(3520)
    holder.minter.failure = Unreachable("503")
    assert holder.get() == minted(1)
    holder.settle()
    assert holder.get() == minted(1)
    holder.settle()
    assert holder.minter.calls == 2  # a failure is remembered for a while
    holder.minter.failure = None
    holder.after(40)
    assert holder.get() == minted(1)
    holder.settle()
    assert holder.get() == minted(3)


def test_a_broken_issuer_is_asked_a_bounded_number_of_times(holder: Holder) -> None:
    holder.minter.failure = Unreachable("503")
    for _ in range(50):
        with pytest.raises(Unreachable):
            holder.get()
    assert holder.minter.calls == 1
    for _ in range(100):  # an hour
        holder.after(36)
        with pytest.raises(Unreachable):
            holder.get()
    assert holder.minter.calls < 30


def test_one_that_is_expired_when_it_comes_is_served_once_and_nobody_asks_for_more(holder: Holder) -> None:
    """An issuer whose clock is wrong is not asked by us of our own accord, again and again."""
    holder.minter.lifetime = timedelta(0)
    for number in range(1, 4):
        assert holder.get() == minted(number)
        holder.settle()
        assert holder.minter.calls == number


def test_a_rejected_one_is_replaced_and_a_late_rejection_costs_nothing(holder: Holder) -> None:
    first = holder.current()
    holder.invalidate(first)
    assert holder.get() == minted(2)
    for _ in range(3):
        holder.invalidate(first)
        assert holder.get() == minted(2)
    assert holder.minter.calls == 2


def test_late_rejections_of_an_old_one_do_not_cost_the_one_that_is_on_its_way(holder: Holder) -> None:
    first = holder.current()
    holder.invalidate(first)
    holder.gate.close()
    found: list[str] = []
    asking = threading.Thread(target=lambda: found.append(holder.get()))
    asking.start()
    holder.gate.wait_for_somebody()
    late = threading.Thread(target=lambda: holder.invalidate(first))  # which waits for a renewal of the cache's entry
    late.start()
    late.join(0.05)
    holder.gate.open()
    late.join(ENDS_WITHIN_S)
    asking.join(ENDS_WITHIN_S)
    assert found == [minted(2)]
    assert holder.get() == minted(2)
    assert holder.minter.calls == 2


def test_what_keeps_being_rejected_is_replaced_once_a_minute(holder: Holder) -> None:
    for _ in range(60):  # a minute of a request each second, each of them rejected
        holder.invalidate(holder.current())
        holder.after(1)
    assert holder.minter.calls == 2
    for _ in range(60):  # and ten minutes of one every ten seconds
        holder.invalidate(holder.current())
        holder.after(10)
    assert holder.minter.calls <= 13


def test_to_reject_whatever_there_is_leaves_no_choice(holder: Holder) -> None:
    holder.get()
    holder.invalidate()
    assert holder.get() == minted(2)


def test_a_rejection_while_one_is_on_its_way_is_not_lost(holder: Holder) -> None:
    first = holder.current()
    holder.after(3570)
    holder.gate.close()
    assert holder.current() == first
    holder.gate.wait_for_somebody()
    rejecting = threading.Thread(target=lambda: holder.invalidate(first))
    rejecting.start()
    holder.gate.open()
    rejecting.join(ENDS_WITHIN_S)
    assert holder.get() != first.secret.reveal()
    holder.settle()
    assert holder.minter.calls <= 3


def test_a_clock_that_was_set_back_is_noticed(holder: Holder) -> None:
    holder.get()
    holder.after(-7200)
    assert holder.get() == minted(2)
    assert holder.get() == minted(2)


def test_a_clock_that_was_set_back_in_mid_life_is_noticed(holder: Holder, monkeypatch: pytest.MonkeyPatch) -> None:
    """It then says a later time than when the credential came, and yet an earlier one than it is."""
    uptime_s = 5000.0
    monkeypatch.setattr("keywright.hit.boot_mark", lambda now: f"one-boot {now - uptime_s}")
    holder.get()
    holder.after(2400)
    uptime_s += 2400
    assert holder.get() == minted(1)
    holder.after(-1800)
    assert holder.get() == minted(2)
    assert holder.get() == minted(2)


def test_a_clock_that_is_set_back_while_it_is_got_is_noticed(holder: Holder) -> None:
    holder.gate.close()
    found: list[str] = []
    asking = threading.Thread(target=lambda: found.append(holder.get()))
    asking.start()
    holder.gate.wait_for_somebody()
    holder.after(-1800)
    holder.gate.open()
    asking.join(ENDS_WITHIN_S)
    holder.settle()
    assert holder.get() == minted(2)


def test_a_clock_that_jumps_forward_is_believed(holder: Holder) -> None:
    holder.get()
    holder.after(7200)
    assert holder.get() == minted(2)


def test_a_failure_says_the_same_to_all_and_belongs_to_each(holder: Holder) -> None:
    holder.minter.failure = Unreachable("no route", mend="plug it in", retry_after_s=7)
    first, second = holder.many(2)
    assert isinstance(first, KeywrightError)
    assert isinstance(second, KeywrightError)
    assert first is not second
    assert str(first) == str(second)
    assert (first.retry_after_s, first.mend) == (7, "plug it in")


def test_nothing_secret_is_shown(holder: Holder) -> None:
    secret = holder.get()
    assert secret not in repr(holder.provider)
    assert secret not in str(holder.current())
