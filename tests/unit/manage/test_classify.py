"""`keywright classify` and `keywright cache stats`."""

import io
import json
import sys
from pathlib import Path

import pytest

from fakes.terminal import Said, Terminal


@pytest.fixture
def keywright(home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Terminal:
    assert home.is_dir()
    return Terminal(monkeypatch, capfd)


@pytest.mark.parametrize(
    ("text", "reason"), [("HTTP 402", "billing"), ("Rate limit exceeded", "rate_limit"), ("", "unknown")]
)
def test_a_text_is_one_of_nine_words(
    keywright: Terminal, monkeypatch: pytest.MonkeyPatch, text: str, reason: str
) -> None:
    assert keywright("classify", text) == Said(0, f"{reason}\n", "")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert keywright("classify") == Said(0, f"{reason}\n", "")


def test_an_empty_cache_is_counted(keywright: Terminal) -> None:
    assert keywright("cache", "stats") == Said(0, "0 cached: 0 valid, 0 expired\n", "")
    assert json.loads(keywright("cache", "stats", "--json").stdout) == {
        "schema": 1,
        "total_entries": 0,
        "valid": 0,
        "expired": 0,
    }
