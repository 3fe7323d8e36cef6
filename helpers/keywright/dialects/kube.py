"""Speaks the Kubernetes exec credential plugin protocol, for kubectl and every other client with an `exec:` user.

One real transcript (the variable and the answer are one line each):

    $ export KUBERNETES_EXEC_INFO='{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1",
                                    "spec":{"interactive":false}}'
    $ kube-credential-keywright eks --cluster prod --region eu-central-1
    {"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",
     "status":{"token":"k8s-aws-v1.aHR0cHM6Ly9z…","expirationTimestamp":"2026-03-01T12:14:00Z"}}

Standard input belongs to the person, standard error is shown as it is, and any exit code but 0 is a failure.
https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar, assert_never

from keywright import __version__
from keywright.credential import Credential
from keywright.dialects.base import NOTHING, Reply, expiry_to_report
from keywright.errors import KeywrightError, Refused, UsageError
from keywright.request import Client, Request, Url, Verb, parse_url

KIND: Final = "ExecCredential"
GROUP: Final = "client.authentication.k8s.io/"
API_VERSIONS: Final = (f"{GROUP}v1", f"{GROUP}v1beta1")
DEFAULT_API_VERSION: Final = f"{GROUP}v1beta1"
"""What every plugin answers when the client sets no `KUBERNETES_EXEC_INFO`, as the JavaScript client does not."""

API_VERSION_FLAG: Final = "--api-version"
EKS_FLAGS: Final = {
    "--cluster": "cluster",
    "--region": "region",
    "--role-arn": "role_arn",
    "--external-id": "external_id",
    "--session-name": "session_name",
    "--mfa-serial": "mfa_serial",
    "--aws-profile": "aws_profile",
}
"""The options of `eks` and the settings they stand for."""

USAGE: Final = """\
Usage: kube-credential-keywright eks --cluster NAME --region REGION [--role-arn ARN] [--external-id ID]
                                     [--session-name NAME] [--mfa-serial ARN] [--aws-profile NAME]
                                     [--api-version VERSION]
       kube-credential-keywright profile ID [--api-version VERSION]
       kube-credential-keywright cluster [--api-version VERSION]

The `exec:` plugin of a kubeconfig's user: prints a token for one cluster.

  eks      a token for an Amazon EKS cluster; without --region, AWS_REGION or AWS_DEFAULT_REGION
  profile  the credential of a profile of keywright's settings, such as aws-eks:prod
  cluster  the credential that the settings' routes name for the cluster; needs `provideClusterInfo: true`

The answer's version is the one that KUBERNETES_EXEC_INFO asks for. For clients that do not set it, --api-version is
client.authentication.k8s.io/v1 or client.authentication.k8s.io/v1beta1, and the latter if it is not given.
"""
_HELP: Final = "`kube-credential-keywright --help` shows how"
_TOKEN_CHARACTERS: Final = frozenset(map(chr, range(0x21, 0x7F)))

_T = TypeVar("_T")


class KubeDialect:
    """Translates the exec credential plugin protocol, `v1` and `v1beta1`."""

    @property
    def executable(self) -> str:
        """The name a kubeconfig's `command:` gives."""
        return "kube-credential-keywright"

    def parse(self, args: Sequence[str], stdin: bytes, env: Mapping[str, str]) -> Request:  # noqa: ARG002 - the contract
        """Return the question in the arguments and `KUBERNETES_EXEC_INFO`; standard input is never looked at.

        Raises:
            UsageError: an option or the variable is not understood.
        """
        if not args or not {"--help", "-h"}.isdisjoint(args):
            return Request(client=Client.KUBE, verb=Verb.USAGE, asked="--help" if args else "")
        command, *words = args
        if command == "--version":
            return Request(client=Client.KUBE, verb=Verb.VERSION)
        if command == "eks":
            return _parse_eks(words, env)
        if command == "profile":
            return _parse_profile(words, env)
        if command == "cluster":
            return _parse_cluster(words, env)
        raise UsageError("the first word must be `eks`, `profile` or `cluster`", mend=_HELP)

    def answer(self, request: Request, credential: Credential, report_until: datetime | None) -> bytes:
        """Return the ExecCredential document, one line of JSON, in exactly the version that was asked for.

        The expiry is left out where it is unknown: a null makes the Python client fail, and a past one makes client-go
        run the plugin again for every request.

        Raises:
            Refused: the token holds what an HTTP header cannot carry.
        """
        token = credential.secret.reveal()
        if not token or not _TOKEN_CHARACTERS.issuperset(token):
            raise Refused("the token is empty or holds blanks or characters that no HTTP header can carry")
        status = {"token": token}
        expiry = expiry_to_report(credential, report_until)
        if expiry is not None:
            status["expirationTimestamp"] = expiry.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        version = request.accepts[0] if request.accepts else DEFAULT_API_VERSION
        document = {"apiVersion": version, "kind": KIND, "status": status}
        return json.dumps(document, separators=(",", ":")).encode("ascii") + b"\n"

    def done(
        self,
        request: Request,
        *,
        is_minted: bool,  # noqa: ARG002 - the contract; nothing is stored
        listed: Mapping[str, str] = NOTHING,  # noqa: ARG002 - the same
    ) -> Reply:
        """Return the usage or the version; there are no other verbs."""
        match request.verb:
            case Verb.USAGE if request.asked:
                return Reply(USAGE.encode(), 0)
            case Verb.USAGE:
                return self.failure(request, UsageError("no command was given", mend=_HELP))
            case Verb.VERSION:
                return Reply(f"{self.executable} {__version__}\n".encode(), 0)
            case Verb.GET | Verb.STORE | Verb.ERASE | Verb.LIST | Verb.CAPABILITY | Verb.UNKNOWN:
                return Reply(b"", 0)
        assert_never(request.verb)

    def failure(self, request: Request | None, error: KeywrightError) -> Reply:  # noqa: ARG002 - the contract
        """Return silence on standard output and one line for the person: clients show standard error as it is."""
        return Reply(b"", error.exit_code, error.line)


