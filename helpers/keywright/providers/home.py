"""Paths as people write them: `~` is the caller's home folder, by the caller's environment."""

import os
from collections.abc import Mapping


def home(env: Mapping[str, str]) -> str:
    """Return the caller's home folder: `HOME`, else the one in the password database."""
    return env.get("HOME") or _home_in_password_database()


def expand(path: str, env: Mapping[str, str]) -> str:
    """Return `path` absolute and normal, with a leading `~` as `env`'s home folder. Touches no file."""
    if path == "~" or path.startswith("~/"):
        path = os.path.join(home(env), path[2:])
    elif path.startswith("~"):
        path = os.path.expanduser(path)  # another user's, whatever the environment
    return os.path.abspath(path)


def _home_in_password_database() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return "/"
