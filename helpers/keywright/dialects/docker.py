"""Speaks docker's credential helper protocol, for docker, podman, skopeo, crane, oras and their kin.

One real transcript (docker sends the host with no line end; a failure is told on standard output too):

    $ printf 123456789012.dkr.ecr.eu-central-1.amazonaws.com | docker-credential-keywright get
    {"ServerURL":"123456789012.dkr.ecr.eu-central-1.amazonaws.com","Username":"AWS","Secret":"eyJwYXlsb2FkIjoi…"}
    $ printf registry.example | docker-credential-keywright get; echo $?
    credentials not found in native keychain
    1

Clients tell "none here" from "broken" by comparing the whole output with that sentence, so it is kept to the letter.
https://github.com/docker/docker-credential-helpers, credentials/credentials.go and credentials/error.go
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, assert_never

from keywright import __version__
from keywright.credential import Credential
from keywright.dialects.base import NOTHING, STDIN_AT_MOST, Reply
from keywright.errors import CredentialNotFound, KeywrightError, Refused, UsageError
from keywright.log import one_line
from keywright.request import Client, Request, Url, Verb, parse_url
from keywright.secret import Secret

NAME: Final = "docker-credential-keywright"
VERBS: Final = {"store": Verb.STORE, "get": Verb.GET, "erase": Verb.ERASE, "list": Verb.LIST, "version": Verb.VERSION}
USAGE: Final = f"Usage: {NAME} <store|get|erase|list|version>"
NOT_FOUND: Final = "credentials not found in native keychain"
NO_SERVER_URL: Final = "no credentials server URL"
NO_USERNAME: Final = "no credentials username"
IDENTITY_TOKEN_USER: Final = "<token>"  # noqa: S105 - a user name: it tells docker that the secret is a refresh token


class DockerDialect:
    """Translates docker's credential helper protocol."""

    @property
    def executable(self) -> str:
        """The name that `"credsStore": "keywright"` makes docker look for."""
        return NAME

    def parse(self, args: Sequence[str], stdin: bytes, env: Mapping[str, str]) -> Request:  # noqa: ARG002 - the contract
        """Return the question in the one argument and standard input.

        The `url` is None for a store or erase of what is not a registry: nothing is kept for it.

        Raises:
            UsageError: the protocol's own complaint, word for word in `what`.
            CredentialNotFound: a credential is asked for what is not a registry, such as `ftp://…`.
        """
        if len(args) != 1:
            raise UsageError(USAGE)
        (action,) = args
        if action in {"--help", "-h"}:
            return Request(client=Client.DOCKER, verb=Verb.USAGE, asked=action)
        verb = Verb.VERSION if action in {"--version", "-v"} else VERBS.get(action)
        if verb is None:
            raise UsageError(f"{NAME}: unknown action: {action}")
        if verb in {Verb.LIST, Verb.VERSION}:
            return Request(client=Client.DOCKER, verb=verb)
        if len(stdin) > STDIN_AT_MOST:
            raise UsageError(f"the request is longer than {STDIN_AT_MOST} bytes")
        return _parse_store(stdin) if verb is Verb.STORE else _parse_server(verb, stdin)

    def answer(self, request: Request, credential: Credential, report_until: datetime | None) -> bytes:  # noqa: ARG002 - docker's protocol knows no expiry
        """Return the credential as one line of JSON, for the server as it was asked for.

        Raises:
            Refused: docker could not log in with it: no user name, one that Basic authentication (RFC 7617, section 2)
                cannot carry, or the one by which docker would take the secret for a refresh token.
        """
        username, secret = credential.username, credential.secret.reveal()
        if credential.kept is not None:
            return _document(request, username or "", secret)
        if not username:
            raise Refused("the credential is a bearer token: it has no user name, which docker needs")
        if username == IDENTITY_TOKEN_USER or ":" in username:
            raise Refused("the credential's user name means something else to docker")
        if not secret or any("\ud800" <= character <= "\udfff" for character in username + secret):
            raise Refused("the credential's password is empty, or not text that JSON can carry")
        return _document(request, username, secret)

    def done(self, request: Request, *, is_minted: bool, listed: Mapping[str, str] = NOTHING) -> Reply:
        """Return the reply to everything but get; what cannot be stored is said on both streams."""
        match request.verb:
            case Verb.STORE if is_minted:
                return Reply(b"", 0, f"not stored: a route of keywright's serves {_place(request)}")
            case Verb.STORE if request.url is None:
                text = "nothing was stored: what was named is not a registry"
                return Reply(_said(text), 1, CredentialNotFound(text).line)
            case Verb.LIST:
                return Reply(json.dumps(dict(listed), separators=(",", ":")).encode("ascii") + b"\n", 0)
            case Verb.VERSION:
                return Reply(f"{NAME} (keywright) {__version__}\n".encode(), 0)
            case Verb.USAGE:
                return Reply(_said(USAGE), 0)
            case Verb.GET | Verb.STORE | Verb.ERASE | Verb.CAPABILITY | Verb.UNKNOWN:
                return Reply(b"", 0)
        assert_never(request.verb)

    def failure(self, request: Request | None, error: KeywrightError) -> Reply:
        """Return the sentence that clients match for "none here", else the cause: docker shows standard output.

        The protocol's own complaints (every UsageError) stand alone on standard output and exit 1, as in docker's
        library. Erasing what is not there has succeeded: docker logout erases four spellings of one server.
        """
        if isinstance(error, CredentialNotFound):
            if request is not None and request.verb is Verb.ERASE:
                return Reply(b"", 0)
            return Reply(_said(NOT_FOUND), 1, error.line if error.mend else "")
        if isinstance(error, UsageError):
            return Reply(_said(str(error)), 1)
        return Reply(_said(str(error)), error.exit_code, error.line)


