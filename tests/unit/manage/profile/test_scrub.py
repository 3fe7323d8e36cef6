"""What is remembered of a failure's text: no secret, one line, and not much."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.canary import TYPED
from keywright.manage.profile.scrub import LENGTH_AT_MOST, scrub

HEX = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", ""),
        ("HTTP 429", "HTTP 429"),
        ("Rate limit reached, try again in 20s", "Rate limit reached, try again in 20s"),
        ("invalid_request_error: context_length_exceeded", "invalid_request_error: context_length_exceeded"),
        ("Incorrect API key provided: sk-abc", "Incorrect API key provided: ***"),
        ("sk-proj-Ab_9-x. bad", "*** bad"),
        ("key sk_live_abc", "key ***"),
        ("token ghp_abc is bad", "token *** is bad"),
        ("ghs_1 gho_2 github_pat_3_x glpat-4", "*** *** *** ***"),
        ("Authorization: Bearer abcd", "Authorization: Bearer ***"),
        ("bearer\tabc.def", "bearer ***"),
        ("Basic YWJjOmRlZg==", "Basic ***"),
        ("Basic it is", "Basic it is"),
        (f"for {HEX} only", "for *** only"),
        ("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovLyJ9.c2ln", "***.***.c2ln"),
        ("password=hunter2 failed", "password=*** failed"),
        ('{"api_key": "hunter2", "a": 1}', '{"api_key": ***", "a": 1}'),
        ('{"client_secret" : "a b c"}', '{"client_secret" : ***"}'),
        ("secret_key=abc1 aws_session_token: abc2", "secret_key=*** aws_session_token: ***"),
        ("client-secret=abc, passwd=abc pwd=abc", "client-secret=***, passwd=*** pwd=***"),
        ("refresh_token%3Dabc", "refresh_token%3D***"),
        ("x-api-key: short123", "x-api-key: ***"),
        ("https://ann:hunter2@git.example/x", "https://***@git.example/x"),
        ("AKIAIOSFODNN7EXAMPLE", "***"),
        ("xoxb-1-2 ya29.a0 AIzaSy", "*** *** ***"),
        ("a\nb\x1b[31m\tc\u200bd", "a b[31m cd"),
        ("  wide   text ", "wide text"),
        ("ab " * 200, ("ab " * 200)[:LENGTH_AT_MOST]),
        (f"{'ab ' * 64}{HEX}", f"{'ab ' * 64}***"),
    ],
)
def test_keeps_what_explains_and_masks_what_opens(text: str, kept: str) -> None:
    assert scrub(text) == kept


@given(st.text())
def test_is_short_and_printable(text: str) -> None:
    assert len(scrub(text)) <= LENGTH_AT_MOST
    assert scrub(text).isprintable()


@given(st.text(max_size=40), st.from_regex(r"[A-Za-z0-9+/]{24,80}", fullmatch=True), st.text(max_size=40))
def test_no_long_run_of_base64_comes_through(before: str, secret: str, after: str) -> None:
    assert secret not in scrub(f"{before}{secret}{after}")


@pytest.mark.parametrize("text", ["a" * 3_000_000, "token" * 100_000, "-_" * 500_000, "://" * 300_000])
def test_is_done_soon_however_long_the_text(text: str) -> None:
    assert len(scrub(text)) <= LENGTH_AT_MOST


def test_masks_what_tests_type() -> None:
    assert TYPED not in scrub(f"the key {TYPED}-and-more was refused")
