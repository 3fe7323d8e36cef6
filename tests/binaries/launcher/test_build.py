"""The launcher as it is shipped, and its fuzz targets."""

import shutil
import subprocess
from pathlib import Path

import pytest

from binaries.launcher.built import BOUND_S, LAUNCHER, Bundle, make
from binaries.launcher.kept import BODY, NOW, content, facts
from binaries.launcher.test_stepping_aside import without
from binaries.launcher.users import ASKED, STAND_IN_CODE, Done, User
from binaries.launcher.vectors import QUESTIONS

pytestmark = pytest.mark.slow

FUZZED_S = 5


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release build."""
    folder = tmp_path_factory.mktemp("shipped")
    make("release", folder)
    return folder / "keywright"


def test_it_is_the_same_from_every_folder(shipped: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(LAUNCHER, elsewhere)
    make("release", tmp_path / "out", source=elsewhere)
    assert (tmp_path / "out" / "keywright").read_bytes() == shipped.read_bytes()


def test_it_needs_no_library_and_knows_no_folder_of_its_maker(shipped: Path) -> None:
    program = shipped.read_bytes()
    assert b"/ld-linux" not in program
    assert bytes(LAUNCHER) not in program


def test_it_answers_and_steps_aside(shipped: Path, built: Path, home: Path, tmp_path: Path) -> None:
    user = User(home, Bundle(tmp_path / "shipped", shipped, built / "keywright-python"))
    for question in ASKED:
        assert user.run(question) == Done(STAND_IN_CODE, b"", b"")
        assert user.bundle.take_run().stdin == question.stdin
    user.keep(ASKED[0])
    assert user.run(ASKED[0]) == Done(0, BODY, b"")
    assert not user.bundle.runs()


def test_without_proc_one_line_says_so(shipped: Path, built: Path, home: Path, tmp_path: Path) -> None:
    """In the release build: the sanitizers need it themselves."""
    user = User(home, Bundle(tmp_path / "shipped", shipped, built / "keywright-python"))
    done = user.run(ASKED[0], command=without("readlink", user.command(ASKED[0])))
    assert done == Done(126, b"", b"keywright: cannot run keywright-python: its folder is not known; mount /proc\n")


def test_another_compiler_has_nothing_to_say(tmp_path: Path) -> None:
    make("release", tmp_path, "CC=clang")


# --- fuzzing --------------------------------------------------------------------------------------------------------


def seeds_of_answers() -> list[bytes]:
    said = [facts(NOW), facts(NOW, boot="0f3d-1 1699990000.5") | {b"entry": b"-", b"exit": b"1"}]
    whole = [content(one, [b"input - /nowhere", b"input 1:2:3:4:5 /"]) for one in said]
    return whole + [answer.split(b"\n", 2)[2] for answer in whole]


def seeds_of_questions() -> list[bytes]:
    framed = []
    for number, asked in enumerate(QUESTIONS):
        _, args, env, stdin = asked.question
        variables = [key + b"=" + value for key, value in env.items()]
        texts = [*(arg for arg in args if arg), b"", *variables, b"", stdin[:2048]]
        framed.append(bytes([number % 4]) + b"\0".join(texts))
    return framed


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the fuzz targets."""
    folder = tmp_path_factory.mktemp("fuzz")
    make("fuzz", folder)
    return folder / "fuzz"


@pytest.mark.parametrize(("target", "seeds"), [("answer", seeds_of_answers()), ("question", seeds_of_questions())])
def test_nothing_breaks_it(target: str, seeds: list[bytes], targets: Path, tmp_path: Path) -> None:
    """It ends by its number of runs; a slow machine ends it earlier."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(seeds):
        (corpus / str(number)).write_bytes(seed)
    options = ["-runs=100000", f"-max_total_time={FUZZED_S}", "-max_len=4096", f"-artifact_prefix={tmp_path}/"]
    done = subprocess.run(
        [targets / target, *options, corpus], capture_output=True, text=True, check=False, timeout=BOUND_S
    )
    assert done.returncode == 0, done.stderr[-4000:]
