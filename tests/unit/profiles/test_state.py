"""What all processes know of the profiles together: kept whole, changed under one lock, and never guessed."""

import errno
import json
import os
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fakes.kept import NOON
from keywright.cache.lock import hold
from keywright.errors import StateUnusable
from keywright.profiles import state
from keywright.profiles.cooldown import mark_failure, mark_success
from keywright.profiles.known import Decided, Decisions, Usage
from keywright.profiles.reason import FailureReason
from keywright.profiles.standing import Standing
from keywright.profiles.state import ProfileStates
from keywright.settings.turns import CooldownRules

WORK, PLAY, OTHER = "openai:work", "openai:play", "groq:default"
SINCE, LATER = "2026-01-02T03:04:05Z", "2027-01-02T03:04:05Z"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def states(home: Path) -> ProfileStates:
    return ProfileStates({"KEYWRIGHT_HOME": str(home / "kw")})


@pytest.fixture
def folder(states: ProfileStates) -> Path:
    return Path(states.folder)


@pytest.fixture
def filled(states: ProfileStates) -> ProfileStates:
    """One profile disabled, one with a failure for billing, and one used."""
    states.decide(WORK, SINCE, disable)
    fail(states, PLAY, FailureReason.BILLING)
    states.note_use(OTHER, "", NOON)
    return states


def disable(decided: Decided) -> Decided:
    return decided._replace(enabled=False)


def fail(states: ProfileStates, id_: str, reason: FailureReason, since: str = SINCE) -> Standing:
    return states.judge(id_, since, lambda found: mark_failure(found, reason, CooldownRules(), NOON), "why: not", NOON)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# --- what is kept ---------------------------------------------------------------------------------------------------


def test_nothing_decided_is_nothing_and_makes_no_file(states: ProfileStates, home: Path) -> None:
    assert (states.decisions("openai"), states.usage("openai"), states.providers()) == (Decisions(), Usage(), [])
    assert set(states.inputs("openai").values()) == {"-"}
    assert not (home / "kw").exists()


def test_what_is_decided_is_seen_by_whoever_looks_next(states: ProfileStates, home: Path) -> None:
    assert states.decide(WORK, SINCE, disable) == Decided(since=SINCE, enabled=False)
    again = ProfileStates({"KEYWRIGHT_HOME": str(home / "kw")})
    assert again.decisions("openai") == Decisions({WORK: Decided(since=SINCE, enabled=False)}, generation=1)
    assert again.decisions("groq") == Decisions()
    assert again.usage("openai") == Usage()


def test_a_failure_is_kept_in_two_files_and_read_as_one(states: ProfileStates) -> None:
    standing = fail(states, WORK, FailureReason.RATE_LIMIT)
    decided, used = states.decisions("openai").of(WORK, SINCE), states.usage("openai").of(WORK, SINCE)
    assert decided.standing(used) == standing
    assert decided.cooldown_until == NOON + timedelta(seconds=30)
    assert (used.last_error, used.last_error_at, used.error_count) == ("why: not", NOON, 1)


def test_a_failure_that_calls_for_no_rest_decides_nothing(states: ProfileStates, folder: Path) -> None:
    fail(states, WORK, FailureReason.TIMEOUT)
    assert sorted(content(folder)) == ["lock", "openai.usage.json"]


def test_a_judgement_without_an_error_leaves_the_last_one(states: ProfileStates) -> None:
    fail(states, WORK, FailureReason.RATE_LIMIT)
    assert states.judge(WORK, SINCE, mark_success, "", NOON) == Standing()
    used = states.usage("openai").of(WORK, SINCE)
    assert (used.error_count, used.last_error) == (0, "why: not")
    assert states.decisions("openai").profiles == {}


def test_a_use_is_noted_and_clears_the_error(states: ProfileStates) -> None:
    fail(states, WORK, FailureReason.TIMEOUT)
    states.note_use(WORK, SINCE, NOON + MINUTE)
    usage = states.usage("openai")
    assert usage.last_good == WORK
    used = usage.of(WORK, SINCE)
    assert (used.last_used, used.last_error, used.last_error_at) == (NOON + MINUTE, "", None)


@pytest.mark.parametrize(
    ("after", "is_noted"),
    [(timedelta(0), False), (MINUTE - timedelta(microseconds=1), False), (MINUTE, True), (-MINUTE, True)],
)
def test_a_use_is_noted_once_a_minute(states: ProfileStates, after: timedelta, *, is_noted: bool) -> None:
    states.note_use(WORK, SINCE, NOON)
    states.note_use(WORK, SINCE, NOON + after)
    assert states.usage("openai").generation == 1 + is_noted


