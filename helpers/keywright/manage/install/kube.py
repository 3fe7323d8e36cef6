"""A kubeconfig: a cluster, a user who runs our plugin, a context of the two, and which context is the current one.

    apiVersion: v1
    kind: Config
    users:
    - name: arn:aws:eks:eu-central-1:111122223333:cluster/prod
      user:
        exec:
          apiVersion: client.authentication.k8s.io/v1
          args: [eks, --cluster, prod, --region, eu-central-1]
          command: /home/me/.local/bin/kube-credential-keywright
          interactiveMode: IfAvailable

`kubectl config` edits a copy beside the file, and the result takes the file's place under kubectl's own lock
(`config.lock`): kubectl itself writes the file in place, in which a crash would lose it. Of an entry only the members
that are ours to say are touched.
"""

import json
import os
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from keywright.errors import ConfigurationError
from keywright.manage.install.base import CHANGED, Changed, Value
from keywright.manage.install.copies import StandIns, contents, private_copy
from keywright.manage.install.file import read
from keywright.manage.install.kubeconfig import CURRENT, OURS_TO_SAY, SINGULAR, entry_of, is_plugin, masked, said_of
from keywright.manage.install.program import run_tool
from keywright.manage.install.yaml import as_yaml

_STATIC: Final = frozenset(
    {
        "auth-provider",
        "client-certificate",
        "client-certificate-data",
        "client-key",
        "client-key-data",
        "password",
        "token",
        "tokenFile",
        "username",
    }
)


