"""`keywright --version`: what this is, and what it was built from.

    $ keywright --version
    keywright, version 0.1.0
    commit    65eed83b0c3de9a1f4c1f2a7f3ab1f6c3b6c1d2e, 2026-01-02T03:04:05Z
    python    cpython 3.12.8, frozen
    platform  linux x86_64

The first line stays as it is. Whoever builds a bundle writes the commit into `keywright._build`
(`packaging/bundle/stamp.py`); a source tree, and a wheel made of one, have no such line.
"""

import os
import sys
from collections.abc import Iterator
from typing import Final, NamedTuple

import click

from keywright import __version__
from keywright.manage.terminal import show_line

_WIDTH: Final = len("platform")


class Build(NamedTuple):
    """What a build was made of.

    Attributes:
        commit: the commit's hash in full, with `-dirty` after it where the tree held something else.
        instant: when that commit was made, RFC 3339 in UTC; empty if nobody knows.
    """

    commit: str
    instant: str = ""


def stamped() -> Build | None:
    """Return what this was built from; None where nobody wrote it down."""
    try:
        from keywright import _build  # type: ignore[attr-defined] # only in a bundle
    except ImportError:
        return None
    return Build(_build.COMMIT, _build.INSTANT)


def lines(build: Build | None) -> Iterator[str]:
    """Yield what `--version` prints."""
    yield f"keywright, version {__version__}"
    if build is not None:
        yield f"{'commit':<{_WIDTH}}  {', '.join(filter(None, build))}"
    form = "frozen" if getattr(sys, "frozen", False) else f"installed in {os.path.dirname(os.path.dirname(__file__))}"
    version = ".".join(map(str, sys.version_info[:3]))
    yield f"{'python':<{_WIDTH}}  {sys.implementation.name} {version}, {form}"
    yield f"{'platform':<{_WIDTH}}  {sys.platform} {os.uname().machine}"


def show_version(context: click.Context, _parameter: click.Parameter, is_asked: bool) -> None:  # noqa: FBT001 - click's way
    """Print it and end, where it is asked for."""
    if not is_asked or context.resilient_parsing:
        return
    for line in lines(stamped()):
        show_line(line)
    context.exit()
