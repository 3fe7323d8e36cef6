"""`keywright classify`: what a failure's text means.

$ keywright classify 'HTTP 402' --json
{"schema": 1, "reason": "billing"}
"""

import json
from typing import Final

from keywright.errors import UsageError
from keywright.manage.terminal import Asking
from keywright.profiles.classify import classify_message

SCHEMA: Final = 1


def classified(text: str | None, asking: Asking, *, as_json: bool = False) -> str:
    """Return the reason, one of nine words, of the text or else of what is piped in; or the JSON document.

    Raises:
        UsageError: there is no text.
    """
    if text is None:
        if asking.is_on_terminal:
            raise UsageError("there is no text to classify", mend="add it as an argument, or pipe it")
        text = asking.known("").reveal()
    reason = classify_message(text).value
    return json.dumps({"schema": SCHEMA, "reason": reason}, indent=2) if as_json else reason
