"""Which account serves a provider: each rule of the search, over a real vault and real state files."""

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

import pytest
import time_machine

from fakes import accounts
from fakes.accounts import Accounts, api_key, oauth, token
from fakes.own_vault import OwnVault
from keywright.errors import (
    ConfigurationError,
    KeywrightError,
    ProfileNotFound,
    Refused,
    StateUnusable,
    TokenRevoked,
    Unreachable,
    VaultLocked,
)
from keywright.profiles import renewing
from keywright.profiles.mode import Mode
from keywright.profiles.model import ApiKey, AuthProfile, OAuth
from keywright.profiles.reason import FailureReason
from keywright.profiles.resolution import Resolution, ResolutionOptions
from keywright.secret import Secret
from keywright.settings.model import GithubAppOptions, Profile
from keywright.settings.turns import Preference

A, B, C = "openai:a", "openai:b", "openai:c"
LIMITED = Refused("HTTP 429 Too Many Requests")
DOWN = Unreachable("it did not answer")


@pytest.fixture
def people() -> Accounts:
    """Three accounts at one provider; by priority it is a, b, c."""
    people = Accounts()
    people.keep(A, priority=3)
    people.keep(B, priority=2)
    people.keep(C, priority=1)
    return people


def secret(found: Resolution) -> str:
    assert found.error is None, found.error
    assert found.credential
    return found.credential.secret.reveal()


class Rule(NamedTuple):
    """What is the case, what is asked, and who serves after whom was looked at."""

    name: str
    given: Callable[[Accounts], object]
    options: ResolutionOptions
    attempted: tuple[str, ...]
    serves: bool = True
    is_last_resort: bool = False


def _mixed(people: Accounts) -> None:
    people.keep(A, token(-1), priority=3)
    people.keep(B, oauth(), priority=2)


def _nobody_works(people: Accounts) -> None:
    people.failures = dict.fromkeys((A, B, C), DOWN)


ASK = ResolutionOptions("openai")
FORCED = ASK._replace(preferred="c", is_forced=True)
RULES = [
    Rule("without a word the default order", lambda _: None, ASK, (A,)),
    Rule("the provider's name counts in lower case", lambda _: None, ASK._replace(provider="OpenAI"), (A,)),
    Rule("the preferred one first", lambda _: None, ASK._replace(preferred="c"), (C,)),
    Rule("the preferred one by its whole id", lambda _: None, ASK._replace(preferred="openai:c"), (C,)),
    Rule(
        "a preferred one that fails, then the others in order",
        lambda people: people.failures.update({C: DOWN}),
        ASK._replace(preferred="c"),
        (C, A),
    ),
    Rule("a preferred one that there is not", lambda _: None, ASK._replace(preferred="d"), ("openai:d", A)),
    Rule(
        "a preferred one that is disabled is not used",
        lambda people: people.decide(C, enabled=False),
        ASK._replace(preferred="c"),
        (C, A),
    ),
    Rule("unless that is forced", lambda people: people.decide(C, enabled=False), FORCED, (C,)),
    Rule(
        "force is for the preferred one alone",
        lambda people: (
            [people.decide(one, enabled=False) for one in (A, C)],
            people.failures.update({C: DOWN}),
        ),
        FORCED,
        (C, A, B),
    ),
    Rule(
        "a preferred one that rests comes last",
        lambda people: (people.rest(C, 30), people.failures.update({A: DOWN})),
        ASK._replace(preferred="c"),
        (A, B),
    ),
    Rule("unless it is forced too", lambda people: people.rest(C, 30), FORCED, (C,)),
    Rule(
        "a preferred one that is disabled for a while",
        lambda people: people.disable_for(C, 3600),
        ASK._replace(preferred="c"),
        (C, A),
    ),
    Rule("forced all the same", lambda people: people.disable_for(C, 3600), FORCED, (C,)),
    Rule(
        "a preferred one of another mode",
        lambda people: people.keep(B, oauth()),
        ASK._replace(preferred="b", mode=Mode.API_KEY),
        (B, A),
    ),
    Rule(
        "forced whatever its mode",
        lambda people: people.keep(B, oauth()),
        ASK._replace(preferred="b", mode=Mode.API_KEY, is_forced=True),
        (B,),
    ),
    Rule(
        "a preferred one that has expired",
        lambda people: people.keep(C, token(-1)),
        ASK._replace(preferred="c", require_valid=True),
        (C, A),
    ),
    Rule("a mode is wanted", _mixed, ASK._replace(mode=Mode.OAUTH), (A, B)),
    Rule("what is valid is wanted", _mixed, ASK._replace(require_valid=True), (A, B)),
    Rule("what has expired is tried where that is not said, and fails", _mixed, ASK, (A, B)),
    Rule("nobody has the mode", lambda _: None, ASK._replace(mode=Mode.TOKEN), (A, B, C), serves=False),
    Rule(
        "a disabled one is passed over, valid or not asked for",
        lambda people: people.decide(A, enabled=False),
        ASK,
        (A, B),
    ),
    Rule(
        "a disabled one does not even serve as a last resort",
        lambda people: [people.decide(one, enabled=False) for one in (A, B, C)],
        ASK,
        (A, B, C),
        serves=False,
    ),
    Rule(
        "those that rest come last",
        lambda people: (people.rest(A, 30), people.failures.update({B: DOWN})),
        ASK,
        (B, C),
    ),
    Rule(
        "and serve when all others have failed, the soonest available first",
        lambda people: (people.rest(A, 60), people.rest(B, 30), people.failures.update({C: DOWN})),
        ASK,
        (C, B),
        is_last_resort=True,
    ),
    Rule("nobody works", _nobody_works, ASK, (A, B, C), serves=False),
    Rule("a provider without profiles", lambda _: None, ASK._replace(provider="groq"), (), serves=False),
]


