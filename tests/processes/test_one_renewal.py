"""Many processes of three clients, one credential: its issuer is asked once, and only those wait who have to."""

import sys

import pytest

from fakes.bent import bent, slow
from keywright.demo.github import TOKENS_ROUTE
from processes.house import DOCKER, GIT, HOUR, QUESTIONS, House, Question, wait_until


def test_every_client_gets_the_same_token_from_one_call(house: House) -> None:
    runs = house.run_all()
    assert [run.stderr for run in runs] == ["", "", ""]
    assert {run.token for run in runs} == set(house.issuer.issued)
    assert house.asked == 1


@pytest.mark.slow
def test_fifty_cold_processes_share_one_call(house: House) -> None:
    with bent(house.issuer, hold := slow(), route=TOKENS_ROUTE):
        started = house.start_many(50)
        hold.wait_for(1)
        hold.release()
        runs = [house.finish(question, process) for question, process in started]
    assert {run.stderr for run in runs} == {""}
    assert {run.token for run in runs} == set(house.issuer.issued)
    assert house.asked == 1


@pytest.mark.slow
def test_fifty_processes_that_find_it_expired_share_one_renewal(house: House) -> None:
    old = house.make_expired()
    runs = house.run_many(50)
    assert {run.stderr for run in runs} == {""}
    assert {run.token for run in runs} == {house.issuer.issued[-1]} != {old}
    assert house.asked == 2


@pytest.mark.slow
def test_none_of_two_hundred_that_find_it_stale_waits_for_the_one_renewal(house: House) -> None:
    old = house.make_stale()
    with bent(house.issuer, hold := slow(), route=TOKENS_ROUTE):
        runs = house.run_many(200)
        # All two hundred have ended, and the renewal has not: nobody waited for it.
        assert {run.token for run in runs} == {old}
        assert {run.stderr for run in runs} == {""}
        hold.wait_for(1)
        assert len(house.renewals) == 1
        assert house.issuer.issued == (old,)
    wait_until(lambda: house.run(GIT).token != old, "the new token")
    assert {run.token for run in house.run_all()} == {house.issuer.issued[-1]}
    assert house.asked == 2


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_a_stale_credential_is_served_without_a_ready_answer_too(house: House, question: Question) -> None:
    old = house.make_stale()
    house.forget_ready_answers()
    with bent(house.issuer, hold := slow(), route=TOKENS_ROUTE):
        assert [house.run(question).token for _ in range(3)] == [old] * 3
        hold.wait_for(1)
    house.wait_for_renewals()
    assert house.run(question).token == house.issuer.issued[-1] != old
    assert house.asked == 2


def test_the_renewal_answers_the_question_that_woke_it_anew(house: House) -> None:
    old = house.make_stale()
    house.run(DOCKER)
    wait_until(lambda: house.entry().credential.secret.reveal() != old, "the renewal")
    house.wait_for_renewals()
    (new,) = set(house.issuer.issued) - {old}
    assert [new in answer for answer in house.ready_answers() if "question docker" in answer] == [True]


def test_a_logout_during_the_renewal_is_not_undone_by_it(house: House) -> None:
    old = house.make_stale()
    with bent(house.issuer, hold := slow(), route=TOKENS_ROUTE):
        house.run(GIT)
        hold.wait_for(1)
        logout = house.start(DOCKER, command=[DOCKER.command[0], "erase"])
        hold.release()
        assert house.finish(DOCKER, logout).code == 0
    house.wait_for_renewals()
    assert not house.entry_file.exists()
    assert not [token for token in house.issuer.issued for answer in house.ready_answers() if token in answer]
    assert house.run(GIT).token not in {old, house.issuer.issued[1]}


def test_a_renewal_that_comes_after_the_logout_renews_nothing(house: House) -> None:
    house.make_stale()
    entry = house.entry()
    assert house.run(DOCKER, command=[DOCKER.command[0], "erase"]).code == 0
    command = [sys.executable, "-I", "-m", "keywright.bin.renew", house.digest, str(entry.generation)]
    assert house.run(GIT, command=[*command, GIT.name, GIT.stdin.hex(), "get"]).code == 0
    assert not house.entry_file.exists()
    assert house.asked == 1


def test_a_late_rejection_of_the_old_token_does_not_cost_the_new_one(house: House) -> None:
    old = house.make_expired()
    new = house.run(GIT).token
    assert new != old
    rejected = GIT.stdin.rstrip(b"\n") + f"\nusername=x-access-token\npassword={old}\n\n".encode()
    erase = Question(name=GIT.name, args=("erase",), stdin=rejected, read=GIT.read)
    assert house.run(erase).code == 0
    assert house.run(GIT).token == new
    assert house.asked == 2


def test_the_lock_file_stays_the_same_file(house: House) -> None:
    house.make_expired()
    lock = house.entry_file.with_suffix(".lock")
    before = lock.stat().st_ino
    for _ in range(2):
        house.run(GIT)
        house.age(2 * HOUR)
    house.run(DOCKER, command=[DOCKER.command[0], "erase"])
    house.run(GIT)
    assert lock.stat().st_ino == before
