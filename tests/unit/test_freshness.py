"""What a caller may do with a credential of a given age: the rule as a table, its boundaries, its bounds."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.freshness import Freshness, Margins, Schedule, schedule

FRESH, STALE, EXPIRED = Freshness.FRESH, Freshness.STALE, Freshness.EXPIRED
ISSUED = datetime(2030, 1, 1, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
HOUSE = Margins()
EKS = Margins(renew_floor=timedelta(minutes=7), refuse_default=timedelta(seconds=60))


def s(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def before_expiry(plan: Schedule) -> list[float]:
    """Return how long before expiry to renew and to refuse, in seconds."""
    return [(plan.expires_at - plan.renew_at).total_seconds(), (plan.expires_at - plan.refuse_at).total_seconds()]


@pytest.mark.parametrize(
    ("lifetime", "margins", "jitter", "renew_s", "refuse_s"),
    [
        pytest.param(s(60), HOUSE, 0, 30, 6, id="1 min: half of it"),
        pytest.param(s(300), HOUSE, 0, 90, 30, id="5 min: the 90 s"),
        pytest.param(s(300), HOUSE, 0.1, 99, 30, id="5 min, full jitter"),
        pytest.param(s(180), HOUSE, 0.1, 90, 18, id="3 min, full jitter: the cap comes after it"),
        pytest.param(s(900), HOUSE, 0, 225, 30, id="15 min: a quarter"),
        pytest.param(s(900), EKS, 0, 420, 60, id="EKS: its floor"),
        pytest.param(s(900), EKS, 0.05, 441, 60, id="EKS, half the jitter"),
        pytest.param(s(900), EKS, 0.1, 450, 60, id="EKS, full jitter: the cap"),
        pytest.param(s(600), EKS, 0, 300, 60, id="EKS of a dying session: the cap"),
        pytest.param(s(60), EKS, 0, 30, 30, id="EKS of a dead session: refused at half"),
        pytest.param(s(3600), HOUSE, 0, 900, 30, id="1 h"),
        pytest.param(s(3600), HOUSE, 0.1, 990, 30, id="1 h, full jitter"),
        pytest.param(s(12 * 3600), HOUSE, 0, 3 * 3600, 30, id="12 h"),
        pytest.param(s(12 * 3600), HOUSE, 0.1, 3.3 * 3600, 30, id="12 h, full jitter"),
        pytest.param(s(3600), HOUSE, 7, 990, 30, id="jitter of a damaged entry is bounded above"),
        pytest.param(s(3600), HOUSE, -7, 900, 30, id="and below"),
        pytest.param(s(0), HOUSE, 0.1, 0, 0, id="no lifetime"),
        pytest.param(s(-60), EKS, 0.1, 0, 0, id="expired before it was issued"),
    ],
)
def test_the_default_margins(
    lifetime: timedelta, margins: Margins, jitter: float, renew_s: float, refuse_s: float
) -> None:
    plan = schedule(ISSUED, ISSUED + lifetime, margins, jitter)
    assert before_expiry(plan) == pytest.approx([renew_s, refuse_s])


@pytest.mark.parametrize(
    ("renew_before", "refuse_before", "renew_s", "refuse_s"),
    [
        pytest.param(s(60), None, 60, 30, id="shorter than the rule, without jitter"),
        pytest.param(s(3000), None, 3000, 30, id="longer than half the lifetime"),
        pytest.param(s(3420), None, 3420, 30, id="95 % of the lifetime"),
        pytest.param(s(3421), None, 3420, 30, id="never more than that"),
        pytest.param(s(99999), s(99999), 3420, 3420, id="both too long"),
        pytest.param(s(0), None, 30, 30, id="never renewed later than refused"),
        pytest.param(s(0), s(0), 0, 0, id="none at all"),
        pytest.param(None, s(0), 990, 0, id="used to the last second"),
        pytest.param(None, s(2000), 2000, 2000, id="refused before the rule would renew"),
    ],
)
def test_explicit_margins_are_honoured(
    renew_before: timedelta | None, refuse_before: timedelta | None, renew_s: float, refuse_s: float
) -> None:
    for floor in (HOUSE, Margins(renew_floor=s(0), refuse_default=s(30))):
        margins = Margins(
            renew_floor=floor.renew_floor,
            refuse_default=floor.refuse_default,
            renew_before=renew_before,
            refuse_before=refuse_before,
        )
        plan = schedule(ISSUED, ISSUED + s(3600), margins, 0.1)
        assert before_expiry(plan) == pytest.approx([renew_s, refuse_s])


PLAN = Schedule(issued_at=ISSUED, renew_at=ISSUED + s(10), refuse_at=ISSUED + s(20), expires_at=ISSUED + s(30))


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (ISSUED - s(3600), EXPIRED),
        (ISSUED - TICK, EXPIRED),
        (ISSUED, FRESH),
        (ISSUED + TICK, FRESH),
        (ISSUED + s(10) - TICK, FRESH),
        (ISSUED + s(10), STALE),
        (ISSUED + s(10) + TICK, STALE),
        (ISSUED + s(20) - TICK, STALE),
        (ISSUED + s(20), EXPIRED),
        (ISSUED + s(25), EXPIRED),
        (ISSUED + s(30), EXPIRED),
        (ISSUED + s(99999), EXPIRED),
    ],
)
def test_a_boundary_belongs_to_the_worse_state(now: datetime, state: Freshness) -> None:
    assert PLAN.classify(now) is state


@pytest.mark.parametrize(
    ("left", "state"),
    [
        (s(3600), FRESH),
        (s(91), FRESH),
        (s(90) + TICK, FRESH),
        (s(90), STALE),
        (s(89), STALE),
        (s(1), STALE),
        (TICK, STALE),
        (s(0), EXPIRED),
        (-TICK, EXPIRED),
    ],
)
def test_with_90_s_and_0_s_the_90th_second_is_due_and_the_last_one_is_not_usable(
    left: timedelta, state: Freshness
) -> None:
    plan = schedule(ISSUED, ISSUED + s(3600), Margins(renew_before=s(90), refuse_before=s(0)), 0.1)
    assert plan.classify(plan.expires_at - left) is state


def test_a_plan_without_room_has_no_stale_time() -> None:
    plan = Schedule(issued_at=ISSUED, renew_at=ISSUED + s(20), refuse_at=ISSUED + s(20), expires_at=ISSUED + s(20))
    assert plan.classify(ISSUED + s(20) - TICK) is FRESH
    assert plan.classify(ISSUED + s(20)) is EXPIRED


SPANS = st.timedeltas(timedelta(0), timedelta(days=400))
WISHES = st.none() | SPANS
MARGINS = st.builds(Margins, renew_floor=SPANS, refuse_default=WISHES, renew_before=WISHES, refuse_before=WISHES)
JITTERS = st.floats(allow_nan=False)


@given(st.timedeltas(timedelta(days=-400), timedelta(days=400)), MARGINS, JITTERS)
def test_the_instants_are_in_order_whatever_is_wished(lifetime: timedelta, margins: Margins, jitter: float) -> None:
    plan = schedule(ISSUED, ISSUED + lifetime, margins, jitter)
    assert plan.renew_at <= plan.refuse_at <= plan.expires_at
    if lifetime > timedelta(0):
        assert plan.issued_at <= plan.renew_at
        assert plan.expires_at - plan.renew_at <= lifetime * 0.95 + TICK
    else:
        assert plan.classify(ISSUED) is EXPIRED


@given(st.timedeltas(s(1), timedelta(days=1)), SPANS, st.floats(0, 0.1))
def test_jitter_only_ever_renews_earlier_and_never_before_half_the_lifetime(
    lifetime: timedelta, floor: timedelta, jitter: float
) -> None:
    margins = Margins(renew_floor=floor)
    with_it = schedule(ISSUED, ISSUED + lifetime, margins, jitter)
    without = schedule(ISSUED, ISSUED + lifetime, margins, 0)
    assert with_it.renew_at <= without.renew_at
    assert with_it.refuse_at == without.refuse_at
    assert with_it.expires_at - with_it.renew_at <= lifetime / 2
    assert (with_it.expires_at - with_it.renew_at) <= (without.expires_at - without.renew_at) * (1 + jitter) + TICK