class KubeFile:
    """A kubeconfig. A target is a list's name and an entry's, and its value the members that are ours to say."""

    client: Final = "kube"
    command: Final = "kube"

    def __init__(self, path: str, tool: str, env: Mapping[str, str]) -> None:
        """`tool` is kubectl's path."""
        self.path = path
        self._tool = tool
        self._env = env
        self._views: dict[bytes, dict[str, Any]] = {}

    @property
    def lock(self) -> str:
        """The lock by the name that kubectl was given, links and all."""
        return f"{self.path}.lock"

    def find(self, content: bytes, targets: Collection[str]) -> Mapping[str, Value | None]:
        """Return the members that are ours to say, of each entry that is there."""
        document = self._view(content)
        return {target: said_of(document, target) for target in targets}

    def edit(self, content: bytes, changes: Mapping[str, Value | None]) -> bytes:
        """Return the file as kubectl rewrites it: sorted, without comments, and with all that kubectl knows kept."""
        document = self._view(content)
        with private_copy(content, os.path.dirname(self.path)) as copy:
            for target, value in changes.items():
                kind, _, name = target.partition(" ")
                if kind == CURRENT:
                    self._config(copy, *(("unset", CURRENT) if value is None else ("set", CURRENT, str(value))))
                elif not isinstance(value, dict):
                    self._config(copy, f"delete-{SINGULAR[kind]}", name)
                elif kind == "contexts":
                    self._config(copy, "set-context", name, f"--cluster={value['cluster']}", f"--user={value['user']}")
                else:
                    there = entry_of(document, kind, name)
                    rest = {key: member for key, member in (there or {}).items() if key not in OURS_TO_SAY[kind]}
                    if there is not None:
                        self._config(copy, f"delete-{SINGULAR[kind]}", name)
                    self._put(copy, kind, name, rest | value)
            after = contents(copy)
        if self.find(after, changes) != dict(changes):
            mend = "use kubectl 1.24 or newer"
            raise ConfigurationError(f"kubectl does not keep in {self.path} what it was given", mend=mend)
        return after

    def lines(self, content: bytes) -> Sequence[str]:
        """Return the file as YAML with everything masked but what is known to be plain."""
        return as_yaml(masked(self._view(content)))

    def is_ours(self, target: str, value: Value) -> bool:
        """Whether it runs our plugin, says nothing, or only points at a context."""
        if target == CURRENT or not value:
            return True
        return isinstance(value, dict) and is_plugin(value.get("exec"))

    def may_be_secret(self, target: str, value: Value) -> bool:  # noqa: ARG002 - the contract
        """A plugin's arguments and environment can be."""
        stanza = value.get("exec", {}) if isinstance(value, dict) else {}
        return bool(stanza) and not (is_plugin(stanza) and "env" not in stanza)

    def describe(self, target: str, value: Value) -> str:  # noqa: ARG002 - the contract
        """Return which program, or which cluster."""
        if isinstance(value, dict) and "exec" in value:
            return f"the plugin `{os.path.basename(str(value['exec'].get('command', '')))}`"
        return "another entry"

    def check_replaceable(self, content: bytes, target: str) -> None:
        """Raise for a user with a credential in the file: nothing could bring a mislaid private key back.

        Raises:
            ConfigurationError: it is such a user.
        """
        kind, _, name = target.partition(" ")
        kept = _STATIC & (entry_of(self._view(content), kind, name) or {}).keys() if kind == "users" else set()
        if kept:
            raise ConfigurationError(
                f"{self.path}: the user {name} has a {min(kept)} of its own, which is never replaced",
                mend="name another user with --user",
            )

    def without(self, found: Value, wrote: Value, was: Value | None) -> Value | Changed | None:
        """Return what was there, if what we wrote still is."""
        return was if found == wrote else CHANGED

    def in_use(self, content: bytes, changes: Mapping[str, Value | None]) -> Mapping[str, str]:
        """Return clusters and users that a context needs, contexts that are current, and entries with more in them."""
        document = self._view(content)
        current = changes.get(CURRENT, document.get(CURRENT))
        used: dict[str, str] = {}
        for target, value in changes.items():
            kind, _, name = target.partition(" ")
            if value is None and kind == "contexts" and name == current:
                used[target] = "it is the current context"
            elif (
                value is None and kind != CURRENT and (entry_of(document, kind, name) or {}).keys() - OURS_TO_SAY[kind]
            ):
                used[target] = "somebody has added to it"
        for context in document.get("contexts") or []:
            target = f"contexts {context['name']}"
            if target in changes and target not in used and changes[target] is None:
                continue
            said = changes.get(target)
            needed = said if isinstance(said, dict) else context["context"]
            for kind in ("clusters", "users"):
                target = f"{kind} {needed.get(SINGULAR[kind])}"
                if target in changes and changes[target] is None:
                    used[target] = f"the context {context['name']} needs it"
        return used

    def is_empty(self, content: bytes) -> bool:
        """Whether no cluster, user or context is left."""
        document = self._view(content)
        return not any(document.get(kind) for kind in (*OURS_TO_SAY, CURRENT))

    def has_comments(self, content: bytes) -> bool:
        """Whether there is a comment, on a line of its own or behind something: kubectl keeps neither."""
        return re.search(rb"(?m)(?:^|\s)#", content) is not None

    def _view(self, content: bytes) -> dict[str, Any]:
        if content not in self._views:
            self._views[content] = self._ask(content)
        return self._views[content]

    def _ask(self, content: bytes) -> dict[str, Any]:
        with private_copy(content, os.path.dirname(self.path)) as copy:
            shown = run_tool([self._tool, "--kubeconfig", copy, "config", "view", "--raw", "-o", "json"], self._env)
        try:
            document: dict[str, Any] = json.loads(shown or b"")
        except ValueError:
            mend = f"see `kubectl --kubeconfig '{self.path}' config view`"
            raise ConfigurationError(f"{self.path} is not a kubeconfig that kubectl can read", mend=mend) from None
        return document

    def _put(self, copy: str, kind: str, name: str, entry: dict[str, Any]) -> None:
        """Put a whole entry in, none of it on a command line: JSON in place of a word, which kubectl then rewrites."""
        stand_ins = StandIns()
        command, member = ("set-cluster", "server") if kind == "clusters" else ("set-credentials", "username")
        word = stand_ins.stand_in_for(json.dumps(entry | {member: "stand-in"}).encode())
        self._config(copy, command, name, f"--{member}={word}")
        stand_ins.fill(copy, around=lambda word: f"{member}: {word}")
        if kind == "clusters":
            self._config(copy, command, name, f"--server={entry.get('server', '')}")
        else:
            self._config(copy, "unset", f"users.{name}.username")

    def _config(self, copy: str, *words: str) -> None:
        if run_tool([self._tool, "--kubeconfig", copy, "config", *words], self._env) is None:
            raise ConfigurationError(
                f"`kubectl config {words[0]}` cannot change {self.path}", mend="use kubectl 1.24 or newer"
            )


def kube_paths(env: Mapping[str, str], explicit: str | None) -> list[str]:
    """Return the kubeconfigs that kubectl reads, absolute, the one that says most first."""
    from keywright.providers.home import expand

    if explicit is not None:
        return [expand(explicit, env)]
    listed = [os.path.abspath(path) for path in env.get("KUBECONFIG", "").split(os.pathsep) if path]
    return list(dict.fromkeys(listed)) or [expand("~/.kube/config", env)]


def choose(editors: Sequence[KubeFile], targets: Sequence[str], otherwise: KubeFile | None = None) -> KubeFile:
    """Return the file that has one of the targets; else `otherwise`, or the one that kubectl makes new entries in.

    Raises:
        ConfigurationError: two files have it, or one cannot be read.
    """
    if len(editors) == 1:
        return editors[0]
    there = [editor for editor in editors if os.path.exists(editor.path)]
    found = {editor: editor.find(read(editor.path) or b"", targets).values() for editor in there}
    # An entry that says nothing which is ours to say, such as a user with a token, is there all the same.
    having = [editor for editor in there if any(value is not None for value in found[editor])]
    if len(having) > 1 and CURRENT not in targets:
        names = " and ".join(editor.path for editor in having)
        raise ConfigurationError(f"{names} both have such an entry", mend="say which with --kubeconfig")
    return next(iter(having), otherwise or (there or editors[-1:])[0])
