"""What may stand in a trace: each fact by its type, and no secret whatever it comes as."""

import ast
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

import keywright
from keywright.errors import Refused
from keywright.request import Client, Url, Verb
from keywright.secret import Secret
from keywright.tracing.facts import _KINDS, DETAILS, Event, Facts, plain

PACKAGE = Path(keywright.__file__).parent
CANARY = "Canary 5e1f/+="
NOON = datetime(2030, 1, 1, 12, 0, 0, 5678, tzinfo=UTC)


class Foreign(Exception):
    """Somebody else's, whose text quotes what it was given."""


GOOD: dict[str, tuple[object, object]] = {
    "client": (Client.GIT, "git"),
    "verb": (Verb.GET, "get"),
    "url": (Url("https", "github.com", "acme"), "https://github.com/acme"),
    "route": (Url("", "ghcr.io"), "ghcr.io"),
    "profile": ("github-app:acme", "github-app:acme"),
    "profiles": (2, 2),
    "entry": ("0123456789abcdef" * 4, "0123456789ab"),
    "error": (Refused(CANARY, mend=CANARY), "refused"),
    "until": (NOON, "2030-01-01T12:00:00.005Z"),
    "seconds": (1.23456, 1.235),
    "is_locked": (True, True),
    "why": ("input_changed", "input_changed"),
    "how": ("route", "route"),
    "state": ("stale", "stale"),
    "method": ("POST", "POST"),
    "program": ("aws-vault", "aws-vault"),
    "path": ("/home/me/.aws/config", "/home/me/.aws/config"),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_fact_of_its_type_is_told(name: str) -> None:
    value, told = GOOD[name]
    assert plain({name: value}) == {name: told}


def test_every_declared_fact_is_checked_and_no_other() -> None:
    assert set(_KINDS) == set(get_type_hints(Facts))
    assert set(get_args(Event)) >= DETAILS
    assert plain({"body": "anything"}) == {}


@pytest.mark.parametrize("name", sorted(_KINDS))
@pytest.mark.parametrize(
    "value",
    [
        Secret(CANARY),
        CANARY,
        CANARY.encode(),
        bytearray(CANARY.encode()),
        Foreign(CANARY),
        Refused(CANARY, mend=CANARY),
        {"password": CANARY},
        [CANARY],
        Path(f"/{CANARY}"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_secret_gets_into_no_fact_as_whatever_it_comes(name: str, value: object) -> None:
    told = json.dumps(plain({name: value}))
    assert "Canary" not in told
    assert "5e1f" not in told


@given(st.sampled_from(sorted(_KINDS)), st.text() | st.binary() | st.floats() | st.none() | st.lists(st.text()))
def test_whatever_it_is_given_it_answers_with_what_json_can_hold(name: str, value: object) -> None:
    (told,) = plain({name: value}).values()
    assert told is None or isinstance(told, str | int | float)


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Yield every call that tells a trace something."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"trace.tell", "trace.timed"}:
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", node


CALLS = list(calls())


@pytest.mark.parametrize(("where", "call"), CALLS, ids=[where for where, _ in CALLS])
def test_a_call_makes_no_text_of_anything(where: str, call: ast.Call) -> None:
    """Not `str(error)`, no f-string, no secret revealed: a fact is handed over as it is, and the trace judges it."""
    given = [node for keyword in call.keywords for node in ast.walk(keyword.value)]
    named = {node.attr for node in given if isinstance(node, ast.Attribute)}
    called = {ast.unparse(node.func) for node in given if isinstance(node, ast.Call)}
    assert not [node for node in given if isinstance(node, ast.JoinedStr)]
    assert not named & {"reveal", "secret", "password", "stdin", "headers", "what", "mend", "args", "env"}
    assert not called & {"str", "repr", "format"}


def test_the_calls_are_found() -> None:
    assert len(CALLS) > 25
