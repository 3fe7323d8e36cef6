"""The `keywright resolve` command. It imports its work when it runs."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click

from keywright.errors import UsageError
from keywright.manage.completion.offers import provider_names, providers_then_name
from keywright.manage.terminal import nothing_on_stdout, show_line, tell_person

if TYPE_CHECKING:
    from keywright.profiles.resolution import Resolution

_PREFERENCES: Final = click.Choice(("default", "valid", "recent", "type"))
_MODES: Final = click.Choice(("api_key", "oauth", "token", "minted", "static"))
_USAGE: Final = "run `keywright resolve PROVIDER [NAME]`, `keywright resolve --all PROVIDER…` or `… --chain A,B,C`"


@click.command(short_help="Print a provider's next credential.")
@click.argument("names", nargs=-1, metavar="PROVIDER [NAME]", shell_complete=providers_then_name)
@click.option("--prefer", type=_PREFERENCES, help="Which profiles come first; else as the settings say.")
@click.option("--mode", type=_MODES, help="Only profiles of this mode.")
@click.option("--require-valid", is_flag=True, help="Pass over what has expired; without --prefer and --force always.")
@click.option("--force", "is_forced", is_flag=True, help="Use NAME even if it is disabled or resting.")
@click.option("--all", "is_all", is_flag=True, help="Resolve several providers at once, as one JSON document.")
@click.option(
    "--chain", metavar="A,B,C", shell_complete=provider_names, help="Go through providers until one has a credential."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, without the secret.")
@click.option("--reveal", "is_revealed", is_flag=True, help="Put the secret into the JSON document.")
def resolve(
    names: tuple[str, ...],
    prefer: str | None,
    mode: str | None,
    chain: str | None,
    *,
    require_valid: bool,
    is_forced: bool,
    is_all: bool,
    as_json: bool,
    is_revealed: bool,
) -> None:
    """Print the credential of the first of a provider's profiles that has one: NAME, or else another."""
    from keywright.manage.resolve import answer

    is_narrowed = bool(prefer or mode or require_valid or is_forced)
    _check(names, chain, is_narrowed=is_narrowed, is_forced=is_forced, is_all=is_all)
    if is_revealed and not (as_json or is_all):
        raise UsageError("--reveal is for --json: without it the secret is all that is printed", mend="leave it out")
    resolving = answer.Resolving(os.environ, lambda: datetime.now(UTC), tell_person)
    if is_all:
        with nothing_on_stdout():
            found = resolving.all(names)
        show_line(answer.document_of_all(found, is_revealed=is_revealed))
        _end(found)
        return
    with nothing_on_stdout():
        if chain is not None:
            one = resolving.chain([name.strip() for name in chain.split(",") if name.strip()])
        else:
            one = resolving.one(*names, prefer=prefer, mode=mode, require_valid=require_valid, is_forced=is_forced)
    if one.told:
        tell_person(one.told)
    if as_json:
        show_line(answer.document(one, is_revealed=is_revealed))
    if one.error is not None:
        raise one.error
    if not as_json:
        show_line(answer.plain(one))


def _check(names: Sequence[str], chain: str | None, *, is_narrowed: bool, is_forced: bool, is_all: bool) -> None:
    """Refuse what goes not together."""
    if is_all or chain is not None:
        if is_narrowed:
            raise UsageError(
                "--all and --chain take any valid credential: they go with --json and --reveal", mend=_USAGE
            )
        if is_all and (chain is not None or not names):
            raise UsageError("--all takes the providers' names", mend=_USAGE)
        if chain is not None and names:
            raise UsageError("--chain takes the providers' names itself, with commas between them", mend=_USAGE)
    elif len(names) not in {1, 2}:
        raise UsageError("that is not how to resolve a provider", mend=_USAGE)
    elif is_forced and len(names) == 1:
        raise UsageError("--force is for one profile, and none is named", mend=_USAGE)


def _end(found: "Sequence[Resolution]") -> None:
    """Say what failed; one failure is enough for the exit code."""
    errors = [one.error for one in found if one.error]
    for error in errors:
        tell_person(error.line)
    if errors:
        raise click.exceptions.Exit(1)
