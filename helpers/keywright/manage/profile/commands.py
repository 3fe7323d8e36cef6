"""`keywright profile …`: the table of its commands. Each imports its work when it runs."""

import copy
import os
from datetime import UTC, datetime
from typing import Final

import click

from keywright.manage.completion.offers import known_ids, provider_names
from keywright.manage.profile.handing import add, export, import_
from keywright.manage.profile.login import login
from keywright.manage.profile.logout import logout
from keywright.manage.profile.told import done, failing
from keywright.manage.provider.commands import list_ as list_providers
from keywright.manage.terminal import show_line, tell_person

_ID: Final = click.argument("id_", metavar="ID", shell_complete=known_ids)
_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
_MODES: Final = click.Choice(("api_key", "oauth", "token", "minted", "static"))
_REASONS: Final = click.Choice(
    (
        *("auth", "auth_permanent", "rate_limit", "billing", "timeout"),
        *("format", "model_not_found", "session_expired", "unknown"),
    )
)


@click.group()
def profile() -> None:
    """Several accounts per provider. An ID is `provider:name`; without a name it is the one called `default`."""


@profile.command("list")
@click.option("--provider", shell_complete=provider_names, help="Only those at this provider.")
@click.option("--mode", type=_MODES, help="Only those that prove who they are in this way.")
@click.option("--enabled/--disabled", "is_enabled", default=None, help="Only those that are.")
@_JSON
def list_(provider: str | None, mode: str | None, is_enabled: bool | None, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by name
    """List the profiles, by provider. Never a secret."""
    from keywright.manage.profile.listing import Filters, listed

    with failing(as_json=as_json):
        told = listed(Filters(provider, mode, is_enabled), os.environ, datetime.now(UTC), tell_person, as_json=as_json)
        show_line(told.encode("utf-8", "surrogatepass"))  # its marks are in no other encoding


@profile.command()
@_ID
@_JSON
def show(id_: str, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by name
    """Show all that is known of one profile: until when it is out of use, say. Never a secret."""
    from keywright.manage.profile.show import show

    with failing(as_json=as_json):
        show_line(show(id_, os.environ, datetime.now(UTC), as_json=as_json))


@profile.command()
@_ID
@click.option("--live", is_flag=True, help="Ask its issuer.")
@_JSON
def test(id_: str, live: bool, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by name
    """Test whether a profile is good, by what is known here; exit code 1 if it is not."""
    from keywright.log import one_line
    from keywright.manage.profile.checking import check, check_live

    with failing(as_json=as_json):
        if live:
            verdict = check_live(id_, os.environ, lambda: datetime.now(UTC), tell_person)
        else:
            verdict = check(id_, os.environ, datetime.now(UTC))
        show_line(verdict.document() if as_json else one_line(verdict.line()))
    if not verdict.is_good:
        raise click.exceptions.Exit(1)


@profile.command()
@_ID
@_JSON
def enable(id_: str, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by name
    """Use a profile again, and forget that it failed."""
    from keywright.manage.profile.deciding import enable

    with failing(as_json=as_json):
        found = enable(id_, os.environ, datetime.now(UTC))
        show_line(done(found, f"enabled {found}", as_json=as_json, enabled=True))


@profile.command()
@_ID
@_JSON
def disable(id_: str, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by name
    """Use a profile no more, until it is enabled."""
    from keywright.manage.profile.deciding import disable

    with failing(as_json=as_json):
        found = disable(id_, os.environ, datetime.now(UTC))
        show_line(done(found, f"disabled {found}", as_json=as_json, enabled=False))


@profile.command(context_settings={"ignore_unknown_options": True})  # a number below zero is none
@_ID
@click.argument("number", type=int)
@_JSON
def priority(id_: str, number: int, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by name
    """Offer a profile before those of a lower priority."""
    from keywright.manage.profile.deciding import prioritize

    with failing(as_json=as_json):
        found = prioritize(id_, number, os.environ, datetime.now(UTC))
        show_line(done(found, f"{found} has priority {number}", as_json=as_json, priority=number))


@profile.command()
@_ID
@_JSON
def remove(id_: str, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by name
    """Forget a profile, its secret and all that is known of it."""
    from keywright.manage.profile.removing import remove

    with failing(as_json=as_json):
        found = remove(id_, os.environ, tell_person)
        show_line(done(found, f"removed {found}", as_json=as_json))


@profile.command("report-failure")
@_ID
@click.option("--reason", type=_REASONS, help="Why it failed; without it the message tells.")
@click.option("--message", help="What was said. What looks like a secret in it is not kept.")
@click.option("--retry-after", type=float, metavar="SECONDS", help="What its issuer asked for.")
@_JSON
def report_failure(id_: str, reason: str | None, message: str | None, retry_after: float | None, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by name
    """Note that a profile failed, so that others are tried first for a while."""
    from keywright.manage.profile.reporting import report_failure

    with failing(as_json=as_json):
        told = report_failure(
            id_,
            os.environ,
            datetime.now(UTC),
            reason=reason,
            message=message,
            retry_after_s=retry_after,
            as_json=as_json,
        )
        show_line(told)


@profile.command("report-success")
@_ID
@_JSON
def report_success(id_: str, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by name
    """Note that a profile was used and is good, which ends what it rested for."""
    from keywright.manage.profile.deciding import succeeded

    with failing(as_json=as_json):
        found = succeeded(id_, os.environ, datetime.now(UTC))
        show_line(done(found, f"{found} is good", as_json=as_json))


def _alias(name: str, command: click.Command, meant: str) -> click.Command:
    same = copy.copy(command)
    same.name, same.help = name, f"Same as `{meant}`."
    return same


for each in (add, export, import_, login, logout):
    profile.add_command(each)
for new, old in (("delete", remove), ("set-priority", priority), ("status", show)):
    profile.add_command(_alias(new, old, old.name or ""))
profile.add_command(_alias("providers", list_providers, "keywright provider list"))
