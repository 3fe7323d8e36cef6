"""The loop, on a clock of its own."""

import os
import resource
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from shutil import rmtree

import pytest

from fakes.agents import START, land
from fakes.grants import GrantIssuer, access, refresh
from fakes.kept import grant, profile, register
from fakes.minter import Minting
from keywright.broker import Broker
from keywright.errors import (
    Busy,
    ConfigurationError,
    Evidence,
    KeywrightError,
    NeedsPerson,
    Refused,
    TokenRevoked,
    Unreachable,
)
from keywright.profiles.kept import KeptProfiles
from keywright.profiles.state import ProfileStates
from keywright.providers.base import ALONE, Aid, Minted, Parent
from keywright.refresher import round as rounds
from keywright.refresher.agent import GRACE_S, SPENDING_GRACE_S, Report, renew_all_due
from keywright.refresher.alone import only_one
from keywright.refresher.crew import Finished
from keywright.refresher.due import Target
from keywright.refresher.mail import Call
from keywright.refresher.round import LeftAlone, Outcome
from keywright.request import Client, Request, Verb
from keywright.secret import Secret
from keywright.settings.model import GithubAppOptions, Profile
from unit.refresher.conftest import ACME, SPARE, House, route, table

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SECOND = timedelta(seconds=1)
NOT_LONG = timedelta(0)
"""One look."""


def renewed(house: House) -> list[str]:
    """Return what was renewed, in order."""
    return [line.split()[1].rstrip(",") for line in house.world.said if line.startswith("renewed ")]


def once(house: House) -> Report:
    """Renew all that is due, once, as `keywright refresh --due`."""
    world = house.world
    world.is_working = lambda: True
    return renew_all_due(os.environ, now=world.now, monotonic=lambda: 0.0, mail=world, say=world.said.append)


def ids(report: Report) -> tuple[list[str], list[str]]:
    """Return who was renewed and who failed."""
    return (
        sorted(one.target.profile.id for one in report.renewed),
        sorted(one.target.profile.id for one in report.failed),
    )


def test_a_ttl_of_ten_seconds_with_a_skew_of_one(house: House) -> None:
    """The example of the system this comes from: minted at 1000 ms, left at 2000, minted at 10500."""
    house.minter.lifetime = 10 * SECOND
    house.write(table(ACME, 'renew_before = "1s"\nrefuse_before = "0s"'), table(SPARE))
    house.minter.failure, house.minter.failing = Unreachable("down"), SPARE
    outcomes = []
    for at_ms in (1000, 2000, 10_500):
        house.world.at = START + timedelta(milliseconds=at_ms)
        outcomes.append(ids(once(house))[0])
    assert outcomes == [[ACME], [], [ACME]]


def test_it_primes_at_once_and_renews_ahead(house: House) -> None:
    house.write(table(ACME), table(SPARE))
    assert house.run(3 * HOUR) == 0
    assert sorted(renewed(house)) == [ACME] * 5 + [SPARE] * 5  # at 0:00 and each time a quarter is left
    assert house.minter.calls == 10


def test_it_sleeps_no_longer_than_its_interval_and_not_past_what_is_due(house: House) -> None:
    house.minter.lifetime = 20 * SECOND
    house.world.interval = 30 * SECOND
    house.run(5 * MINUTE)
    assert max(house.world.slept_s) <= 10  # half of 20 s
    assert 30 <= house.minter.calls <= 32


def test_a_long_interval_is_slept_in_short_steps(house: House) -> None:
    house.world.interval = HOUR
    house.minter.lifetime = 12 * HOUR
    house.run(3 * HOUR)
    assert max(house.world.slept_s) == 30


def test_a_long_interval_is_not_waited_for_after_a_failure(house: House) -> None:
    house.world.interval = HOUR
    house.minter.failure = Unreachable("down")

    def mend() -> None:
        house.minter.failure = None if house.world.at > START + MINUTE else house.minter.failure

    house.run(5 * MINUTE, between=mend)
    assert renewed(house) == [ACME]


