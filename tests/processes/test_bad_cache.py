"""Caches that cannot be used or trusted: the credential is served all the same, and the person is told once and how."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from keywright.cache.folder import FILE_LIMIT
from processes.house import DOCKER, GIT, QUESTIONS, House, Question, Run, need

STRANGER = 12345
UNPRIVILEGED = ("unshare", "--user", "--map-user=1000540000", "--map-group=1000540000")
"""Runs a program as a user whom permissions bind and no passwd file knows, who owns what the caller owns."""


def within(*prefix: str) -> list[str]:
    """Return the prefix that runs a program so, if this machine lets us."""
    is_allowed = (
        shutil.which(prefix[0]) and not subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode
    )
    need(is_allowed, f"the right to `{' '.join(prefix)}`")
    return list(prefix)


def assert_told_once(runs: list[Run], *parts: str) -> None:
    """Assert that each process served a credential and told one line that names cause and mend."""
    for run in runs:
        assert run.token
        (line,) = run.told
        assert line.startswith(f"{run.question.name}: not using the cache: ")
        assert line.endswith(" [cache_unusable]")
        for part in parts:
            assert part in line


def replace_by_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def replace_by_file(path: Path) -> None:
    shutil.rmtree(path)
    path.touch(0o600)


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir(0o700)


def replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def give_away(path: Path) -> None:
    need(os.geteuid() == 0, "root, to give a file away")
    os.chown(path, STRANGER, STRANGER)


def link_twice(path: Path) -> None:
    path.with_name("twin").hardlink_to(path)


def blow_up(path: Path) -> None:
    os.truncate(path, FILE_LIMIT + 1)


CACHE, STATE, ENTRIES, ANSWERS, ENTRY = "cache", "state", "cache/entries", "cache/answers", "{entry}"

UNTRUSTED: list[tuple[str, str, Callable[[Path], object], tuple[str, ...]]] = [
    *(
        (f"{what}, open to others", what, lambda path: path.chmod(0o755), ("is open to other users", "run `chmod 700 "))
        for what in (CACHE, STATE, ENTRIES, ANSWERS)
    ),
    *(
        (f"{what}, another's", what, give_away, (f"belongs to user {STRANGER}", "run `sudo chown "))
        for what in (CACHE, STATE, ENTRIES, ANSWERS)
    ),
    *(
        (f"{what}, a link", what, replace_by_link, ("cannot be opened as a folder", "run `mv "))
        for what in (CACHE, STATE, ENTRIES, ANSWERS)
    ),
    *(
        (f"{what}, a file", what, replace_by_file, ("cannot be opened as a folder", "run `mv "))
        for what in (CACHE, STATE, ENTRIES, ANSWERS)
    ),
    ("the entry, open to others", ENTRY, lambda path: path.chmod(0o644), ("is open to other users", "run `chmod 600 ")),
    ("the entry, another's", ENTRY, give_away, ("is not a plain file of yours", "run `rm ")),
    ("the entry, a link", ENTRY, replace_by_link, ("cannot be read (ELOOP)", "run `rm ")),
    ("the entry, with a second name", ENTRY, link_twice, ("has a second name elsewhere", "run `cp -p ")),
    ("the entry, a pipe", ENTRY, replace_by_pipe, ("is not a plain file of yours", "run `rm ")),
    ("the entry, a folder", ENTRY, replace_by_folder, ("is not a plain file of yours", "run `rm ")),
    ("the entry, of 4 MiB", ENTRY, blow_up, ("is larger than anything kept here", "run `rm ")),
]


@pytest.mark.slow
@pytest.mark.parametrize(("what", "spoil", "parts"), [row[1:] for row in UNTRUSTED], ids=[row[0] for row in UNTRUSTED])
def test_what_cannot_be_trusted_is_not_used_and_can_be_mended_as_told(
    house: House, what: str, spoil: Callable[[Path], object], parts: tuple[str, ...]
) -> None:
    house.run_all()
    path = house.folder / what.format(entry=house.entry_file)
    house.forget_ready_answers()
    spoil(path)
    runs = house.run_all()
    assert_told_once(runs, str(path), *parts)
    assert len({run.token for run in runs}) == 3  # each minted its own
    mend = re.search(r"run `(?:sudo )?(.*)`", runs[0].told[0])
    assert mend
    subprocess.run(["/bin/sh", "-c", mend[1]], check=True)
    house.run_all()
    mended = house.run_all()
    assert [run.stderr for run in mended] == ["", "", ""]
    assert len({run.token for run in mended}) == 1


@pytest.mark.parametrize("replace", [replace_by_link, replace_by_folder], ids=["a link", "a folder"])
def test_a_lock_that_cannot_be_taken_costs_no_credential(house: House, replace: Callable[[Path], None]) -> None:
    house.make_expired()
    replace(house.entry_file.with_suffix(".lock"))
    assert_told_once(house.run_all(), "cannot be locked", "make it writable, or ")


def test_a_usable_credential_needs_no_lock(house: House) -> None:
    (token,) = {run.token for run in house.run_all()}
    replace_by_folder(house.entry_file.with_suffix(".lock"))
    house.forget_ready_answers()
    runs = house.run_all()
    assert {(run.token, run.stderr) for run in runs} == {(token, "")}


BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda whole: whole[:0],
    "cut short": lambda whole: whole[:-30],
    "zeroes": lambda whole: bytes(len(whole)),
    "no JSON": lambda whole: b"keywright" + whole,
    "no UTF-8": lambda whole: whole.replace(b"ghs_", b"\xff"),
    "a list": lambda whole: b"[" + whole + b"]",
    "nested without end": lambda whole: b"[" * len(whole) * 100,
    "without a secret": lambda whole: whole.replace(b'"secret"', b'"sacred"'),
    "a time that is none": lambda whole: re.sub(rb'("issued_at_unix_s": )[0-9.]+', rb"\g<1>1e400", whole),
}


@pytest.mark.parametrize("spoil", BROKEN.values(), ids=BROKEN)
def test_a_broken_entry_is_set_aside_and_replaced(house: House, spoil: Callable[[bytes], bytes]) -> None:
    house.run(GIT)
    broken = spoil(house.entry_file.read_bytes())
    house.entry_file.write_bytes(broken)
    runs = house.run_all()
    assert {(run.token, run.stderr) for run in runs} == {(house.issuer.issued[-1], "")}
    assert house.asked == 2
    assert house.entry_file.with_name(f"{house.entry_file.name}.broken").read_bytes() == broken
    assert house.entry().credential.secret.reveal() == house.issuer.issued[-1]


def test_an_entry_that_answers_another_question_is_no_answer(house: House) -> None:
    house.run(GIT)
    document = json.loads(house.entry_file.read_bytes())
    document["key"]["facts"]["installation_id"] = "790"
    document["secret"] = "somebody-elses"
    house.entry_file.write_text(json.dumps(document))
    assert {run.token for run in house.run_all()} == {house.issuer.issued[-1]}
    assert house.asked == 2


def test_an_entry_of_a_newer_version_is_left_alone(house: House) -> None:
    house.run(GIT)
    newer = house.entry_file.read_bytes().replace(b'"schema": 1', b'"schema": 2')
    house.entry_file.write_bytes(newer)
    assert_told_once(house.run_all(), "was written by a newer keywright", "upgrade this one")
    assert house.entry_file.read_bytes() == newer


@pytest.mark.parametrize(
    "spoil",
    [
        *(BROKEN[name] for name in ("empty", "cut short", "zeroes")),
        lambda whole: whole.replace(b"-answer 1", b"-answer 2"),
    ],
    ids=["empty", "cut short", "zeroes", "newer"],
)
def test_a_broken_ready_answer_is_made_anew(house: House, spoil: Callable[[bytes], bytes]) -> None:
    (token,) = {run.token for run in house.run_all()}
    answers = {path: path.read_bytes() for path in (house.folder / "cache/answers").iterdir()}
    for path, whole in answers.items():
        path.write_bytes(spoil(whole))
    assert {(run.token, run.stderr) for run in house.run_all()} == {(token, "")}
    assert house.asked == 1
    for path, whole in answers.items():
        if whole.startswith(b"keywright-answer") and b"question git-credential-keywright store" not in whole:
            assert path.read_bytes().partition(b"\n\n")[2] == whole.partition(b"\n\n")[2]


def test_a_folder_that_cannot_be_made(house: House) -> None:
    house.folder.chmod(0o500)
    runs = [house.run(question, prefix=within(*UNPRIVILEGED)) for question in QUESTIONS]
    house.folder.chmod(0o700)
    assert_told_once(runs, str(house.folder / "cache"), "(EACCES)", "make it writable, or set KEYWRIGHT_HOME")


def test_entries_that_cannot_be_written(house: House) -> None:
    (token,) = {run.token for run in house.run_all()}
    house.entry_file.unlink()
    house.entry_file.parent.chmod(0o500)
    runs = [house.run(question, prefix=within(*UNPRIVILEGED)) for question in QUESTIONS]
    house.entry_file.parent.chmod(0o700)
    assert_told_once(runs, "(EACCES)", "make it writable, or set KEYWRIGHT_HOME")
    assert token not in {run.token for run in runs}


def test_what_is_there_is_served_from_folders_that_cannot_be_written(house: House) -> None:
    token = house.run(GIT).token
    folders = [path for path in house.folder.rglob("*") if path.is_dir()]
    for folder in folders:
        folder.chmod(0o500)
    runs = [house.run(question, prefix=within(*UNPRIVILEGED)) for question in QUESTIONS * 2]
    for folder in folders:
        folder.chmod(0o700)
    assert {(run.token, run.stderr) for run in runs} == {(token, "")}


@pytest.mark.parametrize("named", [None, "", "relative"], ids=["unset", "empty", "relative"])
def test_no_home_is_no_cache(house: House, named: str | None) -> None:
    env = {"PATH": os.environ["PATH"], "KEYWRIGHT_CONFIG": str(house.config)}
    if named is not None:
        env["HOME"] = named
    runs = [house.run(question, prefix=within(*UNPRIVILEGED), env=env) for question in QUESTIONS]
    assert_told_once(runs, "there is no absolute cache folder; set HOME, or KEYWRIGHT_HOME")


def test_a_home_that_cannot_be_written_is_no_cache(house: House) -> None:
    home = house.folder / "sealed"
    home.mkdir(mode=0o500)
    env = {"PATH": os.environ["PATH"], "KEYWRIGHT_CONFIG": str(house.config), "HOME": str(home)}
    runs = [house.run(question, prefix=within(*UNPRIVILEGED), env=env) for question in QUESTIONS]
    assert_told_once(runs, f"{home}/.cache/keywright", "make it writable, or set KEYWRIGHT_HOME")


def test_no_environment_at_all_is_no_settings(house: House) -> None:
    run = house.run(GIT, prefix=[*within(*UNPRIVILEGED), "env", "-i"])
    assert (run.code, run.stdout, len(run.told)) == (2, b"", 1)
    assert "set KEYWRIGHT_CONFIG or HOME" in run.told[0]


FULL = 'head -c 1000000 /dev/zero >"$KEYWRIGHT_HOME/cache/fill" 2>/dev/null;'


def on_small_disk(script: str) -> list[str]:
    """Return the prefix that runs the script and a program on a cache folder of 64 KiB."""
    mount = 'mount -t tmpfs -o size=64k,mode=700 none "$KEYWRIGHT_HOME/cache" || exit 99;'
    return [*within("unshare", "--map-root-user", "--mount"), "/bin/sh", "-c", f'{mount} {script} "$0" "$@"']


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_a_full_disk_is_no_cache(house: House, question: Question) -> None:
    (house.folder / "cache").mkdir(mode=0o700)
    assert_told_once([house.run(question, prefix=on_small_disk(FULL))], "(ENOSPC)", "free some disk space")


@pytest.mark.parametrize("question", [GIT, DOCKER], ids=["the question that was asked", "another question"])
def test_what_is_there_is_served_from_a_full_disk(house: House, question: Question) -> None:
    (house.folder / "cache").mkdir(mode=0o700)
    (house.folder / "question").write_bytes(GIT.stdin)
    warm = f'{GIT.command[0]} get <"$KEYWRIGHT_HOME/question" >"$KEYWRIGHT_HOME/answer";'
    run = house.run(question, prefix=on_small_disk(warm + FULL))
    assert (run.token, run.stderr) == (GIT.read((house.folder / "answer").read_bytes()), "")
    assert house.asked == 1


def test_two_containers_that_share_the_folder_do_not_trip_over_each_others_remains(house: House) -> None:
    """In containers process ids are small and come again: what a killed writer left must not stop the next one."""
    house.make_expired()
    for pid in range(1, 20):
        house.entry_file.with_name(f"{house.entry_file.name}.{pid}.tmp").touch(0o600)
    again = within("unshare", "--map-root-user", "--pid", "--fork", "--mount-proc")
    runs = [house.run(GIT, prefix=again) for _ in range(2)]
    assert {(run.token, run.stderr) for run in runs} == {(house.issuer.issued[-1], "")}
    assert house.asked == 2
    assert not list(house.entry_file.parent.glob("*.tmp"))


def test_a_cache_that_was_copied_is_used(house: House) -> None:
    """Copied folders have other inodes, so the answers are void; the entry hangs on the key file alone."""
    token = house.run(GIT).token
    copy = house.folder / "copy"
    shutil.copytree(house.folder / "cache", copy, copy_function=shutil.copy2)
    shutil.rmtree(house.folder / "cache")
    copy.rename(house.folder / "cache")
    assert {(run.token, run.stderr) for run in house.run_all()} == {(token, "")}
    assert house.asked == 1
