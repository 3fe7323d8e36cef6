"""Whose turn it is and how long one rests: the settings' part of it."""

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from keywright.cache.seals import FileSeals
from keywright.errors import ConfigurationError
from keywright.settings.load import load
from keywright.settings.turns import CooldownRules, Override, Preference, parse_cooldown

DEFAULTS = CooldownRules(rate_limit_s=30, billing_backoff_h=5, billing_max_h=24, failure_window_h=24, by_provider={})
WRITTEN = """\
version = 1
default_preference = "type"

[cooldown]
rate_limit_seconds = 7
billing_backoff_hours = 0.5
billing_max_hours = 12
failure_window_hours = 48

[cooldown.by_provider.openai]
rate_limit_seconds = 5
billing_backoff_hours = 1
"""


def written(path: Path, text: str) -> str:
    file = path / "config.toml"
    file.write_text(f"version = 1\n{text}")
    return str(file)


def test_nothing_said_is_the_defaults(tmp_path: Path) -> None:
    for path in (written(tmp_path, ""), str(tmp_path / "nowhere")):
        settings = load(path)
        assert (settings.cooldown, settings.default_preference) == (DEFAULTS, Preference.VALID)


def test_everything_said_is_read_and_reads_the_same_once_sealed(tmp_path: Path) -> None:
    path = written(tmp_path, WRITTEN.partition("\n")[2])
    seals = FileSeals(str(tmp_path / "cache"))
    for settings in (load(path), load(path, seals), load(path, seals)):
        assert settings.default_preference is Preference.TYPE
        assert settings.cooldown == CooldownRules(
            rate_limit_s=7,
            billing_backoff_h=0.5,
            billing_max_h=12,
            failure_window_h=48,
            by_provider={"openai": Override(rate_limit_s=5, billing_backoff_h=1)},
        )


@pytest.mark.parametrize("word", ["default", "valid", "recent", "type"])
def test_a_preference_is_one_of_four_words(word: str, tmp_path: Path) -> None:
    assert load(written(tmp_path, f'default_preference = "{word}"')).default_preference == word


@pytest.mark.parametrize(
    ("table", "provider", "rate_limit_s", "billing_backoff_h"),
    [
        ({}, "openai", 30, 5),
        ({"rate_limit_seconds": 7}, "openai", 7, 5),
        ({"by_provider": {"openai": {"rate_limit_seconds": 5}}}, "openai", 5, 5),
        ({"by_provider": {"openai": {"rate_limit_seconds": 5}}}, "groq", 30, 5),
        ({"by_provider": {"openai": {"billing_backoff_hours": 1}}}, "openai", 30, 1),
        ({"by_provider": {"openai": {"billing_backoff_hours": 1}}}, "groq", 30, 5),
        ({"rate_limit_seconds": 7, "by_provider": {"openai": {"rate_limit_seconds": 5}}}, "openai", 5, 5),
        ({"rate_limit_seconds": 7, "by_provider": {"openai": {"rate_limit_seconds": 5}}}, "groq", 7, 5),
        ({"rate_limit_seconds": 7, "by_provider": {"openai": {"rate_limit_seconds": 0}}}, "openai", 7, 5),
        ({"rate_limit_seconds": 7, "by_provider": {"openai": {"rate_limit_seconds": -1}}}, "openai", 7, 5),
        ({"rate_limit_seconds": 0}, "openai", 30, 5),
        ({"rate_limit_seconds": -5, "billing_backoff_hours": -0.1}, "openai", 30, 5),
        ({"by_provider": {"openai": {}}}, "openai", 30, 5),
    ],
)
def test_an_override_comes_before_the_general_rule_and_that_before_the_default(
    table: Mapping[str, object], provider: str, rate_limit_s: float, billing_backoff_h: float
) -> None:
    rules = parse_cooldown(table).of(provider)
    assert (rules.rate_limit_s, rules.billing_backoff_h) == (rate_limit_s, billing_backoff_h)
    assert rules.of(provider) == rules


@pytest.mark.parametrize("nothing", [0, -1, -0.5])
def test_what_has_no_override_falls_back_on_its_default_too(nothing: float) -> None:
    rules = parse_cooldown({"billing_max_hours": nothing, "failure_window_hours": nothing}).of("openai")
    assert (rules.billing_max_h, rules.failure_window_h) == (24, 24)


