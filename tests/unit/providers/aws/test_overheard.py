"""What a trace hears of botocore: hosts and names, and nothing that could be used."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keywright import trace
from keywright.errors import Unavailable
from keywright.providers.aws.overheard import place_of
from keywright.providers.registry import make
from keywright.settings.model import EksOptions, Profile
from keywright.tracing.tracer import Tracer

CANARY = "canary-3c1d"
NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://sts.eu-central-1.amazonaws.com/", "https://sts.eu-central-1.amazonaws.com"),
        ("https://portal.sso.eu-west-1.amazonaws.com/federation/credentials?role_name=x&account_id=1",
         "https://portal.sso.eu-west-1.amazonaws.com/federation/credentials"),
        ("http://169.254.170.2/v2/credentials/0f3d-canary", "http://169.254.170.2"),
        ("http://127.0.0.1:4711/latest/api/token", "http://127.0.0.1:4711"),
        ("https://endpoint.example/v2/credentials/0f3d-canary", "https://endpoint.example"),
        ("https://localhost:8443/v2/credentials/0f3d-canary", "https://localhost:8443"),
        ("https://amazonaws.com.example/0f3d-canary", "https://amazonaws.com.example"),
        ("https://user:canary@host.example/", "None"),
        ("https://host.example/a//b", "https://host.example"),
        ("https://[", "None"),
    ],
)  # fmt: skip
def test_a_place_is_told_without_its_query(url: str, told: str) -> None:
    assert str(place_of(url)) == told


def fetch(home: Path, script: str) -> str:
    """Return what is told of a fetch with the keys that a program prints."""
    program = home / "give-keys"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)
    config = home / "config"
    config.write_text(f"[profile p]\ncredential_process = {program} --token {CANARY}\n")
    env = {"HOME": str(home), "AWS_CONFIG_FILE": str(config), "AWS_PROFILE": "p", "PATH": "/usr/bin:/bin"}
    profile = Profile(id="aws-eks:x", options=EksOptions(cluster="prod", region="eu-central-1"))
    stderr = io.StringIO()
    with trace.told_to(Tracer(call="0badcafe", by="t", level=2, file=None, stderr=stderr, now=lambda: NOW)):
        try:
            make(profile, None, env).fetch(NOW, 20, {})
        except Unavailable as error:
            assert CANARY not in str(error)  # noqa: PT017 - either way is looked at
    return stderr.getvalue()


def test_a_program_is_told_by_its_name_and_code(home: Path) -> None:
    keys = {"Version": 1, "AccessKeyId": f"AKIA{CANARY}", "SecretAccessKey": CANARY}
    told = fetch(home, f"echo '{json.dumps(keys)}'; echo {CANARY} >&2")
    assert " program program=give-keys " in told
    assert " exit_code=0" in told
    assert CANARY not in told


def test_a_program_that_fails_too(home: Path) -> None:
    told = fetch(home, f"echo {CANARY} >&2; exit 3")
    assert " exit_code=3" in told
    assert CANARY not in told
