"""A clean root: a system with a C library, zlib and a person; with dpkg's and rpm's books of it, and nothing else.

Nothing of this machine's Python is in it. What is run there runs as the person, behind a `chroot`, with its own
`/proc`.
"""

import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import pytest

from clients.sandbox import Done

PERSON: Final = 4711
HOME: Final = "/home/person"
OF_THE_SYSTEM: Final = ("libc6", "zlib1g")
MERGED: Final = ("bin", "lib", "lib64", "sbin")
BOOKS: Final = ("var/lib/dpkg", "var/lib/rpm")


@dataclass(frozen=True)
class Root:
    """The folder that is `/` for what runs there."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> "Root":
        """Make one; that takes root's rights and a Debian."""
        if os.geteuid() != 0 or shutil.which("dpkg") is None:
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("takes root, and a Debian's C library")
        for name in (*MERGED, "share/doc", "share/man/man1", "share/man/man5"):
            (folder / "usr" / name).mkdir(parents=True)
        for name in MERGED:
            (folder / name).symlink_to(f"usr/{name}")
        for name in ("dev", "etc", "proc", "tmp", "var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/rpm"):
            (folder / name).mkdir(parents=True)
        home = folder / HOME[1:]
        home.mkdir(parents=True, mode=0o700)
        os.chown(home, PERSON, PERSON)
        os.mknod(folder / "dev/null", 0o20666, os.makedev(1, 3))
        (folder / "dev/null").chmod(0o666)
        # Removing the last package that has a folder removes it if it is empty.
        for name in ("bin/other", "share/man/man1/other.1", "share/man/man5/other.5"):
            (folder / "usr" / name).touch()
        for line in _output("dpkg", "--listfiles", *OF_THE_SYSTEM).splitlines():
            if line.startswith(("/lib", "/usr/lib")) and "/gconv/" not in line and os.path.isfile(line):
                place = folder / line[1:]
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(line, place, follow_symlinks=False)
        (folder / "usr/share/doc/libc6").mkdir()
        (folder / "var/lib/dpkg/status").write_text(_output("dpkg-query", "--status", *OF_THE_SYSTEM) + "\n")
        return cls(folder)

    def run(self, *words: str, stdin: str = "", env: Mapping[str, str] | None = None) -> Done:
        """Run a program of it to its end, as the person."""
        apart = ["--mount", "--pid", "--fork", f"--root={self.folder}", "--mount-proc", "--wd=/"]
        person = [f"--setuid={PERSON}", f"--setgid={PERSON}"]
        done = subprocess.run(
            ["unshare", *apart, *person, *words],
            input=stdin,
            env={"HOME": HOME, "PATH": "/usr/bin", "TMPDIR": "/tmp", **(env or {})},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Done(code=done.returncode, stdout=done.stdout, stderr=done.stderr)

    def listing(self) -> dict[str, tuple[int, int, int]]:
        """Return what is there, with mode and owners; the books are left out."""
        found = {}
        for path in self.folder.rglob("*"):
            name = str(path.relative_to(self.folder))
            if not name.startswith(BOOKS):
                status = path.lstat()
                found[name] = (status.st_mode, status.st_uid, status.st_gid)
        return found


class Packages(Protocol):
    """A package manager that works on a root."""

    def install(self, root: Root, dist: Path) -> None:
        """Install keywright."""

    def verify(self, root: Root) -> str:
        """Return what differs from what the package says, in the package manager's words."""

    def remove(self, root: Root) -> None:
        """Remove it, with whatever configuration it would have."""

    def scripts(self, dist: Path) -> str:
        """Return the scripts that would run."""


class Dpkg:
    """Debian's."""

    def install(self, root: Root, dist: Path) -> None:
        (package,) = dist.glob("*.deb")
        self._dpkg(root, "--path-include=/usr/share/*", "--install", str(package))

    def verify(self, root: Root) -> str:
        return self._dpkg(root, "--verify", "keywright")

    def remove(self, root: Root) -> None:
        self._dpkg(root, "--purge", "keywright")

    def scripts(self, dist: Path) -> str:
        (package,) = dist.glob("*.deb")
        control = subprocess.run(["dpkg-deb", "--ctrl-tarfile", str(package)], capture_output=True, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(control)) as archive:
            names = {name.removeprefix("./") for name in archive.getnames()}
        return " ".join(names - {"", ".", "control", "md5sums"})

    @staticmethod
    def _dpkg(root: Root, *words: str) -> str:
        return _output("dpkg", "--log=/dev/null", f"--root={root.folder}", *words)


class Rpm:
    """Fedora's and others'."""

    def install(self, root: Root, dist: Path) -> None:
        (package,) = dist.glob("*.rpm")
        self._rpm(root, "--initdb")
        # Its books know of no C library; what it asks for is looked at elsewhere.
        self._rpm(root, "--force-debian", "--nodeps", "--install", str(package))

    def verify(self, root: Root) -> str:
        return self._rpm(root, "--verify", "--nodeps", "keywright")

    def remove(self, root: Root) -> None:
        self._rpm(root, "--force-debian", "--erase", "keywright")

    def scripts(self, dist: Path) -> str:
        (package,) = dist.glob("*.rpm")
        return _output("rpm", "--query", "--scripts", "--package", str(package))

    @staticmethod
    def _rpm(root: Root, *words: str) -> str:
        return _output("rpm", f"--root={root.folder}", "--dbpath=/var/lib/rpm", *words)


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout
