"""Whose turn it is: the order of a request's profiles, and what is noted of each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fakes.kept import BORN, NOON, grant, profile, register, token
from keywright.errors import Evidence, KeywrightError, Refused, StateUnusable, Unavailable, Unreachable, VaultLocked
from keywright.hit import stamp
from keywright.profiles.cooldown import mark_failure
from keywright.profiles.identity import ProfileId
from keywright.profiles.instants import instant
from keywright.profiles.kept import KeptProfiles
from keywright.profiles.known import Decided
from keywright.profiles.model import ApiKey, Kept
from keywright.profiles.reason import FailureReason
from keywright.profiles.standing import Standing
from keywright.profiles.state import ProfileStates
from keywright.profiles.turn import Turn
from keywright.profiles.turns import Line, Turns
from keywright.secret import Secret
from keywright.settings.model import GithubAppOptions, KeptOptions, Profile, Settings
from keywright.settings.turns import CooldownRules, Override, Preference

S, MINUTE, H = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
APP = GithubAppOptions("1", "/key.pem", 7)


@dataclass
class World:
    """One user's settings, vault and state, and a clock that moves when told."""

    env: dict[str, str]
    settings: Settings
    now: datetime = NOON
    said: list[str] = field(default_factory=list)

    @property
    def states(self) -> ProfileStates:
        return ProfileStates(self.env)

    @property
    def turns(self) -> Turns:
        """A new process's."""
        return Turns(settings=self.settings, env=self.env, now=lambda: self.now, say=self.said.append)

    def keep(self, *names: str, held: Kept | None = None, **fields: Any) -> None:
        for name in names:
            KeptProfiles(self.env).save(profile(f"acme:{name}", held, **fields), BORN)

    def line(self, *names: str, prefer: Preference | None = None, is_forced: bool = False) -> Line:
        asked = [self.settings.profiles.get(name) or Profile(name, KeptOptions()) for name in map(full, names)]
        return self.turns.line_up(asked, prefer, is_forced=is_forced)

    def order(self, *names: str, prefer: Preference | None = None) -> str:
        return told(self.line(*names, prefer=prefer).turns)

    def turn(self, name: str) -> Turn:
        return self.line(name).turns[0]

    def rest(self, name: str, reason: FailureReason = FailureReason.RATE_LIMIT) -> None:
        turn = self.turn(name)
        self.states.judge(
            turn.profile.id,
            turn.since,
            lambda found: mark_failure(found, reason, CooldownRules(), self.now),
            "",
            self.now,
        )

    def use(self, name: str, ago: timedelta = timedelta(0)) -> None:
        turn = self.turn(name)
        self.states.note_use(turn.profile.id, turn.since, self.now - ago)


def full(name: str) -> str:
    return name if ":" in name else f"acme:{name}"


def told(turns: Sequence[Turn]) -> str:
    return " ".join(turn.candidate.name for turn in turns)


