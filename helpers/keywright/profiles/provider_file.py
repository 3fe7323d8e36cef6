"""What may stand in a file of `providers.d`, and what to say when something else does.

    # providers.d/openrouter.toml
    label = "OpenRouter"
    modes = ["api_key"]
    env_key = "OPENROUTER_API_KEY"
    website = "https://openrouter.ai/keys"
    hosts = ["openrouter.ai"]
    headers = ["Authorization: Bearer {secret}"]
    validate = "GET https://openrouter.ai/api/v1/key"

The file says where secrets may be sent, so nothing in it is guessed: an unknown key, a host that two programs could
read differently or a test at some other host is an error that names file and key.
"""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final, get_type_hints

import msgspec

from keywright.errors import ConfigurationError
from keywright.profiles.catalog import SECRET, LiveTest, OAuthEndpoint, ProviderMetadata
from keywright.profiles.mode import Mode
from keywright.request import Url, parse_host, parse_url
from keywright.settings.load import parse_toml

NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")
MODES: Final = (Mode.API_KEY, Mode.OAUTH, Mode.TOKEN)
"""The modes that a secret of one's own can have; the others are keywright's."""
METHODS: Final = ("GET", "HEAD")
_ENDPOINT: Final = "[oauth_endpoint]"
_UNBRAKED: Final = "openrouter"
_KINDS: Final[Mapping[str, Any]] = {
    **get_type_hints(ProviderMetadata),
    "modes": list[str],
    "oauth_endpoint": dict[str, Any],
    "header": str,
    "validate": str,
}
_HEADER: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+): *([!-~](?:[ -~]*[!-~])?)")
_FRAMING: Final = frozenset(
    {"connection", "content-length", "expect", "host", "keep-alive", "proxy-authorization", "proxy-connection"}
    | {"te", "trailer", "transfer-encoding", "upgrade"}
)
"""Headers that are the connection's own (RFC 9110, section 7.6.1; RFC 9112): another value would split requests."""
_PLACES: Final = ("auth_url", "token_url", "device_url", "revocation_url", "issuer")
LOGINS_OWN: Final = frozenset(
    {"client_id", "client_secret", "code_challenge", "code_challenge_method", "redirect_uri", "response_type"}
    | {"response_mode", "scope", "state"}
)
"""What a login asks with in its own right (RFC 6749, section 4.1.1; RFC 7636, section 4.3)."""
_PARAMETER: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")  # RFC 6749, section 8.2
_VISIBLE: Final = re.compile(r"[ -~]{0,512}")  # RFC 6749, appendix A.1
_SCOPE: Final = re.compile(r"[!#-\[\]-~]+")  # RFC 6749, section 3.3


def parse(path: str, content: bytes, stem: str) -> ProviderMetadata:
    """Return the provider that the content of a file describes; `stem` is its name where it does not say one.

    Raises:
        ConfigurationError: something in it is not as it should be; the message names where, and how to mend it.
    """
    return _File(path).provider(parse_toml(path, content), stem)


