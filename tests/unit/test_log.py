"""What a person reads is one line that no terminal obeys."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.errors import Refused
from keywright.log import one_line, say


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, with: punctuation", "plain text, with: punctuation"),
        ("Zürich 東京 🔑", "Zürich 東京 🔑"),
        ("", ""),
        ("two\nlines", r"two\nlines"),
        ("back\rto the start", r"back\rto the start"),
        ("tab\t", r"tab\t"),
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("\x00\x7f\x85\x9b", r"\x00\x7f\x85\x9b"),
        ("line\u2028paragraph\u2029", r"line\u2028paragraph\u2029"),
        ("right to left \u202egnp.exe", r"right to left \u202egnp.exe"),
        ("zero\u200bwidth \ufeff", r"zero\u200bwidth \ufeff"),
        ("no-break\u00a0space", r"no-break\xa0space"),
        ("stray \udcff \ud83d", r"stray \udcff \ud83d"),
        ("\U000e0041", r"\U000e0041"),
    ],
    ids=ascii,
)
def test_what_a_terminal_would_obey_is_escaped(text: str, shown: str) -> None:
    assert one_line(text) == shown


@given(st.text(st.characters()))  # surrogates included
def test_a_line_is_one_line_whatever_is_in_it(text: str) -> None:
    shown = one_line(text)
    assert shown.isprintable()
    assert len(shown.splitlines()) <= 1
    assert one_line(shown) == shown


def test_say_writes_speaker_and_message() -> None:
    stream = io.StringIO()
    say(stream, "git-credential-keywright", Refused("it said no\nsecond line", mend="ask again"))
    assert stream.getvalue() == "git-credential-keywright: it said no\\nsecond line; ask again\n"


class Full(io.StringIO):
    def write(self, _text: str) -> int:
        raise OSError(28, "No space left on device")


class Late(io.StringIO):
    def flush(self) -> None:
        raise BrokenPipeError


def test_a_stream_that_takes_nothing_loses_the_line_alone() -> None:
    closed = io.StringIO()
    closed.close()
    for stream in (closed, Full(), Late(), None):
        say(stream, "keywright", "lost")


def test_a_stream_that_cannot_spell_the_line_loses_it_alone() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", errors="strict")
    say(stream, "keywright", "Zürich")
    say(stream, "keywright", "Bern")
    assert raw.getvalue() == b"keywright: Bern\n"