@pytest.fixture
def world(home: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("KEYWRIGHT_HOME", str(home / "kw"))
    register(home / "kw", "acme")
    profiles = {
        "github-app:one": Profile("github-app:one", APP),
        "github-app:two": Profile("github-app:two", APP, priority=1),
        "github-app:leaning": Profile("github-app:leaning", APP, fallback=("acme:a", "github-app:one")),
    }
    return World(
        {"HOME": str(home), "KEYWRIGHT_HOME": str(home / "kw")}, Settings(str(home / "config.toml"), "-", profiles)
    )


# --- the order --------------------------------------------------------------------------------------------------------


def test_without_a_preference_they_stand_as_written_but_for_their_priority(world: World) -> None:
    world.keep("b", "a", "c")
    assert world.order("b", "a", "c") == "b a c"
    assert world.order("c", "b", "github-app:two", "a") == "two c b a"
    world.states.decide("acme:a", instant(BORN), lambda decided: decided._replace(priority=5))
    assert world.order("b", "a", "c") == "a b c"


WORKED = {
    Preference.DEFAULT: "default A C B",
    Preference.VALID: "A C default B",
    Preference.RECENT: "default A C B",
    Preference.TYPE: "B C A default",
}


@pytest.fixture
def worked(world: World) -> World:
    """A (key, priority 10, used), B (grant, never used), C (token, priority 5, used longer ago), default (key)."""
    world.keep("A", priority=10)
    world.keep("B", held=grant())
    world.keep("C", held=token(), priority=5)
    world.keep("default")
    for name, ago in (("C", 3 * H), ("A", 2 * H), ("default", H)):
        world.use(name, ago)
    with world.states.changing("acme") as draft:
        draft.last_good = ""
    return world


@pytest.mark.parametrize(("prefer", "expected"), WORKED.items())
def test_the_preferences(worked: World, prefer: Preference, expected: str) -> None:
    assert worked.order("C", "default", "B", "A", prefer=prefer) == expected


def test_who_rests_comes_last_the_soonest_first(worked: World) -> None:
    worked.rest("A")
    assert worked.order("C", "default", "B", "A", prefer=Preference.DEFAULT) == "default C B A"
    worked.now += S
    worked.rest("default")
    assert worked.order("C", "default", "B", "A", prefer=Preference.DEFAULT) == "C B A default"
    assert worked.line("C", "default", "B", "A", prefer=Preference.DEFAULT).wished == tuple(
        f"acme:{name}" for name in ("default", "A", "C", "B")
    )
    worked.now += MINUTE
    assert worked.order("C", "default", "B", "A", prefer=Preference.DEFAULT) == "default A C B"


@pytest.mark.parametrize(
    ("prefer", "expected"),
    [
        (Preference.DEFAULT, "C default A B"),
        (Preference.VALID, "C A default B"),
        (Preference.RECENT, "C default A B"),
        (Preference.TYPE, "B C A default"),
        (None, "A C default B"),
    ],
)
def test_the_last_good_one_is_kept_to_where_they_do_not_take_turns(
    worked: World, prefer: Preference | None, expected: str
) -> None:
    worked.use("C")
    assert worked.order("default", "A", "C", "B", prefer=prefer) == expected


def test_the_last_good_one_is_no_better_while_it_rests(worked: World) -> None:
    worked.use("C")
    worked.rest("C")
    assert worked.order("C", "default", "B", "A", prefer=Preference.DEFAULT) == "default A B C"


def test_by_kind_they_take_turns(world: World) -> None:
    world.keep("a", "b", "c")
    served = []
    for _ in range(7):
        turn = world.line("a", "b", "c", prefer=Preference.TYPE).turns[0]
        world.turns.served(turn, is_new=False)
        served.append(turn.candidate.name)
        world.now += MINUTE
    assert "".join(served) == "abcabca"


def test_ten_looks_find_one_order(worked: World) -> None:
    for prefer in (None, *Preference):
        assert len({worked.order("C", "default", "B", "A", prefer=prefer) for _ in range(10)}) == 1


def test_a_disabled_one_is_never_offered_and_says_why(worked: World) -> None:
    worked.states.decide("acme:A", instant(BORN), lambda decided: decided._replace(enabled=False))
    line = worked.line("A", "B", prefer=Preference.VALID)
    assert told(line.turns) == "B A"
    assert [isinstance(turn.obstacle, Unavailable) for turn in line.turns] == [False, True]
    forced = worked.line("A", is_forced=True)
    assert forced.turns[0].obstacle is None


# --- who may stand in -------------------------------------------------------------------------------------------------


def test_a_fallback_comes_right_after_the_one_that_names_it(world: World) -> None:
    world.keep("a")
    assert world.order("github-app:leaning", "github-app:two") == "two leaning a one"
    assert world.order("github-app:one", "github-app:leaning") == "one leaning a", "each has one turn"


def test_a_kept_one_has_fallbacks_too_and_theirs_do_not_count(world: World) -> None:
    world.keep("a", fallback=("acme:b", "github-app:leaning"))
    world.keep("b", fallback=("acme:c",))
    world.keep("c")
    assert world.order("a") == "a b leaning"


def test_a_fallback_that_rests_waits_too(world: World) -> None:
    world.keep("a", fallback=("acme:b", "acme:c"))
    world.keep("b", "c")
    world.rest("b")
    assert world.order("a") == "a c b"


def test_what_could_be_nobodys_id_stands_in_for_nobody(world: World) -> None:
    world.keep("a", fallback=("../../etc/passwd:x", "acme:../b", "", "acme", "ACME:b", "absent:b"))
    line = world.line("a")
    assert [turn.profile.id for turn in line.turns] == ["acme:a", "absent:b"]
    assert line.turns[1].obstacle is not None


def test_nobody_but_who_was_named_is_ever_in_line(world: World) -> None:
    world.keep("a", "b", "c")
    assert world.order("a", prefer=Preference.VALID) == "a"


# --- what the order depends on ----------------------------------------------------------------------------------------


def test_the_inputs_are_what_decides(world: World) -> None:
    world.keep("a")
    vault = KeptProfiles(world.env).source
    state = world.states.folder
    assert set(world.line("github-app:one", "github-app:two").inputs) == {f"{state}/github-app.json"}
    assert set(world.line("github-app:one", "a").inputs) == {f"{state}/github-app.json", f"{state}/acme.json", vault}
    assert set(world.line("github-app:leaning").inputs) == {f"{state}/github-app.json", f"{state}/acme.json", vault}
    sorted_ = world.line("github-app:one", "github-app:two", prefer=Preference.VALID)
    assert set(sorted_.inputs) == {f"{state}/github-app.json", f"{state}/github-app.usage.json"}
    alone = world.line("github-app:one", prefer=Preference.VALID)
    assert set(alone.inputs) == {f"{state}/github-app.json"}, "there is nothing to sort"


def test_a_decision_or_a_change_in_the_vault_voids_them(world: World) -> None:
    world.keep("a")
    before = world.line("github-app:one", "a").inputs
    assert world.line("github-app:one", "a").inputs == before
    world.states.decide("github-app:one", "", lambda decided: decided._replace(enabled=False))
    between = world.line("github-app:one", "a").inputs
    assert between != before
    world.keep("b")
    assert world.line("github-app:one", "a").inputs != between


def test_what_changes_while_it_is_read_voids_them_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    real = ProfileStates.decisions

    def read_and_change(self: ProfileStates, provider: str) -> object:
        found = real(self, provider)
        if provider == "github-app":
            with monkeypatch.context() as patch:
                patch.setattr(ProfileStates, "decisions", real)
                self.decide("github-app:one", "", lambda decided: decided._replace(enabled=False))
        return found

    monkeypatch.setattr(ProfileStates, "decisions", read_and_change)
    line = world.line("github-app:one")
    assert line.turns[0].obstacle is None
    assert any(stamp(path) != seen for path, seen in line.inputs.items())


@pytest.mark.parametrize("prefer", [None, *Preference])
def test_only_where_they_take_turns_the_next_request_finds_another_order(
    world: World, prefer: Preference | None
) -> None:
    world.keep("a", "b")
    assert world.line("a", "b", prefer=prefer).is_steady == (prefer is not Preference.TYPE)
    assert world.line("a", prefer=prefer).is_steady


def test_without_any_home_they_stand_as_written(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    for kind in ("state", "data", "config"):
        monkeypatch.setattr(f"platformdirs.user_{kind}_dir", lambda *_, **__: "relative")
    nowhere = World({}, world.settings)
    line = nowhere.line("github-app:one", "github-app:leaning")
    assert (told(line.turns[:2]), line.inputs) == ("one leaning", {})
    assert [turn.obstacle for turn in line.turns[:2]] == [None, None]
    assert line.turns[2].obstacle is not None, "what lies in no vault"
    nowhere.turns.served(line.turns[0], is_new=True)
    assert nowhere.said == []
    nowhere.turns.failed(line.turns[0], Refused("no").as_told(Evidence(status=429)), is_alone=False)
    assert "not noting that github-app:one failed: there is no absolute state folder" in nowhere.said[0]


# --- what becomes of each ---------------------------------------------------------------------------------------------


def test_a_use_is_noted(world: World) -> None:
    world.keep("a")
    world.turns.served(world.turn("a"), is_new=False)
    assert world.turn("a").candidate.last_used == NOON
    assert world.states.usage("acme").last_good == "acme:a"


def test_a_new_credential_ends_the_rest_and_a_cached_one_does_not(world: World) -> None:
    world.keep("a")
    for reason in (FailureReason.RATE_LIMIT, FailureReason.BILLING):
        world.rest("a", reason)
    turn = world.turn("a")
    world.turns.served(turn, is_new=False)
    assert world.turn("a").standing == turn.standing != Standing()
    world.turns.served(turn, is_new=True)
    assert world.turn("a").standing == Standing()
    assert world.states.decisions("acme").profiles == {}


FAILED: dict[str, tuple[KeywrightError, timedelta | None, timedelta | None]] = {
    "a rate limit": (Refused("status 429"), 30 * S, None),
    "a rate limit that says how long": (Unreachable("status 429", retry_after_s=100), 100 * S, None),
    "a rate limit that says too long": (Unreachable("status 429", retry_after_s=1e6), H, None),
    "billing": (Refused("status 402"), None, 5 * H),
    "a lasting refusal": (Refused("forbidden"), None, 5 * H),
    "a passing one": (Refused("unauthorized"), None, None),
    "no answer": (Unreachable("no answer in time"), None, None),
    "a failure of this side": (VaultLocked("the vault is locked: forbidden"), None, None),
}


@pytest.mark.parametrize(("error", "cooldown", "disabled"), FAILED.values(), ids=FAILED)
def test_a_failure_is_judged_and_seen_by_the_next(
    world: World, error: KeywrightError, cooldown: timedelta | None, disabled: timedelta | None
) -> None:
    world.keep("a")
    standing = world.turns.failed(world.turn("a"), error, is_alone=False)
    assert standing.cooldown_until == (NOON + cooldown if cooldown else None)
    assert standing.disabled_until == (NOON + disabled if disabled else None)
    assert world.turn("a").standing == standing
    used = world.states.usage("acme").of("acme:a", instant(BORN))
    assert (used.last_error, used.last_error_at) == (f"{error.code}: {error.what}", NOON)
    assert used.error_count == 1


def test_a_lasting_refusal_of_one_that_is_alone_is_only_counted(world: World) -> None:
    standing = world.turns.failed(world.turn("github-app:one"), Refused("forbidden"), is_alone=True)
    assert (standing.disabled_until, standing.failure_counts) == (None, {FailureReason.AUTH: 1})
    assert world.turns.failed(world.turn("github-app:one"), Refused("status 402"), is_alone=True).disabled_until


def test_the_rules_are_those_of_its_provider(world: World) -> None:
    rules = CooldownRules(rate_limit_s=7, by_provider={"acme": Override(rate_limit_s=2)})
    world.settings = world.settings._replace(cooldown=rules)
    world.keep("a")
    limit = Refused("status 429")
    assert world.turns.failed(world.turn("a"), limit, is_alone=False).cooldown_until == NOON + 2 * S
    assert world.turns.failed(world.turn("github-app:one"), limit, is_alone=False).cooldown_until == NOON + 7 * S


def test_a_failure_that_cannot_be_noted_is_said_and_costs_nothing_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn = world.turn("github-app:one")

    def refuse(*_: object, **__: object) -> None:
        raise StateUnusable("it cannot be written (EROFS)", mend="make it writable")

    monkeypatch.setattr(ProfileStates, "judge", refuse)
    monkeypatch.setattr(ProfileStates, "note_use", refuse)
    assert world.turns.failed(turn, Refused("status 429"), is_alone=False) == turn.standing
    assert world.said == [
        "not noting that github-app:one failed: it cannot be written (EROFS); make it writable [state_unusable]"
    ]
    world.turns.served(turn, is_new=True)
    assert len(world.said) == 1


def test_what_became_of_one_that_was_added_again_meanwhile_is_not_held_against_it(world: World) -> None:
    world.keep("a")
    turn = world.turn("a")
    store = KeptProfiles(world.env)
    store.remove(ProfileId("acme", "a"))
    store.save(profile("acme:a", ApiKey(Secret("new")), born=NOON), NOON)
    world.turns.failed(turn, Refused("status 402"), is_alone=False)
    found = world.turn("a")
    assert (found.obstacle, found.standing) == (None, Standing())
    assert world.states.decisions("acme").of("acme:a", instant(NOON)) == Decided(since=instant(NOON))
