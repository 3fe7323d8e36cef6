"""The Python distributions in the bundle, and what their own SBOMs tell (PEP 770) of what they were compiled from."""

import json
import os
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from components import Component

_BOOTLOADER: Final = "pyinstaller"
"""Its own files are none of the bundle's, but `keywright-python` is its bootloader."""
_SPDX_OF: Final = {
    "OSI Approved :: Apache Software License": "Apache-2.0",
    "OSI Approved :: BSD License": "BSD-3-Clause",
    "OSI Approved :: MIT License": "MIT",
}
"""For those that name no expression (PEP 639) yet."""
_SPDX: Final = {
    "pyinstaller": "GPL-2.0-or-later WITH Bootloader-exception",
    "pyinstaller-hooks-contrib": "Apache-2.0",  # the hooks that run; those that only build are GPL-2.0-or-later
}


def distributions_of(sources: set[str], installed: Path) -> Iterator[Component]:
    """Yield each distribution that one of the files `sources` is from, and its parts; `installed` is pip's report."""
    hashes = {_name(told["metadata"]["name"]): _sha256(told) for told in json.loads(installed.read_bytes())["install"]}
    for distribution in metadata.distributions():
        name = _name(distribution.name)
        files = {os.path.realpath(str(distribution.locate_file(file))) for file in distribution.files or ()}
        if name == "keywright" or not (files & sources or name == _BOOTLOADER):
            continue
        yield Component(
            name=name,
            version=distribution.version,
            purl=f"pkg:pypi/{name}@{distribution.version}",
            licence=_SPDX.get(name) or _licence(distribution),
            sha256=hashes[name],
            texts=tuple(_texts(distribution)),
            requires=tuple(sorted({_name(re.split(r"[^\w.-]", line)[0]) for line in distribution.requires or ()})),
        )
        yield from _compiled_in(distribution, name)


def _name(name: str) -> str:
    """Return a distribution's name in its one spelling (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _sha256(told: dict[str, Any]) -> str:
    return str(told["download_info"]["archive_info"]["hashes"]["sha256"])


def _licence(distribution: metadata.Distribution) -> str:
    about = distribution.metadata
    if about["License-Expression"]:
        return str(about["License-Expression"])
    classifiers = [line.removeprefix("License :: ") for line in about.get_all("Classifier") or ()]
    known = sorted(_SPDX_OF[line] for line in classifiers if line in _SPDX_OF)
    return " OR ".join(known) or str(about["License"] or "")


def _texts(distribution: metadata.Distribution) -> Iterator[str]:
    named = set(distribution.metadata.get_all("License-File") or ())
    for file in sorted(distribution.files or ()):
        inside = str(file).partition(".dist-info/")[2].removeprefix("licenses/")
        if inside in named and "AUTHORS" not in inside:
            yield file.read_text(encoding="utf-8")


def _compiled_in(distribution: metadata.Distribution, name: str) -> Iterator[Component]:
    for file in distribution.files or ():
        if ".dist-info/sboms/" not in str(file):
            continue
        for told in json.loads(file.read_text(encoding="utf-8")).get("components", ()):
            licences = told.get("licenses") or [{}]
            hashes = {entry["alg"]: entry["content"] for entry in told.get("hashes", ())}
            yield Component(
                name=told["name"],
                version=told["version"],
                purl=told["purl"].partition("?")[0],
                licence=licences[0].get("expression") or ("Apache-2.0" if told["name"] == "openssl" else ""),
                sha256=hashes.get("SHA-256", ""),
                part_of=name,
            )
