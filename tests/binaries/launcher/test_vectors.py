"""One table for both: each question has one digest, and each answer is used by both or by neither."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from binaries.launcher.built import Found, Parts, Question, found_by_hit, parsed_by_hit
from binaries.launcher.kept import BODY, NOW, Cache, content, facts
from binaries.launcher.vectors import ANSWERS, GIT, PLACE, QUESTIONS, Asked, Judged
from keywright import hit


@pytest.fixture(autouse=True)
def utf8(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the bundle's Python makes of bytes: the file system's encoding is UTF-8."""
    assert os.fsencode("\u00fc\udcff") == b"\xc3\xbc\xff"


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


def test_a_trace_asks_for_the_long_way_round(parts: Parts) -> None:
    assert parts.question(Question(GIT, env={b"HOME": b"/home/me", b"KEYWRIGHT_TRACE": b"1"})) == ("", "")
    assert parts.question(Question(GIT, env={b"HOME": b"/home/me", b"KEYWRIGHT_TRACE": b""}))[0]


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
    now = time.time()
    what = content(facts(now - 10, boot=hit.boot_mark(now + set_back_s)))
    found = parts.parse(what, now)
    assert found == parsed_by_hit(what, now)
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


# --- on disk --------------------------------------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """A good answer, of one file and one that is absent."""
    cache = Cache(tmp_path / "cache", QUESTIONS[0].digest)
    cache.put(content(facts(), cache.inputs))
    return cache


def found(cache: Cache, parts: Parts) -> Found | None:
    """Return what both find."""
    by_launcher = parts.find(cache.path, cache.digest, NOW)
    assert by_launcher == found_by_hit(hit.find(str(cache.folder), cache.digest, NOW), NOW)
    return by_launcher


def test_an_answer_is_found_byte_for_byte(cache: Cache, parts: Parts) -> None:
    assert found(cache, parts) == Found(0, False, "9e1b", "7", BODY)