@pytest.mark.parametrize("rule", RULES, ids=[rule.name for rule in RULES])
def test_the_rules_of_a_search(people: Accounts, rule: Rule) -> None:
    rule.given(people)
    found = people.resolver().resolve_with(rule.options)
    assert found.attempted == rule.attempted
    assert found.provider == rule.options.provider.lower()
    assert found.profile_id == (rule.attempted[-1] if rule.serves else "")
    assert (found.credential is not None) is (found.error is None) is rule.serves
    assert found.is_last_resort is rule.is_last_resort


def _named_order(people: Accounts, preference: Preference) -> str:
    """Return the names in the order in which they are tried, which shows when nobody works."""
    people.failures = {f"openai:{name}": ConfigurationError("x") for name in ("a", "b", "c", "default")}
    found = people.resolver().resolve_with(ResolutionOptions("openai", preference=preference))
    return " ".join(id_.rpartition(":")[2] for id_ in found.attempted)


@pytest.mark.parametrize(
    ("preference", "order", "while_a_rests"),
    [
        (Preference.DEFAULT, "default a c b", "default c b a"),
        (Preference.VALID, "a c default b", "c default b a"),
        (Preference.RECENT, "default a c b", "default c b a"),
        (Preference.TYPE, "b c a default", "b c default a"),
    ],
)
def test_each_preference_has_its_order(preference: Preference, order: str, while_a_rests: str) -> None:
    people = Accounts()
    people.keep(A, priority=10)
    people.keep(B, oauth())
    people.keep(C, token(), priority=5)
    people.keep("openai:default")
    for id_, ago_s in ((A, 200), (C, 250), ("openai:default", 100)):
        people.use(id_, ago_s)
    assert _named_order(people, preference) == order
    people.rest(A, 30)
    assert _named_order(people, preference) == while_a_rests


