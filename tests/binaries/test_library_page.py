"""The library's page: each program of it and of the README runs as it stands there; its table of errors is complete."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from keywright.demo.exchange import Call, Reply, json_reply
from keywright.demo.github import AppKey, GitHubIssuer, Installation
from keywright.demo.issuer import LoopbackServer
from keywright.errors import ERRORS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/library.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"(?ms)^```python\n(.*?)^```$", PAGE + README)


class Api(LoopbackServer):
    """GitHub's API, as far as the page asks it: who brings an installation token is answered."""

    def __init__(self, issuer: GitHubIssuer) -> None:
        super().__init__({"GET /rate_limit": self._answer})
        self._issuer = issuer

    def _answer(self, call: Call) -> Reply:
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        return json_reply(200 if self._issuer.accepts(token) else 401, {"rate": {"limit": 5000}})


@pytest.fixture
def api(home: Path) -> Iterator[Api]:
    """A home with the page's profile, its issuer, and an API that takes what that issues."""
    key = AppKey.generate()
    (home / "acme.pem").write_text(key.private_pem)
    (home / "acme.pem").chmod(0o600)
    installations = (Installation(id=789, owner="acme"),)
    with GitHubIssuer(app_id="123456", public_key=key.public_pem, installations=installations) as issuer:
        settings = home / ".config/keywright/config.toml"
        settings.parent.mkdir(parents=True, mode=0o700)
        settings.write_text(
            'version = 1\n[profiles."github-app:acme"]\napp_id = "123456"\ninstallation_id = 789\n'
            f'private_key = "{home}/acme.pem"\napi_url = "{issuer.url}"\n'
        )
        with Api(issuer) as api:
            yield api


@pytest.mark.parametrize("program", PROGRAMS, ids=range(len(PROGRAMS)))
def test_each_program_runs_as_it_stands_there(program: str, api: Api, home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program.replace("https://api.github.com", api.url)],
        env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert not re.search("ghs_[0-9a-f]{4}[0-9a-f]", done.stdout), "a secret is printed"
    assert done.stdout or "print" not in program


def test_the_table_names_each_error_with_its_codes() -> None:
    rows = re.findall(r"(?m)^\| `(\w+)` \| `(\w+)` \| +(\d+) \| (.+) \|$", PAGE)
    assert [(name, code, int(exit_code)) for name, code, exit_code, _ in rows] == [
        (kind.__name__, code, kind.exit_code) for code, kind in ERRORS.items()
    ]
