"""Programs: ours, which the clients are told to run, and theirs, which do the editing."""

import os
import stat
import subprocess
import sys
from collections.abc import Mapping, Sequence
from shlex import quote
from typing import Final

from keywright import trace
from keywright.errors import Busy, ConfigurationError, Unavailable

_RUNS_AT_MOST_S: Final = 30
_DISTURBING: Final = ("GIT_", "KUBECONFIG", "KUBERC")
"""Variables that would make git or kubectl work on another file than the one they are given."""


def find_ours(name: str, env: Mapping[str, str]) -> str:
    """Return the absolute path of one of our executables: the one beside this interpreter, else one on `PATH`.

    Where a link on `PATH` leads to the one beside, the link is returned: it stays what it is when a package manager
    puts the next version into another folder. Whoever can replace either is handed credentials, so that nobody but its
    owner and root may be able to.

    Raises:
        Unavailable: it is not installed.
        ConfigurationError: others could put something else in its place.
    """
    path = os.path.join(os.path.dirname(os.path.abspath(sys.executable)), name)
    found = _which(name, env)
    if not os.access(path, os.X_OK):
        if found is None:
            raise Unavailable(f"{name} is neither beside {sys.executable} nor on PATH", mend="install keywright anew")
        path = os.path.abspath(found)
    elif found is not None and os.path.isabs(found) and os.path.samefile(found, path):
        path = found
    real = os.path.realpath(path)
    for place in dict.fromkeys((path, os.path.dirname(path), real, os.path.dirname(real))):
        found_there = os.stat(place)
        if found_there.st_uid not in {0, os.geteuid()}:
            raise ConfigurationError(
                f"{place} belongs to user {found_there.st_uid}, who could replace {name}",
                mend="install keywright as yourself",
            )
        if is_writable_by_others(found_there):
            raise ConfigurationError(
                f"{place} can be changed by other users, who could replace {name}",
                mend=f"run `chmod go-w {quote(place)}`",
            )
    return path


def find_tool(name: str, env: Mapping[str, str]) -> str:
    """Return the path of a client's own program.

    Raises:
        Unavailable: it is not on `PATH`.
    """
    path = _which(name, env)
    if path is None:
        raise Unavailable(f"{name} is not on PATH", mend=f"install {name}: it edits its own configuration")
    return os.path.abspath(path)


def run_tool(command: Sequence[str], env: Mapping[str, str], *, kuberc: str = "off") -> bytes | None:
    """Return what the program printed; None if it failed. What it says on standard error may quote what it read.

    `kuberc` are the preferences that kubectl is to have, an absolute path; by default none.

    Raises:
        Busy: it did not end in time.
        Unavailable: it cannot be run.
    """
    quiet = {name: value for name, value in env.items() if not name.startswith(_DISTURBING)}
    quiet |= {"KUBERC": kuberc} | ({} if kuberc == "off" else {"KUBECTL_KUBERC": "true"})
    try:
        # Not in the caller's folder, whose repository would have a word in git's configuration.
        with trace.timed("program", program=os.path.basename(command[0])) as told:
            done = subprocess.run(
                command,
                env=quiet,
                cwd="/",
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_RUNS_AT_MOST_S,
                check=False,
            )
            told["exit_code"] = done.returncode
    except subprocess.TimeoutExpired:
        raise Busy(f"{command[0]} did not end within {_RUNS_AT_MOST_S} s", mend="try again") from None
    except OSError as error:
        raise Unavailable(f"{command[0]} cannot be run ({type(error).__name__})") from None
    return done.stdout if done.returncode == 0 else None


def is_found_on_path(path: str, env: Mapping[str, str]) -> bool:
    """Whether a client that looks for the executable by its name finds this very one."""
    found = _which(os.path.basename(path), env)
    return found is not None and os.path.samefile(found, path)


def _which(name: str, env: Mapping[str, str]) -> str | None:
    import shutil

    return shutil.which(name, path=env.get("PATH", os.defpath))


def is_writable_by_others(found: os.stat_result) -> bool:
    """Whether anybody but its owner and root may change it, or what lies in it."""
    if found.st_mode & stat.S_IWOTH:
        return True
    return bool(found.st_mode & stat.S_IWGRP) and found.st_gid != 0 and not _is_private(found.st_gid)


def _is_private(group_id: int) -> bool:
    """Whether nobody but ourselves is in the group: with a umask of 002 everything is writable by it."""
    import grp
    import pwd

    try:
        me, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(group_id)
    except KeyError:
        return False
    return me.pw_gid == group_id and me.pw_name == group.gr_name and set(group.gr_mem) <= {me.pw_name}
