"""Where the launcher steps aside, Python takes over with the same arguments, environment and standard input."""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from binaries.launcher.built import BOUND_S, Bundle, Question
from binaries.launcher.kept import BODY
from binaries.launcher.users import ASKED, NOT_A_HIT, STAND_IN_CODE, Done, User
from binaries.launcher.vectors import DOCKER, GIT, KUBE, PERSON, PLACE
from keywright import hit

each_question = pytest.mark.parametrize("question", ASKED, ids=lambda question: question.name)


@each_question
def test_what_is_no_hit_is_pythons_with_everything_that_came(question: Question, user: User) -> None:
    reader, writer = os.pipe()
    done = user.run(question, pass_fds=[writer])
    os.close(reader)
    os.close(writer)
    assert done == Done(STAND_IN_CODE, b"", b"")
    run = user.bundle.take_run()
    assert run.args == [bytes(user.bundle.folder / question.name), *question.args]
    assert run.env == user.env
    assert run.stdin == question.stdin
    assert set(run.descriptors) == {0, 1, 2, writer}
    assert not run.ignores_sigpipe
    assert run.folder == os.getcwd()


@each_question
@pytest.mark.parametrize("wish", [b"1", b"/trace", b"nonsense"])
def test_a_trace_is_told_by_python_whatever_is_ready(question: Question, wish: bytes, user: User) -> None:
    user.keep(question)
    user.env[b"KEYWRIGHT_TRACE"] = wish
    assert user.run(question) == Done(STAND_IN_CODE, b"", b"")
    assert user.bundle.take_run().stdin == question.stdin
    assert user.run(question, "hit.py").code == NOT_A_HIT
    user.env[b"KEYWRIGHT_TRACE"] = b""
    assert user.run(question).stdout == BODY


@pytest.mark.parametrize(
    "name", ["aws-credential-keywright", "keywright.bin.renew", "git-credential-keywright2", "python3"]
)
def test_under_another_name_it_is_python_at_once(name: str, user: User) -> None:
    question = Question(name, [b"get"], stdin=PLACE + b"\n")
    user.keep(question)
    (user.bundle.folder / name).symlink_to("keywright")
    assert user.run(question) == Done(STAND_IN_CODE, b"", b"")
    run = user.bundle.take_run()
    assert run.stdin == question.stdin
    assert run.descriptors[0].startswith("pipe:")  # nobody has read it


def test_what_sends_nothing_is_not_read(user: User) -> None:
    for question in (Question(KUBE, [b"eks", b"get"]), Question(GIT, [b"capability"]), Question(PERSON, [b"get"])):
        user.run(question, input=b"for somebody else\n\n")
        run = user.bundle.take_run()
        assert (run.stdin, run.descriptors[0][:5]) == (b"for somebody else\n\n", "pipe:")


@pytest.mark.parametrize("name", [GIT, DOCKER])
@pytest.mark.parametrize("length", [0, 1, 65535, 65536, 65537, 200_000, hit.STDIN_LIMIT])
def test_every_byte_of_a_request_is_handed_on(name: str, length: int, user: User) -> None:
    request = os.urandom(length).replace(b"\n", b"x")
    assert user.run(Question(name, stdin=request)).code == STAND_IN_CODE
    assert user.bundle.take_run().stdin == request


@pytest.mark.parametrize("length", [0, 65530, 300_000])
def test_gits_request_ends_with_a_blank_line_however_long_it_is(length: int, user: User) -> None:
    request = b"path=" + b"x" * length + b"\n\n"
    reader, writer = os.pipe()
    sender = threading.Thread(target=lambda: os.write(writer, request))
    sender.start()
    done = user.run(Question(GIT), stdin=reader)  # returns although git's end stays open
    sender.join()
    os.close(writer)
    os.close(reader)
    assert done.code == STAND_IN_CODE
    assert user.bundle.take_run().stdin == request


@pytest.mark.parametrize("name", [GIT, DOCKER])
def test_a_request_without_end_is_read_no_further_than_needed_to_refuse_it(name: str, user: User) -> None:
    reader, writer = os.pipe()

    def flood() -> None:
        with suppress(BrokenPipeError):
            while True:
                os.write(writer, b"x" * 65536)

    sender = threading.Thread(target=flood)
    sender.start()
    done = user.run(Question(name), stdin=reader)
    os.close(reader)
    sender.join()
    os.close(writer)
    assert done.code == STAND_IN_CODE
    assert hit.STDIN_LIMIT < len(user.bundle.take_run().stdin) <= hit.STDIN_LIMIT + 65536


