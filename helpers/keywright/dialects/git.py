"""Speaks git's credential helper protocol, for git, git-lfs and everything else that asks as git does.

One real transcript, from git 2.47 (`<` is what the helper reads, `>` what it prints):

    $ git-credential-keywright get
    < capability[]=authtype
    < protocol=https
    < host=github.com
    < path=acme/rocket.git
    < wwwauth[]=Basic realm="GitHub"
    > capability[]=authtype
    > username=x-access-token
    > password=ghs_16C7e42F292c6912E7710c838347Ae178B4a
    > password_expiry_utc=1772370000
    > ephemeral=1

The grammar is bytes: `key=value` lines that end in LF, up to an empty line or the end of input; nothing is quoted.
Git may die in the middle of a request, so a short one is never taken for a broad one. Whatever a helper prints
overwrites what git knew, its idea of the host included, so an answer holds the credential and nothing else.
https://git-scm.com/docs/git-credential#IOFMT and https://git-scm.com/docs/gitcredentials#_custom_helpers
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, assert_never

from keywright import __version__
from keywright.credential import Credential, Kept
from keywright.dialects.base import NOTHING, STDIN_AT_MOST, Reply, expiry_to_report
from keywright.errors import CredentialNotFound, KeywrightError, Refused, UsageError
from keywright.request import Client, Handed, Request, Url, Verb, parse_host, parse_scheme, plain_path
from keywright.secret import Secret

LINE_AT_MOST: Final = 65535
"""The longest line of the protocol in bytes, from git's own documentation."""

VERBS: Final = {"get": Verb.GET, "store": Verb.STORE, "erase": Verb.ERASE, "capability": Verb.CAPABILITY}
USAGE: Final = """\
Usage: git-credential-keywright <get|store|erase|capability>

A credential helper for git; git runs it by itself once the configuration names it:

  git config --global --add credential.helper keywright
"""
CAPABILITIES: Final = b"version 0\ncapability authtype\n"
AUTHTYPE: Final = "authtype"

_WHERE: Final = (b"protocol", b"host", b"path", b"username")
"""The keys that say whose credential it is: two different values or a control byte in one mean a forged request."""
_SECRETS: Final = (b"password", b"credential", b"authtype", b"oauth_refresh_token")
LAST_INSTANT_S: Final = 253402300799
"""The last second of the year 9999; whatever expires later never does."""
_NUMBER: Final = rb"[0-9]{1,19}"
_FALSE: Final = frozenset({"", "0", "false", "no", "off"})


