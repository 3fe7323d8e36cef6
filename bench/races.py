"""What runs against what."""

import itertools
import shutil
import subprocess
from datetime import timedelta

from bundle import Bundle, nothing
from measure import Command, Race, race, ratio
from peers import primed
from stage import EKS, Stage, renewals, wait_for

BASE = "python -I -c pass"
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
            stage.kube_hit("kube hit", program(stage, "kube")),
            stage.git_hit("git hit", git),
            stage.docker_hit("docker hit", program(stage, "docker")),
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
        ordered=True,
    )
    stage.issuer.start()
    stage.forget()
    note = f"{seen} renewals were started by {found.runs} runs of the last row, none by those of the one before."
    return found.noting(note)


def mints(stage: Stage, bundle: Bundle, rounds: int) -> Race:
    """An EKS token that nobody has yet, beside the tool everybody uses."""
    kube, bundled = [program(stage, "kube"), *EKS], [bundle.program("kube"), *EKS]
    found = race(
        "An EKS token",
        [
            Command(name="aws eks get-token", argv=stage.aws_get_token, env=stage.env, expects=b"k8s-aws-v1."),
            Command(name="EKS miss", argv=kube, env=stage.env, before=stage.forget),
            stage.kube_hit("EKS hit", kube[0]),
            Command(name="EKS miss, bundle", argv=bundled, env=stage.env, before=stage.forget),
            stage.kube_hit("EKS hit, bundle", bundled[0]),
        ],
        rounds,
        stage.folder,
        bounds={"EKS miss": EKS_MISS, "EKS miss, bundle": EKS_MISS},
        ordered=True,  # a hit is what a miss left
    )
    return found.noting(*bundle.note)


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


def peers(stage: Stage, bundle: Bundle, rounds: int) -> Race:
    """Other helpers, each answering from what it holds."""
    native = stage.git_hit("git-credential-keywright, native front", bundle.program("git"))
    with primed(stage) as others:
        found = race(
            "Peers answering from what they hold",
            [
                nothing(stage),
                native,
                stage.docker_hit("docker-credential-keywright, native front", bundle.program("docker")),
                stage.kube_hit("kube-credential-keywright, native front", bundle.program("kube")),
                stage.git_hit("git-credential-keywright, frozen", bundle.frozen("git")),
                stage.git_hit("git-credential-keywright, wheel", program(stage, "git")),
                interpreter(stage),
                *others.commands,
            ],
            rounds,
            stage.folder,
        )
    times = {peer.name: ratio(found.samples[peer.name], found.samples[native.name]) for peer in others.commands}
    nearest = min(times, key=times.__getitem__)
    note = f"The quickest peer, {nearest}, takes {times[nearest]:.2f} × as long as {native.name}."
    return found.noting(note, *others.note, *bundle.note)


def interpreter(stage: Stage) -> Command:
    """Return the measure of all things here: starting Python and ending it."""
    return Command(name=BASE, argv=[str(stage.programs / "python"), "-I", "-c", "pass"], env=stage.env)


def program(stage: Stage, client: str) -> str:
    """Return the path of one of our helpers."""
    return str(stage.programs / f"{client}-credential-keywright")