def test_one_that_fails_stalls_no_other_and_is_asked_as_rarely_as_by_anybody(house: House) -> None:
    house.write(table(ACME), table(SPARE))
    house.minter.failure, house.minter.failing = Unreachable("the issuer answered with status 503"), SPARE
    house.run(2 * HOUR)
    good = renewed(house)
    assert good == [ACME] * 3
    failing = house.minter.calls - len(good)
    assert 7200 / (300 * 1.2 + 30) <= failing <= 8 + 7200 / (300 * 0.8)
    assert [line for line in house.world.said if line.startswith("failed")] == [
        f"failed {SPARE}: the issuer answered with status 503 [unreachable]"
    ]
    house.minter.failure = None
    house.run(6 * MINUTE)
    assert renewed(house)[-1] == SPARE


def test_what_failed_for_a_client_a_moment_ago_is_not_asked(house: House) -> None:
    house.minter.failure = Unreachable("down", retry_after_s=600)
    with pytest.raises(Unreachable):
        house.get(ACME, START)
    house.run(9 * MINUTE)
    assert house.minter.calls == 1
    house.run(2 * MINUTE)
    assert house.minter.calls == 2


@pytest.mark.parametrize("failure", [TokenRevoked("its issuer took the grant back"), NeedsPerson("log in")])
def test_what_only_a_person_mends_is_asked_once(house: House, failure: KeywrightError) -> None:
    house.minter.failure = failure
    house.run(DAY)
    assert house.minter.calls == 1
    house.minter.failure = None
    house.write(table(ACME), "")  # a person has been at work
    house.run(MINUTE)
    assert renewed(house) == [ACME]


def test_a_failure_is_noted_so_that_a_route_goes_on_to_the_next(house: House) -> None:
    house.write(table(ACME), table(SPARE), route(ACME, SPARE))
    refused = Refused("no more").as_told(Evidence(status=403))
    house.minter.failure, house.minter.failing = refused, ACME
    house.run(MINUTE)
    states = ProfileStates(os.environ)
    assert states.decisions("github-app").of(ACME, "").disabled_until is not None
    assert house.minter.calls == 2
    house.run(4 * HOUR)
    assert house.minter.calls == 2 + 5  # spare's own: acme is left alone


def test_one_that_nobody_stands_in_for_is_not_put_to_rest_for_a_refusal(house: House) -> None:
    house.minter.failure = Refused("no more").as_told(Evidence(status=403))
    house.run(HOUR)
    assert house.minter.calls > 8
    assert ProfileStates(os.environ).decisions("github-app").of(ACME, "").disabled_until is None


def test_a_success_ends_what_it_rested_for_and_is_no_use(house: House) -> None:
    house.minter.failure = Unreachable("down")
    house.run(NOT_LONG)
    states = ProfileStates(os.environ)
    assert states.usage("github-app").of(ACME, "").error_count == 1
    house.minter.failure = None
    house.run(MINUTE)
    used = states.usage("github-app").of(ACME, "")
    assert (used.error_count, used.last_used) == (0, None)
    assert states.usage("github-app").last_good == ""


def test_disabled_profiles_are_left_alone_until_they_are_enabled(house: House) -> None:
    states = ProfileStates(os.environ)
    states.decide(ACME, "", lambda decided: decided._replace(enabled=False))
    house.run(DAY)
    assert house.minter.calls == 0
    states.decide(ACME, "", lambda decided: decided._replace(enabled=True))
    house.run(MINUTE)
    assert house.minter.calls == 1


def test_new_settings_are_gone_by_at_the_next_look(house: House) -> None:
    house.run(MINUTE)
    house.write(table(ACME), table(SPARE))
    house.run(MINUTE)
    assert renewed(house) == [ACME, SPARE]


def test_wrong_settings_are_told_once_and_nothing_is_renewed_until_they_are_mended(house: House) -> None:
    house.run(MINUTE)
    house.write(table(ACME), "nonsense")
    house.run(3 * HOUR)
    assert house.minter.calls == 1
    assert len([line for line in house.world.said if line.startswith("renewing nothing: ")]) == 1
    house.write(table(ACME))
    house.run(MINUTE)
    assert house.minter.calls == 2


@pytest.mark.parametrize("step", [DAY, -DAY, 10 * 365 * DAY, -40 * 365 * DAY], ids=str)
def test_a_step_of_the_clock_is_seen_at_the_next_look(house: House, step: timedelta) -> None:
    house.run(MINUTE)
    house.world.at += step
    house.run(MINUTE)
    assert house.minter.calls == 2
    house.world.at -= step
    house.run(2 * MINUTE)
    assert house.minter.calls == 3