class GitDialect:
    """Translates git's credential helper protocol, with the `authtype` capability of git 2.46."""

    @property
    def executable(self) -> str:
        """The name that `credential.helper=keywright` makes git look for."""
        return "git-credential-keywright"

    def parse(self, args: Sequence[str], stdin: bytes, env: Mapping[str, str]) -> Request:
        """Return the question in the last argument and standard input.

        Raises:
            UsageError: an option is not known, or the request is too long, cut short or forged.
            CredentialNotFound: the request names a host or path that has no normal form.
        """
        if not args or args[-1] in {"--help", "-h"}:
            return Request(client=Client.GIT, verb=Verb.USAGE, asked="--help" if args else "")
        if list(args) == ["--version"]:
            return Request(client=Client.GIT, verb=Verb.VERSION)
        if len(args) > 1 or args[0].startswith("-"):
            raise UsageError("git-credential-keywright takes one word and no options: get, store, erase or capability")
        # gitcredentials(7): an operation that a helper does not know is to be ignored silently.
        verb = VERBS.get(args[0], Verb.UNKNOWN)
        if verb in {Verb.UNKNOWN, Verb.CAPABILITY}:
            return Request(client=Client.GIT, verb=verb)
        fields, capabilities = _read_fields(stdin)
        url = _read_url(fields, verb)
        password = fields.get(b"credential", fields.get(b"password"))  # of the two, git sends the first
        if verb is Verb.STORE and any(_has_line_end(fields.get(key, b"")) for key in _SECRETS):
            raise UsageError("the request to store holds a line break or NUL, which could not be given back")
        return Request(
            client=Client.GIT,
            verb=verb,
            url=url,
            asked=f"{url.scheme}://{_text(fields[b'host'])}",
            path=_text(fields[b"path"]) if fields.get(b"path") else None,
            handed=_read_handed(fields),
            username=_text(fields[b"username"]) if b"username" in fields else None,
            password=None if password is None else Secret(_text(password)),
            accepts=tuple(map(_text, capabilities)),
            interactive=env.get("GIT_TERMINAL_PROMPT", "1").lower() not in _FALSE,
        )

    def answer(self, request: Request, credential: Credential, report_until: datetime | None) -> bytes:
        """Return the credential's lines: a user name and password, or a bearer token for a git that knows the word.

        `ephemeral=1` asks the other helpers of the chain not to keep what will soon be worthless; git before 2.46 gets
        neither it nor `authtype`, because it did not announce that it knows them.

        Raises:
            Refused: a value holds a line break or NUL, or git is too old for a bearer token.
            CredentialNotFound: git asked for another user's credential.
        """
        if request.username is not None and request.username != credential.username:
            raise CredentialNotFound("git asked for another user than this credential's")
        is_capable = AUTHTYPE in request.accepts
        if credential.kept is not None:
            return b"".join(_line(key, value) for key, value in _kept_lines(credential, credential.kept, is_capable))
        lines: list[tuple[str, str]] = []
        if is_capable:
            lines.append(("capability[]", AUTHTYPE))  # git believes authtype, credential and ephemeral only after it
        if credential.username is not None:
            lines += [("username", credential.username), ("password", credential.secret.reveal())]
        elif is_capable:
            lines += [("authtype", "Bearer"), ("credential", credential.secret.reveal())]
        else:
            raise Refused("the credential is a bearer token, which git before 2.46 cannot send", mend="upgrade git")
        expiry = expiry_to_report(credential, report_until)
        if expiry is not None:
            lines.append(("password_expiry_utc", str(int(expiry.timestamp()))))
        if is_capable:
            lines.append(("ephemeral", "1"))
        return b"".join(_line(key, value) for key, value in lines)

    def done(
        self,
        request: Request,
        *,
        is_minted: bool,  # noqa: ARG002 - git's store is silent either way
        listed: Mapping[str, str] = NOTHING,  # noqa: ARG002 - git has no word for it
    ) -> Reply:
        """Return silence for store, erase and what git may invent; otherwise what was asked about this helper."""
        match request.verb:
            case Verb.CAPABILITY:
                return Reply(CAPABILITIES, 0)
            case Verb.USAGE if request.asked:
                return Reply(USAGE.encode(), 0)
            case Verb.USAGE:
                return self.failure(
                    request, UsageError("no operation was given", mend="git gives one: get, store or erase")
                )
            case Verb.VERSION:
                return Reply(f"{self.executable} {__version__}\n".encode(), 0)
            case Verb.GET | Verb.STORE | Verb.ERASE | Verb.LIST | Verb.UNKNOWN:
                return Reply(b"", 0)
        assert_never(request.verb)

    def failure(self, request: Request | None, error: KeywrightError) -> Reply:  # noqa: ARG002 - the contract
        """Return silence where another helper should be asked, and one line for the person everywhere else.

        Standard output stays empty: git uses what it reads there whatever the exit code is.
        """
        if isinstance(error, CredentialNotFound):
            return Reply(b"", 0, error.line if error.mend else "")
        return Reply(b"", error.exit_code, error.line)


def _read_fields(stdin: bytes) -> tuple[dict[bytes, bytes], list[bytes]]:
    r"""Return the scalar keys with their values, and the list of `capability[]`.

    Split at LF alone: a CR is data (CVE-2024-52006, CVE-2024-50338), except one before an LF, which git drops too.
    """
    if len(stdin) > STDIN_AT_MOST:
        raise UsageError(f"the request is longer than {STDIN_AT_MOST} bytes")
    fields: dict[bytes, bytes] = {}
    explicit: set[bytes] = set()
    capabilities: list[bytes] = []
    for line in stdin.split(b"\n"):
        if len(line) > LINE_AT_MOST:
            raise UsageError(f"a line of the request is longer than {LINE_AT_MOST} bytes")
        line = line.removesuffix(b"\r")  # noqa: PLW2901 - what git's own reader takes for the line
        if not line:
            break
        key, equals, value = line.partition(b"=")
        if not equals:
            continue
        if key == b"capability[]":
            capabilities = [*capabilities, value] if value else []
        elif key == b"url":
            fields, explicit = _split_url(value), set()  # as in git, it replaces what came before it
        else:
            if key in _WHERE and key in explicit and fields[key] != value:
                raise UsageError(f"the request names two different values for {_text(key)}")
            fields[key] = value
            explicit.add(key)
    if any(_has_control(fields.get(key, b"")) for key in _WHERE):
        raise UsageError("the request holds a control character in its protocol, host, path or user name")
    return fields, capabilities


