"""Who failed or was passed over: what is told of it, and how long what served in their place may be kept."""

from datetime import datetime, timedelta

import pytest

from fakes.kept import NOON
from keywright.cache.entry import Entry
from keywright.credential import CacheKey, Credential
from keywright.errors import Busy, KeywrightError, Refused, TokenRevoked, Unavailable, Unreachable, VaultLocked
from keywright.failed import Failed
from keywright.freshness import Freshness
from keywright.profiles.mode import Mode
from keywright.profiles.order import Candidate
from keywright.profiles.turn import Turn
from keywright.profiles.turns import Line
from keywright.renewal import Served
from keywright.secret import Secret
from keywright.settings.model import KeptOptions, Profile

SOON, LATER = NOON + timedelta(seconds=30), NOON + timedelta(hours=5)
INPUTS = {"/state/acme.json": "-"}


def turn(
    name: str, *, rests: datetime | None = None, obstacle: KeywrightError | None = None, until: datetime | None = None
) -> Turn:
    id_ = f"acme:{name}"
    candidate = Candidate(id_, name, Mode.API_KEY, cooldown_until=rests)
    return Turn(Profile(id_, KeptOptions()), candidate, obstacle=obstacle, until=rests or until)


def line(*turns: Turn, wished: str = "", is_steady: bool = True) -> Line:
    names = wished.split() or [one.candidate.name for one in turns]
    return Line(turns, tuple(f"acme:{name}" for name in names), INPUTS, is_steady=is_steady)


def served() -> Served:
    key = CacheKey(provider="acme", profile="acme:x", facts={})
    entry = Entry(key=key, generation=0, credential=Credential(secret=Secret("s"), issued_at=NOON))
    return Served(entry=entry, plan=None, freshness=Freshness.FRESH, stamp="")


def about(error: KeywrightError, name: str) -> KeywrightError:
    return error.about(f"acme:{name}", "https://api.example")


A, B = turn("a"), turn("b")
DISABLED = turn("off", obstacle=Unavailable("it is disabled"))
UNPAID = turn("unpaid", obstacle=Unavailable("it is left alone"), until=LATER)
REVOKED = turn("revoked", obstacle=TokenRevoked("its issuer took the grant back"))
LOCKED = turn("locked", obstacle=VaultLocked("the vault is locked"))
RESTING = turn("rests", rests=SOON)


def placed(line_: Line, by: Turn, *before: Turn, is_forced: bool = False) -> tuple[bool, datetime | None]:
    """Return whether the next request would be served alike, and until when, if those before were passed over."""
    failed = Failed(line_)
    for one in before:
        failed.add(one, one.obstacle or Refused("no"))
    found = failed.placed(served(), by, is_forced=is_forced)
    assert found.decided == INPUTS
    return found.is_first_choice, found.until


PLACED = {
    "the first": (placed(line(A, B), A), (True, None)),
    "the second, as the first failed just now": (placed(line(A, B), B, A), (False, None)),
    "the second, as the first is disabled": (placed(line(DISABLED, B), B, DISABLED), (True, None)),
    "the second, as the first is left alone": (placed(line(UNPAID, B), B, UNPAID), (True, LATER)),
    "the second, as the first is revoked": (placed(line(REVOKED, B), B, REVOKED), (True, None)),
    "the second, as the vault is locked": (placed(line(LOCKED, B), B, LOCKED), (False, None)),
    "the second, as the first rests": (placed(line(B, RESTING, wished="rests b"), B), (True, SOON)),
    "the first, and the second rests": (placed(line(A, RESTING), A), (True, None)),
    "the third, as one rests and one is left alone": (
        placed(line(UNPAID, B, RESTING, wished="rests unpaid b"), B, UNPAID),
        (True, SOON),
    ),
    "the one that rests, as the other failed": (placed(line(A, RESTING), RESTING, A), (False, SOON)),
    "the one that rests, being alone": (placed(line(RESTING), RESTING), (True, SOON)),
    "whom they take turns with": (placed(line(A, B, is_steady=False), A), (False, None)),
    "whom a person insists on": (placed(line(A), A, is_forced=True), (False, None)),
}


@pytest.mark.parametrize(("found", "expected"), PLACED.values(), ids=PLACED)
def test_an_answer_may_be_kept_while_the_next_would_be_the_same(found: object, expected: object) -> None:
    assert found == expected


def test_one_that_was_passed_over_without_a_word_counts_as_before_it() -> None:
    failed = Failed(line(A, B))
    failed.pass_over(A)
    assert not failed.placed(served(), B, is_forced=False).is_first_choice
    assert failed.told(B) == ""


def told(line_: Line, by: Turn, *before: Turn) -> str:
    failed = Failed(line_)
    for one in before:
        failed.add(one, about(one.obstacle or Refused("no"), one.candidate.name))
    return failed.told(by)


RESTS = "acme:rests: it is cooling down until 2030-01-01T12:00:30Z"
TOLD = {
    "the first": (told(line(A, B), A), ""),
    "after a failure": (told(line(A, B), B, A), "acme:a for https://api.example (refused): no; using acme:b instead"),
    "after one that is disabled": (told(line(DISABLED, B), B, DISABLED), ""),
    "after one that is left alone": (
        told(line(UNPAID, B), B, UNPAID),
        "acme:unpaid for https://api.example (unavailable): it is left alone; using acme:b instead",
    ),
    "before one that rests, and would have been first": (
        told(line(B, RESTING, wished="rests b"), B),
        f"{RESTS}; using acme:b instead",
    ),
    "before one that rests, and would not": (told(line(A, RESTING), A), ""),
    "the last resort": (
        told(line(A, RESTING), RESTING, A),
        f"acme:a for https://api.example (refused): no; {RESTS}, and used all the same",
    ),
    "the only one": (told(line(RESTING), RESTING), ""),
}


@pytest.mark.parametrize(("found", "expected"), TOLD.values(), ids=TOLD)
def test_what_a_person_is_told_is_one_line_and_nothing_they_wished(found: str, expected: str) -> None:
    assert found == expected


def test_one_that_failed_alone_fails_as_it_did() -> None:
    failed = Failed(line(A))
    error = about(Unreachable("no answer"), "a")
    failed.add(A, error)
    assert failed.error() is error


def test_the_failure_of_all_names_each_and_why_and_is_of_the_last_ones_kind() -> None:
    failed = Failed(line(DISABLED, A, B))
    failed.add(DISABLED, about(Unavailable("it is disabled", mend="enable it"), "off"))
    failed.add(A, about(Refused("no"), "a"))
    failed.add(B, about(Busy("too long", mend="try again"), "b"))
    error = failed.error()
    assert type(error) is Busy
    assert str(error) == (
        "https://api.example: every profile failed: acme:off (unavailable): it is disabled; acme:a (refused): no; "
        "acme:b (busy): too long; try again"
    )
