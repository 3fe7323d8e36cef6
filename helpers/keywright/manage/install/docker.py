"""docker's `config.json` and podman's `auth.json`: which helper is asked about which registry.

    {
        "auths": {"ghcr.io": {}},
        "credHelpers": {"public.ecr.aws": "keywright"},
        "credsStore": "desktop"
    }

docker has no lock for it: it writes a new file and renames it, and so do we. https://docs.docker.com/reference/cli/docker/login/
"""

import json
from collections.abc import Collection, Mapping, Sequence
from itertools import product, starmap
from math import isfinite
from typing import Any, Final, NamedTuple

from keywright.errors import ConfigurationError, UsageError
from keywright.manage.install.base import CHANGED, Changed, Value
from keywright.manage.install.diff import MASK
from keywright.providers.home import expand
from keywright.request import parse_url

HELPER: Final = "docker-credential-keywright"
NAME: Final = "keywright"
STORE: Final = "credsStore"
HELPERS: Final = "credHelpers"
_HUB_KEYS: Final = {"docker": "https://index.docker.io/v1/", "podman": "docker.io"}
_HUB_NAMES: Final = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_AS_GO: Final = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}
"""What Go, and so docker itself, does not write as it is; JSON has these in texts alone."""


class _Style(NamedTuple):
    """How a file is written; docker's own way by default."""

    indent: str | int | None = "\t"
    is_go: bool = False
    is_ascii: bool = False
    newline: str = "\n"

    def write(self, document: dict[str, Any]) -> bytes:
        """Return the document in this style."""
        text = json.dumps(document, indent=self.indent, ensure_ascii=self.is_ascii).replace("\n", self.newline)
        try:
            return (text.translate(_AS_GO) if self.is_go else text).encode()
        except UnicodeEncodeError:  # half of a surrogate pair, which only an escape can be
            return self._replace(is_ascii=True).write(document)


_USUAL: Final = [*starmap(_Style, product(("\t", 2, 4, 3, 8, None), (False, True), (False, True), ("\n", "\r\n")))]


def docker_path(env: Mapping[str, str]) -> str:
    """Return the absolute path of docker's configuration."""
    return expand(f"{env.get('DOCKER_CONFIG') or '~/.docker'}/config.json", env)


def podman_path(env: Mapping[str, str]) -> str:
    """Return the absolute path of the file that podman, skopeo and buildah keep logins in."""
    if env.get("REGISTRY_AUTH_FILE"):
        return expand(env["REGISTRY_AUTH_FILE"], env)
    if env.get("XDG_RUNTIME_DIR"):
        return expand(f"{env['XDG_RUNTIME_DIR']}/containers/auth.json", env)
    return expand(f"{env.get('XDG_CONFIG_HOME') or '~/.config'}/containers/auth.json", env)


def key_of(host: str, client: str) -> str:
    """Return the registry as `client` (docker or podman) names it to a helper.

    Raises:
        UsageError: it is no registry's host.
    """
    url = parse_url(host)
    if url is None or url.scheme not in {"", "http", "https"} or "*" in host:
        raise UsageError(f"{host!r} is not a registry's host", mend="write it as in an image's name, such as ghcr.io")
    if url.host in _HUB_NAMES and url.path in {"", "v1"}:
        return _HUB_KEYS[client]
    if url.path:
        raise UsageError(f"{host!r} has a path; helpers are chosen by host", mend=f"write {url.host}")
    return url.host