def loop(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(path)


def link_the_folder(cache: Cache) -> None:
    cache.folder.rename(cache.path / "elsewhere")
    cache.folder.symlink_to("elsewhere")


def link_the_answer(cache: Cache) -> None:
    cache.answer.rename(cache.folder / "target")
    cache.answer.symlink_to("target")


def be_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir(mode=0o700)


def be_a_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def replace_by_a_twin(path: Path) -> None:
    seen = path.stat()
    twin = path.with_name("twin")
    twin.write_bytes(path.read_bytes())
    os.utime(twin, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    twin.replace(path)


CHANGES: dict[str, Callable[[Cache], object]] = {
    "no folder": lambda cache: cache.folder.rename(cache.path / "gone"),
    "a link to the folder": link_the_folder,
    "a file in the folder's place": lambda cache: (cache.folder.rename(cache.path / "gone"), cache.folder.touch(0o700)),
    **{
        f"a folder of mode {mode:o}": lambda cache, mode=mode: cache.folder.chmod(mode)
        for mode in (0o701, 0o710, 0o777)
    },
    "no answer": lambda cache: cache.answer.unlink(),
    "a link to the answer": link_the_answer,
    "a FIFO": lambda cache: be_a_fifo(cache.answer),
    "a folder in the answer's place": lambda cache: be_a_folder(cache.answer),
    "a second name": lambda cache: os.link(cache.answer, cache.folder / "second"),
    **{
        f"an answer of mode {mode:o}": lambda cache, mode=mode: cache.answer.chmod(mode)
        for mode in (0o644, 0o640, 0o601, 0o700, 0o400, 0o200, 0o4600, 0o1600)
    },
    "an empty answer": lambda cache: cache.put(b""),
    "an answer that is too large": lambda cache: cache.put(content(facts(), body=b"x" * hit.ANSWER_LIMIT)),
    "the input's content": lambda cache: cache.input.write_bytes(b"another one"),
    "the input's mtime": lambda cache: os.utime(cache.input, ns=(0, cache.input.stat().st_mtime_ns + 1)),
    "the input's mode": lambda cache: cache.input.chmod(0o400),
    "the input's inode": lambda cache: replace_by_a_twin(cache.input),
    "an input that is gone": lambda cache: cache.input.unlink(),
    "an input that cannot be read": lambda cache: loop(cache.input),
    "a folder in the input's place": lambda cache: be_a_folder(cache.input),
    "an input that appeared": lambda cache: cache.absent.touch(),
    "an input that appeared and cannot be read": lambda cache: loop(cache.absent),
}
if os.geteuid() == 0:  # nobody else can give a file away
    CHANGES["another user's folder"] = lambda cache: os.chown(cache.folder, 1, -1)
    CHANGES["another user's answer"] = lambda cache: os.chown(cache.answer, 1, -1)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_may_not_be_trusted_is_not_used(change: Callable[[Cache], object], cache: Cache, parts: Parts) -> None:
    assert found(cache, parts) is not None
    change(cache)
    assert found(cache, parts) is None


def test_the_largest_answer_is_used(cache: Cache, parts: Parts) -> None:
    room = hit.ANSWER_LIMIT - len(content(facts(), body=b""))
    cache.put(content(facts(), body=b"x" * room))
    answer = found(cache, parts)
    assert answer is not None
    assert len(answer.body) == room


def test_a_group_may_be_any(cache: Cache, parts: Parts) -> None:
    os.chown(cache.answer, -1, os.getgroups()[0] if os.getgroups() else os.getegid())
    assert found(cache, parts) is not None


@pytest.mark.parametrize("ns", [0, 1, -1, 10**9, -(10**9) - 1, 4 * 10**18])
def test_a_stamp_of_any_time_is_pythons(ns: int, tmp_path: Path, parts: Parts) -> None:
    file = tmp_path / "file"
    file.touch()
    os.utime(file, ns=(0, ns))
    assert parts.stamp(bytes(file)) == hit.stamp(str(file))


# --- the brakes -----------------------------------------------------------------------------------------------------

BRAKES: dict[str, tuple[Callable[[Path], object], bool]] = {
    "none": (lambda _brake: None, True),
    "one that is over": (lambda brake: (brake.touch(), os.utime(brake, (NOW - 1, NOW - 1))), True),
    "one that is just over": (lambda brake: (brake.touch(), os.utime(brake, (NOW, NOW))), True),
    "one that holds": (lambda brake: (brake.touch(), os.utime(brake, (NOW + 0.5, NOW + 0.5))), False),
    "one that holds for long": (lambda brake: (brake.touch(), os.utime(brake, (NOW + 7199, NOW + 7199))), False),
    "one that holds too long to be true": (
        lambda brake: (brake.touch(), os.utime(brake, (NOW + 7200, NOW + 7200))),
        True,
    ),
    "a link": (lambda brake: brake.symlink_to("elsewhere"), False),
    "a folder": (lambda brake: (brake.mkdir(), os.utime(brake, (0, 0))), False),
    "a link to the lock": (lambda brake: Path(f"{brake}.lock").symlink_to("elsewhere"), False),
}


@pytest.mark.parametrize("who", ["hit.py", "the launcher"])
@pytest.mark.parametrize(("make", "is_taken"), BRAKES.values(), ids=BRAKES)
def test_a_brake_is_one_for_both(
    who: str, make: Callable[[Path], object], is_taken: bool, cache: Cache, parts: Parts
) -> None:
    brake = cache.path / "renew" / "entry"
    make(brake)
    now = NOW + 0.123456789

    def claim() -> bool:
        if who == "hit.py":
            return hit.claim(str(cache.path), "entry", now, 30)
        return parts.claim(cache.path, "entry", now, 30)

    if "just over" in who or brake.is_file():
        now = NOW
    assert claim() is is_taken
    if is_taken:
        assert brake.stat().st_mode == 0o100600 or brake.stat().st_size == 0
        assert abs(brake.stat().st_mtime_ns - round((now + 30) * 1e9)) < 1000
        assert not hit.claim(str(cache.path), "entry", now, 30)
        assert not parts.claim(cache.path, "entry", now, 30)


def test_who_comes_while_another_looks_has_lost(cache: Cache, parts: Parts) -> None:
    with (cache.path / "renew" / "entry.lock").open("w") as lock:
        os.lockf(lock.fileno(), os.F_TLOCK, 0)
        assert not parts.claim(cache.path, "entry", NOW, 30)
    assert parts.claim(cache.path, "entry", NOW, 30)
