"""The race of those that keep what people type: ours from its vault, and the peers from what they keep it in."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from measure import Command, Race, race, ratio
from stage import Stage

BASE = "python -I -c pass"
AES = "the same, importing AES-GCM"
STARTS = 3.0
SERVER = "registry.example"
DOCUMENT = json.dumps({"ServerURL": SERVER, "Username": "ann", "Secret": "a password of twenty-four"}).encode()
PLACE = b"protocol=https\nhost=git.example\n"


def keepers(stage: Stage, rounds: int) -> Race:
    """Reading one stored credential. Bound: what AES-GCM's import costs, and three starts of the interpreter."""
    python, git = str(stage.programs / "python"), str(stage.programs / "git-credential-keywright")
    docker = str(stage.programs / "docker-credential-keywright")
    aes = "from cryptography.hazmat.primitives.ciphers.aead import AESGCM"
    env = {**stage.env, "KEYWRIGHT_HOME": str(stage.home / "keeper")}
    subprocess.run([git, "store"], env=env, input=PLACE + b"username=ann\npassword=p\n", check=True)
    subprocess.run([docker, "store"], env=env, input=DOCUMENT, check=True)
    with_settings = {**env, "KEYWRIGHT_CONFIG": str(stage.home / "keywright" / "config.toml")}
    ours = ("git, stored", "git, stored, with settings", "docker, stored")
    with ExitStack() as stack:
        found = race(
            "A stored credential",
            [
                Command(name=BASE, argv=[python, "-I", "-c", "pass"], env=env),
                Command(name=AES, argv=[python, "-I", "-c", aes], env=env),
                Command(name=ours[0], argv=[git, "get"], env=env, stdin=PLACE),
                Command(name=ours[1], argv=[git, "get"], env=with_settings, stdin=PLACE),
                Command(name=ours[2], argv=[docker, "get"], env=env, stdin=SERVER.encode()),
                _git_store(stage),
                *stack.enter_context(_pass(stage)),
                *stack.enter_context(_secret_service(stage)),
            ],
            rounds,
            stage.folder,
        )
    bound = ratio(found.samples[AES], found.samples[BASE]) - 1 + STARTS
    return replace(found, bounds=dict.fromkeys(ours, round(bound, 2)))


def _git_store(stage: Stage) -> Command:
    core = subprocess.run(["git", "--exec-path"], capture_output=True, check=True, text=True).stdout.strip()
    path = stage.home / "kept"
    path.write_text("https://ann:p@git.example\n")
    path.chmod(0o600)
    return Command(
        name="git-credential-store",
        argv=[f"{core}/git-credential-store", f"--file={path}", "get"],
        env=stage.env,
        stdin=PLACE,
    )


@contextmanager
def _pass(stage: Stage) -> Iterator[list[Command]]:
    """docker-credential-pass with a key that has no passphrase, its agent running: the fastest that it can be."""
    program = shutil.which("docker-credential-pass")
    if not program or not shutil.which("pass"):
        yield []
        return
    env = {**stage.env, "GNUPGHOME": str(stage.home / "gnupg")}
    (stage.home / "gnupg").mkdir(mode=0o700)
    key = ["gpg", "--batch", "--quiet", "--passphrase", "", "--quick-generate-key", "bench@example.invalid"]
    for command in (key, ["pass", "init", "bench@example.invalid"]):
        subprocess.run(command, env=env, check=True, capture_output=True)
    subprocess.run([program, "store"], env=env, input=DOCUMENT, check=True, capture_output=True)
    try:
        yield [Command(name="docker-credential-pass", argv=[program, "get"], env=env, stdin=SERVER.encode())]
    finally:
        subprocess.run(["gpgconf", "--kill", "all"], env=env, check=True)


@contextmanager
def _secret_service(stage: Stage) -> Iterator[list[Command]]:
    """docker-credential-secretservice with gnome-keyring, unlocked, on a bus of its own."""
    program, keyring = shutil.which("docker-credential-secretservice"), shutil.which("gnome-keyring-daemon")
    if not program or not keyring or not shutil.which("dbus-daemon"):
        yield []
        return
    bus = subprocess.run(
        ["dbus-daemon", "--session", "--fork", "--print-address=1", "--print-pid=1"],
        env=stage.env,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    env: Mapping[str, str] = {**stage.env, "DBUS_SESSION_BUS_ADDRESS": bus[0]}
    unlock = [keyring, "--daemonize", "--unlock", "--components=secrets"]
    subprocess.run(unlock, env=env, input=b"passphrase", check=True, capture_output=True)
    try:
        subprocess.run([program, "store"], env=env, input=DOCUMENT, check=True, capture_output=True)
        yield [Command(name="docker-credential-secretservice", argv=[program, "get"], env=env, stdin=SERVER.encode())]
    finally:
        os.kill(int(bus[1]), signal.SIGTERM)  # the keyring ends with its bus
