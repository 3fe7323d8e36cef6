import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from fakes.accounts import Accounts, oauth
from fakes.minter import Minter
from fakes.outcomes import OUTCOMES, Row
from fakes.own_vault import OwnVault
from keywright import broker
from keywright.broker import Broker
from keywright.cache.open import Cache, open_cache
from keywright.errors import (
    Busy,
    CacheUnusable,
    ConfigurationError,
    CredentialExpired,
    CredentialNotFound,
    Evidence,
    KeywrightError,
    Refused,
    Unavailable,
    Unreachable,
)
from keywright.freshness import Freshness, Margins
from keywright.profiles.model import AuthProfile, OAuth
from keywright.profiles.reason import FailureReason
from keywright.profiles.state import ProfileStates
from keywright.renewal import Served
from keywright.request import Client, Request, Verb, parse_url
from keywright.secret import Secret
from keywright.settings.model import EcrOptions, GithubAppOptions, KeptOptions, Profile, Route, Settings, StaticOptions
from keywright.settings.turns import Preference

ACME = "github-app:acme"
SPARE = "github-app:spare"


@dataclass
class House:
    """A broker over a real cache, with its clock and what it said."""

    clock: time_machine.Traveller
    minter: Minter
    settings: Settings
    said: list[str] = field(default_factory=list)

    @property
    def cache(self) -> Cache:
        return open_cache(os.environ)

    def broker(self) -> Broker:
        """A new process's broker."""
        return Broker(
            settings=self.settings,
            cache=self.cache,
            env=os.environ,
            now=lambda: datetime.now(UTC),
            say=self.said.append,
        )

    def get(self) -> str:
        return self.broker().serve(request()).credential.secret.reveal()

    def after(self, seconds: float) -> None:
        self.clock.shift(seconds)

    @property
    def digest(self) -> str:
        return self.cache.entries.digests()[0]


def request(url: str = "https://github.com/acme", client: Client = Client.GIT) -> Request:
    return Request(client=client, verb=Verb.GET, url=parse_url(url), asked=url)


def profile(name: str, **margins: Any) -> Profile:
    options = GithubAppOptions(app_id="1", private_key="/key.pem", installation_id=7)
    return Profile(id=name, options=options, **margins)


@pytest.fixture
def house(home: Path, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch) -> House:
    minter = Minter()
    minter.install(monkeypatch)
    url = parse_url("https://github.com/acme")
    assert url
    # 90 s and 0 s: the margins under which the outcome table below was written.
    margins = {"renew_before": timedelta(seconds=90), "refuse_before": timedelta(0)}
    settings = Settings(
        source=str(home / "config.toml"),
        stamp="-",
        profiles={ACME: profile(ACME, **margins), SPARE: profile(SPARE, **margins)},
        routes=(Route(client=Client.GIT, url=url, profiles=(ACME,)),),
    )
    return House(clock=clock, minter=minter, settings=settings)


@pytest.mark.parametrize("row", OUTCOMES, ids=[row.name for row in OUTCOMES])
def test_the_outcome_table(house: House, row: Row) -> None:
    if row.left_s is not None:
        assert house.get() == f"minted-{ACME}-1"
        house.after(3600 - row.left_s)
    house.minter.failure, before = row.failure, house.minter.calls
    if isinstance(row.expected, str):
        assert house.get() == f"minted-{ACME}-{before if row.expected == 'old' else before + 1}"
    else:
        with pytest.raises(row.expected) as raised:
            house.get()
        assert type(raised.value) is row.expected
        assert row.failure
        assert row.failure.what in str(raised.value)
    assert house.minter.calls == before + row.asked


def test_a_stale_credential_is_renewed_behind_and_each_failure_may_be_tried_again(house: House) -> None:
    old = house.get()
    house.after(3570)
    served = house.broker().serve(request())
    assert served.freshness is Freshness.STALE
    house.minter.failure = Refused("400")
    for attempt in (1, 2):
        with pytest.raises(Refused):
            house.broker().renew(request(), house.digest, served.entry.generation)
        assert house.minter.calls == 1 + attempt
        assert house.get() == old
    house.minter.failure = None
    renewed = house.broker().renew(request(), house.digest, served.entry.generation)
    assert renewed
    assert house.get() == renewed.credential.secret.reveal() != old


