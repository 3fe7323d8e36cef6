"""What every dialect keeps, whichever client it speaks to.

A face is one dialect with a request it serves, requests that hand it a secret, and a reader of its client's grammar
written from that client's documentation. The canary is a secret: it is seen where `answer` hands it over, nowhere else.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.credential import Credential
from keywright.dialects.base import Dialect, Reply
from keywright.dialects.docker import DockerDialect
from keywright.dialects.git import GitDialect
from keywright.dialects.kube import KubeDialect
from keywright.dialects.person import PersonDialect
from keywright.errors import ERRORS, CredentialNotFound, KeywrightError, Refused, UsageError
from keywright.request import Request, Verb
from keywright.secret import Secret

CANARY = "canary-7e1f"
ISSUED_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
UNTIL = ISSUED_AT + timedelta(minutes=14)
BASIC = Credential(secret=Secret(CANARY), username="somebody", issued_at=ISSUED_AT)
BEARER = Credential(secret=Secret(CANARY), issued_at=ISSUED_AT)
EXEC_INFO = '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false}}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    args: tuple[str, ...]
    stdin: bytes = b""
    env: Mapping[str, str] | None = None

    def parse(self, dialect: Dialect) -> Request:
        return dialect.parse(self.args, self.stdin, self.env or {})


def _git(verb: str, stdin: bytes) -> Call:
    return Call(args=(verb,), stdin=stdin)


def _docker(action: str, stdin: bytes) -> Call:
    return Call(args=(action,), stdin=stdin)


def _person(*args: str, stdin: bytes = b"") -> Call:
    return Call(args=("token", *args), stdin=stdin)


def _kube(text: str, *args: str) -> Call:
    return Call(
        args=("eks", "--cluster", "prod", "--region", "eu-central-1", *args), env={"KUBERNETES_EXEC_INFO": text}
    )


def read_git(document: bytes) -> dict[str, str]:
    """Read as git's credential_read does: lines up to LF, the first `=`, and what it would drop or die of."""
    assert document.endswith(b"\n")
    fields: dict[str, str] = {}
    for line in document[:-1].split(b"\n"):
        key, equals, value = line.decode().partition("=")
        assert equals, "git warns about a line without `=` and reads no further"
        assert not {"\r", "\0"} & set(value), "git dies of a CR and cuts at a NUL"
        assert key not in {"protocol", "host", "path", "url", "quit"}, "git would believe it"
        if key in {"authtype", "credential", "ephemeral"}:
            assert fields.get("capability[]") == "authtype", "git drops it before the capability"
        if key == "password_expiry_utc":
            assert value.isdecimal(), "git takes anything else for `never`"
        assert key not in fields
        fields[key] = value
    user, secret = fields.get("username", ""), fields.get("password", fields.get("credential", ""))
    return {"user": user, "secret": secret, "expiry": fields.get("password_expiry_utc", "")}


def read_docker(document: bytes) -> dict[str, str]:
    """Read as docker-py does, the strictest of docker's clients."""
    answer = json.loads(document.decode("utf-8"))
    assert set(answer) == {"ServerURL", "Username", "Secret"}
    assert document.count(b"\n") == 1
    return {"user": answer["Username"], "secret": answer["Secret"], "expiry": ""}


