"""The `keywright why` commands. Each imports its work when it runs."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click

from keywright.errors import UsageError
from keywright.manage.completion.offers import known_ids, routed_places
from keywright.manage.terminal import show_line

if TYPE_CHECKING:
    from keywright.request import Request

_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group(short_help="Say what a client would get, and why.")
def why() -> None:
    """Say what a client would get, and why: nobody is asked and nothing changed. Never a secret."""


@why.command()
@click.argument("url", shell_complete=routed_places("git"))
@_JSON
def git(url: str, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by name
    """What git gets for a repository's URL."""
    from keywright.manage.why.asking import ask_git

    _show(lambda: ask_git(url, os.environ), as_json=as_json)


@why.command()
@click.argument("server", shell_complete=routed_places("docker"))
@_JSON
def docker(server: str, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by name
    """What docker gets for a registry, such as ghcr.io."""
    from keywright.manage.why.asking import ask_docker

    _show(lambda: ask_docker(server, os.environ), as_json=as_json)


@why.command()
@click.argument("server", required=False)
@click.option("--eks", "cluster", metavar="NAME", help="Instead of SERVER: an EKS cluster.")
@click.option("--region", help="Its region; without it, AWS_REGION.")
@click.option("--role-arn", help="The role that is assumed for it.")
@click.option("--aws-profile", help="The profile of the AWS config file.")
@_JSON
def kube(
    server: str | None,
    cluster: str | None,
    region: str | None,
    role_arn: str | None,
    aws_profile: str | None,
    *,
    as_json: bool,
) -> None:
    """What kubectl gets for a cluster, by the URL of its API server."""
    from keywright.manage.why.asking import ask_eks, ask_kube

    options = {"cluster": cluster, "region": region, "role_arn": role_arn, "aws_profile": aws_profile}
    given = {name: value for name, value in options.items() if value is not None}
    if server is not None and not given:
        _show(lambda: ask_kube(server, os.environ), as_json=as_json)
    elif server is None and cluster is not None:
        _show(lambda: ask_eks(given, os.environ), as_json=as_json)
    else:
        raise UsageError("give either a cluster's URL or --eks NAME", mend="run `keywright why kube --help`")


@why.command()
@click.argument("profile", shell_complete=known_ids)
@click.option("--url", help="Where the credential is for, such as a registry's host.")
@_JSON
def token(profile: str, url: str | None, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by name
    """What `keywright token PROFILE` prints."""
    from keywright.manage.why.asking import ask_for_token

    _show(lambda: ask_for_token(profile, url, os.environ), as_json=as_json)


def _show(ask: "Callable[[], Request]", *, as_json: bool) -> None:
    from keywright.manage.why.found import find
    from keywright.manage.why.telling import as_json as document
    from keywright.manage.why.telling import as_lines

    now = datetime.now(UTC)
    found = find(ask(), os.environ, now)
    show_line(document(found) if as_json else as_lines(found, now))
