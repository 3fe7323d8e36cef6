"""The plain case: what is served without finding out whose turn it is would be served after finding out as well."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from keywright.errors import StateUnusable
from keywright.profiles.reason import FailureReason
from keywright.profiles.state import ProfileStates
from keywright.profiles.uncontested import find_inputs
from keywright.settings.model import EksOptions, KeptOptions, Profile

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PROD = Profile(id="aws-eks:prod", options=EksOptions(cluster="prod", region="eu-central-1"))


@pytest.fixture
def states(home: Path, clock: time_machine.Traveller) -> ProfileStates:
    states = ProfileStates(os.environ)
    states.note_use(PROD.id, "", NOW)
    return states


def is_plain(profile: Profile = PROD, after: timedelta = timedelta(0)) -> bool:
    return find_inputs(profile, os.environ, NOW + after) is not None


def test_one_that_was_used_a_moment_ago_is(states: ProfileStates) -> None:
    assert find_inputs(PROD, os.environ, NOW) == states.inputs("aws-eks") == {f"{states.folder}/aws-eks.json": "-"}


@pytest.mark.parametrize("seconds", [-1, 60, 86400])
def test_one_whose_use_is_to_be_noted_is_not(states: ProfileStates, seconds: int) -> None:
    assert not is_plain(after=timedelta(seconds=seconds))


def test_one_that_something_is_decided_about_is_not(states: ProfileStates) -> None:
    states.decide(PROD.id, "", lambda decided: decided._replace(enabled=False))
    assert not is_plain()


def test_one_beside_which_another_served_last_is_not(states: ProfileStates) -> None:
    states.note_use("aws-eks:other", "", NOW)
    assert not is_plain()


def test_one_that_failed_is_not(states: ProfileStates) -> None:
    failed = {FailureReason.TIMEOUT: 1}
    states.judge(PROD.id, "", lambda one: one._replace(error_count=1, failure_counts=failed), "timeout: late", NOW)
    assert not is_plain()


@pytest.mark.parametrize(
    "profile",
    [PROD._replace(fallback=("aws-eks:other",)), Profile(id="aws-eks:prod", options=KeptOptions())],
    ids=["it has a stand-in", "it is the vault's"],
)
def test_one_that_may_not_be_alone_is_not(states: ProfileStates, profile: Profile) -> None:
    assert not is_plain(profile)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"profiles": {}}', '{"profiles": {"aws-eks:prod": null}}', "["])
def test_one_of_which_nothing_can_be_read_is_not(states: ProfileStates, content: str) -> None:
    Path(states.folder, "aws-eks.usage.json").write_text(content)
    assert not is_plain()


def test_decisions_that_cannot_be_looked_at_are_not_taken_for_none(
    states: ProfileStates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keywright.profiles.uncontested.stamp", lambda _path: "!13")
    assert not is_plain()


def test_a_link_to_where_nothing_is_mounted_today_is_not_taken_for_none(states: ProfileStates) -> None:
    Path(states.folder, "aws-eks.json").symlink_to("/nowhere/aws-eks.json")
    with pytest.raises(StateUnusable):
        states.decisions("aws-eks")
    assert not is_plain()


def test_without_a_home_folder_it_is_found_out(home: Path) -> None:
    assert find_inputs(PROD, {"KEYWRIGHT_HOME": "not/absolute"}, NOW) is None
