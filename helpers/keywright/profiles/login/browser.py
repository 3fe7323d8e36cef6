"""The browser of whoever runs the command, where there is one on this very machine."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


def is_here(env: Mapping[str, str], platform: str = sys.platform) -> bool:
    """Whether a browser that is opened from here appears before the person.

    Not over ssh, and on Linux not without a display; `BROWSER` is a person's word that theirs will.
    """
    if env.get("BROWSER"):
        return True
    if env.get("SSH_CONNECTION") or env.get("SSH_TTY"):
        return False
    return platform == "darwin" or bool(env.get("DISPLAY") or env.get("WAYLAND_DISPLAY"))


def open_page(url: str) -> bool:
    """Open a page; return whether a browser took it.

    Browsers greet on standard output ("Opening in existing browser session."), which is the command's: meanwhile it is
    standard error. Where the caller closed either, there is none of that: what has its number now may be a connection.
    """
    import webbrowser

    try:
        if sys.stdout is None or sys.stderr is None:
            return webbrowser.open(url)
        with _stdout_as_stderr():
            return webbrowser.open(url)
    except (OSError, webbrowser.Error):
        return False


@contextmanager
def _stdout_as_stderr() -> Iterator[None]:
    sys.stdout.flush()
    stdout = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        os.dup2(stdout, 1)
        os.close(stdout)