def test_another_one_that_served_is_noted_at_once(states: ProfileStates) -> None:
    for id_ in (WORK, PLAY, WORK):
        states.note_use(id_, SINCE, NOON)
        assert states.usage("openai").last_good == id_
    assert states.usage("openai").generation == 3


def test_forgetting_leaves_nothing_of_it_and_all_of_the_others(states: ProfileStates) -> None:
    for id_ in (WORK, PLAY):
        states.note_use(id_, SINCE, NOON)
        fail(states, id_, FailureReason.BILLING)
    states.forget(PLAY)
    assert set(states.decisions("openai").profiles) == set(states.usage("openai").profiles) == {WORK}
    assert states.usage("openai").last_good == ""
    states.forget(PLAY)
    states.forget("absent:default")


def test_one_that_is_added_again_inherits_nothing_and_owes_nothing(states: ProfileStates) -> None:
    states.decide(WORK, SINCE, disable)
    fail(states, WORK, FailureReason.BILLING)
    assert states.decide(WORK, LATER, lambda decided: decided._replace(priority=3)) == Decided(LATER, priority=3)
    assert fail(states, WORK, FailureReason.BILLING, LATER).error_count == 1
    assert states.decisions("openai").of(WORK, SINCE) == Decided(since=SINCE)


def test_what_happened_to_one_that_was_removed_never_undoes_a_decision_about_its_successor(
    states: ProfileStates, folder: Path
) -> None:
    states.decide(WORK, LATER, disable)
    states.note_use(WORK, LATER, NOON)
    before = content(folder)
    assert fail(states, WORK, FailureReason.BILLING, SINCE).disabled_until, "it is told all the same"
    states.note_use(WORK, SINCE, NOON + MINUTE)
    assert content(folder) == before


def test_two_providers_have_two_files(filled: ProfileStates, folder: Path) -> None:
    assert sorted(content(folder)) == ["groq.usage.json", "lock", "openai.json", "openai.usage.json"]
    assert filled.providers() == ["groq", "openai"]


def test_generations_grow_with_each_write_and_with_nothing_else(states: ProfileStates, folder: Path) -> None:
    states.decide(WORK, SINCE, disable)
    seen = [states.decisions("openai").generation]
    before = content(folder)
    states.decide(WORK, SINCE, disable)
    states.forget(PLAY)
    assert content(folder) == before
    for wished in (1, 2):
        states.decide(WORK, SINCE, lambda decided, wished=wished: decided._replace(priority=wished))  # type: ignore[misc]
        seen.append(states.decisions("openai").generation)
    states.forget(WORK)
    assert [*seen, states.decisions("openai").generation] == [1, 2, 3, 4]


def test_what_comes_to_nothing_is_not_kept(states: ProfileStates) -> None:
    states.decide(WORK, SINCE, disable)
    states.decide(WORK, SINCE, lambda decided: decided._replace(enabled=None))
    assert states.decisions("openai").profiles == {}


def test_the_name_of_a_cluster_may_hold_what_a_provider_may_not(states: ProfileStates, folder: Path) -> None:
    id_ = "aws-eks:arn:aws:eks:eu-central-1:111122223333:cluster/../../prod"
    states.note_use(id_, "", NOON)
    fail(states, id_, FailureReason.RATE_LIMIT, "")
    assert sorted(content(folder)) == ["aws-eks.json", "aws-eks.usage.json", "lock"]
    assert states.decisions("aws-eks").of(id_, "").cooldown_until


def test_the_inputs_are_what_decides_and_the_usage_where_that_decides_too(filled: ProfileStates, folder: Path) -> None:
    assert list(filled.inputs("openai")) == [str(folder / "openai.json")]
    wide = filled.inputs("openai", with_usage=True)
    assert list(wide) == [str(folder / "openai.json"), str(folder / "openai.usage.json")]
    assert "-" not in wide.values()
    filled.note_use(WORK, SINCE, NOON)
    assert filled.inputs("openai") == {str(folder / "openai.json"): wide[str(folder / "openai.json")]}
    assert filled.inputs("openai", with_usage=True) != wide


def test_everything_is_the_owners_alone(filled: ProfileStates, folder: Path) -> None:
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert filled.lock_path("renew-x") == f"{folder}/renew-x.lock"


def test_a_block_that_fails_changes_nothing(filled: ProfileStates, folder: Path) -> None:
    before = content(folder)

    def break_off() -> None:
        with filled.changing("openai") as draft:
            draft.decided.clear()
            draft.used.clear()
            raise RuntimeError("on the way")

    with pytest.raises(RuntimeError, match="on the way"):
        break_off()
    assert content(folder) == before


