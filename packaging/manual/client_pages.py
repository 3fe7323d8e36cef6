"""The pages of the executables that clients run: each says who runs it, how it is set up, and what it answers."""

from collections.abc import Iterator

from keywright.dialects.kube import API_VERSION_FLAG, API_VERSIONS, EKS_FLAGS
from keywright.settings.model import EksOptions
from page_facts import tell_environment, tell_exit_status, tell_files, tell_see_also
from roff import Page
from settings_page import fields_of


def pages(date: str, source: str) -> Iterator[Page]:
    """Yield the three pages."""
    yield _kube(date, source)
    yield _git(date, source)
    yield _docker(date, source)


def _kube(date: str, source: str) -> Page:
    name = "kube-credential-keywright"
    page = Page(name, 1, "exec credential plugin for kubectl and other Kubernetes clients", date=date, source=source)
    documented = fields_of(EksOptions)
    page.head("SYNOPSIS")
    page.synopsis(f"{name} eks", [f"[{flag} {_metavar(flag)}]" for flag in (*EKS_FLAGS, API_VERSION_FLAG)])
    page.synopsis(f"{name} profile", ["ID", f"[{API_VERSION_FLAG} VERSION]"])
    page.synopsis(f"{name} cluster", [f"[{API_VERSION_FLAG} VERSION]"])
    page.synopsis(f"{name} --help", [])
    page.synopsis(f"{name} --version", [])
    page.head("DESCRIPTION")
    page.say(
        "Prints an ExecCredential with a token for one cluster. A kubeconfig's user names it under `exec:`, and the"
        " client runs it whenever it has no token or its token has expired. `keywright install kube` writes that user;"
        " by hand it is"
    )
    page.show(
        (
            "users:",
            "- name: prod",
            "  user:",
            "    exec:",
            "      apiVersion: client.authentication.k8s.io/v1",
            f"      command: {name}",
            "      args: [eks, --cluster, prod, --region, eu-central-1]",
            "      interactiveMode: IfAvailable",
            "      provideClusterInfo: false",
        )
    )
    page.define("eks", "A token for an Amazon EKS cluster; no settings are needed.")
    page.define("profile ID", "The credential of a profile of the settings, such as `aws-eks:prod`.")
    page.define(
        "cluster",
        "The credential that the settings' routes name for the cluster; needs `provideClusterInfo: true`.",
    )
    page.say("Standard input is never read: it belongs to the client. A question is asked at the terminal itself.")
    page.head("OPTIONS")
    for flag, setting in EKS_FLAGS.items():
        page.define(f"{flag} {_metavar(flag)}", documented[setting].text)
    page.define(
        f"{API_VERSION_FLAG} VERSION",
        f"{' or '.join(f'`{version}`' for version in API_VERSIONS)}, for clients that do not set"
        " `KUBERNETES_EXEC_INFO`; the latter by default.",
    )
    tell_exit_status(
        page,
        "Any exit code but 0 is a failure to the client, which shows standard error as it is.",
    )
    return _end(page, "kube", "kubectl(1)")


def _git(date: str, source: str) -> Page:
    name = "git-credential-keywright"
    page = Page(name, 1, "credential helper for git", date=date, source=source)
    page.head("SYNOPSIS")
    page.synopsis(name, ["get|store|erase|capability"])
    page.synopsis(f"{name} --help", [])
    page.synopsis(f"{name} --version", [])
    page.head("DESCRIPTION")
    page.say(
        "git runs it by itself and speaks git-credential's format with it on standard input and output, once its"
        " configuration names it, as `keywright install git` does:"
    )
    page.show(('[credential "https://github.com"]', "\thelper =", "\thelper = keywright", "\tuseHttpPath = true"))
    page.define("get", "Print a user name and password for the place that is asked for, or nothing: git goes on.")
    page.define("store", "Keep in the vault what git has approved, where no route mints it.")
    page.define("erase", "Forget what git was refused with.")
    page.define("capability", "Print what it understands: `authtype`.")
    page.say("Any other word is ignored in silence, as gitcredentials(7) wants it.")
    tell_exit_status(
        page,
        "Nothing for this place is no failure: nothing is printed, and the exit code is 0.",
    )
    return _end(page, "git", "git-credential(1)", "gitcredentials(7)")


def _docker(date: str, source: str) -> Page:
    name = "docker-credential-keywright"
    page = Page(name, 1, "credential helper for docker, podman, skopeo and buildah", date=date, source=source)
    page.head("SYNOPSIS")
    page.synopsis(name, ["get|store|erase|list|version"])
    page.synopsis(f"{name} --help", [])
    page.head("DESCRIPTION")
    page.say(
        "docker runs it by itself and speaks docker-credential-helpers' protocol with it, once its `config.json` names"
        " it, as `keywright install docker` does. It has to be on docker's `PATH`."
    )
    page.show(('{"credHelpers": {"111122223333.dkr.ecr.eu-central-1.amazonaws.com": "keywright"}}',))
    page.define("get", "Read a registry from standard input, and print a user name and secret for it as JSON.")
    page.define("store", "Keep in the vault what `docker login` read, where no route mints it.")
    page.define("erase", "Forget it, or what is cached for the registry.")
    page.define("list", "Print the registries that are kept, with their user names, as JSON.")
    page.define("version", "Print the version.")
    tell_exit_status(
        page,
        "In this protocol wrong usage is 1. The line stands on standard output too, without its code: clients compare"
        " it.",
    )
    return _end(page, "docker", "docker(1)", "docker-login(1)")


def _end(page: Page, reader: str, *others: str) -> Page:
    tell_environment(page, reader)
    tell_files(page)
    tell_see_also(page, ("keywright(1)", "keywright-install(1)", "keywright-config(5)", *others))
    return page


def _metavar(flag: str) -> str:
    if flag == API_VERSION_FLAG:
        return "VERSION"
    return {"region": "REGION", "arn": "ARN", "serial": "ARN", "id": "ID"}.get(flag.rpartition("-")[2], "NAME")
