"""What the contestants run on: the wheel in a venv of its own, a throw-away home, the demo's issuers on loopback."""

import os
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Self

from measure import Command

from keywright.cache.entry import dump, load
from keywright.demo.git_server import GitServer
from keywright.demo.github import AppKey, GitHubIssuer, Installation

ROOT = Path(__file__).parent.parent
EKS = ("eks", "--cluster", "prod", "--region", "eu-central-1")
CONFIG = """version = 1

[profiles."github-app:acme"]
app_id = "123456"
private_key = "{key}"
installation_id = 789
api_url = "{api}"

[[routes]]
client = "git"
url = "{git}"
profiles = ["github-app:acme"]

[[routes]]
client = "docker"
url = "ghcr.io"
profiles = ["github-app:acme"]
"""


def install_wheel(folder: Path) -> Path:
    """Build the wheel and install it, with its dependencies, into a new venv; return the venv's `bin`."""
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder / "dist", ROOT],
        check=True,
        capture_output=True,
    )
    (wheel,) = (folder / "dist").glob("*.whl")
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--compile", wheel], check=True, capture_output=True)
    return folder / "venv" / "bin"


class Stage:
    """The issuers and the home. A context manager: everything is gone afterwards."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder = folder
        self.programs = programs
        key = AppKey.generate()
        installation = Installation(id=789, owner="acme")
        self.issuer = GitHubIssuer(app_id="123456", public_key=key.public_pem, installations=(installation,))
        self.git_server = GitServer(authorises=lambda _user, password: self.issuer.accepts(password))
        self._key = key

    def __enter__(self) -> Self:
        self.issuer.start()
        self.git_server.start()
        home = self.folder / "home"
        (home / "keywright").mkdir(parents=True, mode=0o700)
        home.chmod(0o700)
        (home / "app.pem").write_text(self._key.private_pem)
        (home / "keywright" / "config.toml").write_text(
            CONFIG.format(key=home / "app.pem", api=self.issuer.url, git=self.git_server.url)
        )
        self.home = home
        return self

    def __exit__(self, *_: object) -> None:
        self.git_server.stop()
        self.issuer.stop()
        shutil.rmtree(self.folder / "home")

    @property
    def env(self) -> dict[str, str]:
        """The contestants' environment."""
        return {
            "HOME": str(self.home),
            "KEYWRIGHT_HOME": str(self.home / "keywright"),
            "PATH": f"{self.programs}:/usr/bin:/bin",
            "AWS_ACCESS_KEY_ID": "AKIDTEST",
            "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            "AWS_EC2_METADATA_DISABLED": "true",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "LANG": "C.UTF-8",
        }

    @property
    def cache(self) -> Path:
        return self.home / "keywright" / "cache"

    @property
    def question(self) -> bytes:
        """What git asks its helper about the stage's server."""
        return f"protocol=http\nhost={self.git_server.host}\n".encode()

    def stored(self) -> Path:
        """Return a file for `git-credential-store` that holds what keywright serves."""
        path = self.home / "stored"
        command = [str(self.programs / "keywright"), "token", "github-app:acme"]
        token = subprocess.run(command, env=self.env, capture_output=True, check=True, text=True).stdout.strip()
        path.write_text(f"http://x-access-token:{token}@{self.git_server.host.replace(':', '%3a')}\n")
        path.chmod(0o600)
        return path

    @property
    def aws_get_token(self) -> list[str]:
        """The tool that everybody has their EKS tokens from."""
        aws = shutil.which("aws", path=str(Path(sys.executable).parent)) or "aws"
        return [aws, "eks", "get-token", "--cluster-name", "prod", "--region", "eu-central-1"]

    def kube_hit(self, name: str, program: str) -> Command:
        """Return kubectl's question to a helper of ours, an answer to it kept."""
        return Command(
            name=name, argv=[program, *EKS], env=self.env, before=self.ask_by_another, expects=b"k8s-aws-v1."
        )

    def git_hit(self, name: str, program: str) -> Command:
        """Return git's."""
        return Command(name=name, argv=[program, "get"], env=self.env, stdin=self.question, expects=b"password=")

    def docker_hit(self, name: str, program: str) -> Command:
        """Return docker's."""
        return Command(name=name, argv=[program, "get"], env=self.env, stdin=b"ghcr.io", expects=b"Secret")

    def forget(self) -> None:
        """Empty the cache and the failure memory, so that the next call mints."""
        for name in ("cache", "state"):
            shutil.rmtree(self.home / "keywright" / name, ignore_errors=True)

    def age(self, by: timedelta) -> None:
        """Make every entry as old as it will be then; what was made ready from it is void."""
        for path in (self.cache / "entries").glob("*.json"):
            entry = load(path.read_bytes())
            old = entry.credential
            assert old.expires_at
            aged = old._replace(issued_at=old.issued_at - by, expires_at=old.expires_at - by)
            path.write_bytes(dump(entry._replace(credential=aged)))

    def ask_by_another(self) -> None:
        """Let the last who asked be another kubectl, as it always is: one that asks twice was answered 401."""
        for path in (self.cache / "answers").glob("*.asked"):
            with path.open("r+b") as file:  # not cut to nothing: ext4 then writes it to the disk, and the next waits
                file.write(b"0")

    def release_brakes(self) -> None:
        """Let the next stale answer start a renewal."""
        for path in (self.cache / "renew").glob("*"):
            path.unlink()


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until the condition holds; fail loudly if it does not in time."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError("a condition of the benchmark did not come true")
        time.sleep(0.005)


def renewals(home: Path) -> list[int]:
    """Return the process ids of the home's detached renewals that run now."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                is_renewal = b"keywright.bin.renew" in Path(f"/proc/{name}/cmdline").read_bytes()
                if is_renewal and f"={home}\0".encode() in Path(f"/proc/{name}/environ").read_bytes():
                    found.append(int(name))
            except OSError:
                continue
    return found
