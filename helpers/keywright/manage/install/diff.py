"""What would change, for a person to read: never a secret of another tool.

A kubeconfig holds tokens, docker's file passwords and git's helpers whole lines of shell. So each editor shows its
file with everything masked that it does not know to be plain, and only changed lines are printed, without those
around them.
"""

from collections.abc import Sequence
from difflib import unified_diff
from typing import Final

from keywright.log import one_line

MASK: Final = "<masked>"


def compare(path: str, before: Sequence[str] | None, after: Sequence[str] | None) -> list[str]:
    """Return the lines of a unified diff without context; None stands for a file that is not there."""
    old, new = ("/dev/null" if lines is None else path for lines in (before, after))
    lines = list(unified_diff(before or [], after or [], fromfile=old, tofile=new, n=0, lineterm=""))
    return [_printable(line) for line in lines] or [f"{path}: nothing changes but its formatting"]


def _printable(line: str) -> str:
    return "\t".join(one_line(part) for part in line.split("\t"))
