"""The command lines of `keywright install` and `keywright uninstall`."""

import os
from typing import Any, Final

import click

from keywright.manage.completion.offers import known_ids, routed_places
from keywright.manage.terminal import show_line, tell_person

_DRY: Final = click.option("--dry-run", "is_dry", is_flag=True, help="Show what would change, and change nothing.")
_FORCE: Final = click.option("--force", "is_forced", is_flag=True, help="Replace another tool's entry.")
_FORGET: Final = click.option(
    "--forget", "is_forgetting", is_flag=True, help="Forget what was there before entries changed by somebody else."
)
_KUBECONFIG: Final = click.option(
    "--kubeconfig", type=click.Path(), metavar="FILE", help="Instead of KUBECONFIG and ~/.kube/config."
)
_KUBE: Final = """\
Answer kubectl, either for an Amazon EKS cluster or for a user of your kubeconfig.

\b
keywright install kube --eks NAME [--region REGION]
keywright install kube --user USER --profile ID

kubectl 1.35 and newer runs no plugins but those you name if its own preferences (kuberc) say so. Where they do, our
plugin is added to their list; --kuberc makes them say so, with either of the above or by itself.
"""


@click.group(short_help="Set up git, docker, kubectl or the agent.")
def install() -> None:
    """Set keywright up in git, docker, podman or kubectl, or its agent as a service."""


@click.group()
def uninstall() -> None:
    """Take keywright out again, and put back what was there."""


@install.command("git", short_help="Answer git for some hosts, or for all.")
@click.argument("urls", nargs=-1, metavar="[URL]...", shell_complete=routed_places("git"))
@click.option("--all", "is_for_all", is_flag=True, help="For every host; git asks others where keywright has nothing.")
@click.option("--only", "is_alone", is_flag=True, help="Keep other helpers out for these hosts.")
@_FORCE
@_DRY
def install_git(urls: tuple[str, ...], **flags: bool) -> None:
    """Answer git for hosts such as https://github.com; without URL, for those of the settings' routes."""
    from keywright.manage.install import clients

    _show(clients.install_git(urls, os.environ, tell_person, **flags))


@install.command("docker", short_help="Answer docker or podman for some registries, or for all.")
@click.argument("hosts", nargs=-1, metavar="[HOST]...", shell_complete=routed_places("docker"))
@click.option("--all", "is_for_all", is_flag=True, help="For every registry (credsStore).")
@click.option("--podman", "is_podman", is_flag=True, help="For podman, skopeo and buildah instead (auth.json).")
@_FORCE
@_DRY
def install_docker(hosts: tuple[str, ...], **flags: bool) -> None:
    """Answer docker for registries such as ghcr.io; without HOST, for those of the settings' routes."""
    from keywright.manage.install import clients

    _show(clients.install_docker(hosts, os.environ, tell_person, **flags))


@install.command("kube", help=_KUBE, short_help="Answer kubectl for a cluster or a user.")
@click.option("--eks", metavar="NAME", help="An Amazon EKS cluster: writes its cluster, user and context.")
@click.option("--region", default="", help="The cluster's region; else AWS_REGION or the AWS profile's.")
@click.option("--role-arn", default="", help="A role to assume for the token.")
@click.option("--aws-profile", default="", help="A profile of the AWS configuration.")
@click.option("--alias", default="", help="The context's name; else the cluster's ARN.")
@click.option("--user", default="", help="The user's name; else the cluster's ARN.")
@click.option(
    "--profile",
    metavar="ID",
    shell_complete=known_ids,
    help="Without --eks: the profile of the settings that USER is to use.",
)
@click.option("--set-current/--no-set-current", "is_current", default=True, help="Whether to switch to the context.")
@click.option("--kuberc", "is_listed", is_flag=True, help="Have kubectl run our plugin, and only plugins you list.")
@_KUBECONFIG
@_FORCE
@_DRY
def install_kube(eks: str | None, profile: str | None, **words: Any) -> None:  # noqa: ANN401 - flags and texts
    """Answer kubectl, in one of two ways."""
    from keywright.manage.install import clients

    flags = {name: words[name] for name in ("is_forced", "is_dry")}
    if words["is_listed"] and words["is_current"] and set(filter(None, (eks, profile, *words.values()))) == {True}:
        _show(clients.install_plugin(os.environ, tell_person, **flags))
        return
    if eks is not None and profile is None:
        _show(clients.install_eks(eks, os.environ, tell_person, **words))
        return
    common = {name: words.pop(name) for name in ("kubeconfig", "is_listed", "is_forced", "is_dry")}
    user, is_current = words.pop("user"), words.pop("is_current")
    if eks is not None or profile is None or not user or any(words.values()) or not is_current:
        raise click.UsageError("give either --eks with its options, or --user and --profile.")
    _show(clients.install_user(user, profile, os.environ, tell_person, **common))


