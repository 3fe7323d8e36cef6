"""One table for both: each question has one digest, and each answer is used by both or by neither."""

import time

import pytest

from binaries.launcher.built import Parts, Question, parsed_by_hit
from binaries.launcher.kept import NOW, content, facts
from binaries.launcher.vectors import ANSWERS, GIT, PLACE, QUESTIONS, Asked, Judged
from keywright import hit

# --- the question ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", QUESTIONS, ids=[asked.case for asked in QUESTIONS])
def test_a_question_has_one_digest(asked: Asked, parts: Parts) -> None:
    expected = (asked.digest, asked.folder) if asked.digest else ("", "")
    assert asked.question.to_hit() == expected
    assert parts.question(asked.question) == (("", "") if asked.is_left_to_python else expected)


@pytest.mark.parametrize("name", sorted({*hit.VARIABLES, *hit.PATHS, "AWS_NEW_TOMORROW", "KEYWRIGHT_NEW_TOMORROW"}))
@pytest.mark.parametrize("value", [b"", b"/one", b"relative"])
def test_each_listed_variable_counts(name: str, value: bytes, parts: Parts) -> None:
    question = Question(GIT, env={b"HOME": b"/home/me", name.encode(): value}, stdin=PLACE)
    assert parts.question(question) == question.to_hit()


def test_a_variable_that_is_there_twice_is_left_to_python(parts: Parts) -> None:
    env = [b"HOME=/home/me", b"AWS_PROFILE=a"]
    question = Question(GIT, stdin=PLACE)
    assert parts.raw_question(question, env)[0]
    assert not parts.raw_question(question, [*env, b"AWS_PROFILE=b"])[0]
    assert parts.raw_question(question, [*env, b"PATH=a", b"PATH=b"])[0]


def test_what_is_no_variable_does_not_count(parts: Parts) -> None:
    question = Question(GIT, env={b"HOME": b"/home/me"}, stdin=PLACE)
    assert parts.raw_question(question, [b"AWS_PROFILE", b"HOME=/home/me", b"", b"=x"]) == question.to_hit()


@pytest.mark.parametrize("wish", [b"", b"1", b"/trace"])
def test_a_trace_is_no_part_of_a_question(wish: bytes, parts: Parts) -> None:
    plain = Question(GIT, env={b"HOME": b"/home/me"}, stdin=PLACE)
    traced = plain._replace(env={**plain.env, b"KEYWRIGHT_TRACE": wish})
    assert parts.question(traced) == parts.question(plain) == plain.to_hit()


# --- what an answer says --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("judged", ANSWERS, ids=[judged.case for judged in ANSWERS])
def test_an_answer_is_used_by_both_or_by_neither(judged: Judged, parts: Parts) -> None:
    what = content({**facts(), **judged.changed}, judged.added)
    by_hit, by_launcher = parsed_by_hit(what, NOW), parts.parse(what, NOW)
    assert (by_hit is not None) is judged.is_used
    assert by_launcher == (None if judged.is_left_to_python else by_hit)


@pytest.mark.parametrize("body", [b"", b"\n", b"\n\n", b"\n\n\n\n", b"input - /x\n\n", bytes(range(256)) * 100])
def test_the_body_is_any_bytes(body: bytes, parts: Parts) -> None:
    what = content(facts(), body=body)
    found = parts.parse(what, NOW)
    assert found == parsed_by_hit(what, NOW)
    assert found is not None
    assert found.body == body


def test_an_answer_that_is_cut_or_turned_anywhere_is_not_used(parts: Parts) -> None:
    what = content(facts(), body=b"x")
    assert parts.parse(what, NOW) is not None
    for at in range(len(what)):
        assert parts.parse(what[:at], NOW) is None, at
        assert parts.parse(what[:at] + bytes([what[at] ^ 1 << at % 8]) + what[at + 1 :], NOW) is None, at
    assert parts.parse(what + b"\0", NOW) is None


@pytest.mark.parametrize("format_", [b"keywright-answer 2", b"keywright-answer 1 ", b"keywright-answer ", b""])
def test_another_format_is_left_alone(format_: bytes, parts: Parts) -> None:
    what = content(facts()).replace(b"keywright-answer 1", format_, 1)
    assert (parts.parse(what, NOW), parsed_by_hit(what, NOW)) == (None, None)


# --- the clock ------------------------------------------------------------------------------------------------------

INSTANTS = {
    "issued later": (-600.26, None),
    "issued now": (-600.25, False),
    "fresh": (0.0, False),
    "nearly stale": (99.99, False),
    "stale": (100.0, True),
    "nearly expired": (3599.99, True),
    "expired": (3600.0, None),
    "long expired": (1e6, None),
    "before anything": (-NOW, None),
}


@pytest.mark.parametrize(("at_s", "is_stale"), INSTANTS.values(), ids=INSTANTS)
def test_an_answer_is_used_from_its_issue_to_its_expiry(at_s: float, is_stale: bool | None, parts: Parts) -> None:
    what = content(facts())
    found = parts.parse(what, NOW + at_s)
    assert found == parsed_by_hit(what, NOW + at_s)
    assert (found and found.is_stale) is is_stale


@pytest.mark.parametrize(("set_back_s", "is_used"), [(-3600, True), (0, True), (3, True), (7, False), (3600, False)])
def test_a_clock_that_was_set_back_is_noticed(set_back_s: float, is_used: bool, parts: Parts) -> None:
    while True:
        now = time.time()
        what = content(facts(now - 10, boot=hit.boot_mark(now + set_back_s)))
        found, by_hit = parts.parse(what, now), parsed_by_hit(what, now)
        if time.time() - now < 1:  # else the time since boot has gone on, and `now` has not
            break
    assert found == by_hit
    assert (found is not None) is is_used


@pytest.mark.parametrize(
    ("boot", "is_used"),
    [("another-boot 9e12", True), ("", True), ("- 0", True), ("{this}", False), ("{this} x", False)],
)
def test_another_boot_proves_nothing_and_half_a_mark_is_none(boot: str, is_used: bool, parts: Parts) -> None:
    now = time.time()
    this, _, _ = hit.boot_mark(now).partition(" ")
    what = content(facts(now, boot=boot.format(this=this)))
    assert parts.parse(what, now) == parsed_by_hit(what, now)
    assert (parts.parse(what, now) is not None) is is_used


@pytest.mark.parametrize(
    "text", ["0", "1900000000", "1900000000.25", "-0.5", "1e+16", "1.5e-05", "0.1", "1e22", "1e400"]
)
def test_a_number_is_read_as_python_reads_it(text: str, parts: Parts) -> None:
    assert parts.number(text.encode()) == float(text)