class _File:
    """Checks one file; knows its name for the messages."""

    def __init__(self, path: str) -> None:
        self._path = path

    def provider(self, table: dict[str, Any], stem: str) -> ProviderMetadata:
        self._keys("", table, _KINDS)
        name = table.get("name", stem).lower()
        if not name:
            raise self._wrong("", "provider name is required")
        if not NAME.fullmatch(name):
            mend = "use at most 64 letters, digits, _ and - with no sign at the ends"
            raise self._wrong("", "the name is not a provider's", mend)
        if "modes" not in table:
            raise self._wrong("", "`modes` is missing", f"write one or more of {', '.join(MODES)}")
        if "header" in table and "headers" in table:
            raise self._wrong("", "`header` and `headers` are both there", "keep one of the two")
        hosts = self._hosts(table.get("hosts", []))
        found = ProviderMetadata(
            name=name,
            label=self._text(table, "label") or name,
            description=self._text(table, "description"),
            modes=self._modes(table["modes"]),
            env_key=self._env_key(table.get("env_key", "")),
            website=self._url("", "website", table.get("website", "")),
            scopes=self._scopes("", table.get("scopes", [])),
            oauth_endpoint=self._endpoint(table["oauth_endpoint"]) if "oauth_endpoint" in table else None,
            parent_provider=table.get("parent_provider", "").lower(),
            hosts=hosts,
            headers=self._headers([table["header"]] if "header" in table else table.get("headers", [])),
            username=self._username(table),
            validate=self._live_test(table["validate"], hosts) if "validate" in table else None,
            cooldown_bypass=table.get("cooldown_bypass", name == _UNBRAKED),
        )
        if found.validate and not found.headers and not found.username:
            raise self._wrong("", "`validate` is there, but not how the secret is sent", "add `headers` or `username`")
        return found

    def _modes(self, words: list[str]) -> tuple[Mode, ...]:
        for word in words:
            if word not in MODES:
                mend = _nearest(word, MODES) or f"there are {', '.join(MODES)}"
                raise self._wrong("", f"`modes` holds `{word}`", mend)
        if not words or len(set(words)) < len(words):
            raise self._wrong("", "`modes` is empty" if not words else "`modes` says one twice")
        return tuple(map(Mode, words))

    def _hosts(self, texts: list[str]) -> tuple[str, ...]:
        for text in texts:
            if parse_host(text, "https") is None:
                raise self._wrong("", f"`hosts` holds `{text}`, which is no host", "write it as api.example.com")
        return tuple(dict.fromkeys(parse_host(text, "https") or "" for text in texts))

    def _headers(self, lines: list[str]) -> tuple[str, ...]:
        headers: dict[str, str] = {}
        for line in lines:
            match = _HEADER.fullmatch(line)
            if match is None:
                raise self._wrong("", "`headers` holds what is no HTTP header", f'write it as "x-api-key: {SECRET}"')
            name, value = match.groups()
            if name.lower() in _FRAMING:
                raise self._wrong("", f"`headers` holds `{name}`, which belongs to the connection")
            if name.lower() in headers:
                raise self._wrong("", f"`headers` holds `{name}` twice")
            headers[name.lower()] = f"{name}: {value}"
        if lines and "".join(lines).count(SECRET) != 1:
            raise self._wrong("", f"`headers` must hold `{SECRET}` exactly once")
        return tuple(headers.values())

    def _live_test(self, text: str, hosts: tuple[str, ...]) -> LiveTest:
        method, _, url = text.partition(" ")
        if method not in METHODS:
            raise self._wrong(
                "", "`validate` has no method that changes nothing", 'write it as "GET https://HOST/PATH"'
            )
        self._url("", "validate", url)
        place = _place(url)
        if place is None or place.host not in hosts:
            raise self._wrong("", "`validate` asks a host that is not in `hosts`", "the secret goes nowhere else")
        return LiveTest(method, url)

    def _endpoint(self, table: dict[str, Any]) -> OAuthEndpoint:
        self._keys(_ENDPOINT, table, get_type_hints(OAuthEndpoint) | {"parameters": dict[str, str]})
        client_id, parameters = table.get("client_id", ""), table.get("parameters", {})
        if not _VISIBLE.fullmatch(client_id):
            raise self._wrong(_ENDPOINT, "`client_id` holds characters that no client's id has")
        for name, value in parameters.items():
            if name in LOGINS_OWN:
                raise self._wrong(_ENDPOINT, f"`parameters` holds `{name}`, which a login sets itself")
            if not _PARAMETER.fullmatch(name) or not value.isprintable():
                raise self._wrong(_ENDPOINT, "`parameters` holds what is no parameter of a URL")
        return OAuthEndpoint(
            **{name: self._url(_ENDPOINT, name, table.get(name, "")) for name in _PLACES},
            scopes=self._scopes(_ENDPOINT, table.get("scopes", [])),
            client_id=client_id,
            parameters=MappingProxyType(dict(parameters)),
        )

    def _scopes(self, where: str, scopes: list[str]) -> tuple[str, ...]:
        if not all(map(_SCOPE.fullmatch, scopes)):
            raise self._wrong(where, "`scopes` holds what is no OAuth scope", "write one scope per string")
        return tuple(scopes)

    def _url(self, where: str, key: str, text: str) -> str:
        """Return the text, which is empty or a URL that may have a query; a website's may have a fragment too."""
        if not text:
            return ""
        place = _place(text.partition("#")[0] if key == "website" else text)
        if place is None or not place.scheme:
            raise self._wrong(where, f"`{key}` is not a URL", "write it as https://HOST/PATH")
        if place.scheme != "https" and not (place.scheme == "http" and place.is_loopback):
            raise self._wrong(where, f"`{key}` must be https://, not {place.scheme}://", "http:// is for loopback only")
        return text

    def _env_key(self, text: str) -> str:
        if text and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text):
            raise self._wrong("", "`env_key` is no environment variable's name")
        return text

    def _username(self, table: dict[str, Any]) -> str:
        if ":" in table.get("username", ""):
            raise self._wrong("", "`username` holds a colon, which HTTP Basic cannot send")
        return self._text(table, "username")

    def _text(self, table: dict[str, Any], key: str) -> str:
        text: str = table.get(key, "")
        if not text.isprintable():
            raise self._wrong("", f"`{key}` holds characters that cannot be shown")
        return text

    def _keys(self, where: str, table: dict[str, Any], kinds: Mapping[str, Any]) -> None:
        for key, value in table.items():
            if key not in kinds:
                raise self._wrong(where, f"there is no key `{key}`", _nearest(key, kinds))
            kind = list[str] if kinds[key] == tuple[str, ...] else kinds[key]
            try:
                msgspec.convert(value, type=kind)
            except msgspec.ValidationError as error:
                wrong = str(error).partition(" - at ")[0].replace("`object`", "a table")
                raise self._wrong(where, f"`{key}`: {wrong[:1].lower()}{wrong[1:]}") from None

    def _wrong(self, where: str, what: str, mend: str = "") -> ConfigurationError:
        return ConfigurationError(f"{self._path}{', ' if where else ''}{where}: {what}", mend=mend)


def _place(text: str) -> Url | None:
    """Return where a URL leads, whatever its query; None if it is none."""
    return parse_url(text.partition("?")[0]) if re.fullmatch(r"[!-~]+", text) else None


def _nearest(word: str, known: Iterable[str]) -> str:
    close = get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"did you mean `{close[0]}`?" if close else ""
