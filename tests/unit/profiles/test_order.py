"""The order in which profiles are tried is total, stable, and leaves those that rest for last."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.profiles.mode import Mode
from keywright.profiles.order import Candidate, order
from keywright.settings.turns import Preference

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
EPOCH = NOW - timedelta(hours=1)


def at(seconds: float) -> datetime:
    return EPOCH + timedelta(seconds=seconds)


def in_s(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def one(
    name: str,
    mode: Mode = Mode.API_KEY,
    *,
    priority: int = 0,
    is_valid: bool = True,
    used: float | None = None,
    rests: float | None = None,
) -> Candidate:
    return Candidate(
        id=f"openai:{name}",
        name=name,
        mode=mode,
        priority=priority,
        is_valid=is_valid,
        last_used=None if used is None else at(used),
        cooldown_until=None if rests is None else in_s(rests),
    )


def names(candidates: list[Candidate], preference: Preference | None, last_good: str = "") -> str:
    good = f"openai:{last_good}" if last_good else ""
    return " ".join(candidate.name for candidate in order(candidates, preference, good, NOW))


WORKED = [
    one("A", Mode.API_KEY, priority=10, used=100),
    one("B", Mode.OAUTH),
    one("C", Mode.TOKEN, priority=5, used=50),
    one("default", Mode.API_KEY, used=200),
]


def resting(**rests: float) -> list[Candidate]:
    return [
        candidate._replace(cooldown_until=in_s(rests[candidate.name])) if candidate.name in rests else candidate
        for candidate in WORKED
    ]


@pytest.mark.parametrize(
    ("candidates", "preference", "last_good", "expected"),
    [
        # as they are
        (WORKED, "default", "", "default A C B"),
        (WORKED, "valid", "", "A C default B"),
        (WORKED, "recent", "", "default A C B"),
        (WORKED, "type", "", "B C A default"),
        (WORKED, None, "", "A C B default"),
        # with one that rests
        (resting(A=30), "default", "", "default C B A"),
        (resting(A=30), "valid", "", "C default B A"),
        (resting(A=30), "recent", "", "default C B A"),
        (resting(B=30), "type", "", "C A default B"),
        (resting(A=30), None, "", "C B default A"),
        # with several, the soonest first
        (resting(A=30, default=10), "default", "", "C B default A"),
        (resting(A=10, default=30), "default", "", "C B A default"),
        (resting(A=30, default=30), "default", "", "C B default A"),
        (resting(A=30, B=20, C=10, default=40), "type", "", "C B A default"),
        (resting(A=30, B=20, C=10, default=40), None, "", "C B A default"),
        # a rest that ends now is over
        (resting(A=0), "valid", "", "A C default B"),
        (resting(A=-1), "valid", "", "A C default B"),
        (resting(A=0.000001), "valid", "", "C default B A"),
        # the last good one
        (WORKED, "default", "C", "C default A B"),
        (WORKED, "valid", "B", "B A C default"),
        (WORKED, "valid", "A", "A C default B"),
        (WORKED, "recent", "C", "default A C B"),
        (WORKED, "type", "default", "B C A default"),
        (WORKED, None, "default", "A C B default"),
        (WORKED, "default", "nobody", "default A C B"),
        # the last good one rests
        (resting(C=30), "default", "C", "default A B C"),
        (resting(A=10, C=30), "valid", "C", "default B A C"),
        (resting(A=30, B=30, C=30, default=30), "valid", "B", "A C default B"),
    ],
)
def test_the_worked_example(candidates: list[Candidate], preference: str | None, last_good: str, expected: str) -> None:
    wished = None if preference is None else Preference(preference)
    for given_so in (candidates, candidates[::-1]) if preference else (candidates,):
        assert names(given_so, wished, last_good) == expected


@pytest.mark.parametrize(
    ("candidates", "preference", "expected"),
    [
        ([one("b"), one("c"), one("a")], "default", "a b c"),
        ([one("b"), one("c"), one("a")], "valid", "a b c"),
        ([one("b"), one("c"), one("a")], "recent", "a b c"),
        ([one("b"), one("c"), one("a")], "type", "a b c"),
        ([one("b"), one("c"), one("a")], None, "b c a"),
        ([one("b", used=1), one("a", used=1)], "recent", "a b"),
        ([one("b", used=1), one("a", used=1)], "type", "a b"),
        ([one("b", rests=9), one("a", rests=9)], "recent", "a b"),
        ([one("b", rests=9), one("a", rests=9)], None, "b a"),
        # what counts before the name
        ([one("a"), one("default", priority=-9)], "default", "default a"),
        ([one("a"), one("default", priority=-9)], "valid", "a default"),
        ([one("a", is_valid=False, priority=9), one("b")], "valid", "b a"),
        ([one("a", is_valid=False, priority=9), one("b")], "default", "a b"),
        ([one("a", used=1), one("b", used=2), one("c")], "valid", "b a c"),
        ([one("a", used=1), one("b", used=2), one("c", priority=1)], "valid", "c b a"),
        ([one("a", used=1), one("b", used=1.000001), one("c")], "recent", "b a c"),
        ([one("a", priority=9), one("b", used=1)], "recent", "b a"),
        # used ahead of a clock that was set back: the most recent
        ([one("a", used=1), one("b", used=99999)], "recent", "b a"),
        # by kind; within one, those never used, then in turns
        (
            [one("s", Mode.STATIC), one("m", Mode.MINTED), one("k"), one("t", Mode.TOKEN), one("z", Mode.OAUTH)],
            "type",
            "z t k m s",
        ),
        ([one("a", used=2), one("b", used=1), one("d"), one("c")], "type", "c d b a"),
        ([one("a", priority=9, used=2), one("b", used=1)], "type", "b a"),
        ([one("a", Mode.TOKEN, is_valid=False, used=2), one("b")], "type", "a b"),
        # as written
        ([one("b"), one("a", priority=1), one("default"), one("c", priority=1)], None, "a c b default"),
        ([one("b", is_valid=False), one("a", used=3)], None, "b a"),
        ([], "valid", ""),
        ([], None, ""),
    ],
)
def test_what_counts_and_what_breaks_a_tie(candidates: list[Candidate], preference: str | None, expected: str) -> None:
    assert names(candidates, None if preference is None else Preference(preference)) == expected


def test_the_same_name_at_two_providers_goes_by_id() -> None:
    two = [one("work")._replace(id=f"{provider}:work") for provider in ("openai", "groq")]
    for preference in Preference:
        assert [candidate.id for candidate in order(two, preference, "", NOW)] == ["groq:work", "openai:work"]


def test_by_type_they_take_turns() -> None:
    candidates = [one("a"), one("b"), one("c")]
    served: list[str] = []
    for second in range(7):
        first = order(candidates, Preference.TYPE, served[-1] if served else "", NOW)[0]
        served.append(first.id)
        candidates = [
            candidate._replace(last_used=at(second)) if candidate.id == first.id else candidate
            for candidate in candidates
        ]
    assert "".join(name[-1] for name in served) == "abcabca"


MOMENTS = st.none() | st.integers(-60, 60).map(in_s)
CANDIDATES = st.lists(
    st.builds(
        Candidate,
        id=st.text("abc", min_size=1, max_size=3),
        name=st.sampled_from(["default", "a", "b"]),
        mode=st.sampled_from(Mode),
        priority=st.integers(-2, 2),
        is_valid=st.booleans(),
        last_used=MOMENTS,
        cooldown_until=MOMENTS,
    ),
    max_size=8,
    unique_by=lambda candidate: candidate.id,
)
WISHES = st.none() | st.sampled_from(Preference)
IDS = st.text("abc", max_size=2)


@given(CANDIDATES, WISHES, IDS)
def test_nobody_is_lost_or_comes_twice(
    candidates: list[Candidate], preference: Preference | None, last_good: str
) -> None:
    ordered = order(candidates, preference, last_good, NOW)
    assert sorted(candidate.id for candidate in ordered) == sorted(candidate.id for candidate in candidates)
    assert order(ordered, preference, last_good, NOW) == ordered


@given(CANDIDATES, st.sampled_from(Preference), IDS, st.randoms(use_true_random=False))
def test_the_order_they_are_given_in_does_not_matter(
    candidates: list[Candidate], preference: Preference, last_good: str, random: Random
) -> None:
    shuffled = random.sample(candidates, len(candidates))
    assert order(candidates, preference, last_good, NOW) == order(shuffled, preference, last_good, NOW)


@given(CANDIDATES, WISHES, IDS)
def test_who_rests_is_never_tried_before_who_is_available(
    candidates: list[Candidate], preference: Preference | None, last_good: str
) -> None:
    ends = [candidate.cooldown_until or NOW for candidate in order(candidates, preference, last_good, NOW)]
    rests = [max(end, NOW) for end in ends]
    assert rests == sorted(rests)


@given(CANDIDATES, WISHES, IDS)
def test_the_last_good_one_moves_alone(
    candidates: list[Candidate], preference: Preference | None, last_good: str
) -> None:
    with_boost, without = (order(candidates, preference, good, NOW) for good in (last_good, ""))
    assert [one for one in with_boost if one.id != last_good] == [one for one in without if one.id != last_good]
    if preference in {None, Preference.RECENT, Preference.TYPE}:
        assert with_boost == without