def test_a_request_in_pieces_through_a_pipe_that_does_not_wait_is_read_whole(user: User) -> None:
    user.keep(ASKED[0])
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    process = subprocess.Popen(user.command(ASKED[0]), env=user.env, stdin=reader, stdout=subprocess.PIPE)
    until = time.monotonic() + BOUND_S
    for at in range(len(ASKED[0].stdin)):
        os.write(writer, ASKED[0].stdin[at : at + 1])
        while at == 10 and not os.get_blocking(reader):  # it has come to an empty pipe, and waits from now on
            assert time.monotonic() < until
            time.sleep(0.001)
    assert process.communicate(timeout=BOUND_S)[0] == BODY
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize("closed", ["<&-", "<&- >&- 2>&-"])
def test_what_is_closed_is_an_empty_request(closed: str, user: User) -> None:
    command = ["/bin/sh", "-c", f'"$0" "$@" {closed}', *user.command(ASKED[0])]
    assert user.run(ASKED[0], command=command).code == STAND_IN_CODE
    assert user.bundle.take_run().stdin == b""


def test_it_finds_python_behind_any_number_of_links(user: User, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / GIT).symlink_to(tmp_path / "one")
    (tmp_path / "one").symlink_to(user.bundle.folder / GIT)
    assert user.run(ASKED[0], command=[tmp_path / "bin" / GIT, "get"]).code == STAND_IN_CODE
    assert user.bundle.take_run().args == [bytes(tmp_path / "bin" / GIT), b"get"]
    path = os.fsencode(f"{tmp_path}/bin:") + user.env[b"PATH"]
    user.env[b"PATH"] = path
    assert user.run(ASKED[0], command=["/usr/bin/env", GIT, "get"]).code == STAND_IN_CODE
    assert user.bundle.take_run().args == [GIT.encode(), b"get"]


def break_python(bundle: Bundle) -> None:
    bundle.python.chmod(0o600)


@pytest.mark.parametrize("spoil", [lambda bundle: bundle.python.unlink(), break_python], ids=["gone", "broken"])
@each_question
def test_where_python_cannot_run_one_line_says_so(
    question: Question, spoil: Callable[[Bundle], object], user: User
) -> None:
    spoil(user.bundle)
    code, stdout, stderr = user.run(question)
    assert (code, stdout) == (126, b"")
    assert stderr.count(b"\n") == 1
    assert stderr.startswith(b"keywright: cannot run " + bytes(user.bundle.python) + b": ")
    assert stderr.endswith(b"; install keywright anew\n")


def test_where_python_s_loader_is_missing_nobody_is_told_to_install_the_same_anew(user: User) -> None:
    """As on a system without glibc; a script without its interpreter fails in the same way."""
    user.bundle.python.write_text("#!/nowhere/at/all\n")
    problem = b": this system lacks its loader, which is glibc's; install keywright from its source, with pipx\n"
    told = b"keywright: cannot run " + bytes(user.bundle.python) + problem
    assert user.run(ASKED[0]) == Done(126, b"", told)


def test_a_limit_on_the_size_of_files_costs_no_byte_of_a_request(user: User) -> None:
    """Not even a file in memory may be written then, and who tries gets a deadly signal."""
    user.bundle.python.write_text("#!/bin/sh\nexec cat\n")
    command = ["/bin/sh", "-c", 'ulimit -f 0; exec "$0" "$@"', *user.command(ASKED[1])]
    assert user.run(ASKED[1], command=command) == Done(0, ASKED[1].stdin, b"")


def without(call: str, command: Sequence[bytes | str | Path]) -> list[bytes | str | Path]:
    """Return the command on a system that lacks this call."""
    return ["strace", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error=ENOSYS", *command]


@pytest.mark.parametrize("length", [0, 100, 65536, hit.STDIN_LIMIT])
def test_without_files_in_memory_a_pipe_hands_on_every_byte(length: int, user: User) -> None:
    question = Question(DOCKER, stdin=b"x" * length)
    assert user.run(question, command=without("memfd_create", user.command(question))).code == STAND_IN_CODE
    run = user.bundle.take_run()
    assert run.stdin == question.stdin
    assert run.descriptors[0].startswith("pipe:")
    assert set(run.descriptors) == {0, 1, 2}
