"""What was installed, and what was there before: `installed.json` in the state folder.

    {"schema": 1, "made": ["/home/me/.docker/config.json"], "records": [
      {"client": "docker", "file": "/home/me/.docker/config.json", "target": "credHelpers ghcr.io", "label": "ghcr.io",
       "wrote": "keywright", "was": "desktop", "is_sealed": false}]}

What was there may hold a secret (a git helper can be a line of shell, a kubeconfig's user has an environment): such a
value is kept in the vault, and the record only says so.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from keywright.cache.folder import PrivateFolder, locate
from keywright.deadline import LOCK_WAIT_S
from keywright.errors import Busy, CacheUnusable
from keywright.manage.install.base import Value
from keywright.secret import Secret

SCHEMA: Final = 1
NAME: Final = "installed.json"


class Record(NamedTuple):
    """One thing that was installed.

    Attributes:
        client: git, docker, podman, kube, kuberc or agent.
        file: the client's file, absolute.
        target: where in the file.
        label: what the person called it.
        wrote: what was put there; nothing secret.
        was: what was there before; None for nothing, or if it is in the vault.
        is_sealed: whether what was there before is in the vault.
    """

    client: str
    file: str
    target: str
    label: str
    wrote: Value
    was: Value | None = None
    is_sealed: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """What identifies it: a file's target is installed once."""
        return self.file, self.target

    @property
    def vault_name(self) -> str:
        """The name of the vault's record for what was there before."""
        from hashlib import sha256

        file = sha256(self.file.encode("utf-8", "surrogateescape")).hexdigest()[:8]  # two may have the same target
        return f"install {self.client} {self.target} {file}"


class Memory:
    """All records, and the files that were not there before we made them."""

    def __init__(self, env: Mapping[str, str], folder: PrivateFolder | None) -> None:
        """Read what is remembered.

        Raises:
            CacheUnusable: the file cannot be trusted, or a newer keywright wrote it.
        """
        self._env = env
        self._folder = folder
        file = folder.read(NAME) if folder else None
        document = _parse(file[0], f"{folder.path}/{NAME}") if file and folder else {}
        self.records = {record.key: record for record in map(_record, document.get("records", ()))}
        self.made = set(document.get("made", ()))

    def save(self) -> None:
        """Write it down.

        Raises:
            CacheUnusable: it cannot be written; what was remembered is as it was.
        """
        if self._folder is None:
            raise TypeError("a memory that was only recalled is not written")
        records = [record._asdict() for _, record in sorted(self.records.items())]
        document = {"schema": SCHEMA, "made": sorted(self.made), "records": records}
        self._folder.replace(NAME, json.dumps(document, indent=2).encode() + b"\n")

    def was(self, record: Record) -> Value | None:
        """Return what was there before, from the vault where it is kept there; None too if it is gone from there.

        Raises:
            VaultLocked: the vault's key is not at hand.
            VaultUnusable: the vault is damaged.
        """
        if not record.is_sealed:
            return record.was
        from keywright.vault.vault import open_vault

        kept = open_vault(self._env).open().get(record.vault_name)
        value: Value | None = None if kept is None else json.loads(kept.secret.reveal())
        return value

    def seal(self, values: Mapping[str, Value]) -> Mapping[str, Secret | None]:
        """Keep what was there before in the vault, by the vault's names for the records it belongs to.

        Returns what the vault had under these names, for `put_back`.

        Raises:
            VaultLocked: the vault's key is not at hand.
            VaultUnusable: the vault cannot be written.
        """
        return self.put_back({name: Secret(json.dumps(value)) for name, value in values.items()})

    def put_back(self, secrets: Mapping[str, Secret | None]) -> Mapping[str, Secret | None]:
        """Have in the vault, under each name, that secret, or none; returns what it had there before.

        Raises:
            VaultLocked: the vault's key is not at hand.
            VaultUnusable: the vault cannot be written.
        """
        if not secrets:
            return {}
        from keywright.vault.vault import open_vault

        before: dict[str, Secret | None] = {}
        with open_vault(self._env).edit() as kept:
            for name, secret in secrets.items():
                record = kept.get(name)
                before[name] = record.secret if record else None
                if secret is None:
                    kept.remove(name)
                else:
                    kept.put(name, secret)
        return before

    def unseal(self, names: Iterable[str]) -> None:
        """Drop records from the vault that are no longer needed.

        Raises:
            VaultLocked: the vault's key is not at hand.
            VaultUnusable: the vault cannot be written.
        """
        self.put_back(dict.fromkeys(names))


def recall(env: Mapping[str, str]) -> Memory:
    """Return what is remembered, to look at: nothing is made, locked or written.

    Raises:
        CacheUnusable: it cannot be trusted or read.
    """
    path = locate("state", env)
    return Memory(env, PrivateFolder.open(path) if os.path.isdir(path) else None)


@contextmanager
def held(env: Mapping[str, str]) -> Iterator[Memory]:
    """Hold the memory for the block: one `install` or `uninstall` at a time.

    Raises:
        Busy: another one is at work and does not end.
        CacheUnusable: it cannot be trusted, read or locked.
    """
    from keywright.cache.lock import hold

    folder = PrivateFolder.open(locate("state", env))
    with hold(f"{folder.path}/installed.lock", LOCK_WAIT_S) as is_locked:
        if not is_locked:
            raise Busy("another `keywright install` is at work", mend="try again")
        yield Memory(env, folder)


def _parse(content: bytes, path: str) -> dict[str, Any]:
    try:
        document = json.loads(content)
        schema = document["schema"]
    except (ValueError, TypeError, LookupError, RecursionError):
        raise CacheUnusable(f"{path} is damaged", mend=f"run `mv '{path}' '{path}.broken'`") from None
    if schema != SCHEMA:
        raise CacheUnusable(f"{path} was written by a newer keywright", mend="upgrade this one")
    return dict(document)


def _record(row: dict[str, Any]) -> Record:
    return Record(**{name: row[name] for name in Record._fields if name in row})