def _document(request: Request, username: str, secret: str) -> bytes:
    document = {"ServerURL": request.asked, "Username": username, "Secret": secret}
    return json.dumps(document, separators=(",", ":")).encode("ascii") + b"\n"


def _parse_server(verb: Verb, stdin: bytes) -> Request:
    # docker's library joins the lines it scanned with nothing between them, then trims.
    lines = stdin.decode("utf-8", "surrogateescape").split("\n")
    text = "".join(line.removesuffix("\r") for line in lines).strip()
    if not text:
        raise UsageError(NO_SERVER_URL)
    url = _read_server(text)
    if url is None and verb is Verb.GET:
        raise CredentialNotFound("what was asked for is not a registry")
    return Request(client=Client.DOCKER, verb=verb, url=url, asked=text if url else "")


def _parse_store(stdin: bytes) -> Request:
    members = {"serverurl": "", "username": "", "secret": "", **_load_members(stdin)}
    server, username, secret = members["serverurl"], members["username"], members["secret"]
    if not isinstance(server, str) or not isinstance(username, str) or not isinstance(secret, str):
        raise UsageError("the request to store is not of the form {ServerURL, Username, Secret}, all strings")
    if not server:
        raise UsageError(NO_SERVER_URL)
    if not username:
        raise UsageError(NO_USERNAME)
    if any("\ud800" <= character <= "\udfff" for character in server + username + secret):
        raise UsageError("the request to store holds what is not Unicode text")  # and could not be given back
    url = _read_server(server)
    return Request(
        client=Client.DOCKER,
        verb=Verb.STORE,
        url=url,
        asked=server if url else "",
        username=username,
        password=Secret(secret),
    )


def _load_members(stdin: bytes) -> dict[str, Any]:
    """Return the JSON object's members by their names in lower case, as Go reads them: the last wins, null is none."""
    try:
        document = json.loads(stdin)
    except (ValueError, RecursionError):  # its exceptions hold the whole text, the secret too: raise none from here
        document = None
    if not isinstance(document, dict):
        raise UsageError("the request to store is not a JSON object")
    return {name.lower(): value for name, value in document.items() if value is not None}


def _read_server(text: str) -> Url | None:
    """Return the server by the rules of registryurl/parse.go: no scheme means a host; http and https only; no query.

    The path stays: `https://index.docker.io/v1/access-token` is another credential than `https://index.docker.io/v1/`,
    and crane asks for `host/path/name` before it asks for `host`.
    """
    url = parse_url(text.removeprefix("//").partition("?")[0])
    return url if url is not None and url.scheme in {"", "http", "https"} else None


def _place(request: Request) -> str:
    return request.url.host if request.url else "what is not a registry"


def _said(text: str) -> bytes:
    return f"{one_line(text)}\n".encode()
