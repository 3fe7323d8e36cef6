"""What runs against what."""

import itertools
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from measure import Command, Race, race
from stage import Stage, renewals, wait_for

BASE = "python -I -c pass"
EKS = ["eks", "--cluster", "prod", "--region", "eu-central-1"]
HIT = 1.1
WARM_MISS = 4.0
EKS_MISS = 0.5


def hits(stage: Stage, rounds: int) -> Race:
    """A hit of each helper, "not mine", and a new question on a fresh entry."""
    git, count = program(stage, "git"), itertools.count()
    other = b"protocol=https\nhost=example.com\n"
    changing = dict(stage.env)

    def ask_anew() -> None:
        changing["KEYWRIGHT_BENCH"] = str(next(count))

    return race(
        "Hits",
        [
            interpreter(stage),
            Command(name="kube hit", argv=[program(stage, "kube"), *EKS], env=stage.env),
            Command(name="git hit", argv=[git, "get"], env=stage.env, stdin=stage.question),
            Command(name="docker hit", argv=[program(stage, "docker"), "get"], env=stage.env, stdin=b"ghcr.io"),
            Command(name="git, not mine", argv=[git, "get"], env=stage.env, stdin=other),
            Command(
                name="docker, not mine",
                argv=[program(stage, "docker"), "get"],
                env=stage.env,
                stdin=b"example.com",
                code=1,
            ),
            Command(name="warm miss", argv=[git, "get"], env=changing, stdin=stage.question, before=ask_anew),
        ],
        rounds,
        stage.folder,
        bounds=dict.fromkeys(("kube hit", "git hit", "docker hit", "git, not mine", "docker, not mine"), HIT)
        | {"warm miss": WARM_MISS},
    )


def stale(stage: Stage, rounds: int) -> Race:
    """A stale answer, with and without starting the renewal. The issuer is down meanwhile, so that it stays stale."""
    git, seen = program(stage, "git"), 0

    def wait_for_the_end() -> None:
        nonlocal seen
        seen += len(renewals(stage.home))
        wait_for(lambda: not renewals(stage.home))

    stage.age(timedelta(minutes=50))
    stage.issuer.stop()
    subprocess.run([git, "get"], env=stage.env, input=stage.question, capture_output=True, check=True)
    wait_for(lambda: not renewals(stage.home))
    found = race(
        "Stale answers",
        [
            interpreter(stage),
            Command(name="stale, renewal under way", argv=[git, "get"], env=stage.env, stdin=stage.question),
            Command(
                name="stale, renewal spawned",
                argv=[git, "get"],
                env=stage.env,
                stdin=stage.question,
                before=stage.release_brakes,
                after=wait_for_the_end,
            ),
        ],
        rounds,
        stage.folder,
        bounds={"stale, renewal under way": HIT, "stale, renewal spawned": HIT},
    )
    stage.issuer.start()
    stage.forget()
    note = f"{seen} renewals were started by {found.runs} runs of the last row, none by those of the one before."
    return found.noting(note)


def mints(stage: Stage, rounds: int) -> Race:
    """An EKS token that nobody has yet, beside the tool everybody uses."""
    aws = shutil.which("aws", path=str(Path(sys.executable).parent)) or "aws"
    command = [aws, "eks", "get-token", "--cluster-name", "prod", "--region", "eu-central-1"]
    kube = [program(stage, "kube"), *EKS]
    return race(
        "An EKS token",
        [
            Command(name="aws eks get-token", argv=command, env=stage.env),
            Command(name="EKS miss", argv=kube, env=stage.env, before=stage.forget),
            Command(name="EKS hit", argv=kube, env=stage.env),
        ],
        rounds,
        stage.folder,
        bounds={"EKS miss": EKS_MISS},
    )


def fetches(stage: Stage, rounds: int) -> Race:
    """A whole `git fetch` over HTTP: get, fetch, store."""
    git = shutil.which("git") or "git"
    contestants = []
    for name, helper in (
        ("git-credential-store", f"store --file={stage.stored()}"),
        ("keywright", program(stage, "git")),
    ):
        clone = stage.home / f"clone with {name}"
        options = ["-c", "credential.helper=", "-c", f"credential.helper={helper}"]
        url = f"{stage.git_server.url}/acme/app.git"
        subprocess.run([git, *options, "clone", "--quiet", url, clone], env=stage.env, check=True)
        command = [git, "-C", str(clone), *options, "fetch", "--quiet"]
        contestants.append(Command(name=name, argv=command, env=stage.env))
    return race("A whole `git fetch`", contestants, rounds, stage.folder)


def peers(stage: Stage, rounds: int) -> Race:
    """Other helpers, each answering from what it holds."""
    git = program(stage, "git")
    contestants = [
        interpreter(stage),
        Command(name="git-credential-keywright", argv=[git, "get"], env=stage.env, stdin=stage.question),
        *_peers_installed(stage),
    ]
    return race("Peers answering from what they hold", contestants, rounds, stage.folder)


def _peers_installed(stage: Stage) -> Iterator[Command]:
    core = subprocess.run(["git", "--exec-path"], capture_output=True, check=True, text=True).stdout.strip()
    yield Command(
        name="git-credential-store",
        argv=[f"{core}/git-credential-store", f"--file={stage.stored()}", "get"],
        env=stage.env,
        stdin=stage.question,
    )
    oauth = shutil.which("git-credential-oauth")
    if oauth:
        question = b"protocol=https\nhost=example.com\n"
        name = "git-credential-oauth, not mine"
        yield Command(name=name, argv=[oauth, "get"], env=stage.env, stdin=question)
    ecr_login = shutil.which("docker-credential-ecr-login")
    if ecr_login:
        host = stage.keep_for_ecr_login()
        yield Command(name="docker-credential-ecr-login", argv=[ecr_login, "get"], env=stage.env, stdin=host)


def interpreter(stage: Stage) -> Command:
    """Return the measure of all things here: starting Python and ending it."""
    return Command(name=BASE, argv=[str(stage.programs / "python"), "-I", "-c", "pass"], env=stage.env)


def program(stage: Stage, client: str) -> str:
    """Return the path of one of our helpers."""
    return str(stage.programs / f"{client}-credential-keywright")
