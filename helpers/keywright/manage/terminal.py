"""What the `keywright` commands say: their results on standard output, everything else on standard error."""

import os
import sys

import click

from keywright.errors import EXIT_BROKEN_PIPE
from keywright.log import say


def show_line(line: str) -> None:
    """Print a line of a command's result, or end where nobody reads any more; click itself would end with 1."""
    try:
        click.echo(line)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the interpreter flushes once more at its end
        raise click.exceptions.Exit(EXIT_BROKEN_PIPE) from None


def tell_person(message: str) -> None:
    """Say one line to the person on standard error."""
    say(sys.stderr, "keywright", message)
