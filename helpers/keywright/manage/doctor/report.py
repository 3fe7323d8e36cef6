"""What was found, for a person and for a program.

    $ keywright doctor
    folders
      ✗ /home/ann/.cache/keywright is open to other users
          chmod 700 /home/ann/.cache/keywright
    git
      ✓ git 2.47.1 is new enough

With `--json` the same findings, one object each.
"""

import json
import sys
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from keywright.log import one_line
from keywright.manage.doctor.examination import Told
from keywright.manage.doctor.finding import Severity

SCHEMA: Final = 1
_MARKS: Final = {Severity.OK: "✓", Severity.NOTE: "·", Severity.WARNING: "!", Severity.ERROR: "✗"}
_PLAIN: Final = {Severity.OK: "ok", Severity.NOTE: "--", Severity.WARNING: "!!", Severity.ERROR: "XX"}


def as_table(told: Sequence[Told]) -> str:
    """Return the findings by area, each with what mends it below, and a last line that counts them."""
    marks = _MARKS if _shows("".join(_MARKS.values())) else _PLAIN
    lines: list[str] = []
    for area, rows in groupby(told, key=lambda row: row.area):
        lines.append(area.value)
        for row in rows:
            lines.append(f"  {marks[row.finding.severity]} {one_line(row.finding.what)}")
            if row.finding.mend:
                lines.append(f"      {one_line(row.finding.mend)}")
    return "\n".join((*lines, _counted(told)))


def as_document(told: Sequence[Told]) -> str:
    """Return the findings as a JSON document."""
    findings = [
        {
            "area": row.area.value,
            "id": row.finding.id,
            "severity": row.finding.severity.value,
            "what": one_line(row.finding.what),
            "mend": row.finding.mend.encode("utf-8", "replace").decode("utf-8") or None,
        }
        for row in told
    ]
    return json.dumps({"schema": SCHEMA, "is_well": exit_code(told) == 0, "findings": findings}, indent=2)


def exit_code(told: Sequence[Told]) -> int:
    """Return 1 if an error was found, else 0."""
    return int(any(row.finding.severity is Severity.ERROR for row in told))


def _counted(told: Sequence[Told]) -> str:
    count = {severity: sum(row.finding.severity is severity for row in told) for severity in Severity}
    errors, warnings = count[Severity.ERROR], count[Severity.WARNING]
    if not errors and not warnings:
        return "nothing is wrong"
    words = [f"{errors} {'error' if errors == 1 else 'errors'}"] if errors else []
    words += [f"{warnings} {'warning' if warnings == 1 else 'warnings'}"] if warnings else []
    return " and ".join(words)


def _shows(text: str) -> bool:
    """Whether standard output's encoding has these characters."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