class TestDefaults:
    @pytest.mark.parametrize(
        ("wished", "first"),
        [(Preference.VALID, A), (Preference.DEFAULT, "openai:default"), (Preference.TYPE, B)],
    )
    def test_the_settings_order_a_resolver_and_valid_is_their_default(self, wished: Preference, first: str) -> None:
        people = Accounts(default_preference=wished)
        people.keep(A, priority=1)
        people.keep(B, oauth())
        people.keep("openai:default")
        assert people.resolver().resolve("openai").profile_id == first
        assert Accounts().settings.default_preference is Preference.VALID

    def test_options_without_a_preference_mean_the_default_one(self) -> None:
        people = Accounts()
        people.keep(A, priority=9)
        people.keep("openai:default")
        assert people.resolver().resolve_with(ASK).profile_id == "openai:default"

    def test_a_resolver_wants_what_is_valid(self, people: Accounts) -> None:
        people.keep(A, token(-1), priority=3)
        found = people.resolver().resolve("openai", "a")
        assert (found.profile_id, found.attempted) == (B, (A, B))
        assert people.asked == [B]

    def test_a_higher_priority_comes_first(self) -> None:
        people = Accounts()
        people.keep("openai:five", priority=5)
        people.keep("openai:ten", priority=10)
        assert secret(people.resolver().resolve("openai")) == "sk-openai:ten"


class TestModes:
    @pytest.fixture
    def mixed(self) -> Accounts:
        people = Accounts()
        people.keep(A, api_key("the-key"))
        people.keep(B, oauth())
        people.keep(C, token())
        return people

    @pytest.mark.parametrize(("mode", "id_"), [(Mode.API_KEY, A), (Mode.OAUTH, B), (Mode.TOKEN, C), (Mode.MINTED, "")])
    def test_the_one_of_the_mode(self, mixed: Accounts, mode: Mode, id_: str) -> None:
        found = mixed.resolver().resolve_with_mode("openai", mode)
        assert found.profile_id == id_
        assert found.mode == (mode if id_ else None)

    def test_an_api_key_and_an_oauth_token_by_name(self, mixed: Accounts) -> None:
        assert secret(mixed.resolver().resolve_api_key("openai")) == "the-key"
        assert secret(mixed.resolver().resolve_oauth("openai")) == "access"

    def test_no_api_key_is_an_error(self) -> None:
        people = Accounts()
        people.keep("gemini:me", oauth())
        error = people.resolver().resolve_api_key("gemini").error
        assert isinstance(error, ProfileNotFound)
        assert error.exit_code == 1
        assert str(error).startswith(
            "no valid profile found for provider gemini: gemini:me (unavailable): its mode is `oauth`"
        )

    def test_any_is_oauth_before_tokens_before_api_keys_in_one_pass(self, mixed: Accounts) -> None:
        for id_ in (B, C):
            found = mixed.resolver().resolve_any("openai")
            assert found.profile_id == id_
            mixed.failures[id_] = Unreachable("it did not answer")
        found = mixed.resolver().resolve_any("openai")
        assert (found.profile_id, found.attempted) == (A, (B, C, A))

    def test_any_of_none_says_so_and_each_was_asked_once(self, mixed: Accounts) -> None:
        mixed.failures = dict.fromkeys((A, B, C), LIMITED)
        error = mixed.resolver().resolve_any("openai").error
        assert isinstance(error, ProfileNotFound)
        assert str(error).startswith("no valid credential found for provider openai: openai:b (refused): HTTP 429")
        assert mixed.asked == [B, C, A]

    def test_any_of_one_kind_takes_turns(self, people: Accounts, clock: time_machine.Traveller) -> None:
        served = []
        for _ in range(4):
            served.append(people.resolver().resolve_any("openai").profile_id)
            clock.shift(61)
        assert served == [A, B, C, A]


class _Refresher:
    """A token endpoint in this process."""

    def __init__(self, answer: OAuth | KeywrightError) -> None:
        self.answer = answer
        self.spent: list[str] = []

    def refresh(self, _profile: AuthProfile, grant: OAuth, _now: datetime, _timeout_s: float) -> OAuth:
        assert grant.refresh_token
        self.spent.append(grant.refresh_token.reveal())
        if isinstance(self.answer, KeywrightError):
            raise self.answer
        return self.answer


