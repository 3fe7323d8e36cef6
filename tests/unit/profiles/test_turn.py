"""One profile in line: what the settings, the vault and the state say of it, put together."""

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from fakes.kept import BORN, NOON, grant, profile, register, token
from fakes.own_vault import OwnVault
from keywright.errors import ProviderNotFound, StateUnusable, TokenRevoked, Unavailable, VaultLocked
from keywright.profiles.cooldown import mark_failure
from keywright.profiles.instants import instant
from keywright.profiles.kept import KeptProfiles
from keywright.profiles.known import Decided
from keywright.profiles.mode import Mode
from keywright.profiles.model import AuthProfile, Kept
from keywright.profiles.reason import FailureReason
from keywright.profiles.standing import Standing
from keywright.profiles.state import ProfileStates
from keywright.profiles.turn import Book, Turn
from keywright.settings.model import GithubAppOptions, KeptOptions, Profile, StaticOptions
from keywright.settings.turns import CooldownRules

APP = Profile("github-app:acme", GithubAppOptions("1", "/key.pem", 7), priority=3)
WORK = Profile("acme:work", KeptOptions())
S, H = timedelta(seconds=1), timedelta(hours=1)


class World(NamedTuple):
    """One user's vault and state."""

    env: dict[str, str]

    @property
    def states(self) -> ProfileStates:
        return ProfileStates(self.env)

    def keep(self, held: Kept | None = None, **fields: object) -> AuthProfile:
        return KeptProfiles(self.env).save(profile("acme:work", held, **fields), BORN)  # type: ignore[arg-type]

    def turn(self, asked: Profile = WORK, now: datetime = NOON, *, is_forced: bool = False) -> Turn:
        return Book(self.env).turn(asked, now, is_forced=is_forced)

    def decide(self, id_: str = "acme:work", since: str = instant(BORN), **changes: object) -> None:
        self.states.decide(id_, since, lambda decided: decided._replace(**changes))  # type: ignore[arg-type]

    def fail(self, reason: FailureReason, id_: str = "acme:work", since: str = instant(BORN)) -> None:
        def judge(standing: Standing) -> Standing:
            return mark_failure(standing, reason, CooldownRules(), NOON)

        self.states.judge(id_, since, judge, "it failed", NOON)


