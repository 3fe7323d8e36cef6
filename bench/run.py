"""`make bench`: what a call costs, beside the interpreter's own start and beside peers. Writes bench/results.md.

Each figure is a whole process, timed from outside; ratios are taken round by round within one run, so that they hold
when the machine's speed drifts. See `measure.py` for how, and `stage.py` for what it runs on.
"""

import argparse
import itertools
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from measure import Command, Sample, race, ratio
from stage import ROOT, Stage, install_wheel, renewals, wait_for

RESULTS = ROOT / "bench" / "results.md"
BASE = "python -I -c pass"
EKS = ["eks", "--cluster", "prod", "--region", "eu-central-1"]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rounds", type=int, default=40, help="rounds counted of each race")
    arguments.add_argument("--print", action="store_true", dest="only_print", help="do not write bench/results.md")
    options = arguments.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        programs = install_wheel(folder)
        with Stage(folder, programs) as stage:
            text = report(options.rounds, stage)
    print(text)
    if not options.only_print:
        RESULTS.write_text(text)


def report(rounds: int, stage: Stage) -> str:
    parts = [
        "# What a call costs",
        "",
        "Made by `make bench`. Medians of whole processes; ratios are medians of the rounds' own ratios.",
        "",
        *machine(),
        "",
        *table(
            "Hits, and the renewal behind a stale one",
            BASE,
            hits(rounds, stage),
            bounds={"kube hit": 1.1, "git hit": 1.1}
            | {"docker hit": 1.1, "git, not mine": 1.1, "docker, not mine": 1.1, "stale, renewal under way": 1.1}
            | {"stale, renewal spawned": 1.1, "warm miss": 4.0},
        ),
        *table(
            "An EKS token that nobody has yet",
            "aws eks get-token",
            mints(max(5, rounds // 4), stage),
            bounds={"EKS miss": 0.5},
        ),
        *table(
            "A whole `git fetch`: get, fetch, store",
            "git-credential-store",
            fetches(max(10, rounds // 2), stage),
            bounds={},
        ),
        *table("Peers answering from what they hold", BASE, peers(rounds, stage), bounds={}),
    ]
    return "\n".join(parts) + "\n"


def hits(rounds: int, stage: Stage) -> dict[str, Sample]:
    env, python, count = stage.env, str(stage.programs / "python"), itertools.count()
    git, docker, kube = (program(stage, client) for client in ("git", "docker", "kube"))
    place = f"protocol=http\nhost={stage.git_server.host}\n".encode()
    other = b"protocol=https\nhost=example.com\n"

    def ask_anew() -> None:
        fresh.env["KEYWRIGHT_BENCH"] = str(next(count))  # type: ignore[index]

    fresh = Command(name="warm miss", argv=[git, "get"], env=dict(env), stdin=place, before=ask_anew)
    contestants = [
        Command(name=BASE, argv=[python, "-I", "-c", "pass"], env=env),
        Command(name="kube hit", argv=[kube, *EKS], env=env),
        Command(name="git hit", argv=[git, "get"], env=env, stdin=place),
        Command(name="docker hit", argv=[docker, "get"], env=env, stdin=b"ghcr.io"),
        Command(name="git, not mine", argv=[git, "get"], env=env, stdin=other),
        Command(name="docker, not mine", argv=[docker, "get"], env=env, stdin=b"example.com", code=1),
        fresh,
    ]
    samples = race(contestants, rounds, stage.folder)
    return samples | stale(rounds, stage, samples.keys())


def stale(rounds: int, stage: Stage, _names: object) -> dict[str, Sample]:
    """Race stale answers while the issuer is down, so that they stay stale; then end as the table needs it."""
    env, git = stage.env, program(stage, "git")
    place = f"protocol=http\nhost={stage.git_server.host}\n".encode()
    stage.age(timedelta(minutes=50))
    stage.issuer.stop()
    spawns = 0

    def let_spawn() -> None:
        stage.release_brakes()

    def wait_for_the_end() -> None:
        nonlocal spawns
        spawns += len(renewals(stage.home))
        wait_for(lambda: not renewals(stage.home))

    contestants = [
        Command(name=BASE, argv=[str(stage.programs / "python"), "-I", "-c", "pass"], env=env),
        Command(name="stale, renewal under way", argv=[git, "get"], env=env, stdin=place),
        Command(
            name="stale, renewal spawned",
            argv=[git, "get"],
            env=env,
            stdin=place,
            before=let_spawn,
            after=wait_for_the_end,
        ),
    ]
    samples = race(contestants, rounds, stage.folder, warm_ups=3)
    print(f"(renewals seen behind {rounds + 3} stale answers: {spawns})", file=sys.stderr)
    stage.issuer.start()
    stage.forget()
    return {name: sample for name, sample in samples.items() if name != BASE} | {"stale's own base": samples[BASE]}


def mints(rounds: int, stage: Stage) -> dict[str, Sample]:
    aws = shutil.which("aws", path=str(Path(sys.executable).parent)) or ""
    contestants = [
        Command(
            name="aws eks get-token",
            argv=[aws, "eks", "get-token", "--cluster-name", "prod", "--region", "eu-central-1"],
            env=stage.env,
        ),
        Command(name="EKS miss", argv=[program(stage, "kube"), *EKS], env=stage.env, before=stage.forget),
        Command(name="EKS hit", argv=[program(stage, "kube"), *EKS], env=stage.env),
    ]
    return race(contestants, rounds, stage.folder)


def fetches(rounds: int, stage: Stage) -> dict[str, Sample]:
    url = f"{stage.git_server.url}/acme/app.git"
    git = shutil.which("git") or ""
    token = subprocess.run(
        [stage.programs / "keywright", "token", "github-app:acme"],
        env=stage.env,
        capture_output=True,
        check=True,
        text=True,
    ).stdout.strip()
    stored = stage.home / "stored"
    stored.write_text(f"http://x-access-token:{token}@{stage.git_server.host.replace(':', '%3a')}\n")
    stored.chmod(0o600)
    contestants = []
    for name, helper in (("git-credential-store", f"store --file={stored}"), ("keywright", program(stage, "git"))):
        clone = stage.home / f"clone with {name}"
        options = ["-c", "credential.helper=", "-c", f"credential.helper={helper}"]
        subprocess.run([git, *options, "clone", "--quiet", url, clone], env=stage.env, check=True)
        contestants.append(
            Command(name=name, argv=[git, "-C", str(clone), *options, "fetch", "--quiet"], env=stage.env)
        )
    return race(contestants, rounds, stage.folder)


def peers(rounds: int, stage: Stage) -> dict[str, Sample]:
    place = f"protocol=http\nhost={stage.git_server.host}\n".encode()
    env = stage.env
    core = subprocess.run(["git", "--exec-path"], capture_output=True, check=True, text=True).stdout.strip()
    contestants = [
        Command(name=BASE, argv=[str(stage.programs / "python"), "-I", "-c", "pass"], env=env),
        Command(name="git hit", argv=[program(stage, "git"), "get"], env=env, stdin=place),
        Command(
            name="git-credential-store get",
            argv=[f"{core}/git-credential-store", f"--file={stage.home / 'stored'}", "get"],
            env=env,
            stdin=place,
        ),
    ]
    for name, args, stdin in (
        ("git-credential-oauth", ["get"], b"protocol=https\nhost=example.com\n"),
        ("docker-credential-ecr-login", ["get"], b"example.com"),
    ):
        found = shutil.which(name)
        if found:
            code = 1 if name.startswith("docker") else 0
            contestants.append(
                Command(name=f"{name} get, not its own", argv=[found, *args], env=env, stdin=stdin, code=code)
            )
    return race(contestants, rounds, stage.folder)


def program(stage: Stage, client: str) -> str:
    return str(stage.programs / f"{client}-credential-keywright")


def table(title: str, base: str, samples: dict[str, Sample], bounds: dict[str, float]) -> list[str]:
    rows = [f"## {title}", "", f"| command | median ms | × {base} | bound |", "| --- | ---: | ---: | ---: |"]
    for name, sample in samples.items():
        reference = samples["stale's own base"] if name.startswith("stale") else samples[base]
        bound = f"{bounds[name]:g}" if name in bounds else ""
        rows.append(f"| {name} | {sample.median_ms:.1f} | {ratio(sample, reference):.2f} | {bound} |")
    return [*rows, ""]


def machine() -> list[str]:
    cpu = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "?"
    )
    return [
        f"- {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {cpu}",
        f"- {platform.system()} {platform.release()}, Python {platform.python_version()}",
    ]


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


if __name__ == "__main__":
    main()