class DockerFile:
    """`config.json` or `auth.json`."""

    lock: Final = ""

    def __init__(self, client: str, path: str) -> None:
        self.client = client
        self.command = "docker --podman" if client == "podman" else client
        self.path = path

    def find(self, content: bytes, targets: Collection[str]) -> Mapping[str, Value | None]:
        """Return the helper at each target: `credsStore`, or `credHelpers` and a host."""
        document = self.parse(content)
        return {target: _at(document, target) for target in targets}

    def edit(self, content: bytes, changes: Mapping[str, Value | None]) -> bytes:
        """Return the file with its order, its unknown keys and, if it is a usual one, its style kept."""
        document = self.parse(content)
        style, ending = _style(content, document)
        for target, value in changes.items():
            key, _, host = target.partition(" ")
            if host and document.get(HELPERS) is None:
                document[HELPERS] = {}
            table = document[HELPERS] if host else document
            if value is None:
                table.pop(host or key, None)
            else:
                table[host or key] = value
        if not document.get(HELPERS, True):
            del document[HELPERS]  # as docker itself leaves it out
        return style.write(document) + ending

    def lines(self, content: bytes) -> Sequence[str]:
        """Return the file with nothing shown but keys and helpers' names."""
        document = self.parse(content)
        shown = {key: value if key in {STORE, HELPERS} else _masked(value) for key, value in document.items()}
        return _Style().write(shown).decode().splitlines()

    def is_ours(self, target: str, value: Value) -> bool:  # noqa: ARG002 - the contract
        """Whether it is our helper, or an empty name, which docker takes for none."""
        return value in {NAME, ""}

    def may_be_secret(self, target: str, value: Value) -> bool:  # noqa: ARG002 - the contract
        """A helper's name never is."""
        return False

    def describe(self, target: str, value: Value) -> str:  # noqa: ARG002 - the contract
        """Return the helper's name."""
        return f"the helper `{value}`"

    def check_replaceable(self, content: bytes, target: str) -> None:
        """Any helper's name may be replaced."""

    def without(self, found: Value, wrote: Value, was: Value | None) -> Value | Changed | None:
        """Return the helper that was there, if ours still is."""
        return was if found == wrote else CHANGED

    def in_use(self, content: bytes, changes: Mapping[str, Value | None]) -> Mapping[str, str]:  # noqa: ARG002 - the contract
        """Nothing else in the file refers to a helper."""
        return {}

    def is_empty(self, content: bytes) -> bool:
        """Whether the file is `{}`."""
        return not self.parse(content)

    def hidden_logins(self, content: bytes, keys: Collection[str] | None = None) -> list[str]:
        """Return the registries whose logins are kept in the file itself, where the client looks past them.

        With a `credsStore` it looks past all of them, and with a helper in `credHelpers` past those of its registry.
        `keys` are such registries, as the client names them; None is all there are.
        """
        auths = self.parse(content).get("auths")
        names = [name for name, login in auths.items() if login] if isinstance(auths, dict) else []
        hosts = None if keys is None else {_host_of(key) for key in keys}
        return [name for name in names if hosts is None or _host_of(name) in hosts]

    def parse(self, content: bytes) -> dict[str, Any]:
        """Return the whole document.

        Raises:
            ConfigurationError: the client could not read it, or not as it is meant.
        """
        if not content.strip():
            return {}  # docker, too, takes an empty file for none
        try:
            document = json.loads(
                content.decode(), object_pairs_hook=self._table, parse_constant=_no_number, parse_float=_number
            )
        except (ValueError, RecursionError):
            document = None  # its message may quote the file
        if not isinstance(document, dict):
            raise ConfigurationError(f"{self.path} is not a JSON object", mend="mend it; nothing was changed")
        for key in document:
            if key not in {STORE, HELPERS} and key.lower() in {STORE.lower(), HELPERS.lower()}:
                mend = f"write {STORE if key.lower() == STORE.lower() else HELPERS}"
                raise ConfigurationError(f"{self.path} spells `{key}` otherwise than docker", mend=mend)
        helpers, store = document.get(HELPERS), document.get(STORE)
        if helpers is None:  # to docker, null is as good as nothing
            helpers = {}
        if not isinstance(helpers, dict) or not all(
            isinstance(name, str) for name in ("" if store is None else store, *helpers.values())
        ):
            raise ConfigurationError(f"{self.path}: `{STORE}` or `{HELPERS}` is not what docker reads", mend="mend it")
        return document

    def _table(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(pairs)
        if len(table) < len(pairs):  # rewriting would lose one of them
            raise ConfigurationError(f"{self.path} has a key twice in one object", mend="keep one of the two")
        return table


def _host_of(name: str) -> str:
    """Return the host of a registry, or of a repository in it; the name itself if it is neither."""
    url = parse_url(name)
    host = url.host if url else name
    return "docker.io" if host in _HUB_NAMES else host


def _at(document: dict[str, Any], target: str) -> str | None:
    key, _, host = target.partition(" ")
    value: str | None = (document.get(HELPERS) or {}).get(host) if host else document.get(key)
    return value


def _style(content: bytes, document: dict[str, Any]) -> tuple[_Style, bytes]:
    """Return how the file is written and how it ends, as far as it is written in one of the usual ways."""
    body = content.rstrip()
    for style in _USUAL:
        if body and style.write(document) == body:
            return style, content[len(body) :]
    return _Style(), b""


def _no_number(text: str) -> float:
    raise ValueError(text)  # NaN and the like, which Python would take for numbers, and docker for an error


def _number(text: str) -> float:
    value = float(text)
    return value if isfinite(value) else _no_number(text)


def _masked(value: object) -> object:
    """Return the value with every text and number in it masked, and keys kept."""
    if isinstance(value, dict):
        return {key: _masked(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_masked(member) for member in value]
    return value if not value or isinstance(value, bool) else MASK
