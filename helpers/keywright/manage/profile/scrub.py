"""What a failure's text may be remembered as: one short line, without whatever looks like a secret."""

import re
from typing import Final

MASK: Final = "***"
LENGTH_AT_MOST: Final = 200
"""How much of a text is kept, in characters."""
_READ_AT_MOST: Final = 20_000

_NAMED: Final = re.compile(
    r"""(?ix) (?<![a-z0-9_-]) ((?:[a-z0-9_-]{0,40}? (?:key|passwo?r?d|passphrase|pwd|secret|token) [a-z0-9_-]{0,20}))
        (["']? \s* (?:[:=]|%3d) \s*) (["'] [^"']+ | [^\s"',;&]+)"""
)
_AFTER_SCHEME: Final = re.compile(r"(?i)\b(bearer|basic)\s+[^\s\"',;]{4,}")
_USERINFO: Final = re.compile(r"(?<=://)[^\s/@]+@")
_PREFIXED: Final = re.compile(
    r"\b(?:[spr]k[-_]|gh[a-z]_|github_pat_|glpat-|pypi-|npm_|xox[a-z]-|hf_|ya29\.|AKIA|ASIA|AIza)[A-Za-z0-9_.-]+"
)
_LONG: Final = re.compile(r"[A-Za-z0-9+/_=-]{20,}")
_WORDS: Final = re.compile(r"[a-z]{2,}(?:_[a-z]{2,})+")


def scrub(text: str) -> str:
    """Return at most 200 printable characters of a text, every secret-looking part of it masked.

    That is what follows `Bearer`, `token=` and the like, what begins as keys of well-known issuers do, and any run of
    20 or more characters of base64 or hexadecimal, words joined by underscores (`invalid_request_error`) excepted.
    """
    line = "".join(c if c.isprintable() else " " if c.isspace() else "" for c in text[:_READ_AT_MOST])
    line = _AFTER_SCHEME.sub(rf"\1 {MASK}", line)
    line = _NAMED.sub(rf"\1\2{MASK}", line)
    line = _USERINFO.sub(f"{MASK}@", line)
    line = _PREFIXED.sub(MASK, line)
    line = _LONG.sub(lambda found: found.group() if _WORDS.fullmatch(found.group()) else MASK, line)
    return " ".join(line.split())[:LENGTH_AT_MOST]
