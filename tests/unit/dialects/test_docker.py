"""docker's protocol, replayed: its exact sentences, its spellings of a server, and the names it reads meanings into."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.credential import Credential, Kept
from keywright.dialects.base import STDIN_AT_MOST, Reply
from keywright.dialects.docker import IDENTITY_TOKEN_USER, DockerDialect
from keywright.errors import ConfigurationError, CredentialNotFound, Refused, Unreachable, UsageError
from keywright.request import Client, Request, Url, Verb
from keywright.secret import Secret

DOCKER = DockerDialect()
ISSUED_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ECR = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
USAGE = b"Usage: docker-credential-keywright <store|get|erase|list|version>\n"
NOT_FOUND = b"credentials not found in native keychain\n"
NO_URL = b"no credentials server URL\n"
NOT_STRINGS = b"the request to store is not of the form {ServerURL, Username, Secret}, all strings\n"
NO_NAME = b"no credentials username\n"
DEEP = b'{"ServerURL":' + b"[" * 100_000


def replay(args: list[str], stdin: bytes, *, is_minted: bool = False) -> Reply:
    """Return what docker sees of a call for which nothing here has a credential."""
    try:
        request = DOCKER.parse(args, stdin, {})
    except (UsageError, CredentialNotFound) as error:
        return DOCKER.failure(None, error)
    if request.verb is Verb.GET:
        return DOCKER.failure(request, CredentialNotFound("no route"))
    return DOCKER.done(request, is_minted=is_minted)


def credential(secret: str = "secret", username: str | None = "AWS") -> Credential:
    return Credential(secret=Secret(secret), username=username, issued_at=ISSUED_AT)


@pytest.mark.parametrize(
    ("args", "stdin", "stdout", "exit_code"),
    [
        ([], b"", USAGE, 1),
        (["get", "get"], b"", USAGE, 1),
        (["--help"], b"", USAGE, 0),
        (["-h"], b"", USAGE, 0),
        (["version"], b"", b"docker-credential-keywright (keywright) 0.1.0\n", 0),
        (["--version"], b"", b"docker-credential-keywright (keywright) 0.1.0\n", 0),
        (["-v"], b"", b"docker-credential-keywright (keywright) 0.1.0\n", 0),
        (["frob"], b"", b"docker-credential-keywright: unknown action: frob\n", 1),
        (["fr\x1bob\n"], b"", b"docker-credential-keywright: unknown action: fr\\x1bob\\n\n", 1),
        (["GET"], b"", b"docker-credential-keywright: unknown action: GET\n", 1),
        (["list"], b"unused", b"{}\n", 0),
        (["list"], b"", b"{}\n", 0),
        (["get"], b"", NO_URL, 1),
        (["get"], b" \t\r\n\n", NO_URL, 1),
        (["erase"], b"", NO_URL, 1),
        (["get"], b"registry.example", NOT_FOUND, 1),
        (["get"], b"gcr.io/project/image", NOT_FOUND, 1),
        (["get"], b"ftp://registry.example", NOT_FOUND, 1),
        (["get"], b"https://user:word@registry.example", NOT_FOUND, 1),
        (["get"], b"not a host", NOT_FOUND, 1),
        (["get"], b"\xff\xfe\0", NOT_FOUND, 1),
        (["get"], b"https://registry.example/../x", NOT_FOUND, 1),
        (["erase"], b"registry.example", b"", 0),
        (["erase"], b"ftp://registry.example", b"", 0),
        (["store"], b"{}", NO_URL, 1),
        (["store"], b'{"ServerURL":"","Username":"u","Secret":"s"}', NO_URL, 1),
        (["store"], b'{"ServerURL":null,"Username":"u","Secret":"s"}', NO_URL, 1),
        (["store"], b'{"ServerURL":"r","Username":"","Secret":"s"}', NO_NAME, 1),
        (["store"], b'{"ServerURL":"r","Secret":"s"}', NO_NAME, 1),
        (["store"], b'{"serverurl":"r","USERNAME":"","secret":"s"}', NO_NAME, 1),
        (["store"], b'{"ServerURL":0,"Username":"u"}', NOT_STRINGS, 1),
        (["store"], b'{"ServerURL":"r","Username":"u","Secret":7}', NOT_STRINGS, 1),
        (["store"], b"", b"the request to store is not a JSON object\n", 1),
        (["store"], b"[]", b"the request to store is not a JSON object\n", 1),
        (["store"], b'{"ServerURL":', b"the request to store is not a JSON object\n", 1),
        (["store"], b"\xff\xff", b"the request to store is not a JSON object\n", 1),
        (["store"], DEEP, b"the request to store is not a JSON object\n", 1),
        (["get"], b"a" * (STDIN_AT_MOST + 1), b"the request is longer than 1048576 bytes\n", 1),
        (["store"], b" " * (STDIN_AT_MOST + 1), b"the request is longer than 1048576 bytes\n", 1),
        (["store"], b'{"ServerURL":"registry.example:5000","Username":"u","Secret":"s"}\n', b"", 0),
        (
            ["store"],
            b'{"ServerURL":"ftp://registry.example","Username":"u","Secret":"s"}\n',
            b"nothing was stored: what was named is not a registry\n",
            1,
        ),
        (
            ["store"],
            b'{"ServerURL":"registry.example","Username":"u","Secret":"\\ud800"}\n',
            b"the request to store holds what is not Unicode text\n",
            1,
        ),
    ],
)
def test_docker_is_told_exactly_this(args: list[str], stdin: bytes, stdout: bytes, exit_code: int) -> None:
    reply = replay(args, stdin)
    assert (reply.stdout, reply.exit_code) == (stdout, exit_code)


def test_a_protocol_sentence_stands_alone() -> None:
    for args, stdin in ([], b""), (["get"], b""), (["store"], b"{}"), (["get"], b"registry.example"), (["frob"], b""):
        assert replay(args, stdin).message == ""


def test_storing_what_a_route_serves_is_no_failure_and_is_said_to_the_person_alone() -> None:
    reply = replay(["store"], b'{"ServerURL":"registry.example","Username":"u","Secret":"s"}', is_minted=True)
    assert reply == Reply(b"", 0, "not stored: a route of keywright's serves registry.example")


def test_storing_what_is_no_registry_repeats_nothing_of_it() -> None:
    reply = replay(["store"], b'{"ServerURL":"https://u:hunter2@r","Username":"u","Secret":"s"}')
    assert reply.exit_code == 1
    assert b"hunter2" not in reply.stdout
    assert "hunter2" not in reply.message


@pytest.mark.parametrize(
    ("stdin", "asked", "url"),
    [
        (ECR.encode(), ECR, Url(scheme="", host=ECR)),
        (f"  {ECR}\r\n".encode(), ECR, Url(scheme="", host=ECR)),
        (b"reg\nistry\r\n.example\n", "registry.example", Url(scheme="", host="registry.example")),
        (b"registry:5000", "registry:5000", Url(scheme="", host="registry:5000")),
        (b"//registry", "//registry", Url(scheme="", host="registry")),
        (b"HTTPS://Registry:443/", "HTTPS://Registry:443/", Url(scheme="https", host="registry")),
        (b"http://registry", "http://registry", Url(scheme="http", host="registry")),
        (b"https://registry/v2/?x=1", "https://registry/v2/?x=1", Url(scheme="https", host="registry", path="v2")),
        (b"gcr.io/project/image", "gcr.io/project/image", Url(scheme="", host="gcr.io", path="project/image")),
        (b"[::1]:5000", "[::1]:5000", Url(scheme="", host="[::1]:5000")),
    ],
)
def test_a_server_is_read_as_dockers_library_reads_it(stdin: bytes, asked: str, url: Url) -> None:
    for word, verb in ("get", Verb.GET), ("erase", Verb.ERASE):
        expected = Request(client=Client.DOCKER, verb=verb, url=url, asked=asked)
        assert DOCKER.parse([word], stdin, {}) == expected


@pytest.mark.parametrize("stdin", [b"ftp://registry", b"https://me:hunter2@registry", b"registry#x", b"https:///x"])
def test_what_is_no_registry_is_not_ours_to_get_and_nothing_to_erase(stdin: bytes) -> None:
    with pytest.raises(CredentialNotFound):
        DOCKER.parse(["get"], stdin, {})
    assert DOCKER.parse(["erase"], stdin, {}) == Request(client=Client.DOCKER, verb=Verb.ERASE)


def test_the_three_credentials_of_docker_hub_stay_apart() -> None:
    hub = "https://index.docker.io/v1/"
    urls = [DOCKER.parse(["get"], (hub + end).encode(), {}).url for end in ("", "access-token", "refresh-token")]
    assert [url.path for url in urls if url] == ["v1", "v1/access-token", "v1/refresh-token"]


@pytest.mark.parametrize(
    "document",
    [
        b'{"ServerURL":"registry","Username":"me","Secret":"word"}\n',
        b'{"serverurl":"registry","USERNAME":"me","sEcret":"word","Extra":[1]}',
        b'{"ServerURL":"other","serverurl":"registry","Username":"me","Secret":"word"}',
        b'\xef\xbb\xbf{"ServerURL":"registry","Username":"me","Secret":"word"}',
    ],
)
def test_a_store_is_read_with_names_in_any_case_and_the_last_wins(document: bytes) -> None:
    assert DOCKER.parse(["store"], document, {}) == Request(
        client=Client.DOCKER,
        verb=Verb.STORE,
        url=Url(scheme="", host="registry"),
        asked="registry",
        username="me",
        password=Secret("word"),
    )


def test_an_answer_is_these_bytes() -> None:
    request = DOCKER.parse(["get"], b"https://Registry.example/\n", {})
    assert DOCKER.answer(request, credential('s"é\n'), None) == (
        b'{"ServerURL":"https://Registry.example/","Username":"AWS","Secret":"s\\"\\u00e9\\n"}\n'
    )


@pytest.mark.parametrize(
    ("unsayable", "why"),
    [
        (credential(username=None), "bearer token"),
        (credential(username=""), "no user name"),
        (credential(username="<token>"), "something else"),
        (credential(username="a:b"), "something else"),
        (credential(secret=""), "empty"),
        (credential(secret="\udcff"), "JSON"),
    ],
)
def test_what_docker_would_misread_is_refused(unsayable: Credential, why: str) -> None:
    request = DOCKER.parse(["get"], b"registry.example", {})
    with pytest.raises(Refused, match=why):
        DOCKER.answer(request, unsayable, None)


def test_a_failure_is_said_on_both_streams_with_its_own_exit_code() -> None:
    error = Unreachable("the registry did not answer").about("aws-ecr:main", ECR)
    text = f"aws-ecr:main for {ECR}: the registry did not answer"
    request = DOCKER.parse(["get"], ECR.encode(), {})
    assert DOCKER.failure(request, error) == Reply(text.encode() + b"\n", 1, f"{text} [unreachable]")
    assert DOCKER.failure(None, ConfigurationError("wrong key")).exit_code == 2


def test_a_failures_line_on_standard_output_holds_no_control_character() -> None:
    reply = DOCKER.failure(None, Unreachable("a\nb\x1b[31m"))
    assert reply.stdout == b"a\\nb\\x1b[31m\n"


def test_what_a_person_can_mend_is_told_beside_the_sentence_for_docker() -> None:
    error = CredentialNotFound("not signed in", mend="run `keywright login`")
    assert DOCKER.failure(None, error) == Reply(
        NOT_FOUND, 1, "not signed in; run `keywright login` [credential_not_found]"
    )


def test_erasing_what_is_not_there_has_succeeded() -> None:
    request = DOCKER.parse(["erase"], b"registry.example", {})
    assert DOCKER.failure(request, CredentialNotFound("no route")) == Reply(b"", 0)


@given(st.sampled_from(["get", "erase", "store"]), st.binary(max_size=200))
def test_no_bytes_make_it_fail_otherwise_than_by_contract(word: str, stdin: bytes) -> None:
    try:
        request = DOCKER.parse([word], stdin, {})
    except (UsageError, CredentialNotFound):
        return
    assert request.client is Client.DOCKER


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["ServerURL", "Username", "Secret", "serverurl", "x"]), JSON))
def test_no_json_makes_store_fail_otherwise_than_by_contract(document: dict[str, object]) -> None:
    try:
        request = DOCKER.parse(["store"], json.dumps(document).encode(), {})
    except UsageError:
        return
    assert request.username


@pytest.mark.parametrize(
    ("username", "secret"),
    [("ann", "p"), (IDENTITY_TOKEN_USER, "refresh"), ("a:b", "p"), ("ann", ""), ("ü", '"\\\u2028')],
)
def test_what_docker_handed_over_is_given_back_as_it_was(username: str, secret: str) -> None:
    request = DOCKER.parse(["get"], b"https://registry.example/v1/", {})
    kept = Credential(secret=Secret(secret), username=username, issued_at=ISSUED_AT, kept=Kept())
    assert json.loads(DOCKER.answer(request, kept, None)) == {
        "ServerURL": "https://registry.example/v1/",
        "Username": username,
        "Secret": secret,
    }


def test_what_is_stored_is_listed_by_dockers_own_spelling() -> None:
    listed = {"https://index.docker.io/v1/": "<token>", "registry.example:5000": "ann"}
    reply = DOCKER.done(DOCKER.parse(["list"], b"", {}), is_minted=False, listed=listed)
    assert (json.loads(reply.stdout), reply.exit_code) == (listed, 0)
