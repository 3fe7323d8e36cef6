"""The agent as a service of the user's own: a systemd unit, or a launchd property list on macOS.

    ~/.config/systemd/user/keywright-agent.service    started with   systemctl --user enable --now keywright-agent
    ~/Library/LaunchAgents/keywright-agent.plist                     launchctl bootstrap gui/$UID FILE

The file is ours alone, so it has one target: all of it. Of the caller's environment it takes `KEYWRIGHT_HOME` only.
"""

import os
import plistlib
import shlex
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from keywright.errors import ConfigurationError, Unavailable
from keywright.manage.install.base import CHANGED, Changed, Value
from keywright.manage.install.diff import MASK
from keywright.providers.home import home

TARGET: Final = "service"
NAME: Final = "keywright-agent"
_PLIST: Final = ".plist"
_ENDS_WITHIN_S: Final = 45
"""Longer than the agent gives a renewal that spends a refresh token."""
_REFUSED: Final = frozenset("\\\"'")
"""What systemd accepts in the path of no program, quoted or not."""

_UNIT: Final = """\
# Written by `keywright install agent`; `keywright uninstall agent` takes it away.
[Unit]
Description=keywright agent: renews credentials ahead of their end

[Service]
Type=exec
ExecStart={program} agent
{environment}Restart=on-failure
RestartSec=30
# Wrong settings, or another agent that is running: no restart mends that.
RestartPreventExitStatus=2 5
TimeoutStopSec={ends_within}
UMask=0077
LimitCORE=0
# No sandbox: in a user's manager each part of one implies NoNewPrivileges=, and then sudo, a snap or 1Password's `op`
# fails as a credential_process.

[Install]
WantedBy=default.target
"""


class ServiceFile:
    """The service's file (`keywright.manage.install.base.Editor`)."""

    client = "agent"
    command = "agent"
    lock = ""

    def __init__(self, path: str) -> None:
        self.path = path

    def find(self, content: bytes, targets: Collection[str]) -> Mapping[str, Value | None]:
        """Return the whole text."""
        return {target: content.decode("utf-8", "surrogateescape") or None for target in targets}

    def edit(self, content: bytes, changes: Mapping[str, Value | None]) -> bytes:
        """Return the new text; none is an empty file."""
        value = changes.get(TARGET, content.decode("utf-8", "surrogateescape"))
        return str(value or "").encode("utf-8", "surrogateescape")

    def lines(self, content: bytes) -> Sequence[str]:
        """Return what is ours as it is, and another's without its values."""
        text = content.decode("utf-8", "surrogateescape")
        lines = text.splitlines()
        return lines if self.is_ours(TARGET, text) else [f"{line.partition('=')[0][:40]}={MASK}" for line in lines]

    def is_ours(self, _target: str, value: Value) -> bool:
        """Whether it runs our agent."""
        text = str(value)
        return "keywright install agent" in text or "<string>keywright-agent</string>" in text

    def may_be_secret(self, target: str, value: Value) -> bool:
        """Whether somebody else wrote it: a unit may have a secret in its environment."""
        return not self.is_ours(target, value)

    def describe(self, _target: str, _value: Value) -> str:
        """Say that it is another's."""
        return "another service"

    def check_replaceable(self, content: bytes, target: str) -> None:
        """Everything may be replaced by who asks for it."""

    def without(self, found: Value, wrote: Value, was: Value | None) -> Value | Changed | None:
        """Return what was there before, unless somebody has changed it since."""
        return was if found == wrote else CHANGED

    def in_use(self, _content: bytes, _changes: Mapping[str, Value | None]) -> Mapping[str, str]:
        """Return nothing: nothing else needs it."""
        return {}

    def is_empty(self, content: bytes) -> bool:
        """Whether nothing stands in it."""
        return not content.strip()


def service_path(env: Mapping[str, str], platform: str = sys.platform) -> str:
    """Return where the service's file belongs.

    Raises:
        Unavailable: this is neither Linux nor macOS.
    """
    if platform == "darwin":
        return f"{home(env)}/Library/LaunchAgents/{NAME}{_PLIST}"
    if platform != "linux":
        raise Unavailable(f"nothing is known of services on {platform}", mend="run `keywright agent` by other means")
    given = env.get("XDG_CONFIG_HOME", "")
    base = given if os.path.isabs(given) else f"{home(env)}/.config"
    return f"{base.rstrip('/')}/systemd/user/{NAME}.service"


def service_text(path: str, program: str, env: Mapping[str, str]) -> str:
    """Return what the file at `path` is to say, to run the agent of the absolute `program`.

    Raises:
        ConfigurationError: a path has a character that the file cannot hold.
    """
    own_home = env.get("KEYWRIGHT_HOME", "")
    if not program.isprintable() or _REFUSED.intersection(program) or not own_home.isprintable():
        raise ConfigurationError(
            f"a service's file cannot hold {program if own_home.isprintable() else own_home!r}",
            mend="install keywright under a plainer path",
        )
    return _plist(program, own_home) if path.endswith(_PLIST) else _unit(program, own_home)


def how_to_start(path: str) -> str:
    """Return the command that starts the service, now and at each login."""
    if path.endswith(_PLIST):
        return f"launchctl bootstrap gui/$UID {shlex.quote(path)}"
    return f"systemctl --user daemon-reload && systemctl --user enable --now {NAME}"


def how_to_end(path: str) -> str:
    """Return the command that ends the service: while its file is still there, and after."""
    if path.endswith(_PLIST):
        return f"launchctl bootout gui/$UID/{NAME}"
    return f"systemctl --user disable --now {NAME}"


def _unit(program: str, own_home: str) -> str:
    environment = f"Environment={_quoted(f'KEYWRIGHT_HOME={own_home}')}\n" if own_home else ""
    return _UNIT.format(program=_quoted(program), environment=environment, ends_within=_ENDS_WITHIN_S)


def _quoted(word: str) -> str:
    r"""Return one word of a unit file: in quotes, with `\`, `"` and the specifiers' `%` escaped.

    A `$` stays as it is: neither the path of a program nor a value of `Environment=` is searched for variables
    (systemd.service(5), "Command lines"; systemd.exec(5), "Environment=").
    """
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _plist(program: str, own_home: str) -> str:
    service: dict[str, object] = {
        "Label": NAME,
        "ProgramArguments": [program, "agent"],
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 30,
        "ExitTimeOut": _ENDS_WITHIN_S,
        "ProcessType": "Background",
        "Umask": 0o077,
    }
    if own_home:
        service["EnvironmentVariables"] = {"KEYWRIGHT_HOME": own_home}
    return plistlib.dumps(service, sort_keys=True).decode("utf-8")
