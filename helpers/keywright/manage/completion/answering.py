"""What a shell gets that asks what may come next."""

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from keywright.deadline import OutOfTime, within
from keywright.manage.completion import PROGRAM
from keywright.manage.completion.shells import use
from keywright.manage.terminal import nothing_from_stdin, nothing_on_stderr

PATIENCE_S: Final = 5.0
"""How long a person may wait for the answer to a Tab, in seconds."""


def answer(command: Callable[..., object]) -> int:
    """Print what may come next; nothing at all where that fails, since a shell would show it amid what is being typed.

    Returns the exit code, which is always 0.
    """
    use()
    with nothing_from_stdin(), nothing_on_stderr(), suppress(Exception, SystemExit, OutOfTime), within(PATIENCE_S):
        command(prog_name=PROGRAM, standalone_mode=False)
    return 0
