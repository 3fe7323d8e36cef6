"""The question that a client would ask, in its own words: made as the client makes it, and read by its dialect.

A login in the URL is what people paste by accident. A user name is part of git's question and of no answer here; a
password, a query and a fragment are nobody's business and go no further.
"""

import json
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import unquote

from keywright.dialects.docker import DockerDialect
from keywright.dialects.git import GitDialect
from keywright.dialects.kube import EKS_FLAGS, KubeDialect
from keywright.dialects.person import PersonDialect
from keywright.errors import UsageError
from keywright.request import Request

_EXEC: Final = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}


class _Place(NamedTuple):
    scheme: str
    username: str
    host: str
    path: str

    @property
    def bare(self) -> str:
        return (f"{self.scheme}://" if self.scheme else "") + self.host + self.path


def ask_git(url: str, env: Mapping[str, str]) -> Request:
    """Return git's question about a URL, decoded as git decodes it, its path told as with `credential.useHttpPath`.

    Raises:
        UsageError: it is no URL.
        CredentialNotFound: it names a host or path that has no normal form.
    """
    place = _split(url)
    if not place.scheme or not place.host:
        raise UsageError("that is no URL of git's", mend="write it as https://HOST/PATH")
    host, path, username = (unquote(part, errors="surrogateescape") for part in place[2:] + place[1:2])
    if any(character < " " for character in f"{host}{path}{username}"):
        raise UsageError("the place holds line breaks or other characters that no URL has")
    lines = [f"protocol={place.scheme}", f"host={host}"]
    lines += [f"path={path}"] if (path := path.strip("/")) else []
    lines += [f"username={username}"] if username else []
    return GitDialect().parse(["get"], "\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape"), env)


def ask_docker(server: str, env: Mapping[str, str]) -> Request:
    """Return docker's question about a registry.

    Raises:
        UsageError: no server is named.
        CredentialNotFound: it is not a registry.
    """
    return DockerDialect().parse(["get"], _split(server).bare.encode("utf-8", "surrogateescape"), env)


def ask_kube(server: str, env: Mapping[str, str]) -> Request:
    """Return kubectl's question about a cluster that it names by its server.

    Raises:
        UsageError: it is no URL.
    """
    info = {**_EXEC, "spec": {"interactive": False, "cluster": {"server": _split(server).bare}}}
    try:
        return KubeDialect().parse(["cluster"], b"", {**env, "KUBERNETES_EXEC_INFO": json.dumps(info)})
    except UsageError:
        raise UsageError("that is no URL of a cluster's API server", mend="write it as https://HOST") from None


def ask_eks(given: Mapping[str, str], env: Mapping[str, str]) -> Request:
    """Return kubectl's question about an EKS cluster; `given` are the settings of its command line, by name.

    Raises:
        UsageError: its region is not known.
    """
    words = [word for flag, name in EKS_FLAGS.items() if given.get(name) for word in (f"{flag}={given[name]}",)]
    try:
        return KubeDialect().parse(["eks", *words], b"", _outside(env))
    except UsageError as error:
        raise UsageError(error.what, mend="give --eks NAME and --region REGION, or set AWS_REGION") from None


def ask_for_token(profile: str, url: str | None, env: Mapping[str, str]) -> Request:
    """Return the question of a person who names a profile.

    Raises:
        UsageError: `url` is none.
    """
    place = [] if url is None else ["--url", _split(url).bare]
    return PersonDialect().parse(["token", profile, *place], b"", env)


def _outside(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a kubectl that says nothing of its cluster."""
    return {name: value for name, value in env.items() if name != "KUBERNETES_EXEC_INFO"}


def _split(text: str) -> _Place:
    """Return the parts of a URL, its login, query and fragment left out but for the user name."""
    if not text or not text.isprintable() or " " in text:
        raise UsageError("the place is empty, or holds blanks or characters that no URL has")
    front, separator, rest = text.partition("://")
    scheme, rest = (front, rest) if separator else ("", text)
    end = min((at for at in map(rest.find, "/?#") if at >= 0), default=len(rest))
    login, _, host = rest[:end].rpartition("@")
    path = rest[end:].partition("?")[0].partition("#")[0]
    return _Place(scheme, login.partition(":")[0], host, path)
