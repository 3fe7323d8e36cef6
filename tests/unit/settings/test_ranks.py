"""What profiles and routes say of whose turn it is: `priority`, `fallback`, `prefer`, and ids that the vault keeps."""

import re
from pathlib import Path

import pytest

from keywright.cache.seals import FileSeals
from keywright.errors import ConfigurationError
from keywright.settings.load import load
from keywright.settings.turns import Preference

APP = '[profiles."github-app:{name}"]\napp_id = "1"\nprivate_key = "/k"\ninstallation_id = 1\n{more}\n'
STATIC = '[profiles."static:forge"]\nurl = "https://git.example"\nsecret = "env://TOKEN"\n{more}\n'


def app(name: str, more: str = "") -> str:
    return APP.format(name=name, more=more)


def route(profiles: str, more: str = "") -> str:
    return f'[[routes]]\nclient = "git"\nurl = "https://github.com"\nprofiles = {profiles}\n{more}\n'


def write(folder: Path, text: str) -> str:
    path = folder / "config.toml"
    path.write_text(f"version = 1\n{text}")
    return str(path)


def test_nothing_said_is_no_priority_no_fallback_and_the_written_order(tmp_path: Path) -> None:
    settings = load(write(tmp_path, app("a") + route('["github-app:a"]')))
    found = settings.profiles["github-app:a"]
    assert (found.priority, found.fallback, settings.routes[0].prefer) == (0, (), None)


def test_everything_said_is_read_and_reads_the_same_once_sealed(tmp_path: Path) -> None:
    text = app("a", 'priority = 7\nfallback = ["github-app:b", "openai:work"]') + app("b", "priority = -1")
    text += STATIC.format(more="priority = 2\nfallback = []")
    text += route('["github-app:b", "github-app:a", "openai:work", "my_own-1:ann@x.example"]', 'prefer = "recent"')
    path, seals = write(tmp_path, text), FileSeals(str(tmp_path / "cache"))
    for settings in (load(path), load(path, seals), load(path, seals)):
        profiles = settings.profiles
        assert [profiles[f"github-app:{name}"].priority for name in "ab"] == [7, -1]
        assert profiles["github-app:a"].fallback == ("github-app:b", "openai:work")
        assert (profiles["static:forge"].priority, profiles["static:forge"].fallback) == (2, ())
        (found,) = settings.routes
        assert found.profiles == ("github-app:b", "github-app:a", "openai:work", "my_own-1:ann@x.example")
        assert found.prefer is Preference.RECENT


@pytest.mark.parametrize("word", list(Preference))
def test_a_route_prefers_by_one_of_four_words(word: str, tmp_path: Path) -> None:
    (found,) = load(write(tmp_path, route('["openai:work"]', f'prefer = "{word}"'))).routes
    assert found.prefer == word


A, R = r"\[profiles\.\"github-app:a\"\]: ", r"\[\[routes\]\] number 1: "
WRONG = {
    "a priority in words": (app("a", 'priority = "high"'), A + "`priority`: expected `int`, got `str`"),
    "half a priority": (app("a", "priority = 1.5"), A + "`priority`: expected `int`, got `float`"),
    "a priority that is a truth": (app("a", "priority = true"), A + "`priority`: expected `int`, got `bool`"),
    "nearly priority": (app("a", "prioriy = 1"), A + r"there is no key `prioriy`; did you mean `priority`\?"),
    "one fallback without a list": (
        app("a", 'fallback = "openai:work"'),
        A + "`fallback`: expected `array`, got `str`",
    ),
    "fallbacks that are numbers": (app("a", "fallback = [1]"), A + "`fallback`: expected `str`, got `int`"),
    "itself as a fallback": (app("a", 'fallback = ["github-app:a"]'), A + "`fallback` names `github-app:a` once too.*"),
    "a fallback named twice": (
        app("a", 'fallback = ["openai:b", "openai:b"]'),
        A + "`fallback` names `openai:b` once too often",
    ),
    "a fallback that is nearly there": (
        app("a", 'fallback = ["github-app:bb"]') + app("b"),
        A + r"there is no profile `github-app:bb`; did you mean `github-app:b`\?",
    ),
    "a misspelt provider as a fallback": (
        app("a", 'fallback = ["githubapp:b"]'),
        A + "there is no profile `githubapp:b`.*",
    ),
    "a fallback without a name": (app("a", 'fallback = ["openai"]'), A + "there is no profile `openai`.*"),
    "a fallback upwards": (app("a", 'fallback = ["../../x:y"]'), A + "there is no profile `../../x:y`.*"),
    "a preference that is nearly right": (
        route('["openai:work"]', 'prefer = "valdi"'),
        R + r"`prefer` is not one of default, valid, recent, type; did you mean `valid`\?",
    ),
    "a preference that is a number": (
        route('["openai:work"]', "prefer = 1"),
        R + "`prefer`: expected `str`, got `int`",
    ),
    "nearly prefer": (route('["openai:work"]', 'prefers = "valid"'), R + r"there is no key `prefers`; .* `prefer`\?"),
    "a kept id in capitals": (route('["OpenAI:work"]'), R + "there is no profile `OpenAI:work`"),
    "a kept id with a blank": (route('["openai:my work"]'), R + "there is no profile `openai:my work`"),
    "a kept id of two colons": (route('["openai:a:b"]'), R + "there is no profile `openai:a:b`"),
    "a kept id without a name": (route('["openai:"]'), R + "there is no profile `openai:`"),
    "a kept id twice": (route('["openai:work", "openai:work"]'), R + "profile `openai:work` is listed twice"),
    "a provider of the settings that is not written": (
        route('["github-app:gone"]'),
        R + "there is no profile `github-app:gone`",
    ),
}


@pytest.mark.parametrize(("text", "expected"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_with_table_and_key(text: str, expected: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigurationError) as raised:
        load(path)
    assert re.fullmatch(re.escape(f"{path}, ") + expected, str(raised.value)), str(raised.value)
