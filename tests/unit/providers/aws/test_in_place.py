import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from keywright.providers.aws.in_place import in_place


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`os.environ` is this test's own, and no more when the clock goes on: that puts its time zone back there."""
    with monkeypatch.context() as patch:
        patch.setattr(os, "environ", os.environ.copy())
        os.environ["AWS_PROFILE"] = "own"
        yield


def changed(**wishes: str) -> dict[str, str]:
    return {**os.environ, **wishes}


def test_it_stands_there_for_the_block_alone() -> None:
    env = changed(AWS_REGION="eu-west-1", AWS_PROFILE="other")
    del env["HOME"]
    before = dict(os.environ)
    with in_place(env):
        assert dict(os.environ) == env
    assert dict(os.environ) == before


def test_what_somebody_else_sets_meanwhile_stays() -> None:
    with in_place(changed(AWS_PROFILE="other")):
        os.environ["THEIRS"] = "1"
        os.environ["AWS_PROFILE"] = "theirs"
    assert os.environ["THEIRS"] == "1"
    assert os.environ["AWS_PROFILE"] == "theirs"


@pytest.mark.parametrize("wishes", [{}, {"AWS_PROFILE": "other"}])
def test_those_who_want_the_same_do_not_wait_for_each_other(wishes: dict[str, str]) -> None:
    env, both, seen = changed(**wishes), threading.Barrier(2), []

    def work() -> None:
        with in_place(env):
            both.wait(30)  # breaks if the other cannot come in
            seen.append(os.environ["AWS_PROFILE"])

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert seen == [env["AWS_PROFILE"]] * 2
    assert os.environ["AWS_PROFILE"] == "own"


def test_who_wants_another_waits_until_all_are_done() -> None:
    seen: list[str] = []

    def work() -> None:
        with in_place(changed(AWS_PROFILE="later")):
            seen.append(os.environ["AWS_PROFILE"])

    with in_place(changed(AWS_PROFILE="other")):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(0.05)
        assert not seen
        assert os.environ["AWS_PROFILE"] == "other"
    thread.join(60)
    assert seen == ["later"]
    assert os.environ["AWS_PROFILE"] == "own"


FORKS = """
import os, threading
from keywright.providers.aws.in_place import in_place

there, done = threading.Event(), threading.Event()

def fetch():
    with in_place({**os.environ, "AWS_PROFILE": "other"}):
        there.set()
        done.wait()

threading.Thread(target=fetch, daemon=True).start()
there.wait()
if os.fork() == 0:
    print(os.environ["AWS_PROFILE"], flush=True)
    with in_place({**os.environ, "AWS_PROFILE": "third"}):
        print(os.environ["AWS_PROFILE"], flush=True)
    os._exit(0)
os.wait()
done.set()
"""


def test_a_child_that_is_forked_meanwhile_has_the_programs_own() -> None:
    """And whoever wants another one there does not wait for a fetch that goes on in its parent alone."""
    command = [sys.executable, "-W", "ignore", "-c", FORKS]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=dict(os.environ))
    assert found.stdout.split() == ["own", "third"]
