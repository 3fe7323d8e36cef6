"""How long a profile rests, failure after failure."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.profiles.cooldown import (
    billing_disable,
    clear_expired,
    is_disabled,
    mark_failure,
    mark_success,
    rate_limit,
    unusable_until,
)
from keywright.profiles.reason import FailureReason
from keywright.profiles.standing import Standing
from keywright.settings.turns import CooldownRules, Override

START = datetime(2030, 1, 1, 12, tzinfo=UTC)
RULES = CooldownRules()
H = 3600
Step = tuple[str, float]
"""A reason, or `clear` or `success`, and when: seconds after the start."""


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def seconds(moment: datetime | None) -> float | None:
    return None if moment is None else (moment - START).total_seconds()


def after(steps: Iterable[Step], rules: CooldownRules = RULES, standing: Standing | None = None) -> Standing:
    standing = standing or Standing()
    for step, moment in steps:
        if step == "clear":
            standing = clear_expired(standing, at(moment))
        elif step == "success":
            standing = mark_success(standing)
        else:
            standing = mark_failure(standing, FailureReason(step), rules, at(moment))
    return standing


# --- how long -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "hours"),
    [(-1, 5), (0, 5), (1, 5), (2, 10), (3, 20), (4, 24), (11, 24), (50, 24), (10**9, 24)],
)
def test_billing_disables_for_longer_each_time_up_to_a_day(count: int, hours: float) -> None:
    assert billing_disable(count, RULES) == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("base", "longest", "hours"),
    [
        (1, 6, [1, 2, 4, 6, 6]),
        (0.5, 24, [0.5, 1, 2, 4, 8, 16, 24]),
        (30, 24, [24, 24]),
        (5, 1, [1, 1]),
        (0, 0, [5, 10, 20, 24]),
        (-1, -1, [5, 10, 20, 24]),
        (1, 8760, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1024]),
    ],
)
def test_billing_obeys_the_settings(base: float, longest: float, hours: list[float]) -> None:
    rules = CooldownRules(billing_backoff_h=base, billing_max_h=longest)
    assert [billing_disable(count, rules) for count in range(1, len(hours) + 1)] == [
        timedelta(hours=one) for one in hours
    ]


@pytest.mark.parametrize(("wished", "told"), [(30, 30), (0, 30), (-5, 30), (7, 7), (0.25, 0.25)])
def test_a_rate_limit_is_flat(wished: float, told: float) -> None:
    assert rate_limit(CooldownRules(rate_limit_s=wished)) == timedelta(seconds=told)


@pytest.mark.parametrize(("provider", "rests", "hours"), [("openai", 5, 1), ("groq", 30, 5)])
def test_a_provider_has_rules_of_its_own(provider: str, rests: float, hours: float) -> None:
    rules = CooldownRules(by_provider={"openai": Override(rate_limit_s=5, billing_backoff_h=1)}).of(provider)
    assert seconds(after([("rate_limit", 0)], rules).cooldown_until) == rests
    assert seconds(after([("billing", 0)], rules).disabled_until) == hours * H


# --- failure after failure ------------------------------------------------------------------------------------------

SEQUENCES: dict[str, tuple[list[Step], float | None, float | None, str | None, int]] = {
    # steps: rests until, disabled until, why, failures in a row
    "nothing": ([], None, None, None, 0),
    "a rate limit": ([("rate_limit", 0)], 30, None, None, 1),
    "a session": ([("session_expired", 0)], 30, None, None, 1),
    "billing": ([("billing", 0)], None, 5 * H, "billing", 1),
    "a lasting refusal": ([("auth_permanent", 0)], None, 5 * H, "auth_permanent", 1),
    "a cooldown under way is not extended": ([("rate_limit", 0), ("rate_limit", 10)], 30, None, None, 2),
    "not by the other short reason either": ([("rate_limit", 0), ("session_expired", 29.9)], 30, None, None, 2),
    "one that ends now is over": ([("rate_limit", 0), ("rate_limit", 30)], 60, None, None, 2),
    "one that is over is set anew, uncleared": ([("rate_limit", 0), ("rate_limit", 31)], 61, None, None, 2),
    "what is none of its business does not double it": (
        [("timeout", 0), ("timeout", 1), ("billing", 2)],
        None,
        2 + 5 * H,
        "billing",
        3,
    ),
    "a disablement under way keeps its end and takes the new reason": (
        [("billing", 0), ("auth_permanent", 60)],
        None,
        5 * H,
        "auth_permanent",
        2,
    ),
    "it doubles although the first has been cleared": (
        [("billing", 0), ("clear", 5 * H), ("billing", 5 * H + 1)],
        None,
        15 * H + 1,
        "billing",
        1,
    ),
    "and again, up to a day": (
        [
            ("billing", 0),
            ("clear", 5 * H),
            ("billing", 5 * H),
            ("clear", 15 * H),
            ("billing", 15 * H),
            ("clear", 35 * H),
            ("billing", 35 * H),
        ],
        None,
        59 * H,
        "billing",
        1,
    ),
    "a lasting refusal doubles on its own count": (
        [("billing", 0), ("clear", 5 * H), ("auth_permanent", 5 * H)],
        None,
        10 * H,
        "auth_permanent",
        1,
    ),
    "a success ends the doubling": (
        [("billing", 0), ("success", 5 * H), ("billing", 5 * H)],
        None,
        10 * H,
        "billing",
        1,
    ),
    "both windows": ([("rate_limit", 0), ("billing", 1)], 30, 1 + 5 * H, "billing", 2),
    "ten times auth": ([("auth", moment) for moment in range(10)], None, None, None, 10),
    "exactly a window later it still doubles": (
        [("billing", 0), ("clear", 24 * H), ("billing", 24 * H)],
        None,
        34 * H,
        "billing",
        1,
    ),
    "after the window the counting starts afresh": (
        [("billing", 0), ("clear", 24 * H + 1), ("billing", 24 * H + 1)],
        None,
        29 * H + 1,
        "billing",
        1,
    ),
    "each failure moves the window": (
        [("billing", 0), ("timeout", 20 * H), ("billing", 40 * H)],
        None,
        50 * H,
        "billing",
        3,
    ),
    "a success wipes the slate": ([("rate_limit", 0), ("billing", 1), ("success", 2)], None, None, None, 0),
    **{
        f"{reason} is only counted": ([(reason, 0)], None, None, None, 1)
        for reason in ("auth", "timeout", "format", "model_not_found", "unknown")
    },
}


@pytest.mark.parametrize(("steps", "rests", "disabled", "why", "count"), SEQUENCES.values(), ids=SEQUENCES)
def test_failures_in_a_row(
    steps: list[Step], rests: float | None, disabled: float | None, why: str | None, count: int
) -> None:
    standing = after(steps)
    assert seconds(standing.cooldown_until) == rests
    assert seconds(standing.disabled_until) == disabled
    assert standing.disabled_reason == why
    assert standing.error_count == count


def test_the_window_of_the_settings_counts() -> None:
    rules = CooldownRules(failure_window_h=1)
    assert after([("auth", 0), ("auth", H)], rules).error_count == 2
    assert after([("auth", 0), ("auth", H + 1)], rules).error_count == 1


def test_each_reason_is_counted_for_itself() -> None:
    standing = after([("auth", 0), ("billing", 1), ("auth", 2), ("timeout", 3)])
    assert standing.failure_counts == {"auth": 2, "billing": 1, "timeout": 1}
    assert (standing.error_count, seconds(standing.last_failure_at)) == (4, 3)


@pytest.mark.parametrize(
    ("reason", "asked_s", "rests"),
    [
        ("rate_limit", None, 30),
        ("rate_limit", 0, 30),
        ("rate_limit", -9, 30),
        ("rate_limit", 29, 30),
        ("rate_limit", 90, 90),
        ("rate_limit", 3600, 3600),
        ("rate_limit", 3601, 3600),
        ("rate_limit", 10**9, 3600),
        ("session_expired", 90, 30),
        ("timeout", 90, None),
    ],
)
def test_an_issuer_may_ask_for_a_longer_rest_after_a_rate_limit(
    reason: str, asked_s: float | None, rests: float | None
) -> None:
    asked = None if asked_s is None else timedelta(seconds=asked_s)
    standing = mark_failure(Standing(), FailureReason(reason), RULES, START, retry_after=asked)
    assert seconds(standing.cooldown_until) == rests


def test_a_rest_longer_than_what_may_be_asked_is_not_cut() -> None:
    rules = CooldownRules(rate_limit_s=2 * H)
    standing = mark_failure(Standing(), FailureReason.RATE_LIMIT, rules, START, retry_after=timedelta(hours=3))
    assert seconds(standing.cooldown_until) == 2 * H


def test_a_cooldown_under_way_is_not_lengthened_by_what_is_asked() -> None:
    standing = mark_failure(
        after([("rate_limit", 0)]), FailureReason.RATE_LIMIT, RULES, at(10), retry_after=timedelta(minutes=5)
    )
    assert seconds(standing.cooldown_until) == 30


# --- what is over ---------------------------------------------------------------------------------------------------


def test_a_cooldown_is_cleared_at_its_very_end_and_not_before() -> None:
    standing = after([("rate_limit", 0)])
    assert clear_expired(standing, at(29.9)) is standing
    assert clear_expired(standing, at(30)) == Standing(last_failure_at=START)


def test_clearing_one_window_leaves_the_other_and_the_counts() -> None:
    standing = after([("rate_limit", 0), ("billing", 1), ("clear", 30)])
    assert (seconds(standing.cooldown_until), seconds(standing.disabled_until)) == (None, 1 + 5 * H)
    assert (standing.error_count, standing.disabled_reason) == (2, "billing")
    assert standing.failure_counts == {"rate_limit": 1, "billing": 1}


def test_once_none_is_left_only_the_counts_that_double_are_kept() -> None:
    standing = after([("rate_limit", 0), ("auth", 1), ("billing", 2), ("auth_permanent", 3), ("clear", 6 * H)])
    assert standing == Standing(
        failure_counts={FailureReason.BILLING: 1, FailureReason.AUTH_PERMANENT: 1}, last_failure_at=at(3)
    )
    assert clear_expired(standing, at(7 * H)) is standing


def test_without_a_window_nothing_is_cleared() -> None:
    standing = after([("auth", 0), ("auth", 1)])
    assert clear_expired(standing, at(99 * H)) is standing
    assert clear_expired(Standing(), START) == Standing()


def test_a_clean_standing_stays_the_very_same_on_success() -> None:
    clean = Standing(failure_counts={})
    assert mark_success(clean) is clean
    assert mark_success(after([("auth", 0)])) == Standing()


@pytest.mark.parametrize(
    ("steps", "moment", "until", "disabled"),
    [
        ([], 0, None, False),
        ([("auth", 0)], 0, None, False),
        ([("rate_limit", 0)], 0, 30, False),
        ([("rate_limit", 0)], 29.9, 30, False),
        ([("rate_limit", 0)], 30, None, False),
        ([("billing", 0)], 0, 5 * H, True),
        ([("billing", 0)], 5 * H, None, False),
        ([("rate_limit", 0), ("billing", 1)], 2, 1 + 5 * H, True),
        ([("rate_limit", 0), ("billing", 1)], 31, 1 + 5 * H, True),
        ([("billing", 0), ("rate_limit", 5 * H - 1)], 5 * H - 1, 5 * H + 29, True),
        ([("billing", 0), ("rate_limit", 5 * H - 1)], 5 * H, 5 * H + 29, False),
    ],
)
def test_a_profile_is_unusable_until_the_later_end(
    steps: list[Step], moment: float, until: float | None, disabled: bool
) -> None:
    standing = after(steps)
    assert seconds(unusable_until(standing, at(moment))) == until
    assert is_disabled(standing, at(moment)) is disabled


# --- a clock that is set back ---------------------------------------------------------------------------------------

YEARS_BACK = -10 * 365 * 24 * H


@pytest.mark.parametrize("reason", ["rate_limit", "billing"])
@pytest.mark.parametrize(("moment", "holds"), [(-60, True), (-60.000001, False), (YEARS_BACK, False)])
def test_a_window_that_began_in_the_future_is_void(reason: str, moment: float, holds: bool) -> None:
    standing = after([(reason, 0)])
    now = at(moment)
    assert (unusable_until(standing, now) is not None) is holds
    assert is_disabled(standing, now) is (holds and reason == "billing")
    assert (clear_expired(standing, now) is standing) is holds


def test_a_failure_after_the_clock_was_set_back_does_not_revive_a_void_window() -> None:
    standing = after([("billing", 0), ("auth", YEARS_BACK)])
    assert (standing.disabled_until, standing.disabled_reason, standing.cooldown_until) == (None, None, None)
    standing = after([("billing", 0), ("rate_limit", 1), ("rate_limit", YEARS_BACK)])
    assert (standing.disabled_until, standing.cooldown_until) == (None, at(YEARS_BACK + 30))


def test_a_void_window_is_followed_by_one_of_the_right_time() -> None:
    assert after([("billing", 0), ("billing", YEARS_BACK)]).disabled_until == at(YEARS_BACK + 10 * H)


# --- whatever happens -----------------------------------------------------------------------------------------------

REASONS = st.sampled_from(FailureReason)
FORWARD = st.lists(st.tuples(REASONS, st.integers(0, 12 * H)), max_size=12)
"""Failures, each so many seconds after the one before."""
ANYHOW = st.lists(
    st.tuples(REASONS | st.sampled_from(["clear", "success"]), st.integers(-9 * 24 * H, 9 * 24 * H)), max_size=12
)
"""Steps on a clock that is set to and fro."""


@given(FORWARD)
def test_a_window_under_way_keeps_its_end(gaps: list[tuple[FailureReason, int]]) -> None:
    standing, moment = Standing(), 0
    for reason, gap in gaps:
        moment += gap
        before, standing = standing, mark_failure(standing, reason, RULES, at(moment))
        for until, now in (
            (before.cooldown_until, standing.cooldown_until),
            (before.disabled_until, standing.disabled_until),
        ):
            assert now == until or until is None or until <= at(moment)


@given(FORWARD)
def test_counts_only_grow_within_the_window(gaps: list[tuple[FailureReason, int]]) -> None:
    standing, moment = Standing(), 0
    for number, (reason, gap) in enumerate(gaps, 1):
        moment += gap
        before, standing = standing, mark_failure(standing, reason, RULES, at(moment))
        assert standing.error_count == number == sum(standing.failure_counts.values())
        assert standing.failure_counts == {
            **before.failure_counts,
            reason: before.failure_counts.get(reason, 0) + 1,
        }


@given(ANYHOW, st.integers(-9 * 24 * H, 9 * 24 * H))
def test_clearing_twice_is_clearing_once(steps: list[Step], moment: int) -> None:
    once = clear_expired(after(steps), at(moment))
    assert clear_expired(once, at(moment)) is once


@given(ANYHOW, st.integers(-9 * 24 * H, 9 * 24 * H))
def test_clearing_changes_nobody_s_turn(steps: list[Step], moment: int) -> None:
    standing, now = after(steps), at(moment)
    cleared = clear_expired(standing, now)
    assert unusable_until(cleared, now) == unusable_until(standing, now)
    assert is_disabled(cleared, now) == is_disabled(standing, now)
    assert (cleared.disabled_reason is None) == (cleared.disabled_until is None)


@given(ANYHOW, st.integers(-9 * 24 * H, 9 * 24 * H))
def test_no_profile_is_locked_out_for_longer_than_the_longest_window(steps: list[Step], moment: int) -> None:
    until = unusable_until(after(steps), at(moment))
    assert until is None or at(moment) < until <= at(moment) + timedelta(hours=24, minutes=1)
