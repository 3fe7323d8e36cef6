"""The pages about programs: each program of theirs runs as it stands there, and the table of errors is complete."""

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

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PAGES = {
    name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/library.md", "docs/adapters.md")
}
PROGRAMS = {
    f"{name}, {number}": program
    for name, page in PAGES.items()
    for number, program in enumerate(re.findall(r"(?ms)^```python\n(.*?)^```$", page), 1)
}
SHOWN = re.compile(r"(?m)^ *print\(.*\)  # ([(\[<].*|\w+\(.*)$")
"""What a line prints, where the comment behind it says so: a tuple, a list, a secret or an object."""
KEYS = {"AWS_ACCESS_KEY_ID": "AKIADEMO", "AWS_SECRET_ACCESS_KEY": "canary", "AWS_DEFAULT_REGION": "eu-central-1"}


class Api(LoopbackServer):
    """GitHub's API, as far as the page asks it: who brings an installation token is answered."""

    def __init__(self, issuer: GitHubIssuer) -> None:
        routes = {"GET /rate_limit": self._answer, "GET /installation/repositories": self._answer}
        super().__init__({**routes, "POST /": self._who})
        self._issuer = issuer

    def _answer(self, call: Call) -> Reply:
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        return json_reply(200 if self._issuer.accepts(token) else 401, {"rate": {"limit": 5000}, "total_count": 1})

    def _who(self, call: Call) -> Reply:
        """Answer as STS to who asks for their own name."""
        assert b"GetCallerIdentity" in call.body
        told = "<GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/ann</Arn></GetCallerIdentityResult>"
        body = f"<GetCallerIdentityResponse>{told}</GetCallerIdentityResponse>".encode()
        return Reply(status=200, headers=(("Content-Type", "text/xml"),), body=body)


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
            '[profiles."aws-eks:prod"]\ncluster = "prod"\nregion = "eu-central-1"\n'
        )
        with Api(issuer) as api:
            yield api


@pytest.mark.parametrize("name", PROGRAMS)
def test_each_program_runs_as_it_stands_there(name: str, api: Api, home: Path) -> None:
    program = PROGRAMS[name].replace("https://api.github.com", api.url)
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", "AWS_ENDPOINT_URL_STS": api.url, **KEYS},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert not re.search("ghs_[0-9a-f]{4}[0-9a-f]", done.stdout), "a secret is printed"
    assert done.stdout or "print" not in program
    lines = done.stdout.splitlines()
    assert [value for value in SHOWN.findall(program) if not any(map(value.startswith, lines))] == []


def test_the_table_names_each_error_with_its_codes() -> None:
    rows = re.findall(r"(?m)^\| `(\w+)` \| `(\w+)` \| +(\d+) \| (.+) \|$", PAGES["docs/library.md"])
    assert [(name, code, int(exit_code)) for name, code, exit_code, _ in rows] == [
        (kind.__name__, code, kind.exit_code) for code, kind in ERRORS.items()
    ]
