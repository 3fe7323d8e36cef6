"""Generated questions and answers, given to both: what the launcher answers, hit.py answers with the same bytes.

The other way round there are only the exceptions that launcher.c lists; each has its line in `is_left_to_python`.
"""

import re
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from binaries.launcher.built import STDIN_ANSWERED, Parts, Question, found_by_hit, parsed_by_hit
from binaries.launcher.kept import NOW, Cache, content, facts, proven
from binaries.launcher.vectors import DOCKER, GIT, KUBE, PERSON
from keywright import hit
from keywright.cache.answers import Answer, render

pytestmark = pytest.mark.slow

NUMBER = re.compile(rb"-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?")
WORD = re.compile(rb"[0-9A-Za-z_-]+")


# --- the question ---------------------------------------------------------------------------------------------------


def is_left(question: Question) -> bool:
    """Return whether the launcher may step aside where hit.py answers."""
    listed = [
        name
        for name in question.env
        if name.decode("utf-8", "surrogateescape") in hit.VARIABLES or name.startswith((b"AWS_", b"KEYWRIGHT_"))
    ]
    base = question.env.get(b"XDG_CACHE_HOME", b"") if not question.env.get(b"KEYWRIGHT_HOME") else b""
    counting = [line for line in question.stdin.split(b"\n") if line.startswith(hit._STORE_LINES)]
    return (
        len(question.stdin) > STDIN_ANSWERED
        or len(listed) > 128
        or any(not name.isascii() for name in listed)
        or (base[-1:] < b"!" or base[-1:] > b"~" if base else False)
        or (list(question.args) == [b"store"] and len(counting) > 64)
    )


