"""How the `keywright profile` commands tell scripts what they did.

    {"schema": 1, "success": true, "profile_id": "openai:work"}
    {"schema": 1, "success": false, "error": "profile not found: openai:work", "code": "profile_not_found"}

The second goes with the exit code of the error, and with its one line on standard error.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from keywright.errors import Busy, KeywrightError, ProfileNotFound, StateUnusable, VaultLocked, VaultUnusable
from keywright.manage.terminal import show_line
from keywright.profiles.instants import instant

SCHEMA: Final = 1


def document(**facts: object) -> str:
    """Return the facts as one JSON document."""
    return json.dumps({"schema": SCHEMA, **facts}, indent=2)


def done(id_: object, line: str, *, as_json: bool, **facts: object) -> str:
    """Return the line that says what was done to a profile, or the document that does."""
    return document(success=True, profile_id=str(id_), **facts) if as_json else line


def when(at: datetime | None) -> str | None:
    """Return an instant as RFC 3339, None for none."""
    return None if at is None else instant(at)


@contextmanager
def failing(*, as_json: bool) -> Iterator[None]:
    """Print a failure of the block as a document too, for those who read documents."""
    try:
        yield
    except KeywrightError as error:
        if as_json:
            what = str(error).removesuffix(f"; {error.mend}") if error.mend else str(error)
            show_line(json.dumps({"schema": SCHEMA, "success": False, "error": what, "code": error.code}))
        raise


@contextmanager
def doing(what: str) -> Iterator[None]:
    """Say what failed, where it is the vault or the state that could not be written: `failed to save profile: …`."""
    try:
        yield
    except (Busy, ProfileNotFound, StateUnusable, VaultLocked, VaultUnusable) as error:
        error.what = f"failed to {what}: {error.what}"
        raise
