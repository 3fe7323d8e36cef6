"""How large the bundle is, and what is in it."""

import subprocess
import sys

from bundle import Bundle
from measure import Table
from stage import ROOT


def size(bundle: Bundle) -> Table:
    """The bundle by part. That nothing is in it which no executable uses, tests/binaries/test_bundle_parts.py tests.

    Raises:
        subprocess.CalledProcessError: something is.
    """
    command = [sys.executable, "-P", str(ROOT / "packaging" / "bundle" / "parts.py"), str(bundle.folder)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows = [line.split("\t") for line in told.splitlines()]
    columns = ("part", "what it is for", "modules", "other files", "MB")
    note = "MB is a million bytes."
    return Table(title="What the bundle is made of", columns=columns, rows=rows, words=2, notes=(note, *bundle.note))
