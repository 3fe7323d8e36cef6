"""One thing of others' that the bundle holds."""

from pathlib import Path
from typing import Final, NamedTuple

TEXTS: Final = Path(__file__).with_name("texts")


class Component(NamedTuple):
    """What the SBOM and the licences tell of it."""

    name: str
    version: str
    """Empty where nothing on this machine tells."""
    purl: str
    """Its package URL, which names it for vulnerability databases."""
    licence: str
    """An SPDX expression."""
    sha256: str = ""
    """Of what it was installed from, if that is one file."""
    texts: tuple[str, ...] = ()
    """Its licences, word for word."""
    requires: tuple[str, ...] = ()
    """Names of others."""
    files: tuple[tuple[str, str], ...] = ()
    """Files of the bundle that are it, and their SHA-256."""
    part_of: str = ""
    """The component whose binary it was compiled into by others."""
