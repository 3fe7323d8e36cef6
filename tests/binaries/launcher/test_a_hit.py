"""The launcher's hit, as a process: what it prints, leaves with, and wakes."""

import os
import subprocess

import pytest

from binaries.launcher.built import BOUND_S, Question
from binaries.launcher.kept import BODY, ENTRY
from binaries.launcher.users import ASKED, STAND_IN_CODE, Done, User, renewal_of
from keywright import hit

each_question = pytest.mark.parametrize("question", ASKED, ids=lambda question: question.name)


@each_question
class TestAHit:
    def test_it_prints_the_answer_and_nothing_else(self, question: Question, user: User) -> None:
        user.keep(question)
        assert user.run(question) == Done(0, BODY, b"")
        assert not user.bundle.runs()
        assert not user.brakes()

    def test_not_mine_is_answered_as_it_was_and_never_renewed(self, question: Question, user: User) -> None:
        user.keep(question, refresh_in_s=-1, exit=b"1", entry=b"-")
        assert user.run(question) == Done(1, BODY, b"")
        assert not user.brakes()

    def test_a_stale_answer_is_printed_and_its_renewal_woken(self, question: Question, user: User) -> None:
        user.keep(question, refresh_in_s=-1)
        reader, writer = os.pipe()
        assert user.run(question, pass_fds=[writer]) == Done(0, BODY, b"")
        os.close(writer)
        assert os.read(reader, 1) == b""  # the renewal has it no longer
        os.close(reader)
        renewal = renewal_of(user.bundle)
        hex_ = question.stdin.hex().encode()
        assert renewal.args == [
            b"keywright.bin.renew",
            ENTRY.encode(),
            b"7",
            question.name.encode(),
            hex_,
            *question.args,
        ]
        assert renewal.env == {**user.env, b"PYINSTALLER_RESET_ENVIRONMENT": b"1"}
        assert renewal.descriptors == dict.fromkeys((0, 1, 2), "/dev/null")
        assert (renewal.folder, renewal.leads_a_session) == ("/", True)
        brake = user.cache_path / "renew" / ENTRY
        taken = brake.stat().st_mtime_ns
        assert user.run(question) == Done(0, BODY, b"")
        assert brake.stat().st_mtime_ns == taken  # who wakes another takes it anew

    def test_a_client_that_has_gone_wakes_nothing(self, question: Question, user: User) -> None:
        user.keep(question, refresh_in_s=-1)
        reader, writer = os.pipe()
        os.close(reader)
        assert user.run(question, stdout=writer).code == 141
        os.close(writer)
        assert not user.brakes()

    def test_another_environment_is_another_question(self, question: Question, user: User) -> None:
        user.keep(question)
        user.env[b"AWS_PROFILE"] = b"dev"
        assert user.run(question) == Done(STAND_IN_CODE, b"", b"")


def test_a_closed_standard_output_is_a_client_that_has_gone(user: User) -> None:
    user.keep(ASKED[0], refresh_in_s=-1)
    command = ["/bin/sh", "-c", '"$0" "$@" >&-', *user.command(ASKED[0])]
    assert user.run(ASKED[0], command=command).code == 141
    assert not user.brakes()


@pytest.mark.parametrize("closed", ["2>&-", "<&-", "<&- 2>&-"])
def test_what_the_protocol_does_not_use_may_be_closed(closed: str, user: User) -> None:
    user.keep(ASKED[2], refresh_in_s=-1)
    command = ["/bin/sh", "-c", f'"$0" "$@" {closed}', *user.command(ASKED[2])]
    assert user.run(ASKED[2], command=command) == Done(0, BODY, b"")
    assert renewal_of(user.bundle).descriptors == dict.fromkeys((0, 1, 2), "/dev/null")


@pytest.mark.parametrize("who", ["hit.py", "the launcher"])
def test_a_limit_on_the_size_of_files_is_no_end_of_a_hit(who: str, user: User) -> None:
    """The note of who asked cannot be written then, and who tries gets a deadly signal."""
    user.keep(ASKED[2])
    command = ["/bin/sh", "-c", 'ulimit -f 0; exec "$0" "$@"', *user.command(ASKED[2], who)]
    assert user.run(ASKED[2], command=command) == Done(0, BODY, b"")


def test_an_answer_goes_whole_into_a_pipe_that_is_not_to_be_waited_for(user: User) -> None:
    body = os.urandom(hit.ANSWER_LIMIT // 2)
    user.keep(ASKED[0], body=body)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    process = subprocess.Popen(user.command(ASKED[0]), env=user.env, stdin=subprocess.PIPE, stdout=writer)
    os.close(writer)
    assert process.stdin is not None
    process.stdin.write(ASKED[0].stdin)
    process.stdin.flush()  # and nothing else: git keeps its end open until it has the answer
    with open(reader, "rb") as file:
        assert file.read() == body
    process.stdin.close()
    assert process.wait(BOUND_S) == 0


@pytest.mark.parametrize(
    "who", [("hit.py", "the launcher"), ("the launcher", "hit.py"), ("the launcher",) * 2], ids=" then ".join
)
def test_kubectl_asking_twice_wakes_a_renewal_of_a_fresh_answer(who: tuple[str, str], user: User) -> None:
    user.keep(ASKED[2])
    assert user.run(ASKED[2], who[0]) == Done(0, BODY, b"")
    assert user.brakes() == []
    assert user.run(ASKED[2], who[1]) == Done(0, BODY, b"")
    assert ENTRY.encode() in renewal_of(user.bundle).args
    assert user.brakes() == [ENTRY, f"{ENTRY}.rejected"]


def test_git_asking_twice_is_content(user: User) -> None:
    cache = user.keep(ASKED[0])
    assert [user.run(ASKED[0]).stdout for _ in range(2)] == [BODY, BODY]
    assert not user.brakes()
    assert not list(cache.folder.glob("*.asked"))


@pytest.mark.slow
def test_fifty_at_once_wake_one_renewal_whoever_asks(user: User) -> None:
    user.keep(ASKED[0], refresh_in_s=-1)
    commands = [user.command(ASKED[0], who) for who in ("the launcher", "hit.py") * 25]
    started = [
        subprocess.Popen(command, env=user.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for command in commands
    ]
    for process in started:
        assert process.communicate(ASKED[0].stdin, timeout=BOUND_S)[0] == BODY
    assert {process.returncode for process in started} == {0}
    renewal_of(user.bundle)
    assert not user.bundle.runs()
    assert user.brakes() == [ENTRY]


@each_question
def test_where_python_is_gone_a_hit_is_a_hit(question: Question, user: User) -> None:
    user.keep(question, refresh_in_s=-1)
    user.bundle.python.unlink()
    assert user.run(question) == Done(0, BODY, b"")
