"""What a process imports that has nothing to fetch: nothing that could only serve to fetch."""

import sys
from pathlib import Path

import pytest

from processes.house import QUESTIONS, House, Question

ONLY_TO_FETCH = {
    "botocore",
    "click",
    "concurrent",
    "cryptography",
    "filelock",
    "jwt",
    "platformdirs",
    "requests",
    "ssl",
    "subprocess",
    "urllib3",
}


def imported(house: House, question: Question) -> set[str]:
    """Return the names of all modules that one process imports."""
    script = Path(sys.executable).parent / question.name
    run = house.run(question, command=[sys.executable, "-X", "importtime", str(script), *question.args])
    assert run.token in house.issuer.issued
    assert all(line.startswith("import time:") for line in run.told)
    return {line.rpartition("|")[2].strip() for line in run.told}


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_a_hit_imports_hit_alone(house: House, question: Question) -> None:
    house.run_all()
    assert {name for name in imported(house, question) if name.startswith("keywright")} == {
        "keywright",
        "keywright.hit",
    }


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
@pytest.mark.parametrize("is_stale", [False, True], ids=["fresh", "stale"])
def test_a_new_question_about_a_usable_credential_imports_nothing_that_fetches(
    house: House, question: Question, is_stale: bool
) -> None:
    if is_stale:
        house.make_stale()
        house.hold_brake()
    else:
        house.run_all()
    house.forget_ready_answers()
    modules = imported(house, question)
    assert "keywright.broker" in modules
    assert {name.partition(".")[0] for name in modules} & ONLY_TO_FETCH == set()
    assert not [name for name in modules if name.startswith("keywright.tracing")]
    assert house.asked == 1