def test_the_longest_spans_that_may_be_set_are_spans(tmp_path: Path) -> None:
    rules = load(written(tmp_path, "[cooldown]\nrate_limit_seconds = 31536000\nbilling_max_hours = 8760.0")).cooldown
    assert timedelta(seconds=rules.rate_limit_s) == timedelta(hours=rules.billing_max_h) == timedelta(days=365)


YEAR = r"is not a number up to (?:31536000|8760), which is a year"
OPENAI = r"\[cooldown\.by_provider\.openai\]: "
WRONG: dict[str, tuple[str, str]] = {
    "a preference that is nearly right": (
        'default_preference = "recnt"',
        r"the top level: `default_preference` is not one of default, valid, recent, type; did you mean `recent`\?",
    ),
    "an empty preference": ('default_preference = ""', r"the top level: `default_preference` is not one of .*, type"),
    "a preference in capitals": ('default_preference = "VALID"', r"the top level: `default_preference` is not one .*"),
    "a preference that is a number": (
        "default_preference = 1",
        r"the top level: `default_preference`: expected `str.*",
    ),
    "nearly default_preference": (
        'default_preferences = "valid"',
        r"the top level: there is no key `default_preferences`; did you mean `default_preference`\?",
    ),
    "nearly cooldown": ("[cooldowns]", r"the top level: there is no key `cooldowns`; did you mean `cooldown`\?"),
    "a cooldown that is a number": ("cooldown = 30", r"the top level: `cooldown`: expected .*, got `int`"),
    "an unknown key": (
        "[cooldown]\nrate_limit_second = 1",
        r"\[cooldown\]: there is no key `rate_limit_second`; did you mean `rate_limit_seconds`\?",
    ),
    "text": ('[cooldown]\nrate_limit_seconds = "30s"', r"\[cooldown\]: `rate_limit_seconds`: expected .*, got `str`"),
    "a truth": ("[cooldown]\nrate_limit_seconds = true", r"\[cooldown\]: `rate_limit_seconds`: expected .*`bool`"),
    "infinity": ("[cooldown]\nbilling_max_hours = inf", r"\[cooldown\]: `billing_max_hours` " + YEAR),
    "its negative": ("[cooldown]\nbilling_max_hours = -inf", r"\[cooldown\]: `billing_max_hours` " + YEAR),
    "no number": ("[cooldown]\nfailure_window_hours = nan", r"\[cooldown\]: `failure_window_hours` " + YEAR),
    "more than a year": ("[cooldown]\nbilling_max_hours = 8761", r"\[cooldown\]: `billing_max_hours` " + YEAR),
    "more than a float holds": (
        f"[cooldown]\nrate_limit_seconds = 1{'0' * 400}",
        r"\[cooldown\]: `rate_limit_seconds`.*",
    ),
    "providers that are no table": ("[cooldown]\nby_provider = 1", r"\[cooldown\]: `by_provider`: expected .*`int`"),
    "a provider that is no table": ("[cooldown.by_provider]\nopenai = 1", r"\[cooldown\]: `by_provider`: expected .*"),
    "a provider's unknown key": (
        "[cooldown.by_provider.openai]\nrate_limit = 1",
        OPENAI + r"there is no key `rate_limit`; did you mean `rate_limit_seconds`\?",
    ),
    "what cannot be overridden": (
        "[cooldown.by_provider.openai]\nbilling_max_hours = 1",
        OPENAI + r"there is no key `billing_max_hours`.*",
    ),
    "a provider's text": (
        '[cooldown.by_provider.openai]\nbilling_backoff_hours = "1"',
        OPENAI + r"`billing_backoff_hours`: expected .*, got `str`",
    ),
    "a provider's no number": (
        "[cooldown.by_provider.openai]\nbilling_backoff_hours = nan",
        OPENAI + r"`billing_backoff_hours` " + YEAR,
    ),
    "a provider in capitals": (
        "[cooldown.by_provider.OpenAI]",
        r"\[cooldown\.by_provider\.OpenAI\]: a provider's name is lower case; write openai",
    ),
}


@pytest.mark.parametrize(("text", "expected"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_with_table_and_key(text: str, expected: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigurationError) as raised:
        load(path)
    assert re.fullmatch(re.escape(f"{path}, ") + expected, str(raised.value)), str(raised.value)
