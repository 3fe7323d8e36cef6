"""What the `keywright` commands say: their results on standard output, everything else on standard error.

And what they are told: secrets come from a hidden prompt on the terminal, or else from standard input; never from
arguments or the environment, which other processes can read.
"""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import click

from keywright.errors import EXIT_BROKEN_PIPE, Unavailable, UsageError
from keywright.log import say
from keywright.prompt import ended_in_order
from keywright.secret import Secret

TOLD_AT_MOST: Final = 2 << 20
"""How much is read from standard input, in bytes: more than the longest secret."""


class Asking:
    """Asks for the secrets of one command, one after the other."""

    def __init__(self) -> None:
        self._rest: str | None = None

    @property
    def is_on_terminal(self) -> bool:
        """Whether a person is there to be asked."""
        return sys.stdin is not None and sys.stdin.isatty()

    def first_of_several(self, prompt: str) -> Secret:
        """Return what is typed at the prompt, or the next line of standard input.

        Raises:
            UsageError: it is not text, or there is nowhere to ask.
        """
        if self.is_on_terminal:
            return _hidden(prompt)
        line, _, self._rest = self._read().partition("\n")
        return Secret(line)

    def known(self, prompt: str) -> Secret:
        """Return what is typed at the prompt, or what is left of standard input, without one line break at its end.

        Raises:
            UsageError: it is not text, or there is nowhere to ask.
        """
        return _hidden(prompt) if self.is_on_terminal else Secret(self._read().removesuffix("\n"))

    def new(self, prompt: str) -> Secret:
        """Return the same, but typed twice.

        Raises:
            UsageError: the two differ, it is not text, or there is nowhere to ask.
        """
        told = self.known(prompt)
        if self.is_on_terminal and _hidden("The same again: ") != told:
            raise UsageError("the two differ, nothing was changed", mend="try again")
        return told

    def _read(self) -> str:
        if self._rest is None:
            if sys.stdin is None:
                raise UsageError("standard input is closed, and a secret is to be read from it")
            told = sys.stdin.buffer.read(TOLD_AT_MOST + 1)
            if len(told) > TOLD_AT_MOST:
                raise UsageError("standard input holds more than any secret may")
            try:
                self._rest = told.decode("utf-8")
            except UnicodeDecodeError:
                raise UsageError("standard input holds bytes that are not UTF-8") from None
        return self._rest


def _hidden(prompt: str) -> Secret:
    """Return a line typed on the terminal, which does not show it."""
    import getpass
    import warnings

    with warnings.catch_warnings(), ended_in_order():
        warnings.simplefilter("error", getpass.GetPassWarning)  # it would go on, and show what is typed
        try:
            return Secret(getpass.getpass(prompt))
        except getpass.GetPassWarning:
            raise UsageError("this terminal cannot hide what is typed", mend="pipe it to standard input") from None
        except UnicodeDecodeError:
            raise UsageError("what was typed is not text in this terminal's encoding") from None
        except EOFError:
            raise click.Abort from None


def show_secret(secret: Secret, *, is_revealed: bool) -> None:
    """Print a secret and a line break; on a terminal only where the person said so.

    Raises:
        UsageError: the person did not.
    """
    if sys.stdout.isatty() and not is_revealed:
        raise UsageError(
            "standard output is a terminal, which would show the secret", mend="pipe it, or add `--reveal`"
        )
    show_line(secret.reveal().encode("utf-8", "surrogatepass"))


def show_line(line: str | bytes) -> None:
    """Print a line of a command's result, or end where nobody reads any more; click itself would end with 1.

    Raises:
        Unavailable: it cannot be written: the disk that it goes to is full, say.
    """
    try:
        click.echo(line)
    except BrokenPipeError:
        _give_up_output()
        raise click.exceptions.Exit(EXIT_BROKEN_PIPE) from None
    except OSError as error:
        raise _unwritable(error) from None


def failure_of_output() -> Unavailable | None:
    """Return why standard output cannot be written, if so: what click prints of its own goes past `show_line`."""
    try:
        sys.stdout.flush()  # what could not be written is still to be
    except OSError as error:
        return _unwritable(error)
    return None


def _unwritable(error: OSError) -> Unavailable:
    _give_up_output()
    return Unavailable(f"standard output cannot be written ({errno.errorcode.get(error.errno or 0, 'unknown error')})")


def _give_up_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the interpreter flushes once more at its end


@contextmanager
def nothing_on_stdout() -> Iterator[None]:
    """Send to standard error what a library or a signing program prints meanwhile: the result stands alone."""
    with _led(1, 2):
        yield


@contextmanager
def nothing_on_stderr() -> Iterator[None]:
    """Let nobody read what is said meanwhile."""
    with open(os.devnull, "wb") as nothing, _led(2, nothing.fileno()):
        try:
            yield
        finally:
            with suppress(OSError, ValueError):
                sys.stderr.flush()


@contextmanager
def nothing_from_stdin() -> Iterator[None]:
    """Let what a provider runs meanwhile find nothing on standard input: nobody is there to be asked."""
    with open(os.devnull, "rb") as nothing, _led(0, nothing.fileno()):
        yield


@contextmanager
def _led(descriptor: int, to: int) -> Iterator[None]:
    """Lead a standard descriptor elsewhere meanwhile; one that was closed stays as it is."""
    try:
        kept = os.dup(descriptor)
    except OSError:
        yield
        return
    try:
        os.dup2(to, descriptor)
        yield
    finally:
        os.dup2(kept, descriptor)
        os.close(kept)


def tell_person(message: str) -> None:
    """Say one line to the person on standard error."""
    say(sys.stderr, "keywright", message)
