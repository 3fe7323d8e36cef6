"""The race of accounts: one kept profile found among ten, and among a thousand that all have a history."""

from collections.abc import Iterator
from datetime import UTC, datetime

from measure import Command, Race, race
from stage import Stage

from keywright.profiles.identity import ProfileId
from keywright.profiles.instants import instant
from keywright.profiles.kept import KeptProfiles
from keywright.profiles.known import Decided, Used
from keywright.profiles.model import ApiKey, AuthProfile
from keywright.profiles.reason import FailureReason
from keywright.profiles.state import ProfileStates
from keywright.secret import Secret

FEW, MANY = 10, 1000
BOUND = 1.5
KEY = "sk-proj-" + "x" * 156  # as long as they are
LOOK = """
import os, sys
from datetime import UTC, datetime
from keywright.profiles.turns import Turns
from keywright.settings.model import KeptOptions, Profile, Settings
turns = Turns(settings=Settings("", "-"), env=os.environ, now=lambda: datetime.now(UTC), say=sys.stderr.write)
(turn,) = turns.line_up([Profile("openai:p5", KeptOptions())], None).turns
assert turn.obstacle is None
"""


def profiles(stage: Stage, rounds: int) -> Iterator[Race]:
    """A profile's secret for a person, and by itself the look-up of whose turn it is."""
    homes = {count: keep(stage, count) for count in (FEW, MANY)}
    contestants = {
        "keywright token": [str(stage.programs / "keywright"), "token", "openai:p5"],
        "keywright resolve": [str(stage.programs / "keywright"), "resolve", "openai"],
        "the look-up alone": [str(stage.programs / "python"), "-I", "-c", LOOK],
    }
    for name, argv in contestants.items():
        commands = [Command(name=f"{name}, {count} kept", argv=argv, env=env) for count, env in homes.items()]
        bounds = {f"{name}, {MANY} kept": BOUND}
        yield race(f"One account among many: {name}", commands, rounds, stage.folder, bounds=bounds)


def keep(stage: Stage, count: int) -> dict[str, str]:
    """Keep as many profiles of one provider, each used, failed and given a priority; return the environment."""
    env = {**stage.env, "KEYWRIGHT_HOME": str(stage.home / f"{count} kept")}
    now = datetime.now(UTC)
    ids = [ProfileId("openai", f"p{number}") for number in range(count)]
    with KeptProfiles(env).editing("openai") as kept:
        kept.update({str(id_): AuthProfile(id_, ApiKey(Secret(KEY)), created_at=now, updated_at=now) for id_ in ids})
    failures = {FailureReason.TIMEOUT: 1}
    with ProfileStates(env).changing("openai") as draft:
        for number, id_ in enumerate(map(str, ids)):
            draft.decided[id_] = Decided(since=instant(now), priority=number)
            draft.used[id_] = Used(
                since=instant(now), last_used=now, error_count=1, failure_counts=failures, last_failure_at=now
            )
    return env
