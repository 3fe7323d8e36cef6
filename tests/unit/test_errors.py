"""The tree of errors is the one that is drawn, and its messages are one line."""

import inspect
import re

import pytest

from keywright import errors
from keywright.errors import ERRORS, KeywrightError, Refused, Unavailable

KINDS: list[type[KeywrightError]] = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, KeywrightError) and kind is not KeywrightError
]
DRAWN = {
    name: (code, int(exit_code))
    for name, code, exit_code in re.findall(r"[├└]── (\w+) .*? (\w+) +([0-9]+)$", errors.__doc__ or "", re.MULTILINE)
}


def test_the_tree_is_the_one_drawn() -> None:
    assert {kind.__name__: (kind.code, kind.exit_code) for kind in KINDS} == DRAWN


def test_the_drawn_exits_of_no_error_are_the_constants() -> None:
    drawn = re.findall(r"^ +(?:Interrupted|The client closed).* ([0-9]+)$", errors.__doc__ or "", re.MULTILINE)
    assert [int(code) for code in drawn] == [errors.EXIT_INTERRUPTED, errors.EXIT_BROKEN_PIPE]


def test_every_kind_is_found_by_its_code() -> None:
    assert set(ERRORS.values()) == set(KINDS)
    assert all(ERRORS[kind.code] is kind for kind in KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_tree_is_one_level_deep(kind: type[KeywrightError]) -> None:
    assert kind.__bases__ == (KeywrightError,)


@pytest.mark.parametrize(
    ("mend", "account", "host", "line"),
    [
        ("", "", "", "it said no"),
        ("ask again", "", "", "it said no; ask again"),
        ("", "github-app:acme", "", "github-app:acme: it said no"),
        ("", "", "github.com", "github.com: it said no"),
        ("ask again", "github-app:acme", "github.com", "github-app:acme for github.com: it said no; ask again"),
    ],
)
def test_a_message_names_account_host_cause_and_cure(mend: str, account: str, host: str, line: str) -> None:
    assert str(Refused("it said no", mend=mend).about(account, host)) == line


@pytest.mark.parametrize("kind", KINDS)
def test_a_line_is_the_message_and_ends_with_its_code(kind: type[KeywrightError]) -> None:
    error = kind("it failed", mend="try again").about("acme:ann", "acme.example")
    assert error.line == f"acme:ann for acme.example: it failed; try again [{kind.code}]"
    assert kind("it failed").line == f"it failed [{kind.code}]"


@pytest.mark.parametrize(
    ("mend", "account", "host", "quoted"),
    [
        ("", "", "", "it said no (refused)"),
        ("", "acme:ann", "", "acme:ann (refused): it said no"),
        ("ask again", "acme:ann", "acme.example", "acme:ann for acme.example (refused): it said no; ask again"),
    ],
)
def test_what_another_line_quotes_has_its_code_in_parentheses(mend: str, account: str, host: str, quoted: str) -> None:
    assert Refused("it said no", mend=mend).about(account, host).quoted == quoted


def test_what_a_deeper_layer_named_stays() -> None:
    error = Unavailable("no key").about("github-app:deep", "")
    assert error.about("github-app:outer", "github.com") is error
    assert (error.account, error.host) == ("github-app:deep", "github.com")


def test_an_error_knows_how_long_its_issuer_wants_to_be_left_alone() -> None:
    assert Refused("too often", retry_after_s=7.5).retry_after_s == 7.5
    assert Refused("no").retry_after_s is None
