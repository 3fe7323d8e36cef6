"""An issuer that fails: it is asked a bounded number of times, whoever calls, and costs nobody a usable credential."""

import os
import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from fakes.bent import bent, down, refusing
from fakes.client import call
from keywright.demo.github import TOKENS_ROUTE
from keywright.dialects.base import Dialect
from keywright.dialects.docker import DockerDialect
from keywright.dialects.git import GitDialect
from keywright.dialects.kube import KubeDialect
from processes.house import DOCKER, GIT, HOUR, KUBE, House, Question, Run, now, settle, wait_until

IN_PROCESS: list[tuple[Dialect, Question]] = [(GitDialect(), GIT), (DockerDialect(), DOCKER), (KubeDialect(), KUBE)]
HALF_AN_HOUR = {"Retry-After": "1800"}


def cause(run: Run, code: str = "unreachable") -> str:
    """Return the one line that the failed process told the person, less the executable's name and the code."""
    (line,) = run.told
    assert line.endswith(f" [{code}]")
    return line.partition(": ")[2].removesuffix(f" [{code}]")


def test_a_thousand_calls_of_one_outage_ask_a_dozen_times(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """One call a second: the pauses between those that are let through grow from 2 s to 5 min."""
    for name, value in house.env.items():
        monkeypatch.setenv(name, value)
    started = now()
    with bent(house.issuer, refusing(503), route=TOKENS_ROUTE):
        for second in range(1000):
            dialect, question = IN_PROCESS[second % 3]
            outcome = call(
                dialect, list(question.args), question.stdin, partial(started.__add__, timedelta(seconds=second))
            )
            assert outcome.code == 1, outcome
            assert "answered with status 503" in outcome.stderr
    assert 8 <= house.asked <= 13


@pytest.mark.slow
def test_sixty_processes_at_once_ask_a_failing_issuer_a_few_times(house: House) -> None:
    with bent(house.issuer, refusing(500), route=TOKENS_ROUTE):
        runs = house.run_many(60)
    assert {run.code for run in runs} == {1}
    assert all("answered with status 500" in cause(run) for run in runs)
    assert 1 <= house.asked <= 6  # the pauses are 2, 4, 8, 16 s, and the sixty take their time


def test_what_one_client_heard_the_others_are_told_without_asking(house: House) -> None:
    with bent(house.issuer, refusing(429, HALF_AN_HOUR), route=TOKENS_ROUTE, times=1):
        runs = house.run_all()
    assert [run.code for run in runs] == [1, 1, 1]
    assert (
        cause(runs[0])
        == f"github-app:acme for https://github.com/acme/app: {house.issuer.url} answered with status 429"
    )
    assert all(re.search(r"\(asked once; asking again in 1[78][0-9]{2} s\)", cause(run)) for run in runs[1:])
    assert (runs[0].stdout, runs[2].stdout) == (b"", b"")
    assert runs[1].stdout == f"{cause(runs[1])}\n".encode()  # docker shows what the helper printed
    assert house.asked == 1


def test_an_issuer_that_is_down_is_a_failure_like_another(house: House) -> None:
    with down(house.issuer):
        runs = house.run_all()
    assert [run.code for run in runs] == [1, 1, 1]
    assert all("refused the connection" in cause(run) for run in runs)


def test_an_outage_is_nothing_to_those_who_have_a_usable_credential(house: House) -> None:
    old = house.make_stale()
    with bent(house.issuer, refusing(503, HALF_AN_HOUR), route=TOKENS_ROUTE):
        runs = house.run_all()
        wait_until(lambda: house.failures, "the renewal to fail")
        house.wait_for_renewals()
        runs += house.run_all()
        house.forget_ready_answers()
        runs += house.run_all()
        assert house.renewals == []
    assert {run.token for run in runs} == {old}
    assert {run.stderr for run in runs} == {""}
    assert house.asked == 2


def test_an_outage_that_outlasts_the_credential_is_an_error_with_its_cause(house: House) -> None:
    house.make_stale()
    with bent(house.issuer, refusing(503, HALF_AN_HOUR), route=TOKENS_ROUTE):
        house.run(GIT)
        wait_until(lambda: house.failures, "the renewal to fail")
        house.wait_for_renewals()
        house.age(HOUR)
        runs = house.run_all()
    assert [run.code for run in runs] == [1, 1, 1]
    for run in runs:
        told = cause(run, "credential_expired")
        assert "the credential is no longer usable and renewing it failed (unreachable): " in told
        assert "answered with status 503" in told
    assert house.asked == 2


def append_a_comment(config: Path) -> None:
    with config.open("a") as file:
        file.write("# mended\n")


def write_anew(key: Path) -> None:
    key.write_text(key.read_text() + "\n")


@pytest.mark.parametrize(
    ("mended", "mend"), [("config", append_a_comment), ("key", write_anew)], ids=["the settings", "the key"]
)
def test_who_mends_the_cause_does_not_wait(house: House, mended: str, mend: Callable[[Path], None]) -> None:
    with bent(house.issuer, refusing(401, HALF_AN_HOUR), route=TOKENS_ROUTE, times=2):
        assert [run.code for run in house.run_all()] == [1, 1, 1]
        assert house.asked == 1
        path: Path = getattr(house, mended)
        mend(path)
        settle(path)
        assert house.run(DOCKER).code == 1
        assert house.run(GIT).code == 1
        assert house.asked == 2
    mend(path)
    settle(path)
    assert {run.token for run in house.run_all()} == set(house.issuer.issued)
    assert house.asked == 3
    assert house.failures == []


def test_a_success_clears_what_is_remembered(house: House) -> None:
    with bent(house.issuer, refusing(503), route=TOKENS_ROUTE, times=1):
        assert house.run(GIT).code == 1
    (failure,) = house.failures
    wait_until(lambda: house.run(DOCKER).code == 0, "the pause of two seconds to end")
    assert not failure.exists()
    assert house.asked == 2


def test_a_failed_renewal_is_tried_again_when_its_pause_is_over(house: House) -> None:
    old = house.make_stale()
    with bent(house.issuer, refusing(503), route=TOKENS_ROUTE, times=1):
        house.run(GIT)
        wait_until(lambda: house.failures, "the renewal to fail")
        house.wait_for_renewals()
    wait_until(lambda: house.run(GIT).token != old, "the next renewal")
    assert house.asked == 3
    assert house.failures == []


def test_the_memory_of_a_failure_is_private(house: House) -> None:
    with bent(house.issuer, refusing(503, body=b'{"message": "a body is never told"}'), route=TOKENS_ROUTE):
        run = house.run(GIT)
    (failure,) = house.failures
    assert os.stat(failure).st_mode & 0o777 == 0o600
    assert "a body is never told" not in failure.read_text() + run.stderr
