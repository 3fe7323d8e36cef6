"""`provider:name`: taken apart whatever it is, and kept only if nobody could mistake it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.errors import UsageError
from keywright.profiles.identity import ProfileId

SPLIT = {
    "a:b:c": ("a:b", "c"),
    "openai:work": ("openai", "work"),
    "": ("", "default"),
    "x": ("x", "default"),
    "x:": ("x", ""),
    ":x": ("", "x"),
    ":": ("", ""),
}


@pytest.mark.parametrize(("text", "parts"), SPLIT.items())
def test_any_text_is_split_at_its_last_colon(text: str, parts: tuple[str, str]) -> None:
    assert ProfileId.split(text) == parts


MADE = {
    ("x", ""): "x:default",
    ("anthropic", "work"): "anthropic:work",
    ("OpenAI", ""): "openai:default",
    ("OPENAI", "Work"): "openai:Work",
    ("my-own_1", "ann.lee+test@example.com"): "my-own_1:ann.lee+test@example.com",
    ("a" * 64, "n" * 128): f"{'a' * 64}:{'n' * 128}",
}


@pytest.mark.parametrize(("parts", "text"), MADE.items())
def test_an_id_is_made_of_a_provider_in_lower_case_and_a_name(parts: tuple[str, str], text: str) -> None:
    made = ProfileId.make(*parts)
    assert str(made) == text
    assert ProfileId.parse(text) == ProfileId.find(text) == ProfileId.split(text) == made


UNFIT_PROVIDERS = ["", " ", "a b", "a/b", "../x", ".", "-a", "a-", "_a", "a:b", "a\n", "a\0", "ünïcode", "a" * 65]
UNFIT_PROVIDERS += ["\N{KELVIN SIGN}imi", "\N{FULLWIDTH LATIN SMALL LETTER A}", "a\x7f", "\x1b[1m"]
UNFIT_NAMES = [" ", "a b", "a/b", "..", ".", "../x", "-a", "a-", ".a", "a.", "a:b", "a\n", "\na", "a\0b", "a\x1b[0m"]
UNFIT_NAMES += ["n" * 129, "é", "a\N{RIGHT-TO-LEFT OVERRIDE}b", "a\\b", "a'b", "$(a)", "a;b", "*"]


@pytest.mark.parametrize(
    ("provider", "name"), [*((one, "x") for one in UNFIT_PROVIDERS), *(("x", one) for one in UNFIT_NAMES)]
)
def test_what_could_be_mistaken_is_not_kept_and_not_shown(provider: str, name: str) -> None:
    with pytest.raises(UsageError) as raised:
        ProfileId.make(provider, name)
    told = str(raised.value)
    assert re.search(r"a (provider|profile)'s name has at most \d+ letters, digits", told)
    assert told.isprintable()
    assert ProfileId.find(f"{provider}:{name}") is None


@pytest.mark.parametrize("text", ["openai", "OpenAI:work", "openai:", ":work", "openai:a:b", "openai:work\n", ""])
def test_what_stands_in_settings_is_taken_only_as_it_would_be_kept(text: str) -> None:
    assert ProfileId.find(text) is None


@given(st.text(max_size=12))
def test_whatever_is_typed_is_an_id_of_plain_signs_or_refused(text: str) -> None:
    try:
        made = ProfileId.parse(text)
    except UsageError:
        return
    assert re.fullmatch(r"[a-z0-9_-]+:[A-Za-z0-9._@+-]+", str(made))
    assert ProfileId.parse(str(made)) == made
