"""A kill, a full disk or a broken one at each system call of a save and of a decision: old or new, never neither."""

from pathlib import Path

import pytest

from fakes.kept import NOON, profile, secret
from keywright.profiles.kept import KeptProfiles
from keywright.profiles.known import Decided
from keywright.profiles.model import ApiKey, AuthProfile
from keywright.profiles.state import ProfileStates
from keywright.secret import Secret
from processes.test_vault_crash import FAULTS, sweep

pytestmark = pytest.mark.slow

STATE_FILES = ["openai.json", "openai.usage.json", "lock"]


def by_id(*profiles: AuthProfile) -> dict[str, AuthProfile]:
    return {str(one.id): one for one in profiles}


OLD = by_id(profile("openai:old", born=NOON), profile("openai:older", born=NOON))
NEW = profile("openai:new", ApiKey(Secret("new")), born=NOON)
AFTER = profile("openai:zzz", ApiKey(secret("after")), born=NOON)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_save_that_is_hit_anywhere_leaves_the_old_profiles_or_the_new_ones(tmp_path: Path, fault: str) -> None:
    store = KeptProfiles({"KEYWRIGHT_HOME": str(tmp_path)})
    for one in OLD.values():
        store.save(one, NOON)
    seen = set()
    for words in sweep(tmp_path / "data", fault, "save"):
        found = store.all()
        assert found in (OLD, {**OLD, **by_id(NEW)})
        assert words != "ok" or found == {**OLD, **by_id(NEW)}
        seen.add(len(found))
        store.save(AFTER, NOON)
        assert store.all() == {**found, **by_id(AFTER)}, "the next save finds nothing in its way"
        assert not list((tmp_path / "data").glob("*.tmp"))
    assert seen == {2, 3}


def disabled(states: ProfileStates) -> dict[str, Decided]:
    """Return what was decided; that of `openai:old` is always there."""
    decided = dict(states.decisions("openai").profiles)
    assert decided.pop("openai:old") == Decided(enabled=False)
    return decided


@pytest.mark.parametrize("fault", FAULTS)
def test_a_decision_that_is_hit_anywhere_is_made_or_not_and_no_other_is_lost(tmp_path: Path, fault: str) -> None:
    states = ProfileStates({"KEYWRIGHT_HOME": str(tmp_path)})
    states.decide("openai:old", "", lambda decided: decided._replace(enabled=False))
    states.note_use("openai:old", "", NOON)
    seen = set()
    for words in sweep(tmp_path / "state/profiles", fault, "report", files=STATE_FILES):
        decided, usage = disabled(states), states.usage("openai")
        assert usage.last_good == "openai:old"
        assert usage.profiles["openai:old"].last_used == NOON
        is_counted, is_disabled = "openai:new" in usage.profiles, "openai:new" in decided
        assert (is_counted, is_disabled) != (False, True), "no rest follows from nothing"
        assert words != "ok" or is_disabled
        seen.add((is_counted, is_disabled))
        states.decide("openai:zzz", "", lambda decided: decided._replace(priority=1))
        assert set(disabled(states)) == {*decided, "openai:zzz"}, "the next decision finds nothing in its way"
        states.note_use("openai:zzz", "", NOON)
        assert not list((tmp_path / "state/profiles").glob("*.tmp"))
    assert seen == {(False, False), (True, False), (True, True)}
