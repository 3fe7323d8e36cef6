"""`keywright cache stats`: how much is cached.

$ keywright cache stats
3 cached: 2 valid, 1 expired
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from keywright.manage.status import count

SCHEMA: Final = 1


def stats(env: Mapping[str, str], now: datetime, *, as_json: bool) -> str:
    """Return the line, or the JSON document.

    Raises:
        ConfigurationError: the settings are wrong.
        CacheUnusable: the cache cannot be read.
    """
    valid, expired = count(env, now)
    facts = {"total_entries": valid + expired, "valid": valid, "expired": expired}
    if as_json:
        return json.dumps({"schema": SCHEMA, **facts}, indent=2)
    return f"{valid + expired} cached: {valid} valid, {expired} expired"
