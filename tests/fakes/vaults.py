"""What a filled vault holds, and what any damage to it must come to."""

import os
from pathlib import Path

from keywright.errors import VaultUnusable
from keywright.secret import Secret
from keywright.vault.document import Document, parse
from keywright.vault.vault import Vault

CONTENT = {"FORGE_TOKEN": "hunter2", "git https://git.example": "two", "git https://ann@git.example": "\udcff\n\0é"}
PLACE = "git https://git.example"


def fill(vault: Vault) -> None:
    """Put `CONTENT` into the vault, all but the token filed under `PLACE`."""
    with vault.edit() as records:
        for name, value in CONTENT.items():
            records.put(name, Secret(value), PLACE if name.startswith("git ") else "")


def content_of(vault: Vault) -> dict[str, str]:
    """Return every secret by its name."""
    records = vault.open()
    found = {name: records.get(name) for name in records.names()}
    return {name: record.secret.reveal() for name, record in found.items() if record}


def document_of(vault: Vault) -> Document:
    return parse(vault.path, Path(vault.path).read_bytes())


def refusals(vault: Vault, content: bytes) -> list[VaultUnusable]:
    """Put `content` in the vault's place; return what a read of everything and a write say of it, if they do.

    Whatever they say, nothing has changed on the disk.
    """
    Path(vault.path).write_bytes(content)
    before = sorted(os.listdir(vault.folder))
    said = []
    for act in (content_of, _overwrite):
        try:
            act(vault)
        except VaultUnusable as error:
            said.append(error)
        if said:
            assert Path(vault.path).read_bytes() == content
            assert sorted(os.listdir(vault.folder)) == before
    return said


def _overwrite(vault: Vault) -> None:
    with vault.edit() as records:
        for name in [*CONTENT, "NEW"]:
            records.put(name, Secret("overwritten"), PLACE)
