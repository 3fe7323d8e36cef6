"""What may stand in `config.toml`, and what to say when something else does.

A wrong setting is an error that names file, table, key and the nearest valid key. Nothing is guessed: a helper that
ignored a misspelt `refuse_before` would do something else than its owner believes.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from difflib import get_close_matches
from typing import Any, Final, get_type_hints

import msgspec

from keywright.errors import ConfigurationError
from keywright.request import Client, parse_url
from keywright.settings.model import (
    MARGINS,
    OPTIONS,
    RANKS,
    VAULT,
    WRITTEN,
    AccessKeyOptions,
    CodecommitOptions,
    EksOptions,
    GithubAppOptions,
    Options,
    StaticOptions,
)
from keywright.settings.turns import LONGEST_H, OVERRIDES, SPANS, Preference
from keywright.settings.values import parse_duration, parse_pattern

VERSION: Final = 1
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@-]*[A-Za-z0-9])?")
_KEPT: Final = re.compile(r"[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?")
_KEPT_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@+-]*[A-Za-z0-9])?")
_ROUTED: Final = (Client.GIT, Client.DOCKER, Client.KUBE)
_TOP: Final = "the top level"
BOUND: Final = {"access-key": "site", "static": "url"}
"""Where a provider's profiles say which place alone their secret is for (`Profile.only_for`)."""


def check(path: str, document: Mapping[str, Any]) -> None:
    """Raise unless everything in the document is as it should be.

    Raises:
        ConfigurationError: something is not; the message names where, and how to mend it.
    """
    _Check(path).document(document)