def read_kube(document: bytes) -> dict[str, str]:
    """Read as the Python client for Kubernetes does, the strictest there is."""
    answer = json.loads(document.decode("ascii"))
    assert set(answer) == {"apiVersion", "kind", "status"}
    assert answer["kind"] == "ExecCredential"
    assert document.count(b"\n") == 1
    status = answer["status"]
    expiry = ""
    if "expirationTimestamp" in status:
        instant = datetime.strptime(status["expirationTimestamp"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        expiry = str(int(instant.timestamp()))
    return {"user": "", "secret": status["token"], "expiry": expiry}


def read_person(document: bytes) -> dict[str, str]:
    """Read as a program does that takes our standard output: all of it, less the line break at its end."""
    assert document.endswith(b"\n")
    return {"user": "", "secret": document[:-1].decode("utf-8"), "expiry": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """One dialect as the suite sees it.

    Attributes:
        get: a question that it serves.
        secretive: calls that carry the canary, well-formed or not.
        read: the client's reader; returns user, secret and expiry, empty for what the protocol has no word for.
        exit_codes: where an error's exit code on this wire differs from the errors' own table.
        says_failures: whether the client reads the cause on standard output.
        nothing_here: what the client sees when nothing here serves its request.
    """

    dialect: Dialect
    get: Call
    secretive: tuple[Call, ...]
    read: Callable[[bytes], dict[str, str]]
    user: str
    expiry: str
    exit_codes: Mapping[type[KeywrightError], int]
    says_failures: bool
    nothing_here: Reply


_SPOT = f"path=acme\nusername=me\npassword={CANARY}\n".encode()
_STORE = f'"Username":"me","Secret":"{CANARY}"}}'.encode()

FACES = {
    "git": Face(
        dialect=GitDialect(),
        get=_git("get", b"protocol=https\nhost=github.com\n"),
        secretive=(
            _git("get", b"protocol=https\nhost=github.com\n" + _SPOT),
            _git("store", b"protocol=https\nhost=github.com\n" + _SPOT),
            _git("erase", b"protocol=https\nhost=github.com\n" + _SPOT),
            _git("store", f"protocol=https\nhost=h\nauthtype=Bearer\ncredential={CANARY}\n".encode()),
            _git("store", f"url=https://me:{CANARY}@github.com/\n".encode()),
            _git("get", f"url=me:{CANARY}@github.com/\n".encode()),
            _git("get", f"url=https://me:{CANARY}@github.com%0a/\n".encode()),
            _git("get", f"protocol=https\nhost=me:{CANARY}@github.com\n".encode()),
            _git("get", f"protocol=https\nhost=h\npath=../{CANARY}\n".encode()),
            _git("store", b"protocol=https\n" + _SPOT),
            _git("store", b"host=a\nhost=b\n" + _SPOT),
            _git("erase", _SPOT + b"username=other\nprotocol=https\nhost=h\n"),
            _git("frobnicate", _SPOT),
            Call(args=("--frob", "get"), stdin=_SPOT),
        ),
        read=read_git,
        user="somebody",
        expiry=str(int(UNTIL.timestamp())),
        exit_codes={CredentialNotFound: 0},
        says_failures=False,
        nothing_here=Reply(b"", 0),
    ),
    "docker": Face(
        dialect=DockerDialect(),
        get=_docker("get", b"registry.example:5000"),
        secretive=(
            _docker("store", b'{"ServerURL":"registry.example",' + _STORE),
            _docker("store", b'{"ServerURL":"ftp://registry.example",' + _STORE),
            _docker("store", b'{"ServerURL":"",' + _STORE),
            _docker("store", b'{"ServerURL":7,' + _STORE),
            _docker("store", b'{"ServerURL":"r" ' + _STORE),
            _docker("store", _STORE),
            _docker("store", f'["{CANARY}"]'.encode()),
            _docker("store", f'{{"ServerURL":"https://me:{CANARY}@r","Username":"me","Secret":"s"}}'.encode()),
            _docker("store", b"\xff" + _STORE),
            _docker("get", f"https://me:{CANARY}@registry.example".encode()),
            _docker("erase", f"https://me:{CANARY}@registry.example".encode()),
            _docker("frob", _STORE),
        ),
        read=read_docker,
        user="somebody",
        expiry="",
        exit_codes={UsageError: 1},
        says_failures=True,
        nothing_here=Reply(b"credentials not found in native keychain\n", 1),
    ),
    "kube": Face(
        dialect=KubeDialect(),
        get=_kube(EXEC_INFO),
        secretive=(
            _kube(f'{{"kind":"{CANARY}"}}'),
            _kube(f'{{"kind":"ExecCredential" "{CANARY}"}}'),
            _kube(EXEC_INFO.replace("false", f'"{CANARY}"')),
            _kube(EXEC_INFO.replace("false", f'false,"cluster":{{"config":{{"token":"{CANARY}"}}}}')),
            _kube(EXEC_INFO.replace("false", f'false,"cluster":{{"server":"https://me:{CANARY}@host"}}')),
            _kube(EXEC_INFO, CANARY),
            _kube(EXEC_INFO, f"--token={CANARY}"),
            Call(args=(CANARY,)),
        ),
        read=read_kube,
        user="",
        expiry=str(int(UNTIL.timestamp())),
        exit_codes={},
        says_failures=False,
        nothing_here=Reply(b"", 1, "no route [credential_not_found]"),
    ),
    "person": Face(
        dialect=PersonDialect(),
        get=_person("github-app:acme", "--url", "https://github.com/acme"),
        secretive=(
            _person("github-app:acme", stdin=CANARY.encode()),
            _person("github-app:acme", CANARY),
            _person("github-app:acme", f"--token={CANARY}"),
            _person("github-app:acme", "--token", CANARY),
            _person("github-app:acme", "--url", f"https://me:{CANARY}@github.com/"),
            _person("github-app:acme", "--url", f"https://{CANARY}@github.com/"),
            _person("github-app:acme", "--url", f"https://github.com/?token={CANARY}"),
            _person("github-app:acme", "--url", f"https://github.com/#{CANARY}"),
            _person("github-app:acme", "--url", "https://github.com/", CANARY),
            _person("", "--url", CANARY),
            Call(args=(CANARY, "github-app:acme")),
        ),
        read=read_person,
        user="",
        expiry="",
        exit_codes={},
        says_failures=False,
        nothing_here=Reply(b"", 1, "no route [credential_not_found]"),
    ),
}


@pytest.fixture(params=FACES)
def face(request: pytest.FixtureRequest) -> Face:
    return FACES[request.param]


def everything_of(error: BaseException | None) -> Iterator[str]:
    """Yield all that a careless handler could print of an error: itself, what it holds, and what led to it."""
    while error is not None:
        yield from (str(error), repr(error), repr(error.args), repr(vars(error)))
        yield from (repr(getattr(error, name, "")) for name in ("doc", "object", "__notes__"))
        error = error.__cause__ or error.__context__


class TestSecrets:
    def test_a_secret_is_handed_over_by_the_answer(self, face: Face) -> None:
        answer = face.dialect.answer(face.get.parse(face.dialect), BASIC, UNTIL)
        assert answer.count(CANARY.encode()) == 1

    def test_a_secret_that_a_client_sends_is_seen_nowhere(self, face: Face) -> None:
        for call in face.secretive:
            seen: list[str] = []
            try:
                request = call.parse(face.dialect)
            except KeywrightError as error:
                seen += [*everything_of(error), repr(face.dialect.failure(None, error))]
            else:
                seen += [repr(request), str(request)]
                seen += [repr(face.dialect.done(request, is_minted=is_minted)) for is_minted in (True, False)]
                seen += [repr(face.dialect.failure(request, kind("it failed"))) for kind in ERRORS.values()]
            assert not [text for text in seen if CANARY in text], call

    def test_a_secret_that_cannot_be_said_is_not_in_the_refusal(self, face: Face) -> None:
        request = face.get.parse(face.dialect)
        bad = Credential(secret=Secret(f"{CANARY}\udcff\r\nx"), username="somebody", issued_at=ISSUED_AT)
        with pytest.raises(Refused) as caught:
            face.dialect.answer(request, bad, UNTIL)
        assert not [text for text in everything_of(caught.value) if CANARY in text]
        reply = face.dialect.failure(request, caught.value)
        assert CANARY not in repr(reply)


class TestAnswers:
    def test_an_answer_is_what_the_client_reads(self, face: Face) -> None:
        answer = face.dialect.answer(face.get.parse(face.dialect), BASIC, UNTIL)
        assert face.read(answer) == {"user": face.user, "secret": CANARY, "expiry": face.expiry}

    def test_an_answer_is_the_same_bytes_every_time(self, face: Face) -> None:
        answers = {face.dialect.answer(face.get.parse(face.dialect), BASIC, UNTIL) for _ in range(3)}
        assert len(answers) == 1

    @pytest.mark.parametrize(
        "until", [None, ISSUED_AT, ISSUED_AT - timedelta(days=1), datetime(1969, 1, 1, tzinfo=UTC)]
    )
    def test_an_expiry_that_is_unknown_or_past_is_not_told(self, face: Face, until: datetime | None) -> None:
        answer = face.dialect.answer(face.get.parse(face.dialect), BASIC, until)
        assert face.read(answer)["expiry"] == ""

    def test_an_expiry_is_never_told_later_than_it_is(self, face: Face) -> None:
        until = UNTIL + timedelta(microseconds=999_999)
        answer = face.dialect.answer(face.get.parse(face.dialect), BASIC, until)
        assert face.read(answer)["expiry"] == face.expiry

    def test_a_bearer_token_is_handed_over_whole_or_refused(self, face: Face) -> None:
        request = face.get.parse(face.dialect)
        try:
            answer = face.dialect.answer(request, BEARER, UNTIL)
        except Refused:
            return
        assert face.read(answer)["secret"] == CANARY

    @given(st.text(max_size=20), st.text(max_size=20) | st.none())
    def test_any_credential_is_read_back_as_it_is_or_refused(self, secret: str, username: str | None) -> None:
        credential = Credential(secret=Secret(secret), username=username, issued_at=ISSUED_AT)
        for face in FACES.values():
            try:
                answer = face.dialect.answer(face.get.parse(face.dialect), credential, UNTIL)
            except Refused:
                continue
            told = face.read(answer)
            assert told["secret"] == secret
            assert told["user"] == (username if face.user else "")


class TestFailures:
    @pytest.mark.parametrize("kind", ERRORS.values())
    def test_a_failures_exit_code_is_the_tables(self, face: Face, kind: type[KeywrightError]) -> None:
        for request in (None, face.get.parse(face.dialect)):
            reply = face.dialect.failure(request, kind("it failed"))
            assert reply.exit_code == face.exit_codes.get(kind, kind.exit_code)

    @pytest.mark.parametrize("kind", ERRORS.values())
    def test_a_failure_is_no_part_of_an_answer(self, face: Face, kind: type[KeywrightError]) -> None:
        error = kind('{"token": 1}\nusername=x', mend="mend\rit").about("p:a", "h\n{")
        for request in (None, face.get.parse(face.dialect)):
            stdout = face.dialect.failure(request, error).stdout
            if not face.says_failures:
                assert stdout == b""
                continue
            assert stdout.count(b"\n") == 1
            assert stdout.endswith(b"\n")
            with pytest.raises(ValueError, match=r"Expecting value|Extra data"):
                json.loads(stdout)

    @pytest.mark.parametrize("kind", [kind for kind in ERRORS.values() if kind is not UsageError])
    def test_a_failure_that_a_person_can_mend_says_how_and_ends_with_its_code(
        self, face: Face, kind: type[KeywrightError]
    ) -> None:
        reply = face.dialect.failure(face.get.parse(face.dialect), kind("it failed", mend="do this"))
        assert reply.message == f"it failed; do this [{kind.code}]"
        if face.says_failures and kind is not CredentialNotFound:
            assert reply.stdout == b"it failed; do this\n", "clients read this one: it stays as it is"

    def test_not_mine_is_told_apart_from_mine_but_broken(self, face: Face) -> None:
        request = face.get.parse(face.dialect)
        assert face.dialect.failure(request, CredentialNotFound("no route")) == face.nothing_here
        for kind in ERRORS.values():
            if kind is not CredentialNotFound:
                broken = face.dialect.failure(request, kind("it broke"))
                assert broken.exit_code != 0
                assert broken.stdout != face.nothing_here.stdout or not face.says_failures
                assert "it broke" in broken.message + broken.stdout.decode()

    def test_the_sentence_of_docker_is_in_no_other_failure(self) -> None:
        for kind in ERRORS.values():
            stdout = DockerDialect().failure(None, kind("it failed")).stdout
            assert (b"credentials not found" in stdout) == (kind is CredentialNotFound)


class TestQuestions:
    def test_a_dialect_has_no_state(self, face: Face) -> None:
        for call in (*face.secretive, face.get):
            try:
                call.parse(face.dialect)
            except KeywrightError:
                continue
        assert not getattr(face.dialect, "__dict__", {})
        assert face.get.parse(face.dialect) == face.get.parse(type(face.dialect)())

    def test_its_executable_has_a_name_of_its_own(self) -> None:
        assert len({face.dialect.executable for face in FACES.values()}) == len(FACES)

    @pytest.mark.parametrize("verb", [verb for verb in Verb if verb is not Verb.GET])
    def test_every_verb_without_a_credential_has_a_reply(self, face: Face, verb: Verb) -> None:
        request = Request(client=face.get.parse(face.dialect).client, verb=verb)
        for is_minted in (True, False):
            reply = face.dialect.done(request, is_minted=is_minted)
            assert reply.exit_code in {0, 1, 2}
            assert reply.message.isprintable()

    @given(
        st.lists(
            st.sampled_from(["get", "store", "erase", "list", "eks", "profile", "token", "--url", "--cluster", "x"])
            | st.text(),
            max_size=5,
        ),
        st.binary(max_size=100),
        st.dictionaries(st.sampled_from(["KUBERNETES_EXEC_INFO", "AWS_REGION", "GIT_TERMINAL_PROMPT"]), st.text()),
    )
    def test_nothing_but_the_two_errors_escapes_from_any_call(
        self, args: list[str], stdin: bytes, env: dict[str, str]
    ) -> None:
        for face in FACES.values():
            try:
                face.dialect.parse(args, stdin, env)
            except (UsageError, CredentialNotFound) as error:
                reply = face.dialect.failure(None, error)
                assert reply.stdout == b"" or face.says_failures