@pytest.fixture
def world(home: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("KEYWRIGHT_HOME", str(home / "kw"))
    register(home / "kw", "acme")
    return World({"HOME": str(home), "KEYWRIGHT_HOME": str(home / "kw")})


# --- put together -----------------------------------------------------------------------------------------------------


def test_one_of_the_settings_that_nothing_is_known_of(world: World) -> None:
    found = world.turn(APP)
    assert (found.kept, found.since, found.standing, found.obstacle, found.until) == (None, "", Standing(), None, None)
    candidate = found.candidate
    assert (candidate.id, candidate.name, candidate.mode, candidate.priority) == (APP.id, "acme", Mode.MINTED, 3)
    assert (candidate.is_valid, candidate.last_used, found.rests) == (True, None, False)
    static = Profile("static:forge", StaticOptions("https://git.example", "env://TOKEN"))
    assert world.turn(static).candidate.mode is Mode.STATIC


def test_one_of_the_vault_brings_its_mode_priority_and_birth(world: World) -> None:
    kept = world.keep(grant(), priority=-2)
    found = world.turn()
    assert (found.kept, found.since) == (kept, instant(BORN))
    assert (found.candidate.mode, found.candidate.priority, found.candidate.name) == (Mode.OAUTH, -2, "work")


def test_what_a_person_decided_since_wins(world: World) -> None:
    world.keep(priority=5, enabled=False)
    assert isinstance(world.turn().obstacle, Unavailable)
    world.decide(enabled=True, priority=-1)
    found = world.turn()
    assert (found.obstacle, found.candidate.priority) == (None, -1)
    world.decide(APP.id, "", priority=0)
    assert world.turn(APP).candidate.priority == 0


VALID: dict[str, tuple[Kept | None, bool]] = {
    "a key": (None, True),
    "a token": (token(left=H), True),
    "an expired token": (token(left=-S), False),
    "a grant": (grant(), True),
    "an expired grant that can be renewed": (grant(left=-S), True),
    "an expired grant that nothing renews": (grant(left=-S, refresh_token=None), False),
    "a grant about to expire that nothing renews": (grant(left=S, refresh_token=None), False),
}


@pytest.mark.parametrize(("held", "is_valid"), VALID.values(), ids=VALID)
def test_what_can_be_renewed_counts_as_good(world: World, held: Kept | None, *, is_valid: bool) -> None:
    world.keep(held)
    found = world.turn()
    assert (found.candidate.is_valid, found.obstacle) == (is_valid, None)


def test_when_it_was_used_is_told(world: World) -> None:
    world.keep()
    world.states.note_use(WORK.id, instant(BORN), NOON - H)
    assert world.turn().candidate.last_used == NOON - H


# --- what keeps it back -----------------------------------------------------------------------------------------------


def test_a_disabled_one_is_no_turn_at_all_and_has_no_end(world: World) -> None:
    for asked, since in ((APP, ""), (WORK, instant(BORN))):
        world.keep()
        world.decide(asked.id, since, enabled=False)
        found = world.turn(asked)
        assert str(found.obstacle) == f"it is disabled; run `keywright profile enable {asked.id}`"
        assert (found.until, found.rests, found.candidate.is_valid) == (None, False, False)


def test_a_disabled_one_that_rests_too_has_no_end_either(world: World) -> None:
    world.keep()
    world.fail(FailureReason.BILLING)
    world.decide(enabled=False)
    found = world.turn()
    assert "it is disabled" in str(found.obstacle)
    assert found.until is None


def test_one_whose_grant_was_taken_back_is_never_tried(world: World) -> None:
    world.keep(grant())
    world.decide(is_revoked=True)
    found = world.turn(now=NOON + 10_000 * H)
    assert isinstance(found.obstacle, TokenRevoked)
    assert "run `keywright profile login" in str(found.obstacle)
    assert found.until is None


SPANS = {
    FailureReason.RATE_LIMIT: (30 * S, True),
    FailureReason.SESSION_EXPIRED: (30 * S, True),
    FailureReason.BILLING: (5 * H, False),
    FailureReason.AUTH_PERMANENT: (5 * H, False),
}


@pytest.mark.parametrize(("reason", "span", "is_last_resort"), [(r, *rest) for r, rest in SPANS.items()])
def test_a_rest_lasts_to_its_end_and_not_longer(
    world: World, reason: FailureReason, span: timedelta, *, is_last_resort: bool
) -> None:
    world.keep()
    world.fail(reason)
    last = NOON + span - timedelta(microseconds=1)
    for now in (NOON, last):
        found = world.turn(now=now)
        assert found.until == NOON + span
        assert found.rests == is_last_resort
        assert (found.obstacle is None) == is_last_resort
    if not is_last_resort:
        told = f"it is left alone until 2030-01-01T17:00:00Z for `{reason}`; `keywright profile enable acme:work` ends"
        assert told in str(world.turn().obstacle)
    found = world.turn(now=NOON + span)
    assert (found.until, found.obstacle, found.rests) == (None, None, False)


@pytest.mark.parametrize("reason", [reason for reason in FailureReason if reason not in SPANS])
def test_no_other_failure_keeps_it_back(world: World, reason: FailureReason) -> None:
    world.keep()
    for _ in range(10):
        world.fail(reason)
    found = world.turn()
    assert (found.until, found.obstacle, found.rests, found.standing.error_count) == (None, None, False, 10)


def test_a_rest_that_is_over_is_over_for_everybody(world: World) -> None:
    world.keep()
    world.fail(FailureReason.RATE_LIMIT)
    world.turn(now=NOON + 30 * S)
    assert world.states.decisions("acme").profiles == {}
    assert world.states.usage("acme").of(WORK.id, instant(BORN)).error_count == 0


def test_a_look_that_clears_nothing_writes_nothing(world: World) -> None:
    world.keep()
    world.fail(FailureReason.RATE_LIMIT)
    before = {path: path.stat().st_mtime_ns for path in Path(world.env["KEYWRIGHT_HOME"]).rglob("*")}
    for now in (NOON, NOON + 29 * S):
        world.turn(now=now)
    assert {path: path.stat().st_mtime_ns for path in Path(world.env["KEYWRIGHT_HOME"]).rglob("*")} == before


def test_a_rest_that_is_over_is_over_even_where_that_cannot_be_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.keep()
    world.fail(FailureReason.BILLING)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    assert world.turn(now=NOON + 5 * H).obstacle is None


def test_a_rest_from_before_the_clock_was_set_back_is_void(world: World) -> None:
    world.keep()
    world.fail(FailureReason.BILLING)
    assert world.turn(now=NOON - 1000 * H).obstacle is None


def test_a_provider_without_brakes_never_rests_and_its_failures_count(world: World, home: Path) -> None:
    file = home / "kw/providers.d/acme.toml"
    file.write_text("cooldown_bypass = true\n" + file.read_text())
    world.keep()
    for reason in (FailureReason.BILLING, FailureReason.RATE_LIMIT):
        world.fail(reason)
    found = world.turn()
    assert (found.until, found.obstacle, found.rests, found.standing.error_count) == (None, None, False, 2)
    world.decide(enabled=False)
    assert "it is disabled" in str(world.turn().obstacle)


def test_who_insists_gets_it_whatever_was_decided(world: World) -> None:
    world.keep(grant())
    world.fail(FailureReason.BILLING)
    world.decide(enabled=False, is_revoked=True)
    found = world.turn(is_forced=True)
    assert (found.obstacle, found.until, found.rests) == (None, None, False)
    assert found.standing.error_count == 1


# --- what cannot be told ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_forced", [False, True])
def test_one_that_is_not_there_is_said_not_to_be(world: World, *, is_forced: bool) -> None:
    found = world.turn(is_forced=is_forced)
    assert isinstance(found.obstacle, ProviderNotFound)
    assert "there is no profile `acme:work`; `keywright profile list`" in str(found.obstacle)
    assert found.until is None


@pytest.mark.parametrize("is_forced", [False, True])
def test_a_locked_vault_is_said_to_be_locked(world: World, *, is_forced: bool) -> None:
    world.keep()
    OwnVault().lock()
    found = world.turn(is_forced=is_forced)
    assert isinstance(found.obstacle, VaultLocked)
    assert found.until is None
    assert world.turn(APP).obstacle is None, "what needs no vault goes on"


def test_decisions_that_cannot_be_read_stop_everything(world: World) -> None:
    world.decide(APP.id, "", enabled=False)
    (Path(world.states.folder) / "github-app.json").write_bytes(b"{")
    with pytest.raises(StateUnusable, match="is damaged"):
        world.turn(APP)


def test_usage_that_cannot_be_read_stops_nothing(world: World) -> None:
    world.keep()
    world.fail(FailureReason.BILLING)
    (Path(world.states.folder) / "acme.usage.json").write_bytes(b"{")
    assert world.turn().until == NOON + 5 * H


def test_one_that_was_added_again_inherits_nothing(world: World) -> None:
    world.keep()
    world.fail(FailureReason.BILLING)
    world.decide(enabled=False, priority=9, is_revoked=True)
    world.states.note_use(WORK.id, instant(BORN), NOON)
    KeptProfiles(world.env).remove(profile("acme:work").id)
    world.keep(born=NOON)
    found = world.turn()
    assert (found.obstacle, found.standing, found.candidate.priority) == (None, Standing(), 0)
    assert found.candidate.last_used is None
    assert world.states.decisions("acme").of(WORK.id, instant(NOON)) == Decided(since=instant(NOON))


def test_each_providers_files_are_read_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "c"):
        KeptProfiles(world.env).save(profile(f"acme:{name}"), BORN)
    real, reads = KeptProfiles.of_provider, []

    def counted(self: KeptProfiles, provider: str, *, only: str = "") -> dict[str, AuthProfile]:
        reads.append((provider, only))
        return real(self, provider, only=only)

    monkeypatch.setattr(KeptProfiles, "of_provider", counted)
    book = Book(world.env)
    for name in ("a", "b", "c", "absent"):
        book.turn(Profile(f"acme:{name}", KeptOptions()), NOON)
    assert reads == [("acme", "acme:a"), ("acme", "")], "the first by itself; with a second, all of them"