class _Check:
    """Checks one document; knows the file's name for the messages."""

    def __init__(self, path: str) -> None:
        self._path = path

    def document(self, document: Mapping[str, Any]) -> None:
        self._keys(_TOP, document, ("version", "profiles", "routes", "default_preference", "cooldown"))
        if type(document.get("version")) is not int or document["version"] != VERSION:
            raise self._wrong(_TOP, "`version` must be 1", "write `version = 1` first")
        profiles = document.get("profiles", {})
        self._type(_TOP, "profiles", profiles, dict[str, Any])
        for name, table in profiles.items():
            self._type("[profiles]", name, table, dict[str, Any])
            self._profile(name, table)
            self._ranks(name, table, profiles)
        routes = document.get("routes", [])
        self._type(_TOP, "routes", routes, list[dict[str, Any]])
        for number, row in enumerate(routes, 1):
            self._route(f"[[routes]] number {number}", row, profiles)
        self._preference(_TOP, "default_preference", document.get("default_preference", Preference.VALID.value))
        self._cooldown(document.get("cooldown", {}))

    def _preference(self, where: str, key: str, value: object) -> None:
        words = [preference.value for preference in Preference]
        self._type(where, key, value, str)
        if value not in words:
            raise self._wrong(where, f"`{key}` is not one of {', '.join(words)}", _nearest(str(value), words))

    def _cooldown(self, table: object) -> None:
        self._type(_TOP, "cooldown", table, dict[str, Any])
        assert isinstance(table, dict)  # noqa: S101 - told to mypy
        where = "[cooldown]"
        self._spans(where, table, (*SPANS, "by_provider"))
        by_provider = table.get("by_provider", {})
        self._type(where, "by_provider", by_provider, dict[str, dict[str, Any]])
        for name, row in by_provider.items():
            within = f"[cooldown.by_provider.{name}]"
            if name != name.lower():
                raise self._wrong(within, "a provider's name is lower case", f"write {name.lower()}")
            self._spans(within, row, OVERRIDES)

    def _spans(self, where: str, table: Mapping[str, Any], known: Iterable[str]) -> None:
        """Refuse what is no finite number, or longer than a year; zero and less mean the default."""
        self._keys(where, table, known)
        for key, value in table.items():
            if key not in SPANS:
                continue
            self._type(where, key, value, float | int)
            longest = LONGEST_H * 3600 if key.endswith("_seconds") else LONGEST_H
            if not -longest <= value <= longest:  # infinity and what is no number neither
                raise self._wrong(where, f"`{key}` is not a number up to {longest}, which is a year", "")

    def _profile(self, name: str, table: Mapping[str, Any]) -> None:
        where = f'[profiles."{name}"]'
        provider, colon, rest = name.partition(":")
        if provider == "aws-session":
            mend = "give the profiles that act in the role the same `role_arn` or `aws_profile`"
            raise self._wrong(where, "a shared AWS session is made by itself", mend)
        if provider not in WRITTEN:
            others = f"there are {', '.join(WRITTEN)}; `keywright profile add {name}` keeps one of another"
            if not (_KEPT.fullmatch(provider) and _KEPT_NAME.fullmatch(rest)):
                others = others.partition(";")[0]
            raise self._wrong(where, f"there is no provider `{provider}`", _nearest(provider, WRITTEN) or others)
        if not colon or not _NAME.fullmatch(rest):
            mend = "use letters, digits and . _ @ - after the colon"
            raise self._wrong(where, "the name is not `provider:name`", mend)
        if table.get("provider", provider) != provider:
            raise self._wrong(where, "`provider` disagrees with the profile's name", f'write provider = "{provider}"')
        kind = OPTIONS[provider]
        margins_of = () if kind is StaticOptions else MARGINS  # what is never renewed has none
        self._keys(where, table, ("provider", *margins_of, *RANKS, *kind._fields))
        self._options(where, kind, {key: table[key] for key in kind._fields if key in table})
        margins = [self._duration(where, key, table[key]) for key in MARGINS if key in table]
        if len(margins) == len(MARGINS) and margins[0] < margins[1]:
            raise self._wrong(where, "`renew_before` is shorter than `refuse_before`", "renew before refusing")

    def _ranks(self, name: str, table: Mapping[str, Any], profiles: Mapping[str, Any]) -> None:
        where = f'[profiles."{name}"]'
        self._type(where, "priority", table.get("priority", 0), int)
        fallback = table.get("fallback", [])
        self._type(where, "fallback", fallback, list[str])
        for profile in fallback:
            self._named(where, profile, profiles)
            if profile == name or fallback.count(profile) > 1:
                raise self._wrong(where, f"`fallback` names `{profile}` once too often", "")

    def _named(self, where: str, profile: str, profiles: Mapping[str, Any]) -> None:
        """What is not written here may be kept in the vault, unless its provider, or one like it, is written here."""
        provider, colon, name = profile.partition(":")
        is_ours = bool(get_close_matches(provider, [*OPTIONS], n=1, cutoff=0.85))
        is_kept = bool(colon and _KEPT.fullmatch(provider) and _KEPT_NAME.fullmatch(name)) and not is_ours
        if profile not in profiles and not is_kept:
            raise self._wrong(where, f"there is no profile `{profile}`", _nearest(profile, profiles))

    def _options(self, where: str, kind: type[Options], given: dict[str, Any]) -> None:
        kinds = get_type_hints(kind)
        for key in kind._fields:
            is_needed = key not in kind._field_defaults
            if is_needed and key not in given:
                raise self._wrong(where, f"`{key}` is missing", "")
            if key in given:
                self._type(where, key, given[key], kinds[key])
            if is_needed and given[key] == "":
                raise self._wrong(where, f"`{key}` is empty", "")
        options = kind(**given)
        if isinstance(options, GithubAppOptions):
            self._github_app(where, options)
        if isinstance(options, StaticOptions):
            self._place(where, "url", options.url)
            self._reference(where, "secret", options.secret)
        if isinstance(options, AccessKeyOptions):
            self._access_key(where, options)
        if isinstance(options, CodecommitOptions):
            self._codecommit(where, options)
        if isinstance(options, EksOptions) and not 1 <= options.url_expires_s <= 900:  # noqa: PLR2004 - STS's bounds
            raise self._wrong(where, "`url_expires_s` is not within 1 to 900", "")

    def _codecommit(self, where: str, options: CodecommitOptions) -> None:
        if options.region and not re.fullmatch(r"[a-z]{2,8}(?:-[a-z]{1,16}){1,3}-[0-9]{1,2}", options.region):
            raise self._wrong(where, "`region` is not an AWS region", "write it as eu-central-1")
        url = parse_url(options.repository) if options.repository else None
        if options.repository and (url is None or not url.path or url.scheme != "https"):
            raise self._wrong(where, "`repository` is not a repository's https:// URL", "")

    def _github_app(self, where: str, options: GithubAppOptions) -> None:
        if not re.fullmatch(r"[A-Za-z0-9._-]+", options.app_id):
            mend = "copy App ID or Client ID from the app's settings page"
            raise self._wrong(where, "`app_id` is not an app's id", mend)
        if (options.installation_id is None) == (not options.owner):
            raise self._wrong(where, "give either `installation_id` or `owner`", "")
        if options.installation_id is not None and options.installation_id < 1:
            raise self._wrong(where, "`installation_id` is not an installation's number", "")
        if options.owner and not re.fullmatch(r"[A-Za-z0-9_-]+", options.owner):
            raise self._wrong(where, "`owner` is not an organisation's or user's name", "")
        url = parse_url(options.api_url)
        if url is None or not (url.scheme == "https" or (url.scheme == "http" and url.is_loopback)):
            raise self._wrong(where, "`api_url` is not an https:// URL", "http:// is for loopback only")
        if options.private_key.startswith(VAULT):
            self._vault_name(where, "private_key", options.private_key)
        elif not options.private_key.startswith(("/", "~/")):
            raise self._wrong(
                where, "`private_key` is not an absolute path", "start it with / or ~/, or write vault://NAME"
            )

    def _access_key(self, where: str, options: AccessKeyOptions) -> None:
        url = parse_url(options.url)
        if url is None or not (url.scheme == "https" or (url.scheme == "http" and url.is_loopback)):
            raise self._wrong(where, "`url` is not an https:// URL", "http:// is for loopback only")
        self._reference(where, "key", options.key)
        if options.site:
            self._place(where, "site", options.site)

    def _place(self, where: str, key: str, place: str) -> None:
        url = parse_url(place)
        if url is None or "*" in place:
            raise self._wrong(where, f"`{key}` is not a URL of scheme, host, port and path", "")
        if url.scheme not in {"", "https"} and not (url.scheme == "http" and url.is_loopback):
            raise self._wrong(where, f"`{key}` must be https://, not {url.scheme}://", "http:// is for loopback only")

    def _reference(self, where: str, key: str, reference: str) -> None:
        kind, separator, rest = reference.partition("://")
        if not separator or kind not in {"env", "file", "vault"}:
            mend = "write env://NAME, file:///PATH or vault://NAME: the secret itself does not belong here"
            raise self._wrong(where, f"`{key}` does not say where the secret is", mend)
        if kind == "vault":
            self._vault_name(where, key, reference)
        if kind == "env" and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", rest):
            raise self._wrong(where, f"`{key}` names no environment variable", "write env://NAME")
        if kind == "file" and not rest.startswith(("/", "~/")):
            raise self._wrong(where, f"`{key}` names no absolute path", "write file:///PATH or file://~/PATH")

    def _vault_name(self, where: str, key: str, reference: str) -> None:
        if not re.fullmatch(r"vault://[A-Za-z0-9][A-Za-z0-9._-]{0,127}", reference):
            raise self._wrong(where, f"`{key}` names no secret of the vault", "write vault://NAME")

    def _route(self, where: str, row: Mapping[str, Any], profiles: Mapping[str, Any]) -> None:
        kinds = {"client": str, "url": str, "profiles": list[str]}
        self._keys(where, row, (*kinds, "prefer"))
        self._preference(where, "prefer", row.get("prefer", Preference.VALID.value))
        for key, kind in kinds.items():
            if key not in row:
                raise self._wrong(where, f"`{key}` is missing", "")
            self._type(where, key, row[key], kind)
        words = [client.value for client in _ROUTED]
        if row["client"] not in words:
            raise self._wrong(where, f"`client` is not one of {', '.join(words)}", _nearest(row["client"], words))
        self._url(where, Client(row["client"]), row["url"])
        if not row["profiles"]:
            raise self._wrong(where, "`profiles` is empty", "")
        for profile in row["profiles"]:
            self._named(where, profile, profiles)
            self._bound(where, Client(row["client"]), row["url"], profile, profiles.get(profile, {}))
            if row["profiles"].count(profile) > 1:
                raise self._wrong(where, f"profile `{profile}` is listed twice", "")

    def _url(self, where: str, client: Client, text: str) -> None:
        url = parse_pattern(client, text)
        if url is None:
            mend = "`*` stands for one whole label of the host" if "*" in text else ""
            raise self._wrong(where, "`url` is not a URL of scheme, host, port and path", mend)
        if not url.scheme and client is not Client.DOCKER:
            raise self._wrong(where, "`url` has no scheme", f'write url = "https://{text}"')
        if url.scheme not in {"", "https"} and not (url.scheme == "http" and url.is_loopback):
            raise self._wrong(where, f"`url` must be https://, not {url.scheme}://", "http:// is for loopback only")

    def _bound(self, where: str, client: Client, text: str, profile: str, table: Mapping[str, Any]) -> None:
        """A secret goes to the place it is for: a route that would hand it out elsewhere is wrong."""
        setting = BOUND.get(profile.partition(":")[0])
        if setting is None or not table.get(setting):
            return
        bound, url = parse_pattern(client, str(table[setting])), parse_pattern(client, text)
        if bound and url and not bound.covers(url):
            raise self._wrong(where, f"profile `{profile}` is for {bound} alone", f"mend `url`, or its `{setting}`")

    def _duration(self, where: str, key: str, value: object) -> timedelta:
        duration = parse_duration(value) if isinstance(value, str) else None
        if duration is None:
            raise self._wrong(where, f"`{key}` is not a duration", 'write it as "90s", "3m" or "1h30m"')
        return duration

    def _keys(self, where: str, table: Mapping[str, Any], known: Iterable[str]) -> None:
        for key in table:
            if key not in known:
                raise self._wrong(where, f"there is no key `{key}`", _nearest(key, known))

    def _type(self, where: str, key: str, value: object, kind: object) -> None:
        try:
            msgspec.convert(value, type=kind)
        except msgspec.ValidationError as error:
            wrong = str(error).partition(" - at ")[0].replace("`object`", "a table")
            raise self._wrong(where, f"`{key}`: {wrong[:1].lower()}{wrong[1:]}", "") from None

    def _wrong(self, where: str, what: str, mend: str) -> ConfigurationError:
        return ConfigurationError(f"{self._path}, {where}: {what}", mend=mend)


def _nearest(word: str, known: Iterable[str]) -> str:
    close = get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"did you mean `{close[0]}`?" if close else ""
