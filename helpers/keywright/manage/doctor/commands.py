"""The command line of `keywright doctor`."""

import os
from datetime import UTC, datetime

import click

from keywright.manage.terminal import show_line


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--offline", "is_offline", is_flag=True, help="Ask no issuer what time it is.")
def doctor(as_json: bool, is_offline: bool) -> None:  # noqa: FBT001 - click passes flags by name
    """Look for what is wrong on this machine, and say what mends it. Changes nothing."""
    from keywright.manage.doctor.checks import CHECKS
    from keywright.manage.doctor.examination import examine
    from keywright.manage.doctor.report import as_document, as_table, exit_code
    from keywright.manage.doctor.scene import Scene, run

    scene = Scene(env=os.environ, now=lambda: datetime.now(UTC), run=run, is_online=not is_offline)
    told = examine(scene, CHECKS)
    show_line(as_document(told) if as_json else as_table(told))
    raise click.exceptions.Exit(exit_code(told))
