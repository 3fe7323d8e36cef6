"""The plain case, told cheaply: one profile of the settings, nothing decided about it, and its use noted already.

Then nobody's turn has to be found out, and nothing else of this package is loaded (6 ms) to serve what is cached.
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from keywright.cache.folder import locate
from keywright.errors import CacheUnusable
from keywright.hit import stamp
from keywright.settings.model import KeptOptions, Profile

USED_AGAIN: Final = timedelta(minutes=1)
"""How long a use is too recent for another one to be worth a write."""
_ABSENT: Final = "-"


def find_inputs(profile: Profile, env: Mapping[str, str], now: datetime) -> dict[str, str] | None:
    """Return the file whose absence makes it the profile's turn, as an input of answers; None if it may not be."""
    if profile.fallback or isinstance(profile.options, KeptOptions):
        return None
    try:
        folder = f"{locate('state', env)}/profiles"
    except CacheUnusable:
        return None
    decisions = f"{folder}/{profile.provider}.json"
    is_there = stamp(decisions) != _ABSENT or os.path.lexists(decisions)  # a link may lead to where it is not mounted
    if is_there or not _is_noted(f"{folder}/{profile.provider}.usage.json", profile.id, now):
        return None
    return {decisions: _ABSENT}


def _is_noted(path: str, id_: str, now: datetime) -> bool:
    """Whether it is known to the minute that the profile was used, and well, and last of all."""
    with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        with open(path, "rb") as file:
            usage = json.loads(file.read())
        row = usage["profiles"][id_]
        since_used = now - datetime.fromisoformat(row["last_used"])
        is_recent = timedelta(0) <= since_used < USED_AGAIN
        return bool(is_recent and not row["last_error"] and not row["error_count"] and usage["last_good"] == id_)
    return False
