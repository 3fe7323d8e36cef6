"""The races of the frozen bundle: its front beside `/bin/true`, and what lies behind it beside the interpreter."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from measure import Command, Race, race
from stage import ROOT, Stage

FOLDER = ROOT / "dist" / "keywright"
CLIENTS = ("docker", "git", "kube")
TRUE = "/bin/true"
BARE = "python -I -S -c pass"
FRONT, FROZEN = 2.0, 1.7
CHEAP = 8
"""How many times the rounds of others those have that take a millisecond: they cost little and scatter much."""


@dataclass(frozen=True)
class Bundle:
    """What `make dist` made.

    Attributes:
        folder: the bundle.
        frozen_folder: a folder with our names as links past the native front.
        has_front: whether there is one: without a C compiler there is not.
    """

    folder: Path
    frozen_folder: Path
    has_front: bool

    @classmethod
    def find(cls, frozen_folder: Path, folder: Path = FOLDER) -> Self:
        """Return the bundle, its links made.

        Raises:
            FileNotFoundError: there is none: `make dist` makes it.
        """
        program = folder / "keywright-python"
        if not program.exists():
            raise FileNotFoundError(f"{program}: make it with `make dist`")
        frozen_folder.mkdir()
        for client in CLIENTS:
            (frozen_folder / f"{client}-credential-keywright").symlink_to(program)
        front = folder / "keywright"
        return cls(folder, frozen_folder, has_front=front.exists() and not front.is_symlink())

    def program(self, client: str) -> str:
        """Return the path of one of our helpers, the native front first where there is one."""
        return str(self.folder / f"{client}-credential-keywright")

    def frozen(self, client: str) -> str:
        """Return the path of the same helper without the native front."""
        return str(self.frozen_folder / f"{client}-credential-keywright")

    @property
    def note(self) -> tuple[str, ...]:
        """What the reader of a table has to know of this bundle."""
        return () if self.has_front else ("There is no native front here: no C compiler was found.",)


def front(stage: Stage, bundle: Bundle, rounds: int) -> Race:
    """A hit through the native front."""
    ours = helper_hits(stage, {client: bundle.program(client) for client in CLIENTS}, "front")
    found = race(
        "A hit through the native front",
        [nothing(stage), *ours],
        rounds * CHEAP,
        stage.folder,
        bounds={command.name: FRONT for command in ours} if bundle.has_front else {},
    )
    return found.noting(*bundle.note)


def frozen(stage: Stage, bundle: Bundle, rounds: int) -> Race:
    """A hit of the bundle's Python, as where there is no native front, beside the interpreter it was made with."""
    ours = helper_hits(stage, {client: bundle.frozen(client) for client in CLIENTS}, "frozen")
    # The interpreter itself: what a venv adds to its start is no part of the bundle.
    made_with = ROOT / "build" / "venv" / "bin" / "python"
    python = os.path.realpath(made_with if made_with.exists() else sys.executable)
    bare = Command(name=BARE, argv=[python, "-I", "-S", "-c", "pass"], env=stage.env)
    bounds = {command.name: FROZEN for command in ours}
    return race("A hit of the bundle without its front", [bare, *ours], rounds * 2, stage.folder, bounds=bounds)


def helper_hits(stage: Stage, programs: dict[str, str], kind: str) -> list[Command]:
    """Return a hit of each client's helper, and the "not mine" that a global helper answers most of the time."""
    other, git = b"protocol=https\nhost=example.com\n", programs["git"]
    return [
        stage.kube_hit(f"kube hit, {kind}", programs["kube"]),
        stage.git_hit(f"git hit, {kind}", git),
        stage.docker_hit(f"docker hit, {kind}", programs["docker"]),
        Command(name=f"git, not mine, {kind}", argv=[git, "get"], env=stage.env, stdin=other),
    ]


def nothing(stage: Stage) -> Command:
    """Return the least that a process can be."""
    return Command(name=TRUE, argv=[TRUE], env=stage.env)