@pytest.mark.parametrize("ends", [False, True], ids=["a rest begins", "a rest ends"])
def test_a_crash_between_the_two_files_never_leaves_a_rest_that_follows_from_nothing(
    states: ProfileStates, monkeypatch: pytest.MonkeyPatch, *, ends: bool
) -> None:
    if ends:
        fail(states, WORK, FailureReason.BILLING)
    renamed, real = 0, os.rename

    def rename(*args: Any, **kwargs: Any) -> None:
        nonlocal renamed
        renamed += 1
        if renamed == 2:
            raise KeyboardInterrupt
        real(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", rename)
        with pytest.raises(KeyboardInterrupt):
            states.judge(WORK, SINCE, mark_success, "", NOON) if ends else fail(states, WORK, FailureReason.BILLING)
    found = states.decisions("openai").of(WORK, SINCE).standing(states.usage("openai").of(WORK, SINCE))
    assert (found.disabled_until, found.last_failure_at) == (None, NOON)


def test_what_a_killed_writer_left_is_swept_by_the_next(filled: ProfileStates, folder: Path) -> None:
    for name in ("openai.json.77.tmp", "openai.usage.json.78.tmp"):
        (folder / name).write_bytes(b"half")
    fail(filled, WORK, FailureReason.BILLING)
    assert not list(folder.glob("*.tmp"))


# --- bad input ------------------------------------------------------------------------------------------------------


def loosen(path: Path) -> None:
    path.chmod(0o644)


def make_link(path: Path) -> None:
    elsewhere = path.with_name("elsewhere")
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def make_second_name(path: Path) -> None:
    os.link(path, path.with_name("second"))


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def make_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def make_huge(path: Path) -> None:
    os.truncate(path, 5 << 20)


def make_newer(path: Path) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 2, "more": "of it"}))


SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "loose": (loosen, "is open to other users; run `chmod 600"),
    "a link": (make_link, "cannot be read (ELOOP); move it away, and disable again what was disabled"),
    "of two names": (make_second_name, "has a second name elsewhere, a hard link; run `"),
    "a folder": (make_folder, "is not a plain file of yours; move it away, and disable again"),
    "a pipe": (make_pipe, "is not a plain file of yours; move it away, and disable again"),
    "huge": (make_huge, "is larger than anything kept here; move it away"),
    "empty": (lambda path: path.write_bytes(b""), "is damaged; move it away, and disable again what was disabled: `mv"),
    "cut off": (lambda path: os.truncate(path, 40), "is damaged; move it away"),
    "zeroed": (lambda path: path.write_bytes(bytes(path.stat().st_size)), "is damaged; move it away"),
    "newer": (make_newer, "is of another version than this keywright's; upgrade it"),
}
CALLS: dict[str, Callable[[ProfileStates], object]] = {
    "decisions": lambda states: states.decisions("openai"),
    "decide": lambda states: states.decide(PLAY, SINCE, disable),
    "judge": lambda states: fail(states, PLAY, FailureReason.BILLING),
    "note_use": lambda states: states.note_use(PLAY, SINCE, NOON),
    "forget": lambda states: states.forget(WORK),
}


def lstats(folder: Path) -> dict[str, tuple[int, int, int]]:
    found = {path.name: path.lstat() for path in folder.iterdir()}
    return {name: (one.st_ino, one.st_size, one.st_mtime_ns) for name, one in found.items()}


def assert_refused(states: ProfileStates, told: str) -> None:
    for call in CALLS.values():
        with pytest.raises(StateUnusable) as raised:
            call(states)
        assert told in str(raised.value)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("spoil", "told"), SPOILT.values(), ids=SPOILT)
def test_decisions_that_cannot_be_trusted_are_an_error_and_stay(
    filled: ProfileStates, folder: Path, spoil: Callable[[Path], object], told: str
) -> None:
    spoil(folder / "openai.json")
    before = lstats(folder)
    assert_refused(filled, told)
    assert lstats(folder) == before
    assert filled.decisions("groq") == Decisions(), "another provider's are its own"
    filled.note_use(OTHER, "", NOON + MINUTE)


DAMAGED = ["empty", "cut off", "zeroed"]


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_usage_decides_nothing_and_is_set_aside(filled: ProfileStates, folder: Path, name: str) -> None:
    SPOILT[name][0](folder / "openai.usage.json")
    damaged, decided = (folder / "openai.usage.json").read_bytes(), (folder / "openai.json").read_bytes()
    assert filled.usage("openai") == Usage()
    filled.note_use(WORK, SINCE, NOON)
    assert filled.usage("openai").last_good == WORK
    assert (folder / "openai.json").read_bytes() == decided
    assert (folder / "openai.usage.json.broken").read_bytes() == damaged
    assert filled.providers() == ["groq", "openai"]


