"""What setting up needs to know of one client's configuration file.

    wish    target                                   value
    git     credential.https://github.com.helper     ["", "/home/me/.local/bin/git-credential-keywright"]
    docker  credHelpers ghcr.io                      "keywright"
    kube    users arn:aws:eks:…:cluster/prod         {"exec": {…}}

A file is a set of targets, and what stands at a target is a value; None is nothing. Setting up puts a value where
another one was, and taking down puts that one back if ours is still there: neither knows what the file looks like.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

Value: TypeAlias = str | list[str] | dict[str, Any]
"""As JSON has it: a kubeconfig's stanza has members of every type."""


class Wish(NamedTuple):
    """One thing that shall stand in a client's file.

    Attributes:
        target: where.
        value: what.
        label: what the person called it, by which it can be taken down again: a host, a cluster; empty for "all".
    """

    target: str
    value: Value
    label: str


class Changed:
    """The type of `CHANGED`."""


CHANGED: Final = Changed()
"""What taking down finds where somebody else has been at work since."""


class Editor(Protocol):
    """Reads and changes one client's file. Contents are bytes; an absent file is an empty one."""

    @property
    def client(self) -> str:
        """The client's name in the memory of what was installed."""

    @property
    def command(self) -> str:
        """What follows `keywright install` and `keywright uninstall` for this client."""

    @property
    def path(self) -> str:
        """The file as the client names it, absolute; it may be a link."""

    @property
    def lock(self) -> str:
        """The lock file that the client's own programs would take; empty if they take none."""

    def find(self, content: bytes, targets: Collection[str]) -> Mapping[str, Value | None]:
        """Return what stands at each target.

        Raises:
            ConfigurationError: the client itself could not read the file.
        """

    def edit(self, content: bytes, changes: Mapping[str, Value | None]) -> bytes:
        """Return the content with each target changed; None takes it away.

        Raises:
            ConfigurationError: the client could not read the file, or cannot hold what is wanted.
        """

    def lines(self, content: bytes) -> Sequence[str]:
        """Return the content for a person to compare, without anything in it that may be a secret."""

    def is_ours(self, target: str, value: Value) -> bool:
        """Whether this is keywright, whoever wrote it; or nothing that anybody would miss."""

    def may_be_secret(self, target: str, value: Value) -> bool:
        """Whether the value is to be remembered in the vault only."""

    def describe(self, target: str, value: Value) -> str:
        """Return a few words on a value that is not ours, without anything in it that may be a secret."""

    def check_replaceable(self, content: bytes, target: str) -> None:
        """Raise if what stands there must not be replaced, whoever asks for it.

        Raises:
            ConfigurationError: it must not.
        """

    def without(self, found: Value, wrote: Value, was: Value | None) -> Value | Changed | None:
        """Return what should stand there once what we `wrote` has made room for what `was` there before."""

    def in_use(self, content: bytes, changes: Mapping[str, Value | None]) -> Mapping[str, str]:
        """Return the targets that `changes` takes away and that something else still needs, each with what needs it."""

    def is_empty(self, content: bytes) -> bool:
        """Whether nothing stands in the file any more."""