def _parse_eks(words: Sequence[str], env: Mapping[str, str]) -> Request:
    flags = _read_flags(words, (*EKS_FLAGS, API_VERSION_FLAG))
    options = {setting: flags[flag] for flag, setting in EKS_FLAGS.items() if flag in flags}
    region = options.get("region") or env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION")
    if "cluster" not in options:
        raise UsageError("--cluster is missing", mend=_HELP)
    if not region:
        raise UsageError("the cluster's region is not known", mend="give --region or set AWS_REGION")
    version, is_interactive, url = _read_exec_info(env, flags)
    return Request(
        client=Client.KUBE,
        verb=Verb.GET,
        url=url,
        asked=f"eks {options['cluster']}",
        accepts=(version,),
        provider="aws-eks",
        options={**options, "region": region},
        interactive=is_interactive,
    )


def _parse_profile(words: Sequence[str], env: Mapping[str, str]) -> Request:
    if not words or not words[0] or words[0].startswith("-"):
        raise UsageError("`profile` needs the id of a profile, such as aws-eks:prod", mend=_HELP)
    version, is_interactive, url = _read_exec_info(env, _read_flags(words[1:], (API_VERSION_FLAG,)))
    return Request(
        client=Client.KUBE,
        verb=Verb.GET,
        url=url,
        asked=f"profile {words[0]}",
        accepts=(version,),
        profile=words[0],
        interactive=is_interactive,
    )


def _parse_cluster(words: Sequence[str], env: Mapping[str, str]) -> Request:
    version, is_interactive, url = _read_exec_info(env, _read_flags(words, (API_VERSION_FLAG,)))
    if url is None:
        raise UsageError(
            "the client did not say which cluster", mend="set `provideClusterInfo: true` in the kubeconfig"
        )
    return Request(
        client=Client.KUBE,
        verb=Verb.GET,
        url=url,
        asked=f"cluster {url}",
        accepts=(version,),
        interactive=is_interactive,
    )


def _read_flags(words: Sequence[str], known: Sequence[str]) -> dict[str, str]:
    """Return the value of each flag; argparse would do it too, for 7 ms of every call."""
    given: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        flag, equals, value = word.partition("=")
        if flag not in known:
            stranger = f"the option {flag!r}" if flag.startswith("-") else "a word that belongs to no option"
            raise UsageError(f"{stranger} is not known here", mend=_HELP)
        if flag in given:
            raise UsageError(f"{flag} was given twice")
        if not equals:
            value = next(rest, "")
        if not value or (not equals and value.startswith("-")):
            raise UsageError(f"{flag} needs a value", mend=_HELP)
        if any("\udc80" <= character <= "\udcff" for character in value):
            raise UsageError(f"{flag} is not UTF-8")
        given[flag] = value
    return given


def _read_exec_info(env: Mapping[str, str], flags: Mapping[str, str]) -> tuple[str, bool, Url | None]:
    """Return the API version to answer in, whether a person may be asked, and the cluster's URL where it was told."""
    text = env.get("KUBERNETES_EXEC_INFO", "")
    fallback = _check_version(flags.get(API_VERSION_FLAG, DEFAULT_API_VERSION), API_VERSION_FLAG)
    if not text:
        return fallback, False, None
    info = _load_object(text)
    if info is None or info.get("kind") != KIND:
        raise UsageError(f"KUBERNETES_EXEC_INFO is not a JSON object of the kind {KIND}")
    version = _check_version(info.get("apiVersion"), "KUBERNETES_EXEC_INFO")
    spec = _member(info, "spec", dict) or {}
    server = _member(_member(spec, "cluster", dict) or {}, "server", str)
    return version, _member(spec, "interactive", bool) or False, parse_url(server) if server else None


def _load_object(text: str) -> dict[str, Any] | None:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):  # its exceptions hold the whole text: nothing may be raised from here
        return None
    return document if isinstance(document, dict) else None


def _check_version(version: object, source: str) -> str:
    if version in API_VERSIONS:
        return str(version)
    asked = f"{version[:80]!r}" if isinstance(version, str) else "no version"
    raise UsageError(
        f"{source} asks for {asked}, and only {' and '.join(API_VERSIONS)} are spoken",
        mend=_HELP if source == API_VERSION_FLAG else f"set `apiVersion: {API_VERSIONS[0]}` in the kubeconfig",
    )


def _member(parent: Mapping[str, Any], name: str, kind: type[_T]) -> _T | None:
    """Return a member of a JSON object, None where it is absent or null (as Go reads it)."""
    value = parent.get(name)
    if value is None or isinstance(value, kind):
        return value
    raise UsageError(f"KUBERNETES_EXEC_INFO holds a {name!r} of the wrong type")
