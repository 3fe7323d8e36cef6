"""Where the settings say that a secret is: `env://NAME`, `file:///PATH`, `file://~/PATH` or `vault://NAME`."""

from collections.abc import Mapping
from typing import Final

from keywright.errors import Unavailable
from keywright.hit import sha256, stamp
from keywright.providers.home import expand
from keywright.providers.secret_file import read_secret_file
from keywright.secret import Secret

SECRET_AT_MOST: Final = 64 * 1024


def read_reference(reference: str, env: Mapping[str, str], *, setting: str) -> Secret:
    """Return the secret that lies there; `setting` is where the reference is written.

    Raises:
        Unavailable: the variable, file or record is missing, empty or cannot be read.
        VaultLocked: it is in the vault, which is locked.
        VaultUnusable: it is in the vault, which is damaged or cannot be trusted.
    """
    kind, _, name = reference.partition("://")
    match kind:
        case "env":
            found, where = env.get(name, ""), f"the environment variable {name}"
        case "file":
            path = expand(name, env)
            found, where = _read(path, setting), path
        case _:
            from keywright.vault.reference import resolve

            return resolve(reference, env)[0]
    if not found:
        raise Unavailable(
            f"{where} is empty or not set", mend=f"put the secret there, or mend `{setting} = {kind}://…`"
        )
    return Secret(found)


def facts_of(reference: str, env: Mapping[str, str]) -> dict[str, str]:
    """Return what a reference adds to a cache key.

    Of a variable's value it is a digest, which tells nothing of a key that nobody can guess. What lies in a file or in
    the vault is watched as an input instead (`inputs_of`).
    """
    kind, _, name = reference.partition("://")
    match kind:
        case "env":
            frame = f"{name}\0{env.get(name, '')}\0"
            return {"key": reference, "key_sha256": sha256(frame.encode("utf-8", "surrogateescape")).hexdigest()}
        case "file":
            return {"key": f"file://{expand(name, env)}"}
        case _:
            return {"key": reference}


def inputs_of(reference: str, env: Mapping[str, str]) -> dict[str, str]:
    """Return the file that the secret lies in, with its stamp; none for a variable."""
    kind, _, name = reference.partition("://")
    match kind:
        case "env":
            return {}
        case "file":
            path = expand(name, env)
        case _:
            from keywright.vault.vault import open_vault

            path = open_vault(env).path
    return {path: stamp(path)}


def _read(path: str, setting: str) -> str:
    content = read_secret_file(path, SECRET_AT_MOST, called=path, setting=f"`{setting}`")
    # One line break at the end is the editor's; what comes before it is the secret's own.
    return content.decode("utf-8", "surrogateescape").removesuffix("\n").removesuffix("\r")
