"""`keywright profile export` and `import`: what an account holds, as JSON (`keywright.profiles.document`).

Of a profile of `config.toml` it is its table there, which says where a secret is and holds none.
"""

import errno
import json
import os
import secrets
import stat
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from keywright.errors import Unavailable, UsageError
from keywright.manage.install.file import read
from keywright.manage.profile import written
from keywright.manage.profile.found import find, not_found
from keywright.manage.profile.saving import MASK, WRITTEN, credential_of, keep, parsed, supported, write
from keywright.manage.profile.told import done
from keywright.manage.terminal import Asking, show_line, tell_person
from keywright.profiles.custom import load_catalog, locate
from keywright.profiles.document import credential_document
from keywright.profiles.identity import ProfileId
from keywright.profiles.mode import Mode
from keywright.profiles.model import AuthProfile
from keywright.secret import Secret

_SECRET: Final = ("key", "token", "access_token", "refresh_token")
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def export(
    text: str,
    path: str | None,
    env: Mapping[str, str],
    now: datetime,
    *,
    is_revealed: bool,
    is_forced: bool,
    as_json: bool = False,
) -> None:
    """Write what the profile holds to a file of one's own, or to standard output if nobody else reads there.

    `as_json` prints a document on the profile, with its data or the file that has them.

    Raises:
        ProfileNotFound: there is none of that id.
        UsageError: others would see a secret, or the file exists and `is_forced` does not say to replace it.
        Unavailable: the file cannot be written.
        KeywrightError: the profile cannot be looked up.
    """
    turn = find(text, env, now)
    if turn.kept is None:
        table = written.table_of(turn.profile.id, env)
        if table is None:
            raise not_found(text)
        data, holds_secret = table, False
    else:
        data, holds_secret = credential_document(turn.kept), True
    if holds_secret and not is_revealed:
        data = _masked(data)
        tell_person(f"secrets are left out as `{MASK}`, and this cannot be imported; `--reveal` writes them")
    facts: dict[str, Any] = {"mode": turn.candidate.mode.value}
    if path is not None:
        _write(path, Secret(json.dumps(data, indent=2) + "\n"), is_forced=is_forced)
        if as_json:
            show_line(done(turn.profile.id, "", as_json=True, **facts, file=path))
        return
    if holds_secret and is_revealed:
        _check_output()
    show_line(done(turn.profile.id, "", as_json=True, **facts, data=data) if as_json else json.dumps(data, indent=2))


def import_(
    text: str,
    mode: str,
    path: str | None,
    env: Mapping[str, str],
    now: datetime,
    *,
    priority: int | None,
    is_forced: bool,
) -> ProfileId:
    """Add the profile that a file, or standard input, holds; returns its id.

    Raises:
        ProfileNotFound: there is no such provider.
        UsageError: there is no such mode, the provider has it not, the data is of another shape or holds no secret, or
            there is such a profile and `is_forced` does not say to replace it.
        VaultLocked: the vault is locked; nothing was added, as below.
        VaultUnusable: the vault is damaged, cannot be trusted or cannot be written.
        ConfigurationError: the settings, or what was to be written there, are wrong.
        Unavailable: the file cannot be read, or the settings not be written.
    """
    catalog = load_catalog(locate(env))
    catalog.get(text.partition(":")[0])
    if mode not in set(Mode):
        raise UsageError(f"unsupported mode: {mode}", mend=f"there are {', '.join(Mode)}")
    kind, id_ = supported(catalog, text, mode), ProfileId.parse(text)
    content = _content(path)
    if kind in WRITTEN:
        write(id_, _table(kind, content, priority), env, is_forced=is_forced)
        return id_
    credential = credential_of(kind, content.reveal())
    profile = AuthProfile(id=id_, credential=credential, created_at=now, updated_at=now)
    keep(profile, priority, env, is_forced=is_forced)
    return id_


def _table(mode: Mode, content: Secret, priority: int | None) -> dict[str, Any]:
    table = parsed(content.reveal())
    if not isinstance(table, dict):
        raise UsageError(f"invalid {mode} data: it is no JSON object")
    return table if priority is None else table | {"priority": priority}


def _content(path: str | None) -> Secret:
    if path is None:
        asking = Asking()
        if asking.is_on_terminal:
            raise UsageError("there is nothing to import on a terminal", mend="name a FILE, or pipe it")
        return asking.known("")
    content = read(path)
    if content is None:
        raise Unavailable(f"{path} is not there")
    try:
        return Secret(content.decode())
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8") from None


def _check_output() -> None:
    """Stop before a secret is shown on a terminal, or left in a file that others may read."""
    if sys.stdout is None:
        return
    if sys.stdout.isatty():
        raise UsageError(
            "standard output is a terminal, which would show the secret", mend="pipe it, or add `--output FILE`"
        )
    with suppress(OSError, ValueError):  # no file at all
        mode = os.fstat(sys.stdout.fileno()).st_mode
        if stat.S_ISREG(mode) and stat.S_IMODE(mode) & 0o077:
            raise UsageError("standard output is a file that others may read", mend="say `--output FILE` instead")


def _masked(data: Mapping[str, Any]) -> dict[str, Any]:
    masked = {key: MASK if key in _SECRET and value else value for key, value in data.items()}
    if "metadata" in masked:
        masked["metadata"] = dict.fromkeys(masked["metadata"], MASK)
    return masked


def _write(path: str, content: Secret, *, is_forced: bool) -> None:
    """Make the file, 0600; one that is there is replaced whole, or not at all."""
    temporary = f"{path}.{secrets.token_hex(6)}.tmp" if is_forced else path
    try:
        descriptor = os.open(temporary, _NEW, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(descriptor, 0o600)  # whatever the umask was
                file.write(content.reveal().encode())
                file.flush()
                os.fsync(descriptor)
            if is_forced:
                os.rename(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        if isinstance(error, FileExistsError) and not is_forced:
            raise UsageError(f"{path} exists already", mend="`--force` replaces it") from None
        why = errno.errorcode.get(error.errno or 0, "unknown error")
        raise Unavailable(f"{path} cannot be written ({why})") from None