def test_a_step_while_it_sleeps_ends_the_sleep(house: House) -> None:
    house.world.interval = HOUR
    steps = [-2 * HOUR]

    def step() -> None:
        if house.world.slept_s and steps:
            house.world.at += steps.pop()
            house.world.until = house.world.at + 2 * MINUTE

    house.run(HOUR, between=step)
    assert house.minter.calls == 2


def test_what_is_dropped_while_its_renewal_waits_for_its_turn_is_not_brought_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.run(SECOND)
    renew = rounds.renew

    def late(broker: Broker, target: Target) -> Outcome:
        house.broker(house.world.at).invalidate(
            Request(client=Client.GIT, verb=Verb.GET, asked=ACME, profile=ACME), None
        )
        house.write(table(SPARE))
        return renew(broker, target)

    monkeypatch.setattr(rounds, "renew", late)
    house.world.at += 50 * MINUTE
    house.run(NOT_LONG)
    assert house.minter.calls == 1


def test_what_another_process_renews_is_left_to_it(house: House) -> None:
    house.get(ACME, START)
    (digest,) = house.cache.entries.digests()
    house.world.at = START + 50 * MINUTE
    held = house.cache.entries.lock(digest, 0)
    release, taken = threading.Event(), threading.Event()

    def hold() -> None:
        with held as is_locked:
            assert is_locked
            taken.set()
            release.wait(30)

    other = threading.Thread(target=hold)
    other.start()
    assert taken.wait(30)
    house.run(5 * MINUTE)
    assert house.minter.calls == 1
    release.set()
    other.join(30)
    house.run(6 * MINUTE)
    assert house.minter.calls == 2


def test_a_detached_renewal_that_was_just_woken_is_not_doubled(house: House) -> None:
    house.get(ACME, START)
    (digest,) = house.cache.entries.digests()
    house.world.at = START + 50 * MINUTE
    house.cache.answers.brake(digest, house.world.at.timestamp() + 40)
    house.run(20 * SECOND)
    assert house.minter.calls == 1
    house.run(MINUTE)
    assert house.minter.calls == 2


def test_a_cache_that_cannot_be_written_costs_few_tokens_and_is_told_once(house: House) -> None:
    house.run(SECOND)
    entries = house.folder / "cache/entries"
    for left in entries.glob("*.json"):
        left.unlink()
    entries.chmod(0o755)  # open to others: refused
    house.run(HOUR)
    assert house.minter.calls == 1
    assert len([line for line in house.world.said if "open to other users" in line]) == 1
    entries.chmod(0o700)
    house.run(MINUTE)
    assert house.minter.calls == 2


