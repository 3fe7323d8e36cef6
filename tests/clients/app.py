"""The GitHub App of the tests: as it stands in a user's settings, and what its tokens open."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from keywright.demo.github import GitHubIssuer

BOTH_WAYS = pytest.mark.parametrize("env", [{}, {"KEYWRIGHT_ANOTHER": "question"}], ids=["from a hit", "the long way"])
"""Parameters of a test whose last call finds a ready answer, or (in another environment) just the cached credential."""


@dataclass(frozen=True)
class App:
    """The GitHub App in a user's settings."""

    github: GitHubIssuer
    key_path: Path

    def profile(self, name: str = "acme", installation: int = 1, *lines: str) -> str:
        """Return the table of one profile."""
        return "\n".join(
            (
                f'[profiles."github-app:{name}"]',
                'app_id = "123456"',
                f'private_key = "{self.key_path}"',
                f"installation_id = {installation}",
                f'api_url = "{self.github.url}"',
                *lines,
            )
        )

    def soon_stale(self) -> str:
        """Return a profile whose tokens are stale 3 s after their issue, and good for most of a minute after that."""
        self.github.lifetime = timedelta(seconds=60)
        return self.profile("acme", 1, 'renew_before = "57s"', 'refuse_before = "5s"')


@dataclass
class Tokens:
    """Which tokens a server lets in: those GitHub accepts, or none while `is_shut`."""

    github: GitHubIssuer
    is_shut: bool = False
    seen: list[tuple[str, str]] = field(default_factory=list)

    def accepts(self, username: str, password: str) -> bool:
        """Return whether the pair is let in; every pair that was tried is in `seen`."""
        self.seen.append((username, password))
        return not self.is_shut and username == "x-access-token" and self.github.accepts(password)
