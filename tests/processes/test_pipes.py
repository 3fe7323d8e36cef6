"""The caller's pipes: at their end as soon as the answer is there, however long the renewal behind it takes.

git, kubectl and docker read a helper's output to its end, and whoever runs them often reads their standard error to
its end too; a background process that had inherited either would keep them all waiting.
"""

import os
import signal
import subprocess
import sys

import pytest

from fakes.bent import bent, slow
from keywright.demo.github import TOKENS_ROUTE
from processes.house import DOCKER, GIT, KUBE, QUESTIONS, House, Question


@pytest.mark.parametrize("is_ready", [True, False], ids=["a hit", "the long way round"])
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_every_pipe_ends_while_the_renewal_goes_on(house: House, question: Question, is_ready: bool) -> None:
    old = house.make_stale()
    if not is_ready:
        house.forget_ready_answers()
    reader, writer = os.pipe()
    with bent(house.issuer, hold := slow(), route=TOKENS_ROUTE):
        process = house.start(question, pass_fds=[writer])
        os.close(writer)
        assert house.finish(question, process).token == old  # reads both outputs to their ends
        assert os.read(reader, 1) == b""  # the third pipe's end: only this process has it open
        hold.wait_for(1)
        assert house.issuer.issued == (old,)
        assert len(house.renewals) == 1
    os.close(reader)
    house.wait_for_renewals()
    assert house.run(question).token == house.issuer.issued[-1] != old


def test_the_renewal_holds_nothing_of_its_callers(house: House) -> None:
    house.make_stale()
    with bent(house.issuer, hold := slow(), route=TOKENS_ROUTE):
        house.run(GIT)
        hold.wait_for(1)
        (renewal,) = house.renewals
        links = {int(fd): os.readlink(f"/proc/{renewal}/fd/{fd}") for fd in os.listdir(f"/proc/{renewal}/fd")}
        assert {links[0], links[2]} == {"/dev/null"}
        assert links[1] == "/dev/null"
        assert not [link for link in links.values() if link.startswith("pipe:")]
        assert os.readlink(f"/proc/{renewal}/cwd") == "/"
        assert os.getsid(renewal) == renewal


@pytest.mark.parametrize("is_ready", [True, False], ids=["a hit", "the long way round"])
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_a_client_that_has_gone_costs_nothing(house: House, question: Question, is_ready: bool) -> None:
    (token,) = {run.token for run in house.run_all()}
    if not is_ready:
        house.forget_ready_answers()
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        question.command, env=house.env, input=question.stdin, stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")
    assert house.run(question).token == token
    assert house.asked == 1


@pytest.mark.parametrize("is_ready", [True, False], ids=["a hit", "the long way round"])
@pytest.mark.parametrize(
    ("question", "closed"),
    [(GIT, "2>&-"), (DOCKER, "2>&-"), (KUBE, "2>&-"), (KUBE, "<&-"), (KUBE, "<&- 2>&-")],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_caller_that_closed_what_the_protocol_does_not_use_gets_its_answer(
    house: House, question: Question, is_ready: bool, closed: str
) -> None:
    (token,) = {run.token for run in house.run_all()}
    if not is_ready:
        house.forget_ready_answers()
    command = ["/bin/sh", "-c", f'"$0" "$@" {closed}', *question.command]
    assert house.run(question, command=command).token == token


@pytest.mark.parametrize("closed", ["2>&-", "2>/dev/full"])
def test_a_warning_that_nobody_hears_costs_no_credential(house: House, closed: str) -> None:
    (house.folder / "cache").mkdir(mode=0o755)
    (house.folder / "cache").chmod(0o755)
    for question in (GIT, DOCKER):
        command = ["/bin/sh", "-c", f'"$0" "$@" {closed}', *question.command]
        assert house.run(question, command=command).token in house.issuer.issued


def test_a_warning_into_a_broken_pipe_costs_no_credential(house: House) -> None:
    (house.folder / "cache").mkdir()
    (house.folder / "cache").chmod(0o755)
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        DOCKER.command, env=house.env, input=DOCKER.stdin, stdout=subprocess.PIPE, stderr=writer, check=False
    )
    os.close(writer)
    assert done.returncode == 0
    assert DOCKER.read(done.stdout) in house.issuer.issued


NOISY = """\
import os, sys
from keywright.providers.github_app import GithubAppProvider
honestly = GithubAppProvider.fetch
def fetch(*args, **kwargs):
    print("printed", flush=True)
    os.system("echo shouted; cat")
    return honestly(*args, **kwargs)
GithubAppProvider.fetch = fetch
sys.argv = ["docker-credential-keywright", "get"]
from keywright.bin.docker import main
main()
"""


@pytest.mark.parametrize("closed", ["", "2>&-"], ids=["open", "without standard error"])
def test_what_a_provider_prints_never_reaches_the_client(house: House, closed: str) -> None:
    """And what it runs finds nothing on standard input."""
    command = ["/bin/sh", "-c", f'"$0" "$@" {closed}', sys.executable, "-I", "-c", NOISY]
    run = house.run(DOCKER, command=command)
    assert run.token in house.issuer.issued
    assert run.stdout.count(b"\n") == 1
    assert run.stderr == ("" if closed else "printed\nshouted\n")


def test_an_interrupted_renewal_ends_as_one_and_leaves_the_lock_free(house: House) -> None:
    with bent(house.issuer, hold := slow(), route=TOKENS_ROUTE):
        renewing = house.start(GIT)
        hold.wait_for(1)
        renewing.send_signal(signal.SIGINT)
        interrupted = house.finish(GIT, renewing)
    assert (interrupted.code, interrupted.stdout, interrupted.stderr) == (130, b"", "")
    assert house.run(DOCKER).token == house.issuer.issued[-1]
