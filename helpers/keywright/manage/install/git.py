"""git's own configuration: which helper is asked about which host.

    [credential "https://github.com"]
        helper =
        helper = /home/me/.local/bin/git-credential-keywright
        useHttpPath = true

`git config` edits a copy, and the result takes the file's place under the lock that git itself would take
(`.gitconfig.lock`), so that several changes are one. An empty `helper` empties the list of helpers before it. See
gitcredentials(7).
"""

import os
import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from keywright.errors import ConfigurationError, UsageError
from keywright.manage.install.base import CHANGED, Changed, Value, Wish
from keywright.manage.install.copies import StandIns, contents, private_copy
from keywright.manage.install.diff import MASK
from keywright.manage.install.program import run_tool
from keywright.providers.aws.hosts import find_codecommit_region
from keywright.providers.home import expand
from keywright.request import Client
from keywright.settings.model import Settings
from keywright.settings.values import parse_pattern

HELPER: Final = "git-credential-keywright"
_PLAIN: Final = re.compile(r"[A-Za-z0-9._/~+-]*")
_LINE: Final = re.compile(r"(?P<key>\s*(?:helper|useHttpPath)\s*=\s*)(?P<value>.*)", re.IGNORECASE)
_SECTION: Final = re.compile(r'\[credential(?: "[^"@\\]*")?\]')


def git_path(env: Mapping[str, str]) -> str:
    """Return the absolute path of the file that `git config --global` writes."""
    if env.get("GIT_CONFIG_GLOBAL"):
        return os.path.abspath(env["GIT_CONFIG_GLOBAL"])
    own = expand("~/.gitconfig", env)
    xdg = expand(f"{env.get('XDG_CONFIG_HOME') or '~/.config'}/git/config", env)
    return xdg if os.path.exists(xdg) and not os.path.exists(own) else own


def scope_of(url: str) -> str:
    """Return the `scheme://host` that git's configuration is to name; a `*` is one label of the host, as in a route.

    Raises:
        UsageError: it is no such URL.
    """
    place = parse_pattern(Client.GIT, url)
    if place is None or place.scheme not in {"http", "https"}:
        raise UsageError(f"{url!r} is not a URL of scheme and host", mend="write it as https://github.com")
    if place.path:
        mend = f"write {place.scheme}://{place.host}; routes of the settings go by path"
        raise UsageError(f"{url!r} has a path; helpers are set up by host", mend=mend)
    return f"{place.scheme}://{place.host}"


def wishes_for(scopes: Sequence[str], helper: str, settings: Settings, *, is_alone: bool) -> list[Wish]:
    """Return what is to stand in git's configuration.

    Args:
        scopes: `scheme://host`, or empty for every host.
        helper: the absolute path of our executable.
        settings: routes that go by path need git to tell the path; so does CodeCommit, which needs no route.
        is_alone: whether other helpers are to be kept out.
    """
    command = helper if _PLAIN.fullmatch(helper) else f"!{shlex.quote(helper)}"  # git gives it to a shell
    by_path = {
        f"{route.url.scheme}://{route.url.host}"
        for route in settings.routes
        if route.client is Client.GIT
        and (route.url.path or any(p.startswith("aws-codecommit:") for p in route.profiles))
    } | {scope for scope in scopes if find_codecommit_region(scope.partition("://")[2])}
    wishes = []
    for scope in scopes:
        front = f"credential.{scope}." if scope else "credential."
        wishes.append(Wish(f"{front}helper", ["", command] if is_alone else [command], scope))
        wishes += [
            Wish(f"credential.{host}.useHttpPath", ["true"], scope) for host in sorted(by_path) if scope in {"", host}
        ]
    return wishes


def scopes_of(settings: Settings) -> list[str]:
    """Return every `scheme://host` that the settings' git routes name."""
    urls = (route.url for route in settings.routes if route.client is Client.GIT)
    return sorted({f"{url.scheme}://{url.host}" for url in urls})


