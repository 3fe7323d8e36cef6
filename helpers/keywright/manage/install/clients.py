"""What each command does: from what the person asked for to what shall stand in which file."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from keywright.deadline import FETCH_S
from keywright.errors import ConfigurationError, UsageError
from keywright.manage.install import docker, git, kube, kuberc, service
from keywright.manage.install.allowing import allow, plan_allowing
from keywright.manage.install.base import Editor, Wish
from keywright.manage.install.file import read
from keywright.manage.install.kubeconfig import CURRENT, PLUGIN
from keywright.manage.install.memory import Record, recall
from keywright.manage.install.program import find_ours, find_tool, is_found_on_path
from keywright.manage.install.story import Tell, already, set_up, take_down
from keywright.request import Client
from keywright.routes import named
from keywright.settings.load import load, locate

HINT: Final = "install keywright and run `keywright install kube` again"


def install_git(
    urls: Sequence[str],
    env: Mapping[str, str],
    tell: Tell,
    *,
    is_for_all: bool,
    is_alone: bool,
    is_forced: bool,
    is_dry: bool,
) -> list[str]:
    """Put our helper into git's configuration.

    Raises:
        UsageError: it is not said, or said twice, for which hosts.
        KeywrightError: as `set_up`.
    """
    if is_for_all and urls:
        raise UsageError("--all means every host", mend="leave out the URLs or --all")
    helper, tool = find_ours(git.HELPER, env), find_tool("git", env)
    settings = load(locate(env))
    scopes = [""] if is_for_all else list(dict.fromkeys(map(git.scope_of, urls))) or git.scopes_of(settings)
    if not scopes:
        raise ConfigurationError(f"{settings.source} has no route for git", mend="name URLs, or give --all")
    editor = git.GitFile(git.git_path(env), tool, env)
    wishes = git.wishes_for(scopes, helper, settings, is_alone=is_alone)
    lines = set_up(editor, wishes, env=env, is_forced=is_forced, is_dry=is_dry)
    if not is_for_all and not is_alone and editor.has_unscoped_helper(read(editor.path) or b""):
        tell("helpers of `credential.helper` are asked about these hosts too; --only keeps them out")
    return lines


def install_docker(
    hosts: Sequence[str],
    env: Mapping[str, str],
    tell: Tell,
    *,
    is_for_all: bool,
    is_podman: bool,
    is_forced: bool,
    is_dry: bool,
) -> list[str]:
    """Put our helper into docker's or podman's configuration.

    Raises:
        UsageError: it is not said, or said twice, for which registries; or podman cannot do it.
        KeywrightError: as `set_up`.
    """
    if is_for_all and (hosts or is_podman):
        mend = "leave out the hosts or --all" if hosts else "name hosts: podman knows no helper for everything"
        raise UsageError("--all means every registry of docker's", mend=mend)
    helper = find_ours(docker.HELPER, env)
    editor = _docker_file(env, is_podman=is_podman)
    keys, wishes = None, [Wish(docker.STORE, docker.NAME, "")]
    if not is_for_all:
        keys = [docker.key_of(host, editor.client) for host in hosts] or _routed_registries(env, editor.client, tell)
        wishes = [Wish(f"{docker.HELPERS} {key}", docker.NAME, key) for key in dict.fromkeys(keys)]
    lines = set_up(editor, wishes, env=env, is_forced=is_forced, is_dry=is_dry)
    hidden = editor.hidden_logins(read(editor.path) or b"", keys)
    if hidden:
        tell(f"{editor.client} no longer reads the logins that {editor.path} itself has for {', '.join(hidden)}")
    if not is_found_on_path(helper, env):
        folder = os.path.dirname(helper)
        tell(f"{editor.client} looks for {docker.HELPER} on PATH and does not find this one: put {folder} first")
    return lines


def install_eks(
    name: str,
    env: Mapping[str, str],
    tell: Tell,
    *,
    region: str,
    role_arn: str,
    aws_profile: str,
    alias: str,
    user: str,
    kubeconfig: str | None,
    is_current: bool,
    is_listed: bool,
    is_forced: bool,
    is_dry: bool,
) -> list[str]:
    """Put an EKS cluster, a user for it and their context into a kubeconfig, named as the AWS command line names them.

    Raises:
        KeywrightError: as `describe_cluster` and `set_up`.
    """
    from keywright.providers.aws.clusters import describe_cluster

    _check_names(alias, user)
    command, tool = find_ours(PLUGIN, env), find_tool("kubectl", env)
    # What the cluster was found with is what its tokens are to be signed with, in any other shell too.
    aws_profile = aws_profile or env.get("AWS_DEFAULT_PROFILE", "") or env.get("AWS_PROFILE", "")
    cluster = describe_cluster(name, region, aws_profile, env, FETCH_S)
    args = ["eks", "--cluster", cluster.audience, "--region", cluster.region]
    args += ["--role-arn", role_arn] if role_arn else []
    args += ["--aws-profile", aws_profile] if aws_profile else []
    user, context, label = user or cluster.arn, alias or cluster.arn, f"cluster {name} {cluster.region}"
    server = {"certificate-authority-data": cluster.certificate_authority, "server": cluster.server}
    wishes = [
        Wish(f"clusters {cluster.arn}", server, label),
        Wish(f"users {user}", {"exec": _stanza(command, args)}, label),
        Wish(f"contexts {context}", {"cluster": cluster.arn, "user": user}, label),
    ]
    editors = [kube.KubeFile(path, tool, env) for path in kube.kube_paths(env, kubeconfig)]
    editor = kube.choose(editors, [wish.target for wish in wishes])
    pointer = kube.choose(editors, [CURRENT], otherwise=editor) if is_current else editor
    current = [Wish(CURRENT, context, label)] if is_current else []
    allowing = plan_allowing(command, tool, env, tell, is_wanted=is_listed)
    lines = allow(allowing, env, is_forced=is_forced, is_dry=is_dry)
    if pointer is editor:
        return lines + _edit_kubeconfig(editor, wishes + current, env, tell, is_forced=is_forced, is_dry=is_dry)
    lines += _edit_kubeconfig(editor, wishes, env, tell, is_forced=is_forced, is_dry=is_dry)
    return lines + _edit_kubeconfig(pointer, current, env, tell, is_forced=is_forced, is_dry=is_dry)


def install_user(
    user: str,
    profile: str,
    env: Mapping[str, str],
    tell: Tell,
    *,
    kubeconfig: str | None,
    is_listed: bool,
    is_forced: bool,
    is_dry: bool,
) -> list[str]:
    """Make a user of a kubeconfig, new or there already, get its token from a profile of the settings.

    Raises:
        ProviderNotFound: there is no such profile.
        KeywrightError: as `set_up`.
    """
    _check_names(user)
    command, tool = find_ours(PLUGIN, env), find_tool("kubectl", env)
    chosen = named(load(locate(env)), profile)
    # What is for one place alone has to be told where it goes.
    stanza = _stanza(command, ["profile", chosen.id], is_told_where=bool(chosen.only_for))
    wish = Wish(f"users {user}", {"exec": stanza}, f"user {user}")
    editors = [kube.KubeFile(path, tool, env) for path in kube.kube_paths(env, kubeconfig)]
    editor = kube.choose(editors, [wish.target])
    allowing = plan_allowing(command, tool, env, tell, is_wanted=is_listed)
    lines = allow(allowing, env, is_forced=is_forced, is_dry=is_dry)
    return lines + _edit_kubeconfig(editor, [wish], env, tell, is_forced=is_forced, is_dry=is_dry)


def install_plugin(env: Mapping[str, str], tell: Tell, *, is_forced: bool, is_dry: bool) -> list[str]:
    """Have kubectl's preferences allow our plugin, and touch no kubeconfig.

    Raises:
        KeywrightError: as `plan_allowing` and `set_up`.
    """
    allowing = plan_allowing(find_ours(PLUGIN, env), find_tool("kubectl", env), env, tell, is_wanted=True)
    return allow(allowing, env, is_forced=is_forced, is_dry=is_dry)


def install_agent(env: Mapping[str, str], tell: Tell, *, is_forced: bool, is_dry: bool) -> list[str]:
    """Write the service that runs the agent, and say how to start it: nothing is started.

    Raises:
        Unavailable: this system's services are not known.
        KeywrightError: as `set_up`.
    """
    path = service.service_path(env)
    text = service.service_text(path, find_ours("keywright", env), env)
    wish = Wish(service.TARGET, text, service.NAME)
    lines = set_up(service.ServiceFile(path), [wish], env=env, is_forced=is_forced, is_dry=is_dry)
    if not is_dry:
        tell(f"nothing is started: `{service.how_to_start(path)}` does so")
    return lines


def uninstall(
    is_meant: Callable[[Record], bool], env: Mapping[str, str], tell: Tell, *, is_dry: bool, is_forgetting: bool
) -> Iterator[str]:
    """Put back what was there before, for every record that is meant; yields what to tell the person.

    What was there before an entry that somebody else has changed since stays remembered, unless `is_forgetting`.

    Raises:
        KeywrightError: as `take_down`.
    """
    meant = [record for record in recall(env).records.values() if is_meant(record)]
    for client, path in dict.fromkeys((record.client, record.file) for record in meant):
        editor = _editor(client, path, env)
        yield from take_down(editor, is_meant, env=env, is_dry=is_dry, is_forgetting=is_forgetting, tell=tell)
        if isinstance(editor, service.ServiceFile) and not is_dry:
            tell(f"nothing is ended: `{service.how_to_end(path)}` does so")
    if not meant:
        yield "nothing of the kind is set up"


def _editor(client: str, path: str, env: Mapping[str, str]) -> Editor:
    if client == "agent":
        return service.ServiceFile(path)
    if client == "git":
        return git.GitFile(path, find_tool("git", env), env)
    if client == "kube":
        return kube.KubeFile(path, find_tool("kubectl", env), env)
    if client == kuberc.KubercFile.client:
        return kuberc.KubercFile(path, find_tool("kubectl", env), env)
    return docker.DockerFile(client, path)


def _docker_file(env: Mapping[str, str], *, is_podman: bool) -> docker.DockerFile:
    path = docker.podman_path(env) if is_podman else docker.docker_path(env)
    return docker.DockerFile("podman" if is_podman else "docker", path)


def _routed_registries(env: Mapping[str, str], client: str, tell: Tell) -> list[str]:
    settings = load(locate(env))
    hosts = [route.url.host for route in settings.routes if route.client is Client.DOCKER]
    for host in hosts:
        if "*" in host:
            tell(f"the route for {host} has no host to set up: name the hosts it stands for")
    named_hosts = [host for host in hosts if "*" not in host]
    if not named_hosts:
        raise ConfigurationError(f"{settings.source} has no route for a registry", mend="name hosts, or give --all")
    return [docker.key_of(host, client) for host in named_hosts]


def _stanza(command: str, args: list[str], *, is_told_where: bool = False) -> dict[str, object]:
    return {
        "apiVersion": "client.authentication.k8s.io/v1",
        "args": args,
        "command": command,
        "installHint": HINT,
        "interactiveMode": "IfAvailable",
        "provideClusterInfo": is_told_where,
    }


def _check_names(*names: str) -> None:
    for name in names:
        if name.startswith("-") or not name.isprintable():
            raise UsageError(f"{name!r} is not a name for an entry of a kubeconfig")


def _edit_kubeconfig(
    editor: kube.KubeFile, wishes: Sequence[Wish], env: Mapping[str, str], tell: Tell, *, is_forced: bool, is_dry: bool
) -> list[str]:
    before = read(editor.path) or b""
    lines = set_up(editor, wishes, env=env, is_forced=is_forced, is_dry=is_dry)
    if editor.has_comments(before) and lines != [already(editor)]:
        tell(f"kubectl keeps no comments: any in {editor.path} is not in what it writes")
    return lines
