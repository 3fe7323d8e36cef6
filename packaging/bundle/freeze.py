"""Build the bundle: `python packaging/bundle/freeze.py --out dist --work build` makes `dist/keywright/`.

    dist/keywright/
        keywright                        the native launcher; without a C compiler a link to keywright-python
        docker-credential-keywright ->   keywright, and so each other name
        keywright-python                 the program, which PyInstaller made
        _internal/                       Python, libraries and data

What goes into it comes from `locked.txt` alone, checked by hash, and from this tree's wheel. Nothing but `--out` and
`--work` is written to. The build is the same twice in a row: instants come from SOURCE_DATE_EPOCH (by default that of
the commit), file modes from here.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import elf

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[1]
LOCKED: Final = HERE / "locked.txt"
LAUNCHER: Final = HERE.parent / "launcher"
REPORT: Final = "installed.json"
"""In the locked environment: pip's report of what it installed, by hash."""


def main() -> None:
    """Build it."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--out", type=Path, default=ROOT / "dist", help="where the folder `keywright` goes")
    arguments.add_argument("--work", type=Path, default=ROOT / "build", help="what may be thrown away afterwards")
    options = arguments.parse_args()
    out, work = options.out.resolve(), options.work.resolve()
    build(out, work, work / "venv")
    print(out / "keywright")


def build(out: Path, work: Path, venv: Path) -> Path:
    """Build the bundle into `out`/keywright, and return the interpreter of the environment that was frozen, `venv`."""
    environment = reproducible(os.environ)
    python = locked_environment(venv, environment)
    wheel = build_wheel(python, work / "wheel", environment)
    run([python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--force-reinstall", wheel], environment)
    run([python, "-I", HERE / "stamp.py"], environment)
    freeze(python, out, work / "frozen", environment)
    bundle = out / "keywright"
    drop_foreign_paths(bundle)
    put_front(bundle, work / "launcher", environment)
    names = "from keywright.bin.bundle import EXECUTABLES; print(*EXECUTABLES)"
    done = subprocess.run([python, "-I", "-c", names], env=environment, check=True, capture_output=True, text=True)
    for name in done.stdout.split():
        if name != "keywright":
            link(bundle / name, "keywright")
    set_modes(bundle)
    return python


def reproducible(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a build that depends on nothing but the commit."""
    fixed = {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C.UTF-8", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    inherited = {name: value for name, value in env.items() if not name.startswith(("PYTHON", "_PYI_"))}
    return {"SOURCE_DATE_EPOCH": commit_epoch(), **inherited, **fixed}


def commit_epoch() -> str:
    """Return the instant of the commit in epoch seconds; where there is none, Zip's first day."""
    source = ROOT / "PKG-INFO"
    if source.exists():  # an unpacked sdist, wherever it lies, whose files have the instant of its own commit
        return str(int(source.stat().st_mtime))
    try:
        # Whoever owns the clone: in a container that is often somebody else.
        command = ["git", "-c", f"safe.directory={ROOT}", "log", "-1", "--format=%ct"]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return "315532800"
    return done.stdout.strip()


def locked_environment(folder: Path, env: Mapping[str, str]) -> Path:
    """Return the interpreter of an environment that has what is locked, and nothing else, for the Python that runs."""
    python, stamp = folder / "bin" / "python", folder / LOCKED.name
    wanted = f"# {sys.base_prefix} {sys.version!r}\n{LOCKED.read_text(encoding='utf-8')}"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        run([sys.executable, "-m", "venv", folder], env)
        # Not compiled: PyInstaller compiles what it takes, which is a fifth of it.
        options = ("--quiet", "--no-compile", "--require-hashes", "--no-deps", "--report", folder / REPORT)
        run([python, "-m", "pip", "install", *options, "-r", LOCKED], env)
        stamp.write_text(wanted, encoding="utf-8")
    return python


def build_wheel(python: Path, folder: Path, env: Mapping[str, str]) -> Path:
    """Return this tree's wheel."""
    shutil.rmtree(folder, ignore_errors=True)
    run([python, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT], env)
    (wheel,) = folder.glob("*.whl")
    return wheel


def freeze(python: Path, out: Path, work: Path, env: Mapping[str, str]) -> None:
    """Have PyInstaller put together what `keywright.spec` says."""
    quietly = ("--noconfirm", "--clean", "--log-level", "ERROR")
    folders = ("--distpath", str(out), "--workpath", str(work))
    run(
        [str(python), "-m", "PyInstaller", *quietly, *folders, f"{HERE}/keywright.spec"],
        {**env, "PYINSTALLER_CONFIG_DIR": str(work)},
    )


def drop_foreign_paths(bundle: Path) -> None:
    """Have no library searched for where the build machine has its own."""
    for path in bundle.rglob("*"):
        if not path.is_symlink() and path.is_file() and elf.is_elf(path):
            data = path.read_bytes()
            clean = elf.without_foreign_paths(data)
            if clean != data:
                path.write_bytes(clean)


def put_front(bundle: Path, work: Path, env: Mapping[str, str]) -> None:
    """Compile the launcher and put it in front; where nothing compiles C, a link does its work, slower."""
    compiler = env.get("CC", "").strip() or "cc"
    needed = (shlex.split(compiler)[0], "make")  # CC as make takes it: "ccache gcc" is a compiler too
    if not all(shutil.which(program, path=env.get("PATH")) for program in needed) or not LAUNCHER.is_dir():
        print(f"no C compiler ({compiler}) or no make: the bundle is built without its launcher", file=sys.stderr)
        link(bundle / "keywright", "keywright-python")
        return
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(LAUNCHER, work)  # make is told no path: to it, a blank would end one
    run(["make", "--silent", "--directory", work, "OUT=made", f"CC={compiler}"], env)
    shutil.copyfile(work / "made" / "keywright", bundle / "keywright")
    (bundle / "keywright").chmod(0o755)


def link(place: Path, target: str) -> None:
    """Make a symbolic link to a neighbour."""
    place.unlink(missing_ok=True)
    place.symlink_to(target)


def set_modes(bundle: Path) -> None:
    """Give each file and folder the mode it has for everybody, whatever the umask was."""
    for place in (bundle, *bundle.rglob("*")):
        if not place.is_symlink():
            may_run = place.is_dir() or bool(place.stat().st_mode & 0o100)
            place.chmod(0o755 if may_run else 0o644)


def run(command: Sequence[str | Path], env: Mapping[str, str]) -> None:
    """Run a step; its failure ends the build."""
    # Not in the tree: PyInstaller and pip write where they are, and Python would import from there.
    subprocess.run([str(word) for word in command], env=env, cwd="/", check=True)


if __name__ == "__main__":
    main()