class GitFile:
    """A configuration file of git's. A value is the list of all values of one key."""

    client: Final = "git"
    command: Final = "git"

    def __init__(self, path: str, tool: str, env: Mapping[str, str]) -> None:
        """`tool` is git's path."""
        self.path = path
        self._tool = tool
        self._env = env

    @property
    def lock(self) -> str:
        """The lock of the file itself: git follows links first."""
        return f"{os.path.realpath(self.path)}.lock"

    def find(self, content: bytes, targets: Collection[str]) -> Mapping[str, Value | None]:
        """Return all values of each key, in order."""
        with private_copy(content) as copy:
            return self._found(copy, targets)

    def edit(self, content: bytes, changes: Mapping[str, Value | None]) -> bytes:
        """Return the file as `git config` rewrites it: comments, order and everything else stay."""
        with private_copy(content) as copy:
            found = self._found(copy, changes)
            stand_ins = StandIns()
            for target, value in changes.items():
                words = [
                    text if is_own(target, text) else stand_ins.stand_in_for(_quoted(text))
                    for text in (value if isinstance(value, list) else [])
                ]
                if not words:
                    self._config(copy, "--unset-all", target)
                    continue
                self._config(copy, *(("--replace-all",) if found[target] else ("--add",)), target, words[0])
                for word in words[1:]:
                    self._config(copy, "--add", target, word)
            stand_ins.fill(copy)
            if self._found(copy, changes) != dict(changes):
                raise ConfigurationError(f"git does not keep in {self.path} what it was given")
            return contents(copy)

    def lines(self, content: bytes) -> Sequence[str]:
        """Return the file's lines, each value masked that is not a plain name, path or word."""
        return [_masked(line) for line in content.decode("utf-8", "replace").split("\n")][: -1 if content else None]

    def is_ours(self, target: str, value: Value) -> bool:
        """Whether all its helpers are ours, or it says what we would say."""
        return all(is_own(target, text) for text in value)

    def may_be_secret(self, target: str, value: Value) -> bool:
        """A helper can be a line of shell."""
        return not self.is_ours(target, value)

    def describe(self, target: str, value: Value) -> str:  # noqa: ARG002 - the contract
        """Return the values, masked as in a diff."""
        shown = [masked_value(text) for text in value if text]
        return " and ".join(f"`{text}`" for text in shown) or "an empty value"

    def check_replaceable(self, content: bytes, target: str) -> None:
        """Any helper may be replaced."""

    def without(self, found: Value, wrote: Value, was: Value | None) -> Value | Changed | None:
        """Return the list with what was there in place of ours; helpers that came since stay where they are."""
        there, ours, before = (list(value) if isinstance(value, list) else [] for value in (found, wrote, was))
        for start in range(len(there) - len(ours) + 1):
            if there[start : start + len(ours)] == ours:
                return [*there[:start], *before, *there[start + len(ours) :]] or None
        return CHANGED

    def in_use(self, content: bytes, changes: Mapping[str, Value | None]) -> Mapping[str, str]:  # noqa: ARG002 - the contract
        """Nothing else in the file refers to a helper."""
        return {}

    def is_empty(self, content: bytes) -> bool:
        """Whether nothing but blanks is left."""
        return not content.strip()

    def has_unscoped_helper(self, content: bytes) -> bool:
        """Whether a helper of another tool's is asked about every host."""
        helpers = self.find(content, ["credential.helper"])["credential.helper"]
        return any(not is_own("credential.helper", text) for text in helpers or ())

    def _found(self, copy: str, targets: Collection[str]) -> dict[str, Value | None]:
        listed = run_tool([self._tool, "config", "--file", copy, "-z", "--list"], self._env)
        if listed is None:
            mend = f"see `git config --file '{self.path}' --list`"
            raise ConfigurationError(f"{self.path} is not what git can read", mend=mend)
        found: dict[str, list[str]] = {}
        for entry in listed.decode("utf-8", "surrogateescape").split("\0")[:-1]:
            key, _, text = entry.partition("\n")
            found.setdefault(key, []).append(text)
        return {target: found.get(_as_listed(target)) for target in targets}

    def _config(self, copy: str, *words: str) -> None:
        if run_tool([self._tool, "config", "--file", copy, *words], self._env) is None:
            raise ConfigurationError(f"git cannot change {words[1]} in {self.path}")


def is_own(target: str, text: str) -> bool:
    """Whether we could have written the value, which then is no secret."""
    if not target.endswith(".helper"):
        return text.lower() in {"", "true", "yes", "on", "1"}
    if text in {"", "keywright"}:
        return True
    try:  # a line of shell that merely ends in our path is somebody else's
        words = shlex.split(text.removeprefix("!"))
    except ValueError:
        return False
    return len(words) == 1 and os.path.isabs(words[0]) and _quotes_once(text) and words[0].endswith(f"/{HELPER}")


def _quotes_once(text: str) -> bool:
    """Whether the value is a plain path, or `!` and one quoted word: nothing that a shell would do more with."""
    if not text.startswith("!"):
        return _PLAIN.fullmatch(text) is not None
    return text[1:] in {shlex.quote(word) for word in shlex.split(text[1:])}


def _as_listed(target: str) -> str:
    """Return a key as git lists it: section and name in lower case, what stands between as it is."""
    front, _, name = target.rpartition(".")
    return f"{front}.{name.lower()}"


def _quoted(text: str) -> bytes:
    """Return a value as git writes it to a file."""
    escaped = re.sub(r'["\\]', r"\\\g<0>", text).replace("\n", "\\n").replace("\t", "\\t")
    needs_quotes = text != text.strip(" ") or any(c in text for c in ";#\r")
    return (f'"{escaped}"' if needs_quotes else escaped).encode("utf-8", "surrogateescape")


def _masked(line: str) -> str:
    if not line.strip() or _SECTION.fullmatch(line.strip()):
        return line
    pair = _LINE.fullmatch(line)
    return pair["key"] + masked_value(pair["value"]) if pair else MASK


def masked_value(text: str) -> str:
    """Return a helper's name or path, its arguments masked; a line of shell is masked whole."""
    name, blank, _ = text.partition(" ")
    if not _PLAIN.fullmatch(name):
        return MASK
    return f"{name} {MASK}" if blank else name