def _endpoint(monkeypatch: pytest.MonkeyPatch, answer: OAuth | KeywrightError) -> _Refresher:
    refresher = _Refresher(answer)
    monkeypatch.setattr(renewing, "TokenEndpoint", lambda _env: refresher)
    return refresher


class TestRenewal:
    @pytest.mark.parametrize("left_s", [-10, 60])
    def test_an_oauth_profile_is_renewed_before_it_is_judged(
        self, monkeypatch: pytest.MonkeyPatch, left_s: float
    ) -> None:
        new = OAuth(access_token=Secret("new"), expires_at=accounts.now() + timedelta(hours=1))
        refresher = _endpoint(monkeypatch, new)
        people = Accounts()
        people.keep("gemini:me", oauth(left_s, refresh="rt-1", email="me@example.com"))
        found = people.resolver().resolve_oauth("gemini")
        assert secret(found) == "new"
        assert (found.email, found.mode) == ("me@example.com", Mode.OAUTH)
        assert refresher.spent == ["rt-1"]
        assert secret(people.resolver().resolve("gemini")) == "new"
        assert refresher.spent == ["rt-1"]

    def test_a_grant_that_was_taken_back_is_one_failure_and_the_next_one_serves(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        refresher = _endpoint(monkeypatch, TokenRevoked("the grant was taken back"))
        people = Accounts()
        people.keep("gemini:a", oauth(-10, refresh="rt-1"), priority=2)
        people.keep("gemini:b", oauth())
        for _ in range(2):
            found = people.resolver().resolve_oauth("gemini")
            assert found.profile_id == "gemini:b"
        assert refresher.spent == ["rt-1"]

    def test_without_a_refresh_token_the_last_minutes_are_not_valid(self) -> None:
        people = Accounts()
        people.keep("gemini:me", oauth(299))
        assert people.resolver().resolve_oauth("gemini").error
        people.keep("gemini:me", oauth(301))
        assert people.resolver().resolve_oauth("gemini").error is None


class TestWhatIsNoted:
    def test_a_failure_is_classified_and_the_next_process_knows(self, people: Accounts) -> None:
        people.failures = {A: LIMITED, B: Refused("HTTP 402")}
        assert people.resolver().resolve("openai").attempted == (A, B, C)
        people.failures.clear()
        found = people.resolver().resolve("openai")
        assert (found.profile_id, found.attempted) == (C, (C,))  # a rests, and b is disabled for hours
        decided = people.states.decisions("openai").profiles
        assert decided[A].cooldown_until == accounts.now() + timedelta(seconds=30)
        assert decided[B].disabled_reason is FailureReason.BILLING
        assert people.states.usage("openai").profiles[A].last_error == "refused: HTTP 429 Too Many Requests"

    def test_a_success_is_noted_too(self, people: Accounts, clock: time_machine.Traveller) -> None:
        people.failures = {A: DOWN}
        assert people.resolver().resolve("openai").profile_id == B
        usage = people.states.usage("openai")
        assert usage.last_good == B
        assert usage.profiles[B].last_used == accounts.now()
        people.failures.clear()
        assert people.resolver().resolve("openai").profile_id == B  # the last good one comes first
        people.failures = {B: DOWN}
        assert people.resolver().resolve("openai").profile_id == A
        assert people.states.usage("openai").profiles[A].last_error == ""

    def test_what_an_issuer_gave_just_now_ends_the_rest(self, people: Accounts) -> None:
        people.failures = {B: DOWN, C: DOWN}
        people.minted = {A}
        people.rest(A, 30)
        found = people.resolver().resolve("openai")
        assert (found.profile_id, found.is_last_resort) == (A, True)
        people.failures.clear()
        assert not people.resolver().resolve("openai").is_last_resort

    def test_a_wrong_setting_is_not_held_against_the_account(self, people: Accounts) -> None:
        people.failures = {A: ConfigurationError("a wrong setting")}
        assert people.resolver().resolve("openai").profile_id == B
        assert A not in people.states.usage("openai").profiles

    def test_a_failure_that_is_only_told_again_is_not_counted_again(
        self, people: Accounts, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        again = Unreachable("it did not answer")
        again.is_repeated = True

        def obtain(_turn: object) -> None:
            raise again

        monkeypatch.setattr(people, "obtain", obtain)
        assert people.resolver().resolve("openai").error
        assert not people.states.usage("openai").profiles

    def test_nobody_is_asked_more_than_once_and_the_first_error_is_kept(self, people: Accounts) -> None:
        people.failures = {A: LIMITED, B: DOWN, C: DOWN}
        error = people.resolver().resolve("openai").error
        assert error
        assert isinstance(error.caused_by, Refused)
        assert people.asked == [A, B, C]


class TestTheError:
    def test_of_an_unknown_provider(self) -> None:
        error = Accounts().resolver().resolve("nowhere").error
        assert isinstance(error, ProfileNotFound)
        assert error.what == "no valid profile found for provider nowhere"
        assert error.exit_code == 1

    def test_names_every_profile_and_why(self, people: Accounts) -> None:
        people.failures = {A: Refused("the key was not accepted", mend="get a new one")}
        people.decide(B, enabled=False)
        people.keep(C, oauth(-1))
        error = people.resolver().resolve("openai", "d").error
        assert error
        assert error.what == (
            "no valid profile found for provider openai: openai:d (profile_not_found): there is no such profile; "
            "openai:a (refused): the key was not accepted; openai:b (unavailable): it is disabled; "
            "openai:c (credential_expired): what it holds has expired, or is about to"
        )
        assert error.mend == "get a new one"

    def test_a_secret_that_is_missing_in_the_vault_is_a_failure_and_the_next_one_serves(self) -> None:
        people = Accounts()
        people.keep(A, ApiKey(key_ref="vault://OPENAI_API_KEY"), priority=2)
        people.keep(B)
        found = people.resolver().resolve("openai")
        assert (found.profile_id, found.attempted) == (B, (A, B))
        with OwnVault().vault.edit() as records:
            records.put("OPENAI_API_KEY", Secret("sk-named"))
        assert secret(people.resolver().resolve("openai", "a")) == "sk-named"

    def test_a_locked_vault_is_said_and_nothing_is_held_against_anybody(self, people: Accounts) -> None:
        OwnVault().lock()
        found = people.resolver().resolve("openai")
        assert isinstance(found.error, VaultLocked)
        assert found.attempted == ()
        assert not people.states.providers()

    def test_damaged_decisions_stop_the_search(self, people: Accounts) -> None:
        people.decide(A, enabled=False)
        with open(f"{people.states.folder}/openai.json", "w") as file:
            file.write("{")
        assert isinstance(people.resolver().resolve("openai").error, StateUnusable)
        assert not people.asked


class TestWhatIsTold:
    @pytest.mark.parametrize(
        ("given", "preferred", "told"),
        [
            (lambda _: None, "", ""),
            (lambda _: None, "b", ""),
            (lambda people: people.decide(A, enabled=False), "", ""),
            (
                lambda people: people.decide(C, enabled=False),
                "c",
                (
                    "openai:c (unavailable): it is disabled; run `keywright profile enable openai:c`; "
                    "using openai:a instead"
                ),
            ),
            (
                lambda people: people.failures.update({A: DOWN}),
                "",
                "openai:a (unreachable): it did not answer; using openai:b instead",
            ),
            (lambda people: people.rest(B, 30), "", ""),
            (
                lambda people: people.rest(A, 30),
                "",
                "openai:a: it is cooling down until 2030-01-01T12:00:30Z; using openai:b instead",
            ),
            (
                lambda people: people.disable_for(A, 3600),
                "",
                (
                    "openai:a (unavailable): it is left alone until 2030-01-01T13:00:00Z for `billing`; `keywright "
                    "profile enable openai:a` ends that; using openai:b instead"
                ),
            ),
            (lambda people: people.disable_for(C, 3600), "", ""),
            (
                lambda people: people.rest(C, 30),
                "c",
                "openai:c: it is cooling down until 2030-01-01T12:00:30Z; using openai:a instead",
            ),
            (
                lambda people: [people.rest(A, 30), people.decide(B, enabled=False), people.rest(C, 60)],
                "c",
                (
                    "openai:c: it is cooling down until 2030-01-01T12:01:00Z; openai:a: it is cooling down until "
                    "2030-01-01T12:00:30Z, and used all the same"
                ),
            ),
            (
                lambda people: [people.rest(one, 30) for one in (A, B, C)],
                "",
                "openai:a: it is cooling down until 2030-01-01T12:00:30Z, and used all the same",
            ),
        ],
    )
    def test_it_is_one_line_on_who_failed_or_was_wished_for(
        self, people: Accounts, given: Callable[[Accounts], object], preferred: str, told: str
    ) -> None:
        given(people)
        assert people.resolver().resolve("openai", preferred).told == told


class TestOtherProviders:
    def test_a_fallback_to_another_provider_is_not_one_of_the_providers_accounts(self) -> None:
        people = Accounts()
        people.keep(A, fallback=("groq:me",))
        people.keep("groq:me")
        people.failures = {A: DOWN}
        found = people.resolver().resolve("openai")
        assert found.error
        assert found.attempted == (A,)

    def test_what_is_known_of_another_providers_fallback_is_not_even_looked_at(self) -> None:
        people = Accounts()
        people.keep(A, fallback=("groq:me", "openai:gone"))
        people.keep("groq:me")
        people.decide("groq:me", enabled=False)
        with open(f"{people.states.folder}/groq.json", "w") as file:
            file.write("{")
        people.failures = {A: DOWN}
        found = people.resolver().resolve("openai")
        assert "it did not answer" in str(found.error)
        assert found.attempted == (A,)

    def test_profiles_of_the_settings_are_resolved_alike(self) -> None:
        options = GithubAppOptions(app_id="1", private_key="/key.pem", installation_id=7)
        names = ("github-app:acme", "github-app:spare")
        people = Accounts(profiles={name: Profile(id=name, options=options) for name in names})
        people.failures = {names[0]: DOWN, names[1]: Refused("HTTP 403")}
        found = people.resolver().resolve("github-app", "spare")
        assert found.attempted == (names[1], names[0])
        assert people.asked == [names[1], names[0]]
        assert people.states.decisions("github-app").profiles[names[1]].disabled_until


class TestRemembering:
    def test_the_second_look_asks_nobody(self, people: Accounts) -> None:
        resolver = people.resolver()
        assert secret(resolver.resolve("openai")) == secret(resolver.resolve("OpenAI")) == f"sk-{A}"
        assert people.asked == [A]
        assert secret(resolver.resolve("openai", "b")) == secret(resolver.resolve("openai", B)) == f"sk-{B}"
        assert people.asked == [A, B]

    def test_an_api_key_lasts_an_hour(self, people: Accounts, clock: time_machine.Traveller) -> None:
        resolver = people.resolver()
        resolver.resolve("openai")
        clock.shift(3599)
        resolver.resolve("openai")
        assert people.asked == [A]
        clock.shift(1)
        resolver.resolve("openai")
        assert people.asked == [A, A]

    @pytest.mark.parametrize(
        "change",
        [
            lambda people: people.decide(A, enabled=False),
            lambda people: people.remove(A),
            lambda people: people.rest(A, 30),
            lambda people: people.disable_for(A, 3600),
            lambda people: people.decide(B, priority=99),
        ],
        ids=["disabled", "removed", "rested", "disabled for a while", "overtaken"],
    )
    def test_what_is_decided_elsewhere_counts_at_once(
        self, people: Accounts, change: Callable[[Accounts], object]
    ) -> None:
        resolver = people.resolver()
        first = resolver.resolve("openai")
        with people.states.changing("openai") as draft:
            draft.last_good = ""
        assert first.profile_id == A
        change(people)
        assert resolver.resolve("openai").profile_id == B

    def test_a_new_key_counts_at_once(self, people: Accounts) -> None:
        resolver = people.resolver()
        resolver.resolve("openai")
        people.keep(A, api_key("sk-new"), priority=3)
        assert secret(resolver.resolve("openai")) == "sk-new"

    def test_edited_settings_count_at_once(self, people: Accounts) -> None:
        resolver = people.resolver()
        resolver.resolve("openai")
        with open(people.settings.source, "w") as file:
            file.write("version = 1\n")
        resolver.resolve("openai")
        assert people.asked == [A, A]

    def test_a_stand_in_ends_with_the_rest_that_called_for_it(
        self, people: Accounts, clock: time_machine.Traveller
    ) -> None:
        people.rest(A, 30)
        resolver = people.resolver()
        for _ in range(2):
            assert resolver.resolve("openai", "a").profile_id == B
        assert people.asked == [B]
        clock.shift(30)
        assert resolver.resolve("openai", "a").profile_id == A

    def test_a_stand_in_for_one_that_failed_is_not_remembered(self, people: Accounts) -> None:
        people.failures = {A: DOWN}
        resolver = people.resolver()
        assert resolver.resolve("openai", "a").profile_id == B
        people.failures.clear()
        assert resolver.resolve("openai", "a").profile_id == A

    def test_a_failure_is_not_remembered(self, people: Accounts) -> None:
        _nobody_works(people)
        resolver = people.resolver()
        assert resolver.resolve("openai").error
        people.failures.clear()
        assert resolver.resolve("openai").error is None

    def test_a_token_is_not_served_past_its_expiry(self, clock: time_machine.Traveller) -> None:
        people = Accounts()
        people.keep(A, token(10))
        resolver = people.resolver()
        assert secret(resolver.resolve("openai")) == "tok"
        clock.shift(11)
        assert resolver.resolve("openai").error

    def test_taking_turns_is_not_remembered(self, people: Accounts, clock: time_machine.Traveller) -> None:
        people.default_preference = Preference.TYPE
        resolver = people.resolver()
        served = []
        for _ in range(3):
            served.append(resolver.resolve("openai").profile_id)
            clock.shift(61)
        assert served == [A, B, C]

    def test_modes_options_and_any_are_searched_for_each_time(self, people: Accounts) -> None:
        resolver = people.resolver()
        for search in (resolver.resolve_api_key, resolver.resolve_any):
            people.asked.clear()
            search("openai")
            search("openai")
            assert len(people.asked) == 2

    def test_one_provider_is_forgotten_exactly(self, people: Accounts) -> None:
        people.keep("openrouter:me")
        resolver = people.resolver()
        for provider in ("openai", "openrouter"):
            resolver.resolve(provider)
        assert resolver.cache_stats() == (2, 2, 0)
        resolver.invalidate("open")
        assert resolver.cache_stats() == (2, 2, 0)
        resolver.invalidate("OpenAI")
        assert resolver.cache_stats() == (1, 1, 0)
        resolver.invalidate()
        assert resolver.cache_stats() == (0, 0, 0)

    def test_what_was_written_over_in_between_counts_as_expired(self, people: Accounts) -> None:
        resolver = people.resolver()
        resolver.resolve("openai")
        people.decide(A, enabled=False)
        assert resolver.cache_stats()._asdict() == {"total_entries": 1, "valid": 0, "expired": 1}


def test_no_secret_is_in_what_is_noted_or_told(people: Accounts) -> None:
    people.failures = {A: DOWN}
    found = people.resolver().resolve("openai")
    assert "sk-" not in repr(found) + str(people.said)
    for name in os.listdir(people.states.folder):
        with open(f"{people.states.folder}/{name}") as file:
            assert "sk-" not in file.read()
