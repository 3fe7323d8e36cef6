"""What a shell offers while a `keywright` command is being typed."""

from typing import Final

PROGRAM: Final = "keywright"
VARIABLE: Final = "_KEYWRIGHT_COMPLETE"
"""The variable that says that a shell is asking, and which one: `bash_complete`."""
