"""Several providers: side by side, and one after the other."""

import os
import threading

import pytest

from fakes import accounts
from fakes.accounts import Accounts, oauth, token
from keywright.errors import KeywrightError, ProfileNotFound, Refused, Unreachable
from keywright.profiles.chain import FallbackChain, MultiResolver
from keywright.profiles.resolution import Obtained
from keywright.profiles.resolver import Resolver
from keywright.profiles.turn import Turn

THREE = ("openai", "groq", "mistral")
BOUND_S = 60
"""How long a test waits for what must come."""


@pytest.fixture
def people() -> Accounts:
    """One account at each of three providers."""
    people = Accounts()
    for provider in THREE:
        people.keep(f"{provider}:me")
    return people


class TestAll:
    def test_each_provider_has_its_result_in_the_order_asked(self, people: Accounts) -> None:
        names = ["mistral", "OpenAI", "groq", "openai"]
        found = MultiResolver(people.resolver()).resolve_all(names)
        assert [one.profile_id for one in found] == ["mistral:me", "openai:me", "groq:me", "openai:me"]
        assert all(one.error is None for one in found)

    def test_one_that_fails_is_nobody_elses_problem(self, people: Accounts) -> None:
        people.failures = {"groq:me": Refused("HTTP 401")}
        found = MultiResolver(people.resolver()).resolve_all([*THREE, "nowhere"])
        assert [one.profile_id for one in found] == ["openai:me", "", "mistral:me", ""]
        assert [one.provider for one in found] == [*THREE, "nowhere"]
        assert [str(one.error).partition(":")[0] for one in found] == [
            "None",
            "no valid credential found for provider groq",
            "None",
            "no valid credential found for provider nowhere; `keywright profile list` shows what there is",
        ]
        assert found[1].attempted == ("groq:me",)

    def test_nor_is_a_bug_whose_text_is_not_told(self, people: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
        def obtain(turn: Turn) -> Obtained:
            if turn.profile.provider == "groq":
                raise RuntimeError("sk-secret")
            return Accounts.obtain(people, turn)

        monkeypatch.setattr(people, "obtain", obtain)
        found = MultiResolver(people.resolver()).resolve_all(THREE)
        assert [one.profile_id for one in found] == ["openai:me", "", "mistral:me"]
        assert str(found[1].error) == "a bug: RuntimeError; please report this line"

    def test_they_are_asked_side_by_side(self, people: Accounts) -> None:
        everybody = threading.Barrier(len(THREE))

        def obtain(turn: Turn) -> Obtained:
            everybody.wait(BOUND_S)  # breaks unless all three are inside at once
            return people.obtain(turn)

        resolver = Resolver(
            settings=people.settings, env=os.environ, now=accounts.now, say=people.said.append, obtain=obtain
        )
        found = MultiResolver(resolver).resolve_all(THREE)
        assert [one.profile_id for one in found] == [f"{provider}:me" for provider in THREE]

    def test_more_than_are_asked_at_once_and_one_many_times_all_get_theirs(self, people: Accounts) -> None:
        found = MultiResolver(people.resolver()).resolve_all(["openai"] * 40)
        assert [one.profile_id for one in found] == ["openai:me"] * 40
        assert not people.said

    def test_nobody_is_nothing(self, people: Accounts) -> None:
        assert MultiResolver(people.resolver()).resolve_all([]) == []


class TestChain:
    @pytest.mark.parametrize(
        ("failing", "providers", "serves", "attempted"),
        [
            ((), THREE, "openai:me", ("openai:me",)),
            (("openai:me",), THREE, "groq:me", ("openai:me", "groq:me")),
            (("openai:me", "groq:me"), THREE, "mistral:me", ("openai:me", "groq:me", "mistral:me")),
            ((), ("nowhere", "mistral", "groq"), "mistral:me", ("mistral:me",)),
            (("openai:me",), ("openai", "openai", "groq"), "groq:me", ("openai:me", "openai:me", "groq:me")),
        ],
        ids=["the first", "the second", "the last", "one that there is not", "one that is named twice"],
    )
    def test_the_first_that_has_one_serves(
        self,
        people: Accounts,
        failing: tuple[str, ...],
        providers: tuple[str, ...],
        serves: str,
        attempted: tuple[str, ...],
    ) -> None:
        people.failures = dict.fromkeys(failing, Unreachable("it did not answer"))
        found = FallbackChain(people.resolver(), *providers).resolve()
        assert (found.profile_id, found.attempted, found.error) == (serves, attempted, None)
        assert found.provider == serves.partition(":")[0]

    def test_that_somebody_stands_in_is_told(self, people: Accounts) -> None:
        people.failures = {"openai:me": Unreachable("it did not answer")}
        assert FallbackChain(people.resolver(), "openai").resolve().told == ""
        assert FallbackChain(people.resolver(), "groq", "openai").resolve().told == ""
        assert FallbackChain(people.resolver(), "openai", "groq").resolve().told == (
            "no valid credential found for provider openai: openai:me (unreachable): it did not answer; "
            "using groq:me instead"
        )

    @pytest.mark.parametrize("providers", [("a",), ("a", "b"), ("a", "b", "c"), ("a", "a")])
    def test_all_failed_names_the_last_error(self, people: Accounts, providers: tuple[str, ...]) -> None:
        error = _error_of(people, *providers)
        assert error.what == (
            f"all providers failed, last error: no valid credential found for provider {providers[-1]}"
        )

    def test_and_every_profile_of_the_last_one(self, people: Accounts) -> None:
        people.failures = dict.fromkeys([f"{one}:me" for one in THREE], Unreachable("it did not answer"))
        assert _error_of(people, *THREE).what == (
            "all providers failed, last error: no valid credential found for provider mistral: "
            "mistral:me (unreachable): it did not answer"
        )

    def test_no_providers_is_an_error(self, people: Accounts) -> None:
        assert _error_of(people).what == "no providers configured"

    def test_any_kind_of_credential_will_do_oauth_first(self) -> None:
        people = Accounts()
        people.keep("openai:key")
        people.keep("openai:tok", token())
        people.keep("openai:login", oauth())
        assert FallbackChain(people.resolver(), "openai").resolve().profile_id == "openai:login"


def _error_of(people: Accounts, *providers: str) -> KeywrightError:
    found = FallbackChain(people.resolver(), *providers).resolve()
    assert isinstance(found.error, ProfileNotFound)
    assert found.error.exit_code == 1
    assert found.credential is None
    return found.error