def test_a_bug_in_one_provider_is_no_other_s(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.write(table(ACME), table(SPARE))
    fetch = Minting.fetch

    def broken(self: Minting, now: datetime, timeout_s: float, memory: Mapping[str, str], aid: Aid = ALONE) -> Minted:
        if self.profile.id == SPARE:
            house.minter.calls += 1
            raise ZeroDivisionError("s3cret")
        return fetch(self, now, timeout_s, memory, aid)

    monkeypatch.setattr(Minting, "fetch", broken)
    house.run(HOUR)
    assert renewed(house) == [ACME] * 2
    (told,) = [line for line in house.world.said if line.startswith("failed")]
    assert "ZeroDivisionError" in told
    assert "s3cret" not in told
    assert house.minter.calls <= 2 + 8 + 3600 / 300


def test_a_bug_that_follows_a_failure_is_met_as_rarely(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.minter.failure = Unreachable("down")
    house.run(NOT_LONG)
    began = house.minter.calls

    def broken(_self: Minting, now: datetime, timeout_s: float, memory: Mapping[str, str], aid: Aid = ALONE) -> Minted:
        house.minter.calls += 1
        raise ZeroDivisionError

    monkeypatch.setattr(Minting, "fetch", broken)
    house.run(HOUR)
    assert house.minter.calls - began <= 8 + 3600 / 300


def test_a_session_that_fails_is_asked_for_once_for_all_that_need_it(house: House) -> None:
    """Their own failures are remembered as the session's: each look tells of it, and asks nobody."""
    session = Profile(id="github-app:session", options=GithubAppOptions(app_id="1", private_key="/k"))
    house.write(table(ACME), table(SPARE))
    for id_ in (ACME, SPARE):
        house.minter.parents[id_] = Parent(session, Minting(house.minter, session), timedelta(0))
    house.minter.failure, house.minter.failing = Unreachable("down", retry_after_s=3600), session.id
    house.run(59 * MINUTE)
    assert house.minter.calls == 1
    house.minter.failure = None
    house.run(6 * MINUTE)
    assert house.minter.calls == 1 + 3
    assert sorted(renewed(house)) == [ACME, SPARE]


def test_one_that_hangs_stalls_no_other_nor_the_end(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight threads, nine that hang: each is written off after a while, and what else is due has its turn."""
    hanging = [f"github-app:h{number}" for number in range(9)]
    house.write(*(table(id_) for id_ in [*hanging, ACME]))
    release, fetch = threading.Event(), Minting.fetch

    def hang(self: Minting, now: datetime, timeout_s: float, memory: Mapping[str, str], aid: Aid = ALONE) -> Minted:
        if self.profile.id in hanging:
            house.world.hanging.append(self.profile.id)
            release.wait(60)
        return fetch(self, now, timeout_s, memory, aid)

    monkeypatch.setattr(Minting, "fetch", hang)
    house.run(5 * MINUTE)
    asked = house.minter.calls
    release.set()
    land()
    assert renewed(house) == [ACME]
    assert len([line for line in house.world.said if "its renewal hangs" in line]) == 9
    assert asked == 1
    assert sorted(house.world.hanging) == hanging  # none of them was begun twice


def test_an_end_does_not_wait_for_a_renewal_that_hangs(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    release, fetch = threading.Event(), Minting.fetch

    def hang(self: Minting, now: datetime, timeout_s: float, memory: Mapping[str, str], aid: Aid = ALONE) -> Minted:
        world.hanging.append(self.profile.id)
        release.wait(60)
        return fetch(self, now, timeout_s, memory, aid)

    monkeypatch.setattr(Minting, "fetch", hang)
    world = house.world
    world.calls = [Call.END]
    assert house.run(HOUR) == 0
    release.set()
    land()
    assert world.monotonic_s <= GRACE_S


@pytest.fixture
def grants(house: House) -> Iterator[GrantIssuer]:
    house.write()
    with GrantIssuer() as issuer:
        register(house.folder, "acme", issuer.token_url)
        for name in ("ann", "bob"):
            held = grant(client_id="app")._replace(
                access_token=Secret(access(name, 1)), refresh_token=Secret(refresh(name, 1))
            )
            KeptProfiles(os.environ).save(profile(f"acme:{name}", held), START)
        yield issuer


def test_grants_of_the_vault_are_renewed_five_minutes_ahead(house: House, grants: GrantIssuer) -> None:
    house.run(54 * MINUTE)
    assert grants.asked == 0
    house.run(2 * MINUTE)
    assert grants.asked == 2
    assert sorted(renewed(house)) == ["acme:ann", "acme:bob"]
    house.run(3 * HOUR)
    assert grants.asked == 2 + 2 * 3
    assert grants.revoked == set()


def test_a_grant_that_was_taken_back_is_asked_for_once(house: House, grants: GrantIssuer) -> None:
    grants.revoked.add("ann")
    house.run(8 * HOUR)
    asked = [form["refresh_token"] for form in grants.forms if form["refresh_token"].split(" ")[-2] == "ann"]
    assert len(asked) == 1
    assert len([line for line in house.world.said if line.startswith("failed acme:ann")]) == 1
    assert ProfileStates(os.environ).decisions("acme").of("acme:ann", "2026-01-02T03:04:05Z").is_revoked
    assert renewed(house).count("acme:bob") >= 8


@pytest.mark.slow
def test_an_end_waits_for_a_refresh_token_that_is_being_spent(house: House, grants: GrantIssuer) -> None:
    from fakes.bent import bent, slow

    house.world.at = START + 56 * MINUTE
    hanging = slow()
    with bent(grants, hanging):
        ends = [Call.END]

        def end() -> None:
            hanging.wait_for(2)
            house.world.calls = [ends.pop()] if ends else []
            if house.world.monotonic_s > GRACE_S:
                house.world.hanging.clear()
                hanging.release()

        house.world.hanging += ["acme:ann", "acme:bob"]
        assert house.run(HOUR, between=end) == 0
    assert GRACE_S < house.world.monotonic_s <= SPENDING_GRACE_S
    assert sorted(renewed(house)) == ["acme:ann", "acme:bob"]


def test_a_signal_ends_it_with_the_code_that_it_stands_for(house: House) -> None:
    house.world.calls = [Call.INTERRUPT]
    assert house.run(HOUR) == 130
    house.world.calls = [Call.END]
    assert house.run(HOUR) == 0


def test_a_hangup_has_it_look_again_now(house: House) -> None:
    house.world.interval = HOUR
    house.minter.lifetime = 12 * HOUR
    house.run(2 * SECOND)
    house.write(table(ACME), table(SPARE))
    house.world.calls = [Call.LOOK]
    began = house.world.at
    house.run(SECOND)
    assert renewed(house) == [ACME, SPARE]
    assert house.world.at - began < MINUTE


def test_once_is_once(house: House) -> None:
    house.write(table(ACME), table(SPARE), route(ACME, SPARE))
    house.minter.failure, house.minter.failing = Unreachable("down"), SPARE
    assert ids(once(house)) == ([ACME], [SPARE])
    report = once(house)
    assert ids(report) == ([], [SPARE])  # told again, and not asked
    assert report.failed[0].error.is_repeated
    assert house.minter.calls == 2
    house.write("nonsense")
    with pytest.raises(ConfigurationError):
        once(house)


def test_there_is_one_agent_for_each_user(house: House) -> None:
    with only_one(os.environ):
        assert (house.folder / "state/agent.pid").read_text() == f"{os.getpid()}\n"
        caught: list[Busy] = []

        def second() -> None:
            try:
                with only_one(os.environ):
                    pass
            except Busy as busy:
                caught.append(busy)

        other = threading.Thread(target=second)
        other.start()
        other.join(30)
        assert f"pid {os.getpid()}" in str(caught[0])
        assert caught[0].exit_code == 5
    assert not (house.folder / "state/agent.pid").exists()
    with only_one(os.environ):
        pass


def test_a_full_disk_keeps_no_agent_from_starting(house: House) -> None:
    """The pid is for people; what is cached may still be forgotten, and room be made, while it runs."""
    with only_one(os.environ):
        pass
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with only_one(os.environ):
            assert not (house.folder / "state/agent.pid").exists()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_memory_of_failures_that_was_deleted_is_gone_on_with_in_its_place(house: House) -> None:
    world, state = house.world, house.folder / "state"

    def lose() -> None:
        if world.at < START + 20 * MINUTE or (state / "new").exists():
            return
        rmtree(state)
        (digest,) = house.cache.entries.digests()
        down = Unreachable("down", retry_after_s=3000).about(ACME, "")
        house.cache.failures.record(digest, down, world.at.timestamp(), {})
        (state / "new").touch()

    house.run(HOUR, between=lose)
    assert house.minter.calls == 1


def test_a_renewal_is_bounded(house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from keywright.deadline import OutOfTime

    def strike(*_args: object, **_more: object) -> None:
        raise OutOfTime

    monkeypatch.setattr("keywright.broker.Broker.renew_due", strike)
    target = house.look(START).due[0]
    outcome = rounds.renew(house.broker(START), target)
    assert isinstance(outcome, rounds.Failed)
    assert isinstance(outcome.error, Busy)


def test_what_may_not_be_kept_is_got_once(house: House) -> None:
    """As the long-lived keys behind an AWS profile, or a token of unknown end: nobody would find it."""
    house.minter.is_kept = False
    house.run(DAY)
    assert house.minter.calls == 1
    assert house.world.said == []
    assert ids(once(house)) == ([], [])


def test_what_may_not_be_kept_is_tried_anew_once_the_settings_have_changed(house: House) -> None:
    house.minter.is_kept = False
    house.run(HOUR)
    house.write(table(ACME, 'renew_before = "5m"'))
    house.minter.is_kept = True
    house.run(MINUTE)
    assert renewed(house) == [ACME]


def test_what_others_were_quicker_with_ten_times_rests_no_longer_for_it(house: House) -> None:
    world = house.world
    house.get(ACME, world.at)
    (target,) = house.look(world.at + HOUR).due
    looking = rounds.Rounds(os.environ, now=world.now, monotonic=lambda: 0.0, say=world.said.append, post=world.post)
    for lifetime in (HOUR,) * 10 + (4 * MINUTE,):
        house.minter.lifetime = lifetime
        looking.note(Finished(target.name, LeftAlone(target)))
        house.refresh(ACME, world.at)
        looking.look()
        assert not looking.working
        world.at += lifetime * 0.8
    looking.look()
    assert looking.working
    land()