def test_a_renewal_does_nothing_for_a_generation_that_is_gone(house: House) -> None:
    house.get()
    first = house.broker().serve(request()).entry
    house.broker().refresh(house.settings.profiles[ACME], request())
    assert house.minter.calls == 2
    assert house.broker().renew(request(), first.key.digest, first.generation) is None
    assert house.minter.calls == 2


def test_a_renewal_never_brings_a_forgotten_credential_back(house: House) -> None:
    house.get()
    entry = house.broker().serve(request()).entry
    assert house.broker().invalidate(request(), None) == 1
    assert house.broker().renew(request(), entry.key.digest, entry.generation) is None
    assert house.cache.entries.digests() == []


def test_a_renewal_never_waits_for_a_lock(house: House) -> None:
    house.get()
    entry = house.broker().serve(request()).entry
    with house.cache.entries.lock(entry.key.digest, 0) as is_locked:
        assert is_locked
        result: list[object] = []
        other = threading.Thread(
            target=lambda: result.append(house.broker().renew(request(), entry.key.digest, entry.generation))
        )
        other.start()
        other.join(20)
        assert result == [None]
    assert house.minter.calls == 1


def test_a_broken_issuer_is_asked_a_bounded_number_of_times(house: House) -> None:
    house.minter.failure = Unreachable("503")
    for _ in range(1000):
        with pytest.raises(Unreachable):
            house.get()
    assert house.minter.calls == 1
    for _ in range(1000):  # an hour of one call every 3.6 s
        house.after(3.6)
        with pytest.raises(Unreachable):
            house.get()
    assert house.minter.calls < 30


def test_retry_after_is_honoured(house: House) -> None:
    house.minter.failure = Unreachable("429", retry_after_s=600)
    for seconds in (0, 300, 299):
        house.after(seconds)
        with pytest.raises(Unreachable):
            house.get()
    assert house.minter.calls == 1
    house.minter.failure = None
    house.after(2)
    assert house.get() == f"minted-{ACME}-2"


@pytest.mark.parametrize("what", ["the settings", "the key file", "the login"])
def test_mending_the_cause_ends_the_waiting_at_once(house: House, home: Path, what: str) -> None:
    key = home / "key.pem"
    key.write_text("not a key")
    house.minter.files, house.minter.logins = (str(key),), (str(home / "login.json"),)
    house.minter.failure = Unavailable("not a key")
    with pytest.raises(Unavailable):
        house.get()
    house.minter.failure = None
    files = {"the settings": home / "config.toml", "the key file": key, "the login": home / "login.json"}
    files[what].write_text("mended")
    assert house.get() == f"minted-{ACME}-2"


def test_a_success_forgets_the_failures(house: House) -> None:
    house.minter.failure = Unreachable("503")
    with pytest.raises(Unreachable):
        house.get()
    house.minter.failure = None
    house.after(10)
    house.get()
    assert house.cache.failures.digests() == []


def test_a_changed_input_makes_a_fresh_credential_unusable(house: House, home: Path) -> None:
    key = home / "config"
    key.write_text("[profile a]")
    house.minter.files = (str(key),)
    old = house.get()
    assert house.get() == old
    key.write_text("[profile b]")
    assert house.get() != old


def test_a_clock_behind_the_issue_is_suspect_once(house: House) -> None:
    house.get()
    house.after(-7200)
    assert house.get() == f"minted-{ACME}-2"
    assert house.get() == f"minted-{ACME}-2"
    assert house.broker().serve(request()).entry.generation > 0


