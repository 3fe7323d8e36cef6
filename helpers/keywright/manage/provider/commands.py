"""The `keywright provider` commands. Each imports its work when it runs."""

import os
from typing import Final

import click

from keywright.manage.completion.offers import provider_names
from keywright.manage.profile.told import document, failing
from keywright.manage.terminal import show_line

_MODES: Final = click.Choice(("api_key", "oauth", "token", "minted", "static"))
_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group(short_help="Show what can have profiles, and add to it.")
def provider() -> None:
    """Show where one can have profiles, and add providers of one's own."""


@provider.command("list")
@click.option("--mode", type=_MODES, help="Only those where one can prove who one is in this way.")
@_JSON
def list_(mode: str | None, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by name
    """List the providers: those that keywright knows, and one's own."""
    from keywright.manage.provider.show import listed

    with failing(as_json=as_json):
        show_line(listed(mode, os.environ, as_json=as_json))


@provider.command()
@click.argument("name", shell_complete=provider_names)
@_JSON
def show(name: str, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by name
    """Show what is known of one provider: how it is proved to, and where its secrets may go."""
    from keywright.manage.provider.show import shown

    with failing(as_json=as_json):
        show_line(shown(name, os.environ, as_json=as_json))


@provider.command()
@click.argument("name", shell_complete=provider_names)
@click.argument("service", default="")
@_JSON
def scopes(name: str, service: str, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by name
    """List the OAuth scopes that a login at the provider, or for one of its services, asks for."""
    from keywright.manage.provider.show import scopes

    with failing(as_json=as_json):
        show_line(scopes(name, service, os.environ, as_json=as_json))


@provider.command()
@click.argument("file", type=click.Path())
@_JSON
def add(file: str, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by name
    """Check a file that describes a provider, and keep a copy of it beside the settings."""
    from keywright.log import one_line
    from keywright.profiles.custom import add_file, locate

    with failing(as_json=as_json):
        added = add_file(locate(os.environ), file)
        show_line(document(success=True, file=added) if as_json else f"added {one_line(added)}")
