"""`keywright token --auto PROVIDER`: a profile that is named, else the provider's variable, else its profiles."""

from pathlib import Path

import pytest

from fakes.accounts import Accounts, api_key, token
from fakes.terminal import Said, Terminal

CANARY = "canary-77de"


@pytest.fixture
def keywright(home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Terminal:
    monkeypatch.setenv("KEYWRIGHT_HOME", str(home / "kw"))
    for name in ("OPENAI_API_KEY", "GITHUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return Terminal(monkeypatch, capfd)


@pytest.fixture
def kept(keywright: Terminal) -> Accounts:
    people = Accounts()
    people.keep("openai:work", api_key("sk-work"), priority=2)
    people.keep("openai:home", api_key("sk-home"), priority=1)
    return people


FROM_VARIABLE = "keywright: openai: from the environment variable OPENAI_API_KEY\n"


@pytest.mark.parametrize(
    ("asked", "variable", "said"),
    [
        ("openai:home", "sk-env", Said(0, "sk-home\n", "")),
        ("openai:home", "", Said(0, "sk-home\n", "")),
        ("openai", "sk-env", Said(0, "sk-env\n", FROM_VARIABLE)),
        ("OpenAI", "sk-env", Said(0, "sk-env\n", FROM_VARIABLE)),
        ("openai", "", Said(0, "sk-work\n", "")),
    ],
)
@pytest.mark.usefixtures("kept")
def test_who_is_named_comes_before_the_variable_and_that_before_who_is_kept(
    keywright: Terminal, monkeypatch: pytest.MonkeyPatch, asked: str, variable: str, said: Said
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", variable)
    assert keywright("token", "--auto", asked) == said


@pytest.mark.parametrize(
    ("provider", "told"),
    [
        ("openai", "OPENAI_API_KEY is not set, and there is no profile; set OPENAI_API_KEY, or run `keywright profile"),
        ("docker", "no credential for docker: there is no profile; run `keywright profile add docker`"),
        ("access-key", "no credential for access-key: there is no profile; run"),
        ("nobody", "unknown provider: nobody"),
    ],
)
def test_where_there_is_none_it_says_what_would_be_one(keywright: Terminal, provider: str, told: str) -> None:
    said = keywright("token", "--auto", provider)
    assert (said.code, said.stdout) == (1, "")
    assert told in said.stderr
    assert len(said.stderr.splitlines()) == 1


@pytest.mark.usefixtures("kept")
def test_whoever_is_named_and_gives_nothing_is_not_replaced(
    keywright: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    said = keywright("token", "--auto", "openai:none")
    assert (said.code, said.stdout) == (2, "")
    assert CANARY not in said.stderr


def test_profiles_that_give_nothing_are_named_with_why(keywright: Terminal) -> None:
    Accounts().keep("github:me", token(left_s=-5))
    said = keywright("token", "--auto", "github")
    assert (said.code, said.stdout) == (1, "")
    assert "github:me: what it holds has expired" in said.stderr


@pytest.mark.parametrize("value", [f"{CANARY}\n", f"{CANARY} x\r", f"{CANARY}é"])
def test_what_does_not_fit_on_a_line_is_not_printed(
    keywright: Terminal, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", value)
    said = keywright("token", "--auto", "openai")
    assert (said.code, said.stdout) == (1, "")
    assert CANARY not in said.stderr


@pytest.mark.parametrize("more", [("--force",), ("--url", "https://api.openai.com")])
def test_what_is_for_one_profile_goes_not_with_a_provider(keywright: Terminal, more: tuple[str, ...]) -> None:
    said = keywright("token", "--auto", "openai", *more)
    assert (said.code, said.stdout) == (2, "")
    assert "name it as PROVIDER:NAME" in said.stderr