def test_a_clock_set_back_by_less_than_the_age_is_noticed_too(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    uptime_s = 100.0
    monkeypatch.setattr("keywright.hit.boot_mark", lambda now: f"one-boot {now - uptime_s}")
    old = house.get()
    for seconds in (1800, 60):
        uptime_s += seconds
        house.after(seconds)
        assert house.get() == old
    house.after(-600)  # the clock is set back; the time since boot is not
    assert house.get() != old
    assert house.minter.calls == 2


def test_a_clock_of_another_boot_proves_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keywright.hit.boot_mark", lambda now: f"one {now - 5000}")
    old = house.get()
    monkeypatch.setattr("keywright.hit.boot_mark", lambda now: f"two {now - 90000}")
    assert house.get() == old


def test_generations_grow_even_when_the_clock_steps_back(house: House) -> None:
    house.get()
    first = house.broker().serve(request()).entry.generation
    house.after(-7200)
    house.get()
    assert house.broker().serve(request()).entry.generation > first


@pytest.mark.parametrize(
    "lifetime", [timedelta(0), timedelta(seconds=-5), None], ids=["none left", "already over", "unknown"]
)
def test_what_was_just_fetched_is_served_once(house: House, lifetime: timedelta | None) -> None:
    house.minter.lifetime = lifetime
    assert house.get() == f"minted-{ACME}-1"
    assert house.get() == f"minted-{ACME}-2"


def test_a_provider_gets_its_memory_back(house: House) -> None:
    house.get()
    house.after(3600)
    house.get()
    assert house.minter.memories == [{}, {"installation_id": "1"}]


def test_notes_are_said_once_when_minted(house: House) -> None:
    house.minter.notes = ("the token is long",)
    house.get()
    house.get()
    assert house.said == [f"{ACME}: the token is long"]


class TestInvalidate:
    def test_drops_what_was_rejected(self, house: House) -> None:
        old = house.get()
        assert house.broker().invalidate(request(), Secret(old)) == 1
        assert house.get() != old

    def test_keeps_what_was_not(self, house: House) -> None:
        old = house.get()
        house.broker().refresh(house.settings.profiles[ACME], request())
        new = house.get()
        assert house.broker().invalidate(request(), Secret(old)) == 0
        assert house.get() == new

    def test_without_a_secret_drops_whatever_there_is(self, house: House) -> None:
        house.get()
        assert house.broker().invalidate(request(), None) == 1
        assert house.broker().invalidate(request(), None) == 0

    def test_of_what_no_route_serves_is_not_ours(self, house: House) -> None:
        with pytest.raises(CredentialNotFound):
            house.broker().invalidate(request("https://example.com"), None)


class TestSeveralProfiles:
    @pytest.fixture
    def routed(self, house: House) -> House:
        (route,) = house.settings.routes
        both = Route(client=route.client, url=route.url, profiles=(ACME, SPARE))
        house.settings = Settings(
            source=house.settings.source, stamp="-", profiles=house.settings.profiles, routes=(both,)
        )
        return house

    def test_the_first_is_taken_while_it_works(self, routed: House) -> None:
        assert routed.get() == f"minted-{ACME}-1"
        assert routed.said == []

    def test_the_next_is_taken_when_it_fails_and_that_is_said(self, routed: House) -> None:
        routed.minter.failure, routed.minter.failing = Refused("401"), ACME
        served = routed.broker().serve(request())
        assert served.entry.key.profile == SPARE
        assert not served.is_first_choice
        assert routed.said == [f"{ACME} for https://github.com/acme: 401; using {SPARE} instead"]

    def test_a_renewal_knows_which_of_them_it_renews(self, routed: House) -> None:
        assert self.renewed(routed).is_first_choice
        routed.broker().invalidate(request(), None)
        routed.minter.failure, routed.minter.failing = Refused("401"), ACME
        assert not self.renewed(routed).is_first_choice

    def test_one_that_is_only_read_keeps_the_next_from_nothing(self, routed: House) -> None:
        (route,) = routed.settings.routes
        options = StaticOptions(url="https://github.com", secret="env://ABSENT_TOKEN")
        routed.settings = routed.settings._replace(
            profiles={**routed.settings.profiles, "static:first": Profile(id="static:first", options=options)},
            routes=(route._replace(profiles=("static:first", ACME)),),
        )
        assert not self.renewed(routed).is_first_choice

    def renewed(self, house: House) -> Served:
        entry = house.broker().serve(request()).entry
        served = house.broker().renew(request(), entry.key.digest, entry.generation)
        assert served
        return served

    def test_none_is_tried_once_the_calls_own_time_is_spent(
        self, routed: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        routed.minter.failure = Unreachable("late")
        monkeypatch.setattr(broker, "is_spent", lambda: True)
        with pytest.raises(Unreachable):
            routed.get()
        assert routed.minter.calls == 1

    @pytest.mark.parametrize("prefer", [None, Preference.VALID, Preference.DEFAULT])
    def test_who_stands_in_for_one_that_is_left_alone_is_ready_until_that_is_over(
        self, routed: House, prefer: Preference | None
    ) -> None:
        (route,) = routed.settings.routes
        first = routed.settings.profiles[ACME]._replace(priority=10)
        routed.settings = routed.settings._replace(
            profiles={**routed.settings.profiles, ACME: first}, routes=(route._replace(prefer=prefer),)
        )
        until = datetime.now(UTC) + timedelta(minutes=10)
        reason = FailureReason.BILLING
        ProfileStates(os.environ).decide(
            ACME, "", lambda decided: decided._replace(disabled_until=until, disabled_reason=reason)
        )
        served = routed.broker().serve(request())
        assert (served.entry.key.profile, served.is_first_choice, served.until) == (SPARE, True, until)
        [told] = routed.said
        assert "acme for https://github.com/acme: it is left alone until" in told
        assert told.endswith(f"using {SPARE} instead")

    @pytest.mark.parametrize("prefer", [None, Preference.VALID, Preference.DEFAULT])
    def test_who_stands_in_for_one_that_is_locked_away_is_told_of_and_never_ready(
        self, routed: House, prefer: Preference | None
    ) -> None:
        Accounts().keep("acme:ann")
        OwnVault().lock()
        (route,) = routed.settings.routes
        routed.settings = routed.settings._replace(
            routes=(route._replace(prefer=prefer, profiles=("acme:ann", SPARE)),)
        )
        served = routed.broker().serve(request())
        assert (served.entry.key.profile, served.is_first_choice) == (SPARE, False)
        [told] = routed.said
        assert told.startswith("acme:ann for https://github.com/acme: the vault is locked")

    def test_a_wrong_setting_of_the_next_does_not_hide_why_the_first_failed(self, routed: House) -> None:
        (route,) = routed.settings.routes
        options = StaticOptions(url="https://elsewhere.example", secret="env://ABSENT_TOKEN")
        routed.settings = routed.settings._replace(
            profiles={**routed.settings.profiles, "static:other": Profile(id="static:other", options=options)},
            routes=(route._replace(profiles=(ACME, "static:other")),),
        )
        routed.minter.failure = Unreachable("no answer")
        with pytest.raises(
            ConfigurationError, match=r"acme: no answer \[unreachable\]; static:other: it is for"
        ) as raised:
            routed.get()
        assert "mend the route" in raised.value.mend

    def test_one_whose_only_stand_in_a_person_disabled_is_alone(self, routed: House) -> None:
        states = ProfileStates(os.environ)
        states.decide(SPARE, "", lambda decided: decided._replace(enabled=False))
        routed.minter.failure = Refused("it said no").as_told(Evidence(status=403))
        with pytest.raises(Refused, match="it said no") as raised:
            routed.get()
        assert states.decisions("github-app").of(ACME, "").disabled_until is None
        assert "profile enable" not in str(raised.value), "what somebody wished is not what is to be mended"

    def test_what_is_rejected_is_dropped_although_a_stand_in_does_not_fit_the_place(self, house: House) -> None:
        secret = house.broker().serve(request()).credential.secret
        stand_in = Profile(id="aws-ecr:images", options=EcrOptions())
        for fallback, routed in ((("aws-ecr:images",), (ACME,)), ((), ("aws-ecr:images", ACME))):
            house.get()
            (route,) = house.settings.routes
            settings = house.settings._replace(
                profiles={
                    ACME: house.settings.profiles[ACME]._replace(fallback=fallback),
                    "aws-ecr:images": stand_in,
                },
                routes=(route._replace(profiles=routed),),
            )
            broker_ = Broker(
                settings=settings,
                cache=house.cache,
                env=os.environ,
                now=lambda: datetime.now(UTC),
                say=house.said.append,
            )
            assert broker_.invalidate(request(), None) == 1
        assert house.get() != secret.reveal()

    def test_the_error_after_the_last_names_each_and_why(self, routed: House) -> None:
        routed.minter.failure = Refused("401", mend="check app_id")
        with pytest.raises(
            Refused, match=r"github-app:acme: 401 \[refused\]; github-app:spare: 401 \[refused\]; check app_id"
        ):
            routed.get()


class TestWithoutACache:
    def test_a_loose_folder_costs_no_credential(self, house: House) -> None:
        house.get()
        broker = house.broker()
        Path(house.cache.entries.path(house.digest)).chmod(0o644)
        assert broker.serve(request()).credential.secret.reveal() == f"minted-{ACME}-2"
        assert len(house.said) == 1
        assert "chmod 600" in house.said[0]

    def test_dropping_is_an_error(self, house: House) -> None:
        broker = Broker(
            settings=house.settings, cache=None, env=os.environ, now=lambda: datetime.now(UTC), say=house.said.append
        )
        with pytest.raises(CacheUnusable, match="nothing was dropped"):
            broker.invalidate(request(), None)

    def test_no_cache_at_all_mints_each_time(self, house: House) -> None:
        broker = Broker(
            settings=house.settings, cache=None, env=os.environ, now=lambda: datetime.now(UTC), say=house.said.append
        )
        assert broker.serve(request()).credential.secret.reveal() == f"minted-{ACME}-1"
        assert broker.serve(request()).credential.secret.reveal() == f"minted-{ACME}-2"
        assert broker.serve(request()).stamp == ""

    def test_a_cache_that_cannot_be_written_mints_and_says_so(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> int:
            raise OSError(28, "No space left on device")

        broker = house.broker()
        monkeypatch.setattr(os, "write", full)
        assert broker.serve(request()).credential.secret.reveal() == f"minted-{ACME}-1"
        assert len(house.said) == 1
        assert "ENOSPC" in house.said[0]


def test_a_failing_sweep_costs_nothing_of_what_was_kept(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise CacheUnusable("an old answer cannot be deleted")

    monkeypatch.setattr("keywright.cache.answers.Answers.sweep", refuse)
    assert house.broker().serve(request()).stamp
    assert house.get() == f"minted-{ACME}-1"
    assert house.said == []


def test_a_lock_that_stays_taken_is_never_gone_around(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keywright.broker.LOCK_WAIT_S", 0.2)
    house.get()
    house.after(3600)
    with house.cache.entries.lock(house.digest, 0):
        failures: list[BaseException] = []

        def call() -> None:
            try:
                house.get()
            except KeywrightError as error:
                failures.append(error)

        other = threading.Thread(target=call)
        other.start()
        other.join(20)
        assert [type(error) for error in failures] == [Busy]
    assert house.minter.calls == 1


def test_many_threads_on_nothing_cached_ask_once(house: House) -> None:
    start, got = threading.Barrier(16), []

    def call(get: Callable[[], str]) -> None:
        start.wait()
        got.append(get())

    threads = [threading.Thread(target=call, args=(house.get,)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert got == [f"minted-{ACME}-1"] * 16


class Callers:
    """Callers in threads of their own, each of which gets a credential or an error."""

    def __init__(self, get: Callable[[], str], number: int) -> None:
        self._get = get
        self.got: list[str] = []
        self.failed: list[KeywrightError] = []
        self._threads = [threading.Thread(target=self._call, daemon=True) for _ in range(number)]
        for thread in self._threads:
            thread.start()

    def _call(self) -> None:
        try:
            self.got.append(self._get())
        except KeywrightError as error:
            self.failed.append(error)

    def end(self) -> None:
        for thread in self._threads:
            thread.join(60)


def test_all_who_find_it_expired_hear_why_of_the_one_renewal_that_failed(house: House) -> None:
    house.get()
    house.after(3600)
    house.minter.failure = Refused("no")
    callers = Callers(house.get, 50)
    callers.end()
    assert callers.got == []
    assert [type(error) for error in callers.failed] == [CredentialExpired] * 50
    assert {error.what.partition(" (asked")[0] for error in callers.failed} == {
        "the credential is no longer usable and renewing it failed: no",
        "the credential is no longer usable and renewing it failed: no [refused]",
    }
    assert house.minter.calls == 2


def test_who_comes_while_it_is_renewed_gets_the_old_one_until_it_ends_and_then_the_new_one(house: House) -> None:
    old = house.get()
    generation = house.broker().serve(request()).entry.generation
    house.after(3599)
    asked, answered = threading.Event(), threading.Event()

    def pause() -> None:
        asked.set()
        answered.wait(60)

    house.minter.pause = pause
    digest = house.digest
    renewal = threading.Thread(target=lambda: house.broker().renew(request(), digest, generation), daemon=True)
    renewal.start()
    assert asked.wait(60)
    early = Callers(house.get, 25)
    early.end()
    assert early.got == [old] * 25, "nobody waits while it is usable"
    house.after(1.5)
    late = Callers(house.get, 25)
    answered.set()
    late.end()
    renewal.join(60)
    assert late.got == [f"minted-{ACME}-2"] * 25
    assert early.failed == late.failed == []
    assert house.minter.calls == 2


def test_the_providers_margins_hold_where_the_profile_has_none(house: House) -> None:
    house.settings.profiles[ACME] = profile(ACME)  # type: ignore[index]
    house.minter.lifetime = timedelta(minutes=15)
    house.minter.margins = Margins(renew_floor=timedelta(minutes=7), refuse_default=timedelta(seconds=60))
    served = house.broker().serve(request())
    assert served.plan
    assert served.report_until == served.credential.issued_at + timedelta(minutes=14)
    assert timedelta(minutes=7) <= served.plan.expires_at - served.plan.renew_at <= timedelta(minutes=7.5)


def test_force_is_for_the_profile_that_was_named_and_not_for_its_fallback(house: House) -> None:
    named = house.settings.profiles[ACME]._replace(fallback=(SPARE,))
    house.settings = house.settings._replace(profiles={**house.settings.profiles, ACME: named})
    states = ProfileStates(os.environ)
    for id_ in (ACME, SPARE):
        states.decide(id_, "", lambda decided: decided._replace(enabled=False))
    forced = request()._replace(profile=ACME, is_forced=True)
    assert house.broker().serve(forced).entry.key.profile == ACME
    house.cache.entries.forget(house.digest)
    house.minter.failure, house.minter.failing = Unreachable("no answer"), ACME
    with pytest.raises(KeywrightError, match="spare: it is disabled"):
        house.broker().serve(forced)


class TestResting:
    """What an issuer answers decides who rests, whether or not there was a credential that has run out."""

    @pytest.fixture
    def routed(self, house: House) -> House:
        (route,) = house.settings.routes
        house.settings = house.settings._replace(routes=(route._replace(profiles=(ACME, SPARE)),))
        return house

    @pytest.mark.parametrize("has_one", [False, True])
    def test_a_rate_limit_is_kept_to_although_a_credential_had_run_out(self, routed: House, *, has_one: bool) -> None:
        if has_one:
            routed.get()
            routed.after(3601)
        limit = Unreachable("429", retry_after_s=90).as_told(Evidence(status=429))
        routed.minter.failure, routed.minter.failing = limit, ACME
        assert routed.broker().serve(request()).entry.key.profile == SPARE
        decided = ProfileStates(os.environ).decisions("github-app").of(ACME, "")
        assert decided.cooldown_until == datetime.now(UTC) + timedelta(seconds=90)
        routed.minter.failure = None
        routed.after(89)
        served = routed.broker().serve(request())
        assert (served.entry.key.profile, served.until) == (SPARE, decided.cooldown_until)
        assert served.is_first_choice, "its answer may be kept until the rest is over"
        routed.after(1)
        assert routed.broker().serve(request()).entry.key.profile == ACME


RUN_OUT: list[tuple[KeywrightError, timedelta | None, bool]] = [
    (
        Refused("it answered with status 403", retry_after_s=60).as_told(Evidence(status=429)),
        timedelta(seconds=60),
        False,
    ),
    (Unavailable("/key.pem cannot be read: permission denied"), None, False),
    (Refused("payment required"), None, True),
]


@pytest.mark.parametrize(("failure", "rests", "is_disabled"), RUN_OUT)
def test_what_a_failure_means_does_not_depend_on_what_was_cached_before(
    house: House, failure: KeywrightError, rests: timedelta | None, *, is_disabled: bool
) -> None:
    house.get()
    house.after(3600)
    house.minter.failure, now = failure, datetime.now(UTC)
    with pytest.raises(CredentialExpired):
        house.get()
    decided = ProfileStates(os.environ).decisions("github-app").of(ACME, "")
    assert decided.cooldown_until == (now + rests if rests else None)
    assert (decided.disabled_until is not None) == is_disabled


def test_a_grant_is_renewed_for_the_account_that_was_named_even_while_it_rests(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts, asked = Accounts(), list[str]()
    accounts.keep("acme:ann", oauth(refresh="ann's"), fallback=("acme:bob",))
    accounts.keep("acme:bob", oauth(refresh="bob's"))
    accounts.rest("acme:ann", 30)

    def refresh(_self: object, kept: AuthProfile, grant: OAuth, _now: datetime, _timeout_s: float) -> OAuth:
        asked.append(str(kept.id))
        return grant._replace(access_token=Secret("new"))

    monkeypatch.setattr("keywright.profiles.token_endpoint.TokenEndpoint.refresh", refresh)
    named = Profile("acme:ann", KeptOptions())
    by_name = Request(client=Client.PERSON, verb=Verb.GET, asked=named.id, profile=named.id)
    served = house.broker().refresh(named, by_name)
    assert (asked, served.credential.secret.reveal()) == (["acme:ann"], "new")
