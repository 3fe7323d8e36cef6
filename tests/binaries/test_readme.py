"""The README's stanzas, as they stand there, in the home of somebody who copied them; and the tables of the pages."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keywright.demo.certificate import make_certificate
from keywright.demo.ecr import EcrIssuer
from keywright.demo.github import AppKey, GitHubIssuer, Installation
from keywright.demo.kubernetes import KubernetesServer
from keywright.demo.registry import RegistryServer
from keywright.demo.sigv4 import AccessKey
from keywright.demo.sts import EksTokenVerifier
from keywright.demo.tunnel import Tunnel
from keywright.manage.cli import keywright
from keywright.settings.load import load
from keywright.settings.model import OPTIONS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
README, SETTINGS = (ROOT.joinpath(name).read_text(encoding="utf-8") for name in ("README.md", "docs/settings.md"))
BIN = Path(sys.prefix, "bin")
ECR_HOST = "111122223333.dkr.ecr.eu-central-1.amazonaws.com"
KEY = AccessKey(id="AKIA0000000000000000", secret="demo" * 10)


def _stanzas(language: str) -> list[str]:
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", README)


def _stanza(language: str) -> str:
    """Return the first, which is the one to copy."""
    return _stanzas(language)[0]


@pytest.fixture
def env(home: Path) -> dict[str, str]:
    """The environment of somebody who installed keywright, with AWS credentials at hand."""
    return {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "HOME": str(home),
        "AWS_ACCESS_KEY_ID": KEY.id,
        "AWS_SECRET_ACCESS_KEY": KEY.secret,
        "AWS_EC2_METADATA_DISABLED": "true",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
    }


@pytest.fixture
def copied(home: Path) -> Path:
    """A home folder with all the stanzas in it; only GitHub's address is not theirs."""
    for name, content in (
        (".config/keywright/config.toml", _stanza("toml")),
        (".gitconfig", _stanza("ini")),
        (".docker/config.json", _stanza("json")),
        (".aws/config", "[profile build]\nregion = eu-central-1\n"),
        (".aws/credentials", f"[build]\naws_access_key_id = {KEY.id}\naws_secret_access_key = {KEY.secret}\n"),
    ):
        path = home / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return home


def _run(env: Mapping[str, str], *command: str, stdin: str = "") -> str:
    """Run a program found on the environment's PATH; return what it printed once it has succeeded."""
    program = shutil.which(command[0], path=env["PATH"])
    if program is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"{command[0]} is not installed")
    done = subprocess.run(
        [program, *command[1:]], env=dict(env), input=stdin, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def github(copied: Path) -> Iterator[GitHubIssuer]:
    """GitHub, with the key where the settings say and its address in them."""
    key = AppKey.generate()
    path = copied / "keys/acme.pem"
    path.parent.mkdir(mode=0o700)
    path.write_text(key.private_pem, encoding="utf-8")
    installations = (Installation(id=789, owner="acme"),)
    with GitHubIssuer(app_id="123456", public_key=key.public_pem, installations=installations) as issuer:
        settings = copied / ".config/keywright/config.toml"
        text = settings.read_text(encoding="utf-8")
        settings.write_text(text.replace("app_id =", f'api_url = "{issuer.url}"\napp_id ='), encoding="utf-8")
        yield issuer


def test_kubectl_works_with_the_kubeconfig_stanza(env: dict[str, str], copied: Path) -> None:
    def authorises(token: str) -> bool:
        return bool(EksTokenVerifier((KEY,)).verify(token, "prod", datetime.now(UTC)).arn)

    with KubernetesServer(authorises=authorises) as cluster:
        whole = json.loads(cluster.kubeconfig({}))
        whole["contexts"][0]["context"]["user"] = "prod"
        del whole["users"]
        front = "\n".join(f"{key}: {json.dumps(value)}" for key, value in whole.items())
        kubeconfig = copied / ".kube/config"
        kubeconfig.parent.mkdir()
        kubeconfig.write_text(f"{front}\n{_stanza('yaml')}", encoding="utf-8")
        assert "demo" in _run(env, "kubectl", "get", "pods")


def test_git_gets_a_token_with_the_git_config_and_settings_stanzas(env: dict[str, str], github: GitHubIssuer) -> None:
    asked = "protocol=https\nhost=github.com\npath=acme/app.git\n\n"
    answer = _run(env, "git", "credential", "fill", stdin=asked)
    fields = dict(line.split("=", 1) for line in answer.splitlines())
    assert fields["username"] == "x-access-token"
    assert github.accepts(fields["password"])


def test_docker_gets_in_with_the_config_json_stanza(env: dict[str, str], copied: Path) -> None:
    with ExitStack() as stack:
        ecr = stack.enter_context(EcrIssuer(keys=(KEY,), region="eu-central-1"))
        registry = stack.enter_context(RegistryServer(authorises=ecr.accepts, tls=make_certificate().tls))
        tunnel = stack.enter_context(Tunnel(ECR_HOST, int(registry.host.rpartition(":")[2])))
        env |= {"AWS_ENDPOINT_URL_ECR": ecr.url, "HTTPS_PROXY": tunnel.url, "NO_PROXY": "127.0.0.1"}
        _run(env, "docker", "manifest", "inspect", "--insecure", f"{ECR_HOST}/demo/app:1")
        assert ecr.total == 1
        assert "aws-ecr:build" in _run(env, "keywright", "status")


def test_git_gets_the_static_secret_of_the_settings_stanza(env: dict[str, str], copied: Path) -> None:
    config = copied / ".gitconfig"
    config.write_text("[credential]\n\thelper = keywright\n")
    _run(env, "keywright", "vault", "set", "FORGE_TOKEN", stdin="glpat-demo\n")
    answer = _run(env, "git", "credential", "fill", stdin="protocol=https\nhost=git.example\n\n")
    assert {"username=ci", "password=glpat-demo"} <= set(answer.splitlines())


def test_each_setting_and_each_command_is_named() -> None:
    known = {name for kind in OPTIONS.values() for name in kind._fields}
    assert [name for name in sorted(known) if f"`{name}`" not in SETTINGS] == []
    assert [name for name in keywright.commands if f"`keywright {name}" not in README] == []


def test_the_settings_stanza_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(_stanza("toml"), encoding="utf-8")
    assert set(load(str(path)).profiles) == {"aws-ecr:build", "github-app:acme", "static:forge"}
