"""The commands of docs/agent.md, as they stand there, in the home of somebody who copied them."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from keywright.demo.github import AppKey, GitHubIssuer, Installation
from keywright.manage.install.service import how_to_end, how_to_start
from keywright.refresher.mail import SIGNALS

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2].joinpath("docs/agent.md").read_text(encoding="utf-8")
BIN = Path(sys.prefix, "bin")
COMMANDS = [
    line.partition("#")[0].split()
    for stanza in re.findall(r"(?ms)^```sh\n(.*?)^```$", PAGE)
    for line in stanza.splitlines()
]
SETTINGS = """\
version = 1
[profiles."github-app:acme"]
app_id = "123456"
installation_id = 789
private_key = "~/acme.pem"
api_url = "{url}"
"""


@pytest.fixture
def env(home: Path) -> Iterator[dict[str, str]]:
    """Somebody with one profile, and its issuer."""
    key = AppKey.generate()
    (home / "acme.pem").write_text(key.private_pem)
    installations = (Installation(id=789, owner="acme"),)
    with GitHubIssuer(app_id="123456", public_key=key.public_pem, installations=installations) as issuer:
        folder = home / ".config/keywright"
        folder.mkdir(mode=0o700, parents=True)
        (folder / "config.toml").write_text(SETTINGS.format(url=issuer.url))
        yield {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(home)}


def run(env: dict[str, str], command: list[str]) -> subprocess.CompletedProcess[str]:
    program = shutil.which(command[0], path=env["PATH"])
    assert program, command
    return subprocess.run(
        [program, *command[1:]],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


def test_every_command_that_is_shown_runs(env: dict[str, str], home: Path) -> None:
    assert {command[0] for command in COMMANDS} == {"keywright"}
    outputs = {}
    for command in COMMANDS:
        if command[1] != "agent":
            outputs[" ".join(command[1:3])] = run(env, command).stdout
            continue
        run(env, ["keywright", "invalidate", "github-app:acme"])
        with subprocess.Popen([BIN / "keywright", *command[1:]], env=env, stderr=subprocess.PIPE, text=True) as agent:
            assert agent.stderr
            try:
                assert agent.stderr.readline().startswith("keywright: renewed github-app:acme, good until ")
                agent.send_signal(signal.SIGTERM)
                assert agent.wait(60) == 0
            finally:
                agent.kill()
    assert outputs["refresh --due"] == "github-app:acme\n"
    assert re.search(r"github-app:acme +keywright +fresh", outputs["status"])
    assert not (home / ".config/systemd/user/keywright-agent.service").exists()


def test_the_service_s_commands_are_those_that_are_told() -> None:
    unit, plist = "keywright-agent.service", "~/Library/LaunchAgents/keywright-agent.plist"
    for told in (how_to_start(unit), how_to_end(unit), how_to_start(plist), how_to_end(plist)):
        assert f"`{told.split(' && ')[-1].replace(shlex.quote(plist), plist)}`" in PAGE


def test_cron_s_command_runs(env: dict[str, str], home: Path) -> None:
    (line,) = re.findall(r"(?m)^\*/5 \* \* \* \* (.*)$", PAGE)
    path, *args = line.removesuffix(" >/dev/null").split()
    done = run(env, [str(BIN / os.path.basename(path)), *args])
    assert (done.stdout, done.stderr) == ("github-app:acme\n", "")


def test_the_document_has_the_members_that_are_shown(env: dict[str, str]) -> None:
    (shown,) = re.findall(r"(?ms)^```json\n(.*?)^```$", PAGE)
    document = json.loads(run(env, ["keywright", "refresh", "--due", "--json"]).stdout)
    expected = json.loads(shown)
    assert document.keys() == expected.keys()
    assert document["renewed"][0].keys() == expected["renewed"][0].keys()
    assert document["renewed"][0]["profile"] == expected["renewed"][0]["profile"]


def test_every_signal_is_named() -> None:
    assert [
        number for number in SIGNALS if f"| `{signal.Signals(number).name.removeprefix('SIG')}` |" not in PAGE
    ] == []
