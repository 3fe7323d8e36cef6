"""The providers that a person adds: one file each, `providers.d/NAME.toml` beside the settings.

A file appears there whole or not at all and never replaces another one, so readers take no lock. What may stand in one
is said in `keywright.profiles.provider_file`, which is loaded where there is a file to read.
"""

import errno
import json
import os
import secrets
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final

from keywright.errors import ConfigurationError, KeywrightError, Unavailable, UsageError
from keywright.hit import stamp
from keywright.profiles.built_in import BUILT_IN
from keywright.profiles.catalog import Catalog, ProviderMetadata, catalog_of
from keywright.settings.load import locate as locate_settings
from keywright.settings.model import OPTIONS

FOLDER: Final = "providers.d"
FILE_LIMIT: Final = 64 << 10
"""How long a file may be, in bytes: more than anybody writes by hand."""
_SUFFIX: Final = ".toml"
_READ: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC  # without O_NONBLOCK, a pipe would wait for its writer
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def locate(env: Mapping[str, str]) -> str:
    """Return the folder of the person's own providers; absolute, whether it exists or not.

    Raises:
        ConfigurationError: the environment names no absolute place for settings.
    """
    return f"{os.path.dirname(locate_settings(env))}/{FOLDER}"


def load_catalog(folder: str) -> Catalog:
    """Return the built-in providers and those in the folder, with the stamps of the folder and of every file in it.

    Files that do not end in `.toml`, or begin with a dot, are somebody else's.

    Raises:
        ConfigurationError: the folder or a file cannot be read, or something in one is wrong.
    """
    stamps = {folder: stamp(folder)}
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(_SUFFIX) and not name.startswith("."))
    except FileNotFoundError:
        return BUILT_IN._replace(stamps=stamps)
    except OSError as error:
        raise ConfigurationError(
            f"{folder} cannot be read ({_name(error)})", mend="make it a folder of yours"
        ) from None
    found: list[ProviderMetadata] = []
    for name in names:
        path = f"{folder}/{name}"
        stamps[path] = stamp(path)
        provider = _parse(path, _read(path), name.removesuffix(_SUFFIX))
        if f"{provider.name}{_SUFFIX}" != name:
            mend = f"rename it to {provider.name}{_SUFFIX}, or mend `name`"
            raise ConfigurationError(f"{path}: `name` disagrees with the file's name", mend=mend)
        if _is_taken(provider.name):
            mend = "give the file, and `name` in it, another name"
            raise ConfigurationError(f"{path}: provider {provider.name} already exists", mend=mend)
        found.append(provider)
    catalog = catalog_of((*BUILT_IN.providers.values(), *found), stamps)
    for provider in found:
        _check_parent(f"{folder}/{provider.name}{_SUFFIX}", provider, catalog)
    return catalog


def register(folder: str, provider: ProviderMetadata) -> str:
    """Keep a provider for good, under its name in lower case. Returns the file it is written to.

    Raises:
        UsageError: it has no name, or there is a provider of that name.
        ConfigurationError: something about it, or in a file of the folder, is wrong.
        Unavailable: the folder cannot be written.
    """
    path = f"{folder}/{provider.name.lower()}{_SUFFIX}"
    return _keep(folder, path, _render(provider), provider.name)


def add_file(folder: str, path: str) -> str:
    """Keep the provider that a file describes, the file being copied as it is. Returns the copy.

    Raises:
        UsageError: it has no name, or there is a provider of that name.
        ConfigurationError: something in it, or in a file of the folder, is wrong, or it cannot be read.
        Unavailable: the folder cannot be written.
    """
    return _keep(folder, path, _read(path), os.path.basename(path).removesuffix(_SUFFIX))


def _keep(folder: str, path: str, content: bytes, stem: str) -> str:
    if not stem:
        raise UsageError("provider name is required")
    provider = _parse(path, content, stem)
    catalog = load_catalog(folder)
    if _is_taken(provider.name) or catalog.knows(provider.name):
        raise _exists(provider.name)
    _check_parent(path, provider, catalog)
    _create(folder, provider.name, content)
    return f"{folder}/{provider.name}{_SUFFIX}"


def _create(folder: str, name: str, content: bytes) -> None:
    """Put a new file in place, whole or not at all, unless there is one of that name."""
    temporary = f"{folder}/.{name}.{secrets.token_hex(6)}.tmp"
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        descriptor = os.open(temporary, _CREATE, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(descriptor)
            # A rename would replace what another process has just added.
            os.link(temporary, f"{folder}/{name}{_SUFFIX}")
        except FileExistsError:
            raise _exists(name) from None
        finally:
            os.unlink(temporary)
        _sync(folder)
    except OSError as error:
        raise Unavailable(
            f"{folder} cannot be written ({_name(error)})", mend="make it writable, or put the file there yourself"
        ) from None


def _sync(folder: str) -> None:
    with suppress(OSError):  # the file is in place; some network file systems cannot sync a folder
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _read(path: str) -> bytes:
    try:
        descriptor = os.open(path, _READ)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ConfigurationError(f"{path} is not a plain file")
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                content = file.read(FILE_LIMIT + 1)
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read ({_name(error)})") from None
    if len(content) > FILE_LIMIT:
        raise ConfigurationError(f"{path} is longer than {FILE_LIMIT} bytes")
    return content


def _parse(path: str, content: bytes, stem: str) -> ProviderMetadata:
    from keywright.profiles.provider_file import parse

    return parse(path, content, stem)


def _check_parent(path: str, provider: ProviderMetadata, catalog: Catalog) -> None:
    parent = provider.parent_provider
    if parent and (parent == provider.name or not catalog.knows(parent)):
        raise ConfigurationError(f"{path}: `parent_provider` is `{parent}`, which is no other provider")


def _is_taken(name: str) -> bool:
    """Return whether keywright itself has a provider of that name, one that no person has profiles of included."""
    return BUILT_IN.knows(name) or name in OPTIONS


def _exists(name: str) -> KeywrightError:
    return UsageError(f"provider {name} already exists")


def _render(provider: ProviderMetadata) -> bytes:
    """Return a file that describes the provider, empty fields left out. JSON's values are also TOML's."""
    fields = provider._asdict() | {"name": provider.name.lower(), "validate": str(provider.validate or "")}
    endpoint = fields.pop("oauth_endpoint")
    lines = list(_lines(fields))
    if endpoint is not None:
        lines += ["[oauth_endpoint]", *_lines(endpoint._asdict())]
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")


def _lines(fields: Mapping[str, object]) -> Iterable[str]:
    for key, value in fields.items():
        if value:
            yield f"{key} = {_value(value)}"


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_value(name)} = {_value(one)}" for name, one in value.items()) + "}"
    # but for this one character, which JSON leaves as it is
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _name(error: Exception) -> str:
    return errno.errorcode.get(getattr(error, "errno", None) or 0, type(error).__name__)