@pytest.mark.parametrize("name", [name for name in SPOILT if name not in {*DAMAGED, "newer"}])
def test_usage_that_cannot_be_read_decides_nothing_is_not_overwritten_and_stops_no_decision(
    filled: ProfileStates, folder: Path, name: str
) -> None:
    SPOILT[name][0](folder / "openai.usage.json")
    before = lstats(folder)
    assert filled.usage("openai") == Usage()
    for call in ("judge", "note_use", "forget"):
        with pytest.raises(StateUnusable, match=r"openai\.usage\.json"):
            CALLS[call](filled)
    assert lstats(folder) == before
    filled.decide(PLAY, SINCE, disable)
    assert filled.decisions("openai").of(PLAY, SINCE).enabled is False
    assert lstats(folder)["openai.usage.json"] == before["openai.usage.json"]


def test_newer_usage_is_left_alone_and_decisions_are_still_made(filled: ProfileStates, folder: Path) -> None:
    make_newer(folder / "openai.usage.json")
    before = (folder / "openai.usage.json").read_bytes()
    filled.note_use(WORK, SINCE, NOON)
    assert fail(filled, WORK, FailureReason.RATE_LIMIT).cooldown_until
    filled.forget(PLAY)
    assert (folder / "openai.usage.json").read_bytes() == before
    assert set(filled.decisions("openai").profiles) == {WORK}


@pytest.mark.parametrize("mode", [0o755, 0o777, 0o770])
@pytest.mark.parametrize("which", ["state", "profiles"])
def test_a_loose_folder_is_refused(filled: ProfileStates, folder: Path, which: str, mode: int) -> None:
    loose = folder if which == "profiles" else folder.parent
    loose.chmod(mode)
    writes = [call for name, call in CALLS.items() if which == "profiles" or name != "decisions"]
    for call in writes:
        with pytest.raises(StateUnusable, match="is open to other users; run `chmod 700"):
            call(filled)


def test_a_link_in_the_folders_place_is_refused(filled: ProfileStates, folder: Path) -> None:
    make_link(folder)
    assert_refused(filled, "cannot be opened as a folder (ENOTDIR)")


@pytest.mark.parametrize("which", ["state", "profiles"])
def test_a_file_in_the_folders_place_holds_no_decision(states: ProfileStates, folder: Path, which: str) -> None:
    place = folder if which == "profiles" else folder.parent
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    place.touch(mode=0o600)
    assert states.decisions("openai") == Decisions()
    with pytest.raises(StateUnusable, match="cannot be opened as a folder"):
        states.decide(WORK, SINCE, disable)


def test_a_foreign_folder_is_refused(filled: ProfileStates, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    assert_refused(filled, "belongs to user")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.ESTALE])
def test_what_cannot_be_looked_at_is_not_taken_for_absent(
    filled: ProfileStates, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise OSError(number, "refused")

    monkeypatch.setattr(os, "lstat", refuse)
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StateUnusable, match=errno.errorcode[number]):
        filled.decisions("openai")


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EACCES, errno.EDQUOT])
def test_what_cannot_be_written_is_told_and_changes_no_decision(
    filled: ProfileStates, folder: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    before = (folder / "openai.json").read_bytes()

    def refuse(*_: object, **__: object) -> int:
        raise OSError(number, "refused")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        for name in ("decide", "judge", "forget"):
            with pytest.raises(StateUnusable, match=errno.errorcode[number]) as raised:
                CALLS[name](filled)
            assert raised.value.mend
    assert (folder / "openai.json").read_bytes() == before
    assert not list(folder.glob("*.tmp"))
    filled.decide(PLAY, SINCE, disable)


def test_a_lock_that_others_keep_is_waited_for_and_never_gone_around(
    filled: ProfileStates, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "LOCK_WAIT_S", 0.05)
    before = content(folder)
    with hold(f"{folder}/lock", 0) as is_locked:
        assert is_locked
        for name in ("decide", "judge", "note_use", "forget"):
            with pytest.raises(StateUnusable, match="locked for too long"):
                CALLS[name](filled)
        assert filled.decisions("openai").of(WORK, SINCE).enabled is False, "who only reads takes no lock"
    assert content(folder) == before


@pytest.mark.parametrize("env", [{}, {"HOME": ""}, {"KEYWRIGHT_HOME": "relative"}], ids=str)
def test_without_any_home_nothing_was_decided_and_nothing_can_be(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platformdirs.user_state_dir", lambda *_, **__: "relative")
    nowhere = ProfileStates(env)
    assert (nowhere.decisions("openai"), nowhere.usage("openai"), nowhere.inputs("openai")) == (
        Decisions(),
        Usage(),
        {},
    )
    writes: list[Callable[[ProfileStates], object]] = [call for name, call in CALLS.items() if name != "decisions"]
    writes.append(lambda states: states.lock_path("renew-x"))
    for call in writes:
        with pytest.raises(StateUnusable, match="there is no absolute state folder; set HOME"):
            call(nowhere)
