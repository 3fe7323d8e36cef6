"""What a key says to `keywright status --watch`."""

import pytest

from keywright.manage.watch.screen import _is_enough


@pytest.mark.parametrize("typed", [b"q", b"Q", b"qq", b"q\n", b""])
def test_q_and_a_terminal_that_hung_up_end_it(typed: bytes) -> None:
    assert _is_enough(typed)


@pytest.mark.parametrize("typed", [b" ", b"\n", b"\t", b"\r\n", b"x", b"xq", b"\x1b[A"])
def test_no_other_key_does(typed: bytes) -> None:
    assert not _is_enough(typed)
