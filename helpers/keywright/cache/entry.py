"""The entry: one credential on disk, with everything needed to judge it and to renew it.

One JSON file per entry, named by the digest of its key, which it repeats:

    {"schema": 1, "key": {"version": 1, "provider": "github-app", "profile": "github-app:acme", "facts": {…}},
     "generation": 1700000000123456, "username": "x-access-token", "secret": "ghs_…",
     "issued_at_unix_s": 1700000000.12, "expires_at_unix_s": 1700003600.0,
     "boot": "0f3d…-… 1699990000.5", "jitter": 0.034,
     "inputs": {"/home/me/keys/acme.pem": "2049:131:1675:…"}, "memory": {"installation_id": "789"},
     "client": "git", "url": "https://github.com/acme", "options": {"app_id": "123456", …}}
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from math import isfinite
from types import MappingProxyType
from typing import Final, NamedTuple

from keywright.credential import CacheKey, Credential
from keywright.freshness import Margins, Schedule, schedule
from keywright.hit import stamp
from keywright.secret import Secret
from keywright.settings.model import Options

SCHEMA: Final = 1


class NewerEntry(Exception):
    """The entry's schema is newer than this program."""


class Entry(NamedTuple):
    """One kept credential.

    Attributes:
        key: what it answers.
        generation: grows with every renewal, across deletions too: microseconds since the epoch, or one more.
        credential: the credential itself.
        boot: the boot it was issued in (`keywright.hit.boot_mark`), to notice a clock that was set back since.
        jitter: 0 to 0.1, drawn once, so that a fleet does not renew in step.
        inputs: the files its provider read, by absolute path, with their stamps.
        memory: what the provider wants back at its next fetch.
        client: the client whose request minted it.
        url: where it was first used; empty if nowhere in particular.
        options: the settings it was minted with, so that a person can have it renewed by name.
    """

    key: CacheKey
    generation: int
    credential: Credential
    boot: str = "- 0"
    jitter: float = 0.0
    inputs: Mapping[str, str] = MappingProxyType({})
    memory: Mapping[str, str] = MappingProxyType({})
    client: str = ""
    url: str = ""
    options: Mapping[str, object] = MappingProxyType({})

    def plan(self, margins: Margins) -> Schedule | None:
        """Return when it is to be renewed and refused; None if its expiry is unknown, so that it serves but once."""
        credential = self.credential
        if credential.expires_at is None:
            return None
        return schedule(credential.issued_at, credential.expires_at, margins, self.jitter)

    @property
    def is_undisturbed(self) -> bool:
        """Whether every file that decided it is as it was."""
        return all(stamp(path) == seen for path, seen in self.inputs.items())


def dump(entry: Entry) -> bytes:
    """Return the file's content."""
    credential = entry.credential
    document = {
        "schema": SCHEMA,
        "key": entry.key.document(),
        "generation": entry.generation,
        "username": credential.username,
        "secret": credential.secret.reveal(),
        "issued_at_unix_s": credential.issued_at.timestamp(),
        "expires_at_unix_s": credential.expires_at.timestamp() if credential.expires_at else None,
        "boot": entry.boot,
        "jitter": entry.jitter,
        "inputs": dict(entry.inputs),
        "memory": dict(entry.memory),
        "client": entry.client,
        "url": entry.url,
        "options": dict(entry.options),
    }
    return json.dumps(document).encode("ascii") + b"\n"


def load(content: bytes) -> Entry:
    """Return the entry in a file's content.

    Raises:
        NewerEntry: a newer keywright wrote it.
        ValueError: it is damaged.
    """
    try:
        document = json.loads(content, parse_constant=_refuse)
        if document["schema"] > SCHEMA:
            raise NewerEntry
        key, expires_at_s = document["key"], document["expires_at_unix_s"]
        credential = Credential(
            secret=Secret(_text(document["secret"])),
            username=None if document["username"] is None else _text(document["username"]),
            issued_at=datetime.fromtimestamp(document["issued_at_unix_s"], UTC),
            expires_at=None if expires_at_s is None else datetime.fromtimestamp(expires_at_s, UTC),
        )
        return Entry(
            key=CacheKey(provider=_text(key["provider"]), profile=_text(key["profile"]), facts=_texts(key["facts"])),
            generation=int(document["generation"]),
            credential=credential,
            boot=_boot(document["boot"]),
            jitter=float(document["jitter"]),
            inputs=_texts(document["inputs"]),
            memory=_texts(document["memory"]),
            client=_text(document["client"]),
            url=_text(document["url"]),
            options=dict(document["options"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError, RecursionError) as error:
        # The error's own text and attributes may quote the file, which holds a secret.
        raise ValueError(f"damaged entry ({type(error).__name__})") from None


def options_of(options: Options) -> dict[str, object]:
    """Return a provider's settings as plain JSON values."""
    return {name: dict(value) if isinstance(value, Mapping) else value for name, value in options._asdict().items()}


def _refuse(_constant: str) -> None:
    """Refuse NaN and the infinities, which Python's JSON knows and no schedule can reckon with."""
    raise TypeError


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _boot(value: object) -> str:
    boot, since = _text(value).split()
    if not isfinite(float(since)):
        raise TypeError
    return f"{boot} {since}"


def _texts(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError
    return {_text(name): _text(text) for name, text in value.items()}