@install.command("agent", short_help="Run the agent as a service of yours.")
@_FORCE
@_DRY
def install_agent(**flags: bool) -> None:
    """Write a systemd unit of the user's, or a launchd property list on macOS; starts nothing."""
    from keywright.manage.install import clients

    _show(clients.install_agent(os.environ, tell_person, **flags))


@uninstall.command("git", short_help="Take keywright out of git's configuration.")
@click.argument("urls", nargs=-1, metavar="[URL]...", shell_complete=routed_places("git"))
@click.option("--all", "is_for_all", is_flag=True, help="What `install git --all` did.")
@_FORGET
@_DRY
def uninstall_git(urls: tuple[str, ...], *, is_for_all: bool, **flags: bool) -> None:
    """Take keywright out of git's configuration: for the hosts named, or for all it was set up for."""
    from keywright.manage.install.git import scope_of

    labels = {scope_of(url) for url in urls} | ({""} if is_for_all else set())
    _take_down(("git",), labels, None, **flags)


@uninstall.command("docker", short_help="Take keywright out of docker's and podman's.")
@click.argument("hosts", nargs=-1, metavar="[HOST]...", shell_complete=routed_places("docker"))
@click.option("--all", "is_for_all", is_flag=True, help="What `install docker --all` did.")
@click.option("--podman", "is_podman", is_flag=True, help="Out of podman's auth.json only.")
@_FORGET
@_DRY
def uninstall_docker(hosts: tuple[str, ...], *, is_for_all: bool, is_podman: bool, **flags: bool) -> None:
    """Take keywright out of docker's configuration: for the hosts named, or for all it was set up for."""
    from keywright.manage.install.docker import key_of

    client = "podman" if is_podman else "docker"
    labels = {key_of(host, client) for host in hosts} | ({""} if is_for_all else set())
    _take_down((client,) if labels or is_podman else ("docker", "podman"), labels, None, **flags)


@uninstall.command("kube", short_help="Take keywright out of kubeconfigs.")
@click.option("--eks", metavar="NAME", help="Only this cluster.")
@click.option("--region", default="", help="Only in this region.")
@click.option("--user", metavar="USER", help="Only this user, who was given a profile.")
@click.option("--kuberc", "is_listed", is_flag=True, help="Only what allows our plugin.")
@_KUBECONFIG
@_FORGET
@_DRY
def uninstall_kube(
    eks: str | None, region: str, user: str | None, kubeconfig: str | None, *, is_listed: bool, **flags: bool
) -> None:
    """Take keywright out of kubeconfigs: for a cluster, a user or both, or for all it was set up for."""
    from keywright.manage.install.kube import kube_paths
    from keywright.manage.install.kuberc import LABEL

    if region and eks is None:
        raise click.UsageError("--region needs --eks.")
    labels = {f"cluster {eks} {region}"} if eks is not None else set()
    labels |= {f"user {user}"} if user is not None else set()
    labels |= {LABEL} if is_listed else set()
    path = kube_paths(os.environ, kubeconfig)[0] if kubeconfig is not None else None
    _take_down(("kube", "kuberc"), labels, path, **flags)


@uninstall.command("agent", short_help="Take the agent's service away.")
@_FORGET
@_DRY
def uninstall_agent(**flags: bool) -> None:
    """Take the agent's service away; ends nothing that runs."""
    _take_down(("agent",), set(), None, **flags)


def _take_down(clients: tuple[str, ...], labels: set[str], path: str | None, **flags: bool) -> None:
    """Take down what was set up for these clients under these labels, in one file or all; no label stands for all."""
    from keywright.manage.install.clients import uninstall as take_down
    from keywright.manage.install.memory import Record

    def is_meant(record: Record) -> bool:
        is_named = not labels or record.label in labels or f"{record.label.rpartition(' ')[0]} " in labels
        return record.client in clients and is_named and path in {None, record.file}

    _show(list(take_down(is_meant, os.environ, tell_person, **flags)))


def _show(lines: list[str]) -> None:
    for line in lines:
        show_line(line)
