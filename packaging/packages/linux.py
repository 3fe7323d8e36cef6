"""The .deb and the .rpm: where the bundle goes in a Linux system, and nfpm, which puts it into packages.

/usr/lib/keywright/                 the bundle
/usr/bin/NAME ->                    a link for each name
/usr/share/man, …/bash-completion   what the bundle has in `share/`
/usr/share/doc/keywright/           README, its pages, changelog, licences
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from string import Template
from typing import Any, Final

from required import required
from tarball import gzipped

_HOME: Final = "/usr/lib/keywright"
_DOC: Final = "/usr/share/doc/keywright"
_TEMPLATE: Final = Path(__file__).with_name("nfpm.yaml")
_GOARCH: Final = {"x86_64": "amd64", "aarch64": "arm64"}
"""nfpm's names for a machine's architecture, which are dpkg's too."""
_DOCUMENTS: Final = ("CHANGELOG.md", "LICENSE", "README.md", "SECURITY.md", "THIRD-PARTY-LICENSES")
"""What the bundle has beside its programs; Debian wants the licences as `copyright`."""


def write_packages(
    bundle: Path, out: Path, work: Path, *, nfpm: Path, version: str, machine: str, env: Mapping[str, str]
) -> None:
    """Write `keywright_VERSION_ARCH.deb` and `keywright-VERSION-1.ARCH.rpm` into `out`."""
    needed = required(bundle)
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    instant = datetime.fromtimestamp(int(env["SOURCE_DATE_EPOCH"]), UTC)
    values = {
        "arch": _GOARCH[machine],
        "version": sorting(version),
        "mtime": instant.isoformat(),
        "contents": [*contents(bundle, work)],
        "deb": needed.deb,
        "rpm": needed.rpm,
    }
    filled = Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        {name: json.dumps(value) for name, value in values.items()}
    )
    config = work / "nfpm.yaml"
    config.write_text(filled, encoding="utf-8")
    for target in (
        f"keywright_{sorting(version)}_{_GOARCH[machine]}.deb",
        f"keywright-{sorting(version)}-1.{machine}.rpm",
    ):
        packager = target.rpartition(".")[2]
        command = [nfpm, "package", "--config", config, "--packager", packager, "--target", out / target]
        subprocess.run([*map(str, command)], env=env, check=True, stdout=subprocess.DEVNULL)


def sorting(version: str) -> str:
    """Return the version as dpkg and rpm order it: for both `1.0~rc1` comes before `1.0`, and `1.0rc1` after."""
    return re.sub(r"\.?(a|b|rc|dev)([0-9]+)", r"~\1\2", version)


def contents(bundle: Path, work: Path) -> Iterator[dict[str, Any]]:
    """Yield a row for each file, link and folder of a package, in nfpm's words; `work` gets what has to be made."""
    yield _folder(_HOME)
    for path in sorted(bundle.rglob("*")):
        name = path.relative_to(bundle)
        if name.parts[0] in {"docs", "share"} or str(name) in _DOCUMENTS:
            continue
        if path.is_symlink():
            yield _link(f"{_HOME}/{name}", str(path.readlink()))
        elif path.is_dir():
            yield _folder(f"{_HOME}/{name}")
        else:
            yield _file(f"{_HOME}/{name}", path, path.stat().st_mode & 0o777)
    for called in sorted(["keywright", *(path.name for path in bundle.glob("*-credential-keywright"))]):
        yield _link(f"/usr/bin/{called}", f"../lib/keywright/{called}")
    yield from _shared(bundle / "share", work)
    yield from _documents(bundle, work)


def _shared(share: Path, work: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(share.rglob("*")):
        place = f"/usr/share/{path.relative_to(share)}"
        if path.is_dir():
            # Where no such shell is, rpm would leave behind a folder that is nobody's; one may be several packages'.
            if path.relative_to(share).parts[0] != "man":
                yield {**_folder(place), "packager": "rpm"}
        elif "/man/" in place:
            yield _packed(place, path, work)
        elif "/zsh/" in place:  # Debian's zsh does not look where everybody else's does
            yield {**_file(place, path), "packager": "rpm"}
            vendor = place.replace("/site-functions/", "/vendor-completions/")
            yield {**_file(vendor, path), "packager": "deb"}
        else:
            yield _file(place, path)


def _documents(bundle: Path, work: Path) -> Iterator[dict[str, Any]]:
    yield _folder(_DOC)
    for path in (bundle / "README.md", bundle / "SECURITY.md", bundle / "docs", *sorted((bundle / "docs").rglob("*"))):
        place = f"{_DOC}/{path.relative_to(bundle)}"
        yield _folder(place) if path.is_dir() else _file(place, path)
    yield _packed(f"{_DOC}/changelog", bundle / "CHANGELOG.md", work)
    copyrights = work / "copyright"
    texts = [(bundle / name).read_text(encoding="utf-8") for name in ("LICENSE", "THIRD-PARTY-LICENSES")]
    copyrights.write_text("\n\n".join(texts), encoding="utf-8")
    yield _file(f"{_DOC}/copyright", copyrights)


def _file(place: str, source: Path, mode: int = 0o644) -> dict[str, Any]:
    return {"src": str(source), "dst": place, "file_info": {"mode": mode, "owner": "root", "group": "root"}}


def _packed(place: str, source: Path, work: Path) -> dict[str, Any]:
    packed = work / f"{place.replace('/', '-')}.gz"
    packed.write_bytes(gzipped(source.read_bytes()))
    return _file(f"{place}.gz", packed)


def _folder(place: str) -> dict[str, Any]:
    return {"dst": place, "type": "dir", "file_info": {"mode": 0o755, "owner": "root", "group": "root"}}


def _link(place: str, target: str) -> dict[str, Any]:
    return {"src": target, "dst": place, "type": "symlink"}