def no_nul(strategy: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return strategy.map(lambda text: text.replace(b"\0", b""))


TEXTS = no_nul(st.binary(max_size=8)) | st.text(max_size=4).map(lambda text: text.encode("utf-8", "replace")).map(
    lambda text: text.replace(b"\0", b"")
)
ARGS = st.lists(TEXTS | st.sampled_from([b"get", b"store", b"erase", b"AWS_A=1"]), max_size=4) | st.sampled_from(
    [[b"get"], [b"store"], [b"erase"]]
)
LISTED = sorted(name.encode() for name in hit.VARIABLES | hit.PATHS)
NAMES = (
    st.sampled_from(LISTED)
    | st.sampled_from([b"AWS_A", b"AWS_A1", b"AWS_A-", b"AWS_", b"KEYWRIGHT_", b"KEYWRIGHT_TRACE", b"PATH", b"AWS"])
    | st.builds(
        lambda prefix, rest: prefix + rest.replace(b"=", b""), st.sampled_from([b"AWS_", b"KEYWRIGHT_", b""]), TEXTS
    )
)
VALUES = TEXTS | TEXTS.map(lambda text: b"/" + text) | st.sampled_from([b"", b"/x", b"/x/", b"/", b"/x ", b"/x\x1f"])
LINES = TEXTS | st.builds(
    lambda start, rest: start + rest,
    st.sampled_from([*hit._SECRET_LINES, *hit._STORE_LINES, b"wwwauth[]=", b"wwwauth[]", b"host", b"state[", b"\0"]),
    st.binary(max_size=4),
)
ENVS = st.dictionaries(NAMES, VALUES, max_size=6).map(lambda env: {b"HOME": b"/home/me"} | env)
QUESTIONS = st.builds(
    Question,
    name=st.sampled_from([GIT, DOCKER, KUBE, PERSON]),
    args=ARGS,
    env=ENVS,
    stdin=st.lists(LINES, max_size=6).map(b"\n".join) | st.binary(max_size=200),
)


@settings(max_examples=400)
@given(question=QUESTIONS)
def test_a_question_has_the_same_digest_and_folder(question: Question, parts: Parts) -> None:
    expected, found = question.to_hit(), parts.question(question)
    event("answered" if expected[0] else "not answered")
    assert found == expected or (is_left(question) and found == ("", ""))


@settings(max_examples=30)
@given(count=st.integers(0, 300), length=st.integers(0, 2), data=st.data())
def test_the_hash_is_right_at_every_length(count: int, length: int, data: st.DataObject, parts: Parts) -> None:
    stdin = b"x" * count + b"y" * length
    question = Question(DOCKER, [], {b"HOME": b"/"}, stdin)
    assert parts.question(question) == question.to_hit()


# --- what an answer says --------------------------------------------------------------------------------------------

NUMBERS = (
    st.floats(allow_nan=True).map(lambda number: repr(number).encode())
    | st.integers(-10, 10**20).map(lambda number: b"%d" % number)
    | st.builds(lambda by: repr(NOW + by).encode(), st.floats(-4000, 4000))
    | st.sampled_from([b"", b"1_0", b" 1", b"1 ", b"+1", b".5", b"5.", b"1E5", b"inf", b"nan", b"0x1p3", b"1e", b"1e+"])
    | st.text("0123456789.e+-_ ", max_size=12).map(str.encode)
)
CODES = st.integers(-1, 300).map(lambda code: b"%d" % code) | st.sampled_from(
    [b"", b"0", b"+1", b"0001", b"1_0", b"\xd9\xa3"]
)
WORDS = st.sampled_from([b"-", b"entry", b"", b"../x", b"a/b", b"a b", b"\xff", b"e" * 128]) | st.text(
    "a0_-./ ", max_size=5
).map(str.encode)
PATHS = st.sampled_from(
    [
        b"/",
        b"/etc",
        b"",
        b"/nowhere/at/all",
        b"/dev/null",
        b"/dev/null/x",
        b"/" + b"x" * 300,
        b"/x" * 3000,
        b"/\0",
        b"relative",
    ]
)


@st.composite
def inputs(draw: st.DrawFn) -> bytes:
    """Return a line of an input, mostly with the stamp it has."""
    path = draw(PATHS)
    stamp = hit.stamp(path.decode("utf-8", "surrogateescape")).encode()
    return (
        b"input "
        + draw(st.just(stamp) | st.sampled_from([b"-", b"!36", b"!0", b"!2", b"", stamp + b"1"]))
        + b" "
        + path
    )


LATER = st.builds(
    lambda fact, value: fact + b" " + value,
    st.sampled_from([b"exit", b"issued", b"refresh", b"expires", b"boot", b"entry", b"generation", b"new"]),
    NUMBERS | CODES | WORDS,
)
MARKS = st.sampled_from([b"- 0", b"- 1", b"- -9e9", b"-", b"", b"other 9e12", b"- x"])


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """Return the part of an answer below its checksum."""
    said = facts()
    for fact, values in {
        b"exit": CODES,
        b"issued": NUMBERS,
        b"refresh": NUMBERS,
        b"expires": NUMBERS,
        b"boot": MARKS,
        b"entry": WORDS,
        b"generation": WORDS | NUMBERS,
    }.items():
        if draw(st.integers(0, 5)) == 0:
            said[fact] = draw(values)
    lines = [fact + b" " + value for fact, value in said.items()]
    lines += draw(st.lists(inputs() | LATER | st.binary(max_size=6), max_size=2))
    if draw(st.integers(0, 9)) == 0:
        del lines[draw(st.integers(0, len(lines) - 1))]
    end = draw(st.sampled_from([b"\n\n"] * 9 + [b"", b"\n"]))
    rest = b"\n".join(lines) + end + draw(st.binary(max_size=20))
    if draw(st.integers(0, 4)) == 0:
        at = draw(st.integers(0, len(rest) - 1))
        rest = rest[:at] + draw(st.binary(max_size=2)) + rest[at + draw(st.integers(0, 2)) :]
    return rest


def is_left_to_python(rest: bytes) -> bool:
    """Return whether the launcher may step aside where hit.py uses the answer."""
    head, empty_line, _ = rest.partition(b"\n\n")
    said, paths = {}, []
    for line in head.split(b"\n"):
        fact, _, value = line.partition(b" ")
        said[fact] = value
        if fact == b"input":
            paths.append(value.partition(b" ")[2])
    numbers = [said.get(fact, b"") for fact in (b"issued", b"refresh", b"expires")]
    boot, _, then = said.get(b"boot", b"").partition(b" ")
    if boot.decode("utf-8", "replace") == hit.boot_mark(NOW).partition(" ")[0]:
        numbers.append(then)
    return (
        not empty_line
        or any(b"\0" in path for path in paths)
        or any(len(number) > 31 or not NUMBER.fullmatch(number) for number in numbers)
        or not re.fullmatch(rb"[0-9]{1,3}", said.get(b"exit", b""))
        or any(
            len(said.get(fact, b"")) > longest or not WORD.fullmatch(said.get(fact, b""))
            for fact, longest in ((b"entry", 128), (b"generation", 31))
        )
    )


@settings(max_examples=400)
@given(rest=answers())
def test_an_answer_that_the_launcher_uses_is_hits_own(rest: bytes, parts: Parts) -> None:
    what = proven(rest)
    by_hit, by_launcher = parsed_by_hit(what, NOW), parts.parse(what, NOW)
    event("used" if by_hit else "not used")
    if by_launcher is None:
        assert by_hit is None or is_left_to_python(rest)
    else:
        assert by_launcher == by_hit


@settings(max_examples=200)
@given(what=st.binary(max_size=200), is_proven=st.booleans())
def test_arbitrary_bytes_are_no_answer(what: bytes, is_proven: bool, parts: Parts) -> None:
    assert parts.parse(proven(what) if is_proven else what, NOW) is None


@given(text=st.text("0123456789.e+-", max_size=34) | st.floats().map(repr))
def test_a_number_is_pythons_or_none(text: str, parts: Parts) -> None:
    found = parts.number(text.encode())
    if found is None:
        assert len(text) > 31 or not NUMBER.fullmatch(text.encode())
    else:
        assert found == float(text)


# --- on disk --------------------------------------------------------------------------------------------------------


class Disk(NamedTuple):
    """What lies on disk, and when somebody looks."""

    mode: int
    folder_mode: int
    has_second_name: bool
    change: str
    at_s: float


INSTANTS = [-601.0, -600.25, 0.0, 50.0, 99.999, 100.0, 3599.0, 3600.0]
DISKS = st.builds(
    Disk,
    mode=st.sampled_from([0o600] * 15 + [0o644, 0o400, 0o4600, 0o700, 0o602]),
    folder_mode=st.sampled_from([0o700] * 15 + [0o755, 0o701, 0o500, 0o1700]),
    has_second_name=st.sampled_from([False] * 15 + [True]),
    change=st.sampled_from(["nothing"] * 15 + ["content", "mtime", "gone", "appeared"]),
    at_s=st.sampled_from(INSTANTS) | st.floats(-700, 4000),
)


@settings(max_examples=120)
@given(disk=DISKS)
def test_what_lies_on_disk_is_found_by_both_or_by_neither(disk: Disk, parts: Parts) -> None:
    with tempfile.TemporaryDirectory() as root:
        cache = Cache(Path(root), "d" * 64)
        cache.put(content(facts(), cache.inputs))
        if disk.has_second_name:
            cache.answer.with_name("second").hardlink_to(cache.answer)
        match disk.change:
            case "content":
                cache.input.write_bytes(b"another one")
            case "mtime":
                cache.input.touch()
            case "gone":
                cache.input.unlink()
            case "appeared":
                cache.absent.touch()
        cache.answer.chmod(disk.mode)
        cache.folder.chmod(disk.folder_mode)
        now = NOW + disk.at_s
        by_hit = found_by_hit(hit.find(str(cache.folder), cache.digest, now), now)
        event("used" if by_hit else "not used")
        assert parts.find(cache.path, cache.digest, now) == by_hit
        cache.folder.chmod(0o700)


SECONDS = st.floats(min_value=0, max_value=86400)


@settings(max_examples=100)
@given(
    answer=st.builds(
        Answer,
        exit_code=st.integers(0, 255),
        issued_at_s=SECONDS.map(lambda before: NOW - before),
        refresh_at_s=SECONDS.map(lambda after: NOW + after - 1000),
        expires_at_s=SECONDS.map(lambda after: NOW + after + 1),
        boot=st.sampled_from(["- 0", "0f3d-1 1699990000.5"]),
        entry=st.just("-") | st.binary(min_size=32, max_size=32).map(bytes.hex),
        generation=st.integers(0, 2**64),
        question=st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])),
        body=st.binary(),
    )
)
def test_whatever_our_own_writer_writes_is_used(answer: Answer, parts: Parts) -> None:
    what = render(answer, {"/nowhere/at/all": "-"})
    found = parts.parse(what, NOW)
    assert found is not None
    assert found == parsed_by_hit(what, NOW)
