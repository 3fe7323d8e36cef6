"""What a client asked, in our own words, whatever its protocol."""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Final, NamedTuple

from keywright.secret import Secret

DEFAULT_PORTS: Final = {"http": 80, "https": 443}
# Patterns are texts here: `re` compiles one when it is first used, and a call that finds its answer uses few.
_NAME: Final = r"[A-Za-z0-9_-](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?"
_V6: Final = r"\[[0-9A-Fa-f:.]+\]"
_PORT: Final = r"[0-9]{1,5}"
_SCHEME: Final = r"[A-Za-z][A-Za-z0-9+.-]*"
_LOOPBACK_V4: Final = r"127(?:\.(?:25[0-5]|2[0-4][0-9]|[01]?[0-9]{1,2})){3}"


class Client(Enum):
    """Who is asking; the value is the word used in the settings' routes."""

    GIT = "git"
    DOCKER = "docker"
    KUBE = "kube"
    PERSON = "keywright"


class Verb(Enum):
    """What the client wants done."""

    GET = "get"
    STORE = "store"
    ERASE = "erase"
    LIST = "list"
    VERSION = "version"
    CAPABILITY = "capability"
    USAGE = "usage"
    UNKNOWN = "unknown"


class Url(NamedTuple):
    """Where a credential is to be used, in normal form.

    Attributes:
        scheme: lower case; empty where the client's protocol has none (docker names bare hosts).
        host: ASCII lower case, with `:port` unless that is the scheme's default; IPv6 in brackets.
        path: components joined by `/`, percent-decoded once, no leading or trailing slash; empty for none.
    """

    scheme: str
    host: str
    path: str = ""

    def __str__(self) -> str:
        front = f"{self.scheme}://{self.host}" if self.scheme else self.host
        return f"{front}/{self.path}" if self.path else front

    @property
    def name(self) -> str:
        """The host without its port."""
        if self.host.startswith("["):
            return self.host.partition("]")[0] + "]"
        return self.host.partition(":")[0]

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine by name or address: localhost, 127.0.0.0/8 or [::1]."""
        return self.name in {"localhost", "[::1]"} or re.fullmatch(_LOOPBACK_V4, self.name) is not None

    def covers(self, other: "Url") -> bool:
        """Return whether `other` is on this very host, at or below this path.

        docker leaves schemes out: then the host decides, and only what is said to be plain http differs.
        """
        if self.scheme != other.scheme and ((self.scheme and other.scheme) or "http" in {self.scheme, other.scheme}):
            return False
        if self.host.removesuffix(":443") != other.host.removesuffix(":443"):
            return False
        wanted = self.path.split("/") if self.path else []
        return other.path.split("/")[: len(wanted)] == wanted


class Handed(NamedTuple):
    """What a client hands over with a user name and password, to be kept until it asks.

    Attributes:
        authtype: the HTTP scheme of a secret that is a whole credential, such as `Bearer`; empty for a password.
        expires_at_s: when the client believes it expires (epoch seconds); None for never.
        refresh_token: an OAuth refresh token that goes with it.
        is_ephemeral: whether the client asks not to keep it.
    """

    authtype: str = ""
    expires_at_s: int | None = None
    refresh_token: Secret | None = None
    is_ephemeral: bool = False


class Request(NamedTuple):
    """One question of one client.

    Attributes:
        client: who asks.
        verb: what it wants.
        url: where the credential is for; None where the client names a profile or nothing.
        asked: the client's own spelling of what it asked for, for answers that must repeat it and for messages.
        username: the user name the client already has; None if it did not say, which differs from empty.
        password: what the client hands back (`store`, `erase`); None if it did not say.
        handed: what else it hands over to be kept.
        path: the path in the client's own spelling, which the keeping of passwords goes by; None if it did not say.
        accepts: what the client said it understands: git's capabilities, or kube's one `apiVersion`.
        profile: the id of the profile that was asked for by name.
        provider: a provider asked for without a profile, with `options` as its settings.
        options: the settings given on the command line, as a profile's table would hold them.
        interactive: whether this client lets us talk to the person.
        is_forced: whether the person wants this very profile, whatever was decided about it.
    """

    client: Client
    verb: Verb
    url: Url | None = None
    asked: str = ""
    username: str | None = None
    password: Secret | None = None
    handed: Handed = Handed()
    path: str | None = None
    accepts: tuple[str, ...] = ()
    profile: str = ""
    provider: str = ""
    options: Mapping[str, object] | None = None
    interactive: bool = False
    is_forced: bool = False

    @property
    def place(self) -> Url | None:
        """`url` with its path as the client spells it, query and slashes at its ends left out: what a signature needs.

        git drops `.git` and the like nowhere, and neither does who checks a signature of its path.
        """
        if self.url is None or not self.path:
            return self.url
        return self.url._replace(path=self.path.partition("?")[0].strip("/"))


def parse_host(text: str, scheme: str) -> str | None:
    """Return `host[:port]` in normal form, or None if it is not one.

    ASCII only, whole string: nothing that a resolver, a proxy and we could read differently. One trailing dot is
    dropped, and so is the scheme's default port.
    """
    if text.startswith("["):
        end = text.find("]") + 1
        name, rest = text[:end], text[end:]
        if not re.fullmatch(_V6, name):
            return None
    else:
        name, colon, port = text.partition(":")
        rest = colon + port
        name = name.removesuffix(".")
        if not re.fullmatch(_NAME, name) or ".." in name:
            return None
    if rest:
        if not rest.startswith(":") or not re.fullmatch(_PORT, rest[1:]):
            return None
        number = int(rest[1:])
        if not 1 <= number <= 65535:  # noqa: PLR2004 - the range of TCP ports
            return None
        rest = "" if DEFAULT_PORTS.get(scheme) == number else f":{number}"
    return name.lower() + rest


def parse_scheme(text: str) -> str | None:
    """Return a URL's scheme in lower case, or None if it is not one (RFC 3986, section 3.1)."""
    return text.lower() if re.fullmatch(_SCHEME, text) else None


def plain_path(decoded: str) -> str | None:
    """Return a percent-decoded path in normal form, or None if one of its components is not a plain name.

    One leading and one trailing slash are dropped; empty, `.` and `..` components and control characters are refused.
    """
    path = decoded.removeprefix("/")
    if not path:
        return ""
    path = path.removesuffix("/")
    if any(component in {"", ".", ".."} for component in path.split("/")):
        return None
    if any(ord(c) < 0x20 or ord(c) == 0x7F for c in path):  # noqa: PLR2004 - ASCII's control characters
        return None
    return path


def parse_path(encoded: str) -> str | None:
    """Return a URL's path in normal form, decoded once, or None if one of its components is not a plain name.

    A slash that was percent-encoded is refused: it would make two components of one.
    """
    decoded = encoded
    if "%" in encoded:
        from urllib.parse import unquote  # 4 ms that few paths need

        decoded = unquote(encoded, errors="surrogateescape")
    return plain_path(decoded) if decoded.count("/") == encoded.count("/") else None


def parse_url(text: str) -> Url | None:
    """Return `[scheme://]host[:port][/path]` in normal form, or None if it is not one.

    Userinfo, a query and a fragment are refused: none of them names a place.
    """
    front, separator, rest = text.partition("://")
    scheme = parse_scheme(front) if separator else ""
    if scheme is None:
        return None
    authority, slash, tail = (rest if separator else text).partition("/")
    host = parse_host(authority, scheme)
    path = None if "?" in tail or "#" in tail else parse_path(slash + tail)
    return None if host is None or path is None else Url(scheme=scheme, host=host, path=path)
