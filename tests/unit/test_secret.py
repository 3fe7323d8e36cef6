"""A secret is shown by nothing but `reveal`."""

import copy
import json
import logging
import pickle
import pprint
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from keywright.credential import Credential
from keywright.secret import MASK, Secret

VALUE = "ghs_canary0123456789"
SECRET = Secret(VALUE)


@dataclass(frozen=True)
class Holder:
    secret: Secret


CREDENTIAL = Credential(secret=SECRET, issued_at=datetime(2030, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    "shown",
    [
        str(SECRET),
        repr(SECRET),
        ascii(SECRET),
        f"{SECRET}",
        f"{SECRET!r}",
        f"{SECRET!s:>40}",
        f"{SECRET:>40}",
        f"{SECRET:.3}",
        format(SECRET, "x"),
        "{:^9}".format(SECRET),  # noqa: UP032 - each way of formatting by itself
        "%s" % SECRET,  # noqa: UP031 - the same
        "%r %.4s" % (SECRET, SECRET),  # noqa: UP031 - the same
        str([SECRET]),
        str({"secret": SECRET}),
        repr(Holder(SECRET)),
        repr(CREDENTIAL),
        str(CREDENTIAL),
        pprint.pformat(CREDENTIAL),
        pprint.pformat({"secret": SECRET}),
        str(ValueError(SECRET)),
        json.dumps({"secret": SECRET}, default=str),
    ],
)
def test_nothing_that_makes_text_shows_it(shown: str) -> None:
    assert MASK in shown
    assert "canary" not in shown
    assert "ghs" not in shown


def test_logging_shows_a_mask(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").warning("%s %r %s", SECRET, SECRET, Holder(SECRET))
    assert caplog.messages == [f"{MASK} {MASK} Holder(secret={MASK})"]


def test_a_traceback_with_local_variables_shows_a_mask() -> None:
    def fail(secret: Secret) -> None:
        raise ValueError(f"about {secret}")

    with pytest.raises(ValueError, match="about") as raised:
        fail(SECRET)
    told = "".join(traceback.TracebackException.from_exception(raised.value, capture_locals=True).format())
    assert f"secret = {MASK}" in told
    assert VALUE not in told


def test_json_refuses_it() -> None:
    for holder in (SECRET, {"secret": SECRET}, [SECRET], CREDENTIAL):
        with pytest.raises(TypeError) as raised:
            json.dumps(holder)
        assert VALUE not in str(raised.value)


def test_msgspec_refuses_it() -> None:
    with pytest.raises(TypeError) as raised:
        msgspec.json.encode({"secret": SECRET})
    assert VALUE not in str(raised.value)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_refuses_it(protocol: int) -> None:
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(SECRET, protocol)


def test_a_copy_of_it_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot be pickled or copied"):
        copy.copy(SECRET)
    with pytest.raises(TypeError, match="cannot be pickled or copied"):
        copy.deepcopy([SECRET])
    with pytest.raises(TypeError, match="cannot be pickled or copied"):
        copy.deepcopy(CREDENTIAL)


def test_it_is_no_text_bytes_or_number() -> None:
    conversions: tuple[Callable[[Any], object], ...] = (bytes, int, float, list, len, vars)
    for convert in conversions:
        with pytest.raises(TypeError) as raised:
            convert(SECRET)
        assert VALUE not in str(raised.value)
    with pytest.raises(TypeError):
        "token " + SECRET  # type: ignore[operator]
    with pytest.raises(TypeError):
        sorted([Secret("b"), Secret("a")])  # type: ignore[type-var]


def test_it_has_no_hash() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(SECRET)


def test_reveal_returns_it() -> None:
    assert SECRET.reveal() == VALUE
    assert CREDENTIAL._replace(username="me").secret.reveal() == VALUE


@pytest.mark.parametrize(
    ("one", "other", "is_equal"),
    [
        ("a", "a", True),
        ("", "", True),
        ("a", "b", False),
        ("a", "A", False),
        ("a", "a ", False),
        ("", "\0", False),
        ("\u00fc", "u\u0308", False),
        ("\ud800", "\ud800", True),
        ("\udcff", "\udcfe", False),
        ("\udcc3\udcbc", "\u00fc", False),
    ],
    ids=ascii,
)
def test_equality_is_that_of_the_values_whatever_they_are(one: str, other: str, is_equal: bool) -> None:
    assert (Secret(one) == Secret(other)) is is_equal
    assert (Secret(one) != Secret(other)) is not is_equal


def test_a_secret_equals_no_text() -> None:
    assert SECRET != VALUE
    assert VALUE != SECRET
    assert SECRET != MASK
    assert SECRET is not None


def test_an_empty_one_is_false() -> None:
    assert not Secret("")
    assert Secret("0")
