import gzip
import json
import os
import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from fakes.asking import Received, ask
from keywright.demo.registry import BASE_ROUTE, INDEX, MANIFEST, RegistryServer

Run = Callable[..., subprocess.CompletedProcess[str]]
PASSWORD = "the-right-password"
BASIC = {"Authorization": "Basic " + b64encode(f"AWS:{PASSWORD}".encode()).decode()}


@pytest.fixture
def registry() -> Iterator[RegistryServer]:
    with RegistryServer(authorises=lambda *pair: pair == ("AWS", PASSWORD)) as server:
        yield server


@pytest.fixture
def docker(needs: Callable[[str], str], tmp_path: Path) -> Run:
    command = needs("docker")
    # With no auths at all docker would pick a password store that happens to be installed.
    (tmp_path / "config.json").write_text('{"auths": {"other.example": {}}}')

    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [command, "--config", str(tmp_path), *arguments],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_docker_logs_in_and_inspects_the_image(docker: Run, registry: RegistryServer) -> None:
    login = docker("login", "--username", "AWS", "--password-stdin", registry.host, stdin=PASSWORD)
    assert (login.returncode, "Login Succeeded" in login.stdout) == (0, True), login.stderr
    inspected = docker("manifest", "inspect", "--insecure", f"{registry.host}/demo/app:1")
    assert inspected.returncode == 0, inspected.stderr
    (manifest,) = json.loads(inspected.stdout)["manifests"]
    assert manifest["platform"] == {"architecture": "amd64", "os": "linux"}
    by_digest = docker("manifest", "inspect", "--insecure", f"{registry.host}/demo/app@{manifest['digest']}")
    assert by_digest.returncode == 0, by_digest.stderr
    assert json.loads(by_digest.stdout)["schemaVersion"] == 2


def test_docker_is_refused_with_a_wrong_password(docker: Run, registry: RegistryServer) -> None:
    login = docker("login", "--username", "AWS", "--password-stdin", registry.host, stdin="wrong")
    assert login.returncode != 0
    assert "unauthorized" in (login.stdout + login.stderr).lower()
    inspected = docker("manifest", "inspect", "--insecure", f"{registry.host}/demo/app:1")
    assert inspected.returncode != 0
    assert {fact.status for fact in registry.facts} == {401}
    assert registry.calls[BASE_ROUTE] > 0


@pytest.mark.parametrize("path", ["/v2/", "/v2/demo/app/manifests/1", "/v2/demo/app/blobs/sha256:00"])
@pytest.mark.parametrize("header", [None, "Basic QVdTOndyb25n", f"Bearer {PASSWORD}"])
def test_every_path_challenges_whoever_brings_no_right_password(
    registry: RegistryServer, path: str, header: str | None
) -> None:
    got = ask(registry, f"GET {path}", headers={"Authorization": header} if header else {})
    assert (got.status, got.headers["Www-Authenticate"]) == (401, 'Basic realm="demo"')
    assert json.loads(got.body)["errors"][0]["code"] == "UNAUTHORIZED"


def test_every_digest_of_the_image_is_the_hash_of_what_it_names(registry: RegistryServer) -> None:
    def fetch(kind: str, reference: str) -> Received:
        got = ask(registry, f"GET /v2/demo/app/{kind}/{reference}", headers=BASIC)
        assert got.status == 200
        assert got.headers["Docker-Content-Digest"] == f"sha256:{sha256(got.body).hexdigest()}"
        assert reference in {"1", got.headers["Docker-Content-Digest"]}
        return got

    index = fetch("manifests", "1")
    assert index.headers["Content-Type"] == INDEX
    (listed,) = json.loads(index.body)["manifests"]
    manifest = fetch("manifests", listed["digest"])
    assert (manifest.headers["Content-Type"], len(manifest.body)) == (MANIFEST, listed["size"])
    document = json.loads(manifest.body)
    (layer,) = document["layers"]
    config = json.loads(fetch("blobs", document["config"]["digest"]).body)
    tar = gzip.decompress(fetch("blobs", layer["digest"]).body)
    assert config["rootfs"]["diff_ids"] == [f"sha256:{sha256(tar).hexdigest()}"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v2/other/app/manifests/1", "NAME_UNKNOWN"),
        ("/v2/other/app/blobs/sha256:00", "NAME_UNKNOWN"),
        ("/v2/demo/app/manifests/2", "MANIFEST_UNKNOWN"),
        ("/v2/demo/app/blobs/sha256:00", "BLOB_UNKNOWN"),
    ],
)
def test_what_is_not_there_is_not_found(registry: RegistryServer, path: str, code: str) -> None:
    got = ask(registry, f"GET {path}", headers=BASIC)
    assert (got.status, json.loads(got.body)["errors"][0]["code"]) == (404, code)