def _split_url(value: bytes) -> dict[bytes, bytes]:
    """Return the keys that `url=` stands for, percent-decoded; git expands it itself, people and tests do not."""
    protocol, separator, rest = value.partition(b"://")
    if not separator:
        raise UsageError("the request's url has no `://`")
    end = min((at for at in map(rest.find, (b"/", b"?", b"#")) if at >= 0), default=len(rest))
    authority, path = rest[:end], rest[end:].strip(b"/")
    userinfo, at, host = authority.partition(b"@") if b"@" in authority else (b"", b"", authority)
    username, colon, password = userinfo.partition(b":")
    parts = {b"protocol": protocol, b"host": host}
    if path:
        parts[b"path"] = path
    if at:
        parts[b"username"] = username
    if colon:
        parts[b"password"] = password
    from urllib.parse import unquote_to_bytes  # git itself never sends `url=`

    return {key: unquote_to_bytes(part) for key, part in parts.items()}


def _read_handed(fields: Mapping[bytes, bytes]) -> Handed:
    """Return what comes with a password. An expiry that is no number, or 0, means never, as it does to git."""
    expiry = fields.get(b"password_expiry_utc", b"")
    expires_at_s = int(expiry) if re.fullmatch(_NUMBER, expiry) else 0
    refresh_token = fields.get(b"oauth_refresh_token")
    return Handed(
        authtype=_text(fields.get(b"authtype", b"")) if b"credential" in fields else "",
        expires_at_s=expires_at_s if 0 < expires_at_s <= LAST_INSTANT_S else None,
        refresh_token=None if refresh_token is None else Secret(_text(refresh_token)),
        is_ephemeral=fields.get(b"ephemeral", b"").decode("latin-1").lower() not in _FALSE,
    )


def _kept_lines(credential: Credential, kept: Kept, is_capable: bool) -> Iterator[tuple[str, str]]:  # noqa: FBT001
    """Yield what was handed over, as it was: no `ephemeral`, because it is to be kept."""
    if kept.authtype and not is_capable:
        raise CredentialNotFound("what is kept is a credential of a kind that this git does not know")
    if kept.authtype:
        yield "capability[]", AUTHTYPE
    if credential.username is not None:
        yield "username", credential.username
    if not kept.is_spent:
        if kept.authtype:
            yield from (("authtype", kept.authtype), ("credential", credential.secret.reveal()))
        else:
            yield "password", credential.secret.reveal()
        if credential.expires_at is not None:
            yield "password_expiry_utc", str(int(credential.expires_at.timestamp()))
    if kept.refresh_token is not None:
        yield "oauth_refresh_token", kept.refresh_token.reveal()


def _read_url(fields: Mapping[bytes, bytes], verb: Verb) -> Url:
    protocol, host = fields.get(b"protocol", b""), fields.get(b"host")
    if protocol == b"cert" and host == b"" and fields.get(b"path"):
        # git asks so for the passphrase of a client certificate (http.c, has_cert_password).
        return Url(scheme="cert", host="", path=_text(fields[b"path"]).strip("/"))
    if not protocol or not host:
        raise UsageError(f"the request names no {'host' if protocol else 'protocol'}: nothing can match it")
    scheme = parse_scheme(_text(protocol))
    name = parse_host(_text(host), scheme) if scheme else None
    path = plain_path(_repository(_text(fields.get(b"path", b""))))
    if scheme is None or name is None or path is None:
        # Another helper may have it, but whoever typed it for this one would be asked again and again.
        mend = "write the URL in ASCII, with no `//`, `.` or `..` in it, to have it kept" if verb is Verb.STORE else ""
        raise CredentialNotFound("the request's host or path has no normal form", mend=mend)
    return Url(scheme=scheme, host=name, path=path)


def _repository(path: str) -> str:
    """Return the repository's path: no query, no `.git`, nor the `/info/lfs` of git-lfs's API.

    Git has percent-decoded it already. For the suffix see git-lfs's docs/api/server-discovery.md.
    """
    bare = path.partition("?")[0].rstrip("/").removesuffix("/info/lfs")
    return bare if bare == ".git" or bare.endswith("/.git") else bare.removesuffix(".git")


def _line(key: str, value: str) -> bytes:
    if not {"\r", "\n", "\0"}.isdisjoint(value):
        raise Refused(f"the credential's {key} holds a line break or NUL, which git's protocol cannot carry")
    return f"{key}={value}\n".encode("utf-8", "surrogateescape")


def _has_line_end(value: bytes) -> bool:
    return b"\r" in value or b"\0" in value


def _has_control(value: bytes) -> bool:
    return any(byte < 0x20 or byte == 0x7F for byte in value)  # noqa: PLR2004 - ASCII's control characters


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")
