"""What is known of profiles, as JSON: what goes in comes out, and what is damaged or newer is told apart."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.kept import BORN, NOON
from keywright.profiles.known import (
    Decided,
    Decisions,
    NewerState,
    Usage,
    Used,
    parse_decisions,
    parse_usage,
    render_decisions,
    render_usage,
)
from keywright.profiles.reason import FailureReason
from keywright.profiles.standing import Standing

WORK, SINCE = "openai:work", "2026-01-02T03:04:05Z"
DECIDED = Decided(
    since=SINCE,
    enabled=False,
    priority=-2,
    cooldown_until=NOON,
    disabled_until=NOON + timedelta(hours=5),
    disabled_reason=FailureReason.BILLING,
    is_revoked=True,
)
USED = Used(
    since=SINCE,
    last_used=BORN,
    last_error="unreachable: no answer in time",
    last_error_at=NOON,
    error_count=2,
    failure_counts={FailureReason.BILLING: 1, FailureReason.TIMEOUT: 1},
    last_failure_at=NOON,
)


def test_decisions_come_out_as_they_went_in() -> None:
    decisions = Decisions({WORK: DECIDED, "openai:play": Decided()}, generation=7)
    assert parse_decisions(render_decisions(decisions)) == decisions


def test_usage_comes_out_as_it_went_in() -> None:
    usage = Usage({WORK: USED, "openai:play": Used()}, last_good=WORK, generation=9)
    assert parse_usage(render_usage(usage)) == usage


def test_the_same_is_the_same_bytes_in_whatever_order() -> None:
    rows = {WORK: DECIDED, "openai:play": Decided()}
    assert render_decisions(Decisions(rows)) == render_decisions(Decisions(dict(reversed(rows.items()))))
    used = {WORK: USED, "openai:play": Used()}
    assert render_usage(Usage(used)) == render_usage(Usage(dict(reversed(used.items()))))


def test_the_shapes_are_those_that_are_promised() -> None:
    assert json.loads(render_decisions(Decisions({WORK: DECIDED}, 7))) == {
        "version": 1,
        "generation": 7,
        "profiles": {
            WORK: {
                "since": SINCE,
                "enabled": False,
                "priority": -2,
                "cooldown_until": "2030-01-01T12:00:00Z",
                "disabled_until": "2030-01-01T17:00:00Z",
                "disabled_reason": "billing",
                "is_revoked": True,
            }
        },
    }
    assert json.loads(render_usage(Usage({WORK: USED}, WORK, 9))) == {
        "version": 1,
        "generation": 9,
        "last_good": WORK,
        "profiles": {
            WORK: {
                "since": SINCE,
                "last_used": "2026-01-02T03:04:05Z",
                "last_error": "unreachable: no answer in time",
                "last_error_at": "2030-01-01T12:00:00Z",
                "error_count": 2,
                "failure_counts": {"billing": 1, "timeout": 1},
                "last_failure_at": "2030-01-01T12:00:00Z",
            }
        },
    }


def test_what_is_known_of_one_says_nothing_of_another_that_has_its_name() -> None:
    decisions, usage = Decisions({WORK: DECIDED}), Usage({WORK: USED})
    assert (decisions.of(WORK, SINCE), usage.of(WORK, SINCE)) == (DECIDED, USED)
    for id_, since in ((WORK, "2026-01-02T03:04:06Z"), (WORK, ""), ("openai:play", SINCE)):
        assert (decisions.of(id_, since), usage.of(id_, since)) == (Decided(since=since), Used(since=since))


def test_a_standing_is_taken_apart_and_put_together_again() -> None:
    standing = DECIDED.standing(USED)
    assert standing.disabled_until == DECIDED.disabled_until
    assert standing.failure_counts == USED.failure_counts
    assert (DECIDED.under(standing), USED.under(standing)) == (DECIDED, USED)
    clean_decided, clean_used = DECIDED.under(Standing()), USED.under(Standing())
    assert clean_decided.standing(clean_used) == Standing()
    assert (clean_decided.enabled, clean_decided.priority, clean_decided.is_revoked) == (False, -2, True)
    assert (clean_used.last_used, clean_used.last_error) == (USED.last_used, USED.last_error)


ROW = json.loads(render_decisions(Decisions({WORK: DECIDED})))["profiles"][WORK]
USED_ROW = json.loads(render_usage(Usage({WORK: USED})))["profiles"][WORK]
WRONG_DECISIONS: dict[str, object] = {
    "a number": 1,
    "no version": {"generation": 1, "profiles": {}},
    "no generation": {"version": 1, "profiles": {}},
    "a generation in words": {"version": 1, "generation": "seven", "profiles": {}},
    "profiles that are a list": {"version": 1, "generation": 1, "profiles": []},
    **{
        f"a row without {gone}": {
            "version": 1,
            "generation": 1,
            "profiles": {WORK: {k: ROW[k] for k in ROW if k != gone}},
        }
        for gone in ROW
    },
    **{
        f"{key} that is {value!r}": {"version": 1, "generation": 1, "profiles": {WORK: ROW | {key: value}}}
        for key, value in (
            ("enabled", "false"),
            ("enabled", 0),
            ("priority", "high"),
            ("priority", True),
            ("is_revoked", None),
            ("is_revoked", 0),
            ("cooldown_until", 1767323045),
            ("cooldown_until", "2030-01-01T12:00:00"),
            ("disabled_until", "soon"),
            ("disabled_reason", "because"),
        )
    },
}
WRONG_USAGE: dict[str, object] = {
    "a list": [],
    "no last_good": {"version": 1, "generation": 1, "profiles": {}},
    **{
        f"a row without {gone}": {
            "version": 1,
            "generation": 1,
            "last_good": "",
            "profiles": {WORK: {k: USED_ROW[k] for k in USED_ROW if k != gone}},
        }
        for gone in USED_ROW
    },
    **{
        f"{key} that is {value!r}": {
            "version": 1,
            "generation": 1,
            "last_good": "",
            "profiles": {WORK: USED_ROW | {key: value}},
        }
        for key, value in (
            ("last_used", "yesterday"),
            ("error_count", None),
            ("failure_counts", {"because": 1}),
            ("failure_counts", []),
        )
    },
}


@pytest.mark.parametrize("document", WRONG_DECISIONS.values(), ids=WRONG_DECISIONS)
def test_damaged_decisions_are_refused_whole(document: object) -> None:
    with pytest.raises(ValueError, match=r"^$"):
        parse_decisions(json.dumps(document).encode())


@pytest.mark.parametrize("document", WRONG_USAGE.values(), ids=WRONG_USAGE)
def test_damaged_usage_is_refused_whole(document: object) -> None:
    with pytest.raises(ValueError, match=r"^$"):
        parse_usage(json.dumps(document).encode())


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000, b"\0"])
def test_what_is_no_document_is_damaged(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^$"):
        parse_decisions(content)
    with pytest.raises(ValueError, match=r"^$"):
        parse_usage(content)


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_what_is_of_another_version_is_told_from_what_is_damaged(version: object) -> None:
    content = json.dumps({"version": version, "rows": "by then"}).encode()
    with pytest.raises(NewerState):
        parse_decisions(content)
    with pytest.raises(NewerState):
        parse_usage(content)


@given(st.data())
def test_a_file_with_a_byte_changed_is_refused_or_read_and_never_a_bug(data: st.DataObject) -> None:
    for parse, content in (
        (parse_decisions, render_decisions(Decisions({WORK: DECIDED}, 7))),
        (parse_usage, render_usage(Usage({WORK: USED}, WORK, 9))),
    ):
        at = data.draw(st.integers(0, len(content) - 1))
        spoilt = content[:at] + bytes([data.draw(st.integers(0, 255))]) + content[at + 1 :]
        try:
            parse(spoilt)
        except (NewerState, ValueError):
            continue
