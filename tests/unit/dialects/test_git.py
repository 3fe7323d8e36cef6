"""git's protocol, replayed: what git sends, what attackers made it send, and what it accepts."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from keywright.credential import Credential
from keywright.dialects.base import STDIN_AT_MOST, Reply
from keywright.dialects.git import CAPABILITIES, LINE_AT_MOST, USAGE, GitDialect
from keywright.errors import Busy, CredentialNotFound, KeywrightError, Refused, UsageError
from keywright.request import Client, Request, Url, Verb
from keywright.secret import Secret

GIT = GitDialect()
ISSUED_AT = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
UNTIL = ISSUED_AT + timedelta(hours=1)
PASSWORD = Credential(secret=Secret("ghs_one"), username="x-access-token", issued_at=ISSUED_AT)
BEARER = Credential(secret=Secret("ghs_one"), issued_at=ISSUED_AT)
ACTIONS = ["get", "store", "erase"]


def ask(stdin: bytes, verb: str = "get", **env: str) -> Request:
    return GIT.parse([verb], stdin, env)


def question(**fields: object) -> Request:
    return Request(client=Client.GIT, verb=Verb.GET, url=Url(scheme="https", host="github.com"), **fields)  # type: ignore[arg-type]


class TestArguments:
    @pytest.mark.parametrize(
        ("args", "verb", "asked"),
        [
            ([], Verb.USAGE, ""),
            (["--help"], Verb.USAGE, "--help"),
            (["-h"], Verb.USAGE, "--help"),
            (["--version"], Verb.VERSION, ""),
            (["capability"], Verb.CAPABILITY, ""),
            (["list"], Verb.UNKNOWN, ""),
            (["GET"], Verb.UNKNOWN, ""),
            (["frobnicate"], Verb.UNKNOWN, ""),
            ([""], Verb.UNKNOWN, ""),
        ],
    )
    def test_a_verb_that_needs_no_input_never_looks_at_it(self, args: list[str], verb: Verb, asked: str) -> None:
        assert GIT.parse(args, b"host=a\nhost=b\n\xff", {}) == Request(client=Client.GIT, verb=verb, asked=asked)

    @pytest.mark.parametrize("args", [["--timeout=3", "get"], ["get", "get"], ["--frob"], ["-x", "frobnicate"]])
    def test_an_option_or_a_second_word_is_a_usage_error(self, args: list[str]) -> None:
        with pytest.raises(UsageError):
            GIT.parse(args, b"protocol=https\nhost=github.com\n", {})

    @pytest.mark.parametrize(("word", "verb"), [("get", Verb.GET), ("store", Verb.STORE), ("erase", Verb.ERASE)])
    def test_the_three_operations_are_known(self, word: str, verb: Verb) -> None:
        assert ask(b"protocol=https\nhost=github.com\n", word).verb is verb


class TestGrammar:
    def test_everything_git_says_is_taken_in_any_order(self) -> None:
        stdin = (
            b'wwwauth[]=Basic realm="a=b"\nusername=x-access-token\nstate[]=other:1\npath=acme/rocket.git\n'
            b"host=GitHub.COM\ncapability[]=authtype\npassword=a=b= c\ncapability[]=state\nprotocol=https\n"
            b"ntlm=suppressed\njunk\n"
        )
        assert ask(stdin, "store") == Request(
            client=Client.GIT,
            verb=Verb.STORE,
            url=Url(scheme="https", host="github.com", path="acme/rocket"),
            asked="https://GitHub.COM",
            username="x-access-token",
            password=Secret("a=b= c"),
            path="acme/rocket.git",
            accepts=("authtype", "state"),
            interactive=True,
        )

    @pytest.mark.parametrize(
        "end", [b"", b"\n", b"\n\n", b"\r\n", b"\r\n\r\n", b"\n\nhost=evil.example\n", b"\n\n\xff\0"]
    )
    def test_a_request_ends_at_an_empty_line_or_the_end_of_input(self, end: bytes) -> None:
        assert ask(b"protocol=https\nhost=github.com" + end).url == Url(scheme="https", host="github.com")

    def test_an_absent_user_is_told_from_an_empty_one(self) -> None:
        assert ask(b"protocol=https\nhost=github.com\n").username is None
        assert ask(b"protocol=https\nhost=github.com\nusername=\n").username == ""

    def test_an_absent_password_is_told_from_an_empty_one(self) -> None:
        assert ask(b"protocol=https\nhost=github.com\n").password is None
        assert ask(b"protocol=https\nhost=github.com\npassword=\n").password == Secret("")

    def test_the_bearer_token_that_git_hands_back_is_the_password(self) -> None:
        stdin = b"authtype=Bearer\ncredential=ghs_one\nprotocol=https\nhost=github.com\n"
        assert ask(stdin, "erase").password == Secret("ghs_one")

    def test_an_empty_element_empties_a_list(self) -> None:
        stdin = b"capability[]=state\ncapability[]=\ncapability[]=authtype\nprotocol=https\nhost=github.com\n"
        assert ask(stdin).accepts == ("authtype",)

    def test_bytes_that_are_not_utf_8_survive_the_trip(self) -> None:
        request = ask(b"protocol=https\nhost=github.com\nusername=caf\xe9\npassword=\xff\n", "store")
        kept = Credential(secret=request.password or Secret(""), username=request.username, issued_at=ISSUED_AT)
        assert GIT.answer(request, kept, None) == b"username=caf\xe9\npassword=\xff\n"

    @pytest.mark.parametrize("key", [b"protocol", b"host", b"path", b"username"])
    def test_a_repeated_key_is_fine_only_with_the_same_value(self, key: bytes) -> None:
        stdin = b"protocol=https\nhost=github.com\npath=acme\nusername=me\n"
        value = dict(line.split(b"=") for line in stdin.split())[key]
        assert ask(stdin + key + b"=" + value + b"\n") == ask(stdin)
        with pytest.raises(UsageError, match="two different values"):
            ask(stdin + key + b"=other\n")

    def test_the_last_of_other_repeated_keys_wins(self) -> None:
        assert ask(b"protocol=https\nhost=h\npassword=a\npassword=b\n").password == Secret("b")

    def test_a_line_and_a_request_may_be_as_long_as_the_documentation_says_and_no_longer(self) -> None:
        head = b"protocol=https\nhost=h\npassword="
        longest = b"x" * (LINE_AT_MOST - len(b"password="))
        assert ask(head + longest, "store").password == Secret(longest.decode())
        with pytest.raises(UsageError, match="line"):
            ask(head + longest + b"x", "store")
        lines = head + b"a\n" + b"k=" + b"x" * 1000 + b"\n"
        full = lines + (b"k" * 99 + b"\n") * ((STDIN_AT_MOST - len(lines)) // 100)
        full += b"\n" * (STDIN_AT_MOST - len(full))
        assert ask(full).password == Secret("a")
        with pytest.raises(UsageError, match="longer"):
            ask(full + b"\n")

    @pytest.mark.parametrize(
        ("value", "interactive"),
        [("1", True), ("true", True), ("yes", True), ("0", False), ("false", False), ("No", False), ("", False)],
    )
    def test_gits_own_switch_says_whether_a_person_may_be_asked(self, value: str, interactive: bool) -> None:
        assert ask(b"protocol=https\nhost=h\n", GIT_TERMINAL_PROMPT=value).interactive is interactive


class TestPlaces:
    @pytest.mark.parametrize(
        ("path", "normal"),
        [
            ("acme/rocket", "acme/rocket"),
            ("acme/rocket.git", "acme/rocket"),
            ("acme/rocket.git/", "acme/rocket"),
            ("/acme/rocket", "acme/rocket"),
            ("acme/rocket.git/info/lfs", "acme/rocket"),
            ("acme/rocket/info/lfs", "acme/rocket"),
            ("acme/rocket.git?service=git-upload-pack", "acme/rocket"),
            ("acme?x/../..", "acme"),
            ("acme/.git", "acme/.git"),
            (".git", ".git"),
            ("acme/info/lfs.git", "acme/info/lfs"),
            ("my%2Dorg/x", "my%2Dorg/x"),
            ("", ""),
        ],
    )
    def test_a_path_names_the_repository(self, path: str, normal: str) -> None:
        url = ask(f"protocol=https\nhost=github.com\npath={path}\n".encode()).url
        assert url is not None
        assert url.path == normal

    @pytest.mark.parametrize("verb", ACTIONS)
    @pytest.mark.parametrize("path", ["..", "acme/../evil", "acme/./x", "acme//x", "acme/..git", "../info/lfs", "//x"])
    def test_a_path_without_a_normal_form_is_not_ours(self, path: str, verb: str) -> None:
        with pytest.raises(CredentialNotFound) as caught:
            ask(f"protocol=https\nhost=github.com\npath={path}\n".encode(), verb)
        reply = GIT.failure(None, caught.value)
        assert (reply.stdout, reply.exit_code) == (b"", 0), "another helper may have it"
        assert bool(reply.message) == (verb == "store"), "who handed it over is told that it was not kept"

    @pytest.mark.parametrize(
        ("host", "normal"),
        [
            ("GitHub.COM", "github.com"),
            ("github.com.", "github.com"),
            ("github.com:443", "github.com"),
            ("github.com:8443", "github.com:8443"),
            ("[::1]:8443", "[::1]:8443"),
        ],
    )
    def test_a_host_is_brought_into_normal_form(self, host: str, normal: str) -> None:
        request = ask(f"protocol=https\nhost={host}\n".encode())
        assert request.url == Url(scheme="https", host=normal)
        assert request.asked == f"https://{host}"

    def test_other_protocols_keep_their_name_for_the_routes_to_miss(self) -> None:
        assert ask(b"protocol=smtp\nhost=mail.example:587\n").url == Url(scheme="smtp", host="mail.example:587")

    def test_the_passphrase_of_a_client_certificate_is_asked_without_a_host(self) -> None:
        asked = ask(b"protocol=cert\nhost=\npath=/home/me/cert.pem\nusername=\n")
        assert asked.url == Url(scheme="cert", host="", path="home/me/cert.pem")
        assert asked.path == "/home/me/cert.pem"

    @pytest.mark.parametrize("protocol", [b"https", b"cert"])
    @pytest.mark.parametrize("path", [b"", b"path=\n"])
    def test_no_other_request_goes_without_a_host(self, protocol: bytes, path: bytes) -> None:
        with pytest.raises(UsageError):
            ask(b"protocol=" + protocol + b"\nhost=\n" + path)

    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            (b"https://github.com", ("https", "github.com", "", None, None)),
            (b"https://me@github.com/acme/rocket.git/", ("https", "github.com", "acme/rocket", "me", None)),
            (b"https://m%65:p%3aw@github.com:443//acme", ("https", "github.com", "acme", "me", "p:w")),
            (b"https://@github.com/", ("https", "github.com", "", "", None)),
            (b"https://github.com?x=https://evil.example/", ("https", "github.com", "", None, None)),
            (b"https://github.com/a@b/c", ("https", "github.com", "a@b/c", None, None)),
        ],
    )
    def test_a_url_is_split_and_decoded_as_git_would(self, url: bytes, expected: tuple[str | None, ...]) -> None:
        request = ask(b"url=" + url + b"\n")
        assert request.url is not None
        scheme, host, path, username, password = expected
        assert request.url == Url(scheme=scheme or "", host=host or "", path=path or "")
        assert request.username == username
        assert request.password == (None if password is None else Secret(password))

    def test_a_url_replaces_what_came_before_it_and_later_keys_override_it(self) -> None:
        request = ask(b"protocol=http\nhost=old\nusername=me\nurl=https://new/acme\nhost=github.com\npath=umbrella\n")
        assert request.url == Url(scheme="https", host="github.com", path="umbrella")
        assert request.username is None
        with pytest.raises(UsageError, match="two different values"):
            ask(b"url=https://github.com/acme\nhost=a\nhost=b\n")


ATTACKS: list[tuple[str, bytes, type[KeywrightError]]] = [
    (
        "CVE-2020-5260: an LF in the URL becomes a second host",
        b"protocol=https\nhost=one.example.com?\nhost=two.example.com\n",
        UsageError,
    ),
    (
        "CVE-2020-5260: the second host comes first",
        b"host=two.example.com\nprotocol=https\nhost=one.example.com\n",
        UsageError,
    ),
    ("CVE-2020-5260: a second protocol", b"protocol=http\nprotocol=https\nhost=github.com\n", UsageError),
    (
        "CVE-2020-5260: an encoded LF where we decode",
        b"url=https://one.example.com%0ahost=two.example.com/\n",
        UsageError,
    ),
    (
        "CVE-2020-5260: an encoded LF in the query, which is no part of the host",
        b"url=https://one.example.com/a%0ahost=two.example.com\n",
        UsageError,
    ),
    ("CVE-2020-5260: an encoded LF in the user name", b"url=https://a%0ahost=b@one.example.com/\n", UsageError),
    ("CVE-2020-11008: nothing at all", b"", UsageError),
    ("CVE-2020-11008: a blank request", b"\nprotocol=https\nhost=github.com\n", UsageError),
    ("CVE-2020-11008: no host, as `https:///foo.git` gives", b"protocol=https\nhost=\npath=foo.git\n", UsageError),
    ("CVE-2020-11008: no host line", b"protocol=https\npath=foo.git\n", UsageError),
    ("CVE-2020-11008: no protocol, as `http::one.example.com/foo.git` gives", b"host=one.example.com\n", UsageError),
    ("CVE-2020-11008: an empty protocol", b"protocol=\nhost=one.example.com\n", UsageError),
    ("CVE-2020-11008: `http::://one.example.com`", b"protocol=http::\nhost=one.example.com\n", CredentialNotFound),
    (
        "CVE-2020-11008: a protocol that climbs out",
        b"protocol=..\\../.\\../\nhost=one.example.com\n",
        CredentialNotFound,
    ),
    ("CVE-2020-11008: a url without a scheme", b"url=one.example.com/foo.git\n", UsageError),
    ("CVE-2020-11008: a url without a host", b"url=https:///foo.git\n", UsageError),
    ("CVE-2024-50349: terminal escapes in the host", b"protocol=https\nhost=\x1b[31mgithub.com\n", UsageError),
    ("CVE-2024-50349: terminal escapes in the user name", b"protocol=https\nhost=h\nusername=\x1b[2K\n", UsageError),
    ("CVE-2024-50349: DEL in the user name", b"protocol=https\nhost=h\nusername=a\x7f\n", UsageError),
    ("CVE-2024-50349: terminal escapes in the path", b"protocol=https\nhost=h\npath=\x07\n", UsageError),
    ("CVE-2024-50349: an encoded escape", b"url=https://%1b[31m@github.com/\n", UsageError),
    ("CVE-2024-52006: `https://example%0d.com/`", b"protocol=https\nhost=example\r.com\n", UsageError),
    (
        "CVE-2024-52006: `http://%0dprotocol=https%0dhost=github.com%0d@localhost:9/`",
        b"protocol=http\nhost=localhost:9\nusername=\rprotocol=https\rhost=github.com\r\n",
        UsageError,
    ),
    ("CVE-2024-52006: git died after the protocol", b"protocol=https\n", UsageError),
    (
        "CVE-2024-50338: a reader that splits at CR",
        b"protocol=https\nhost=evil.example\rhost=github.com\n",
        UsageError,
    ),
    ("CVE-2024-53263: CR from .lfsconfig", b"url=https://one.example.com%0dhost=github.com/\n", UsageError),
    ("CVE-2024-53263: NUL from .lfsconfig", b"protocol=https\nhost=github.com\0.evil.example\n", UsageError),
    ("CVE-2024-53263: an encoded NUL", b"url=https://github.com%00.evil.example/\n", UsageError),
    ("CVE-2025-23040: CR and LF together inside", b"protocol=https\nhost=a\r\r\nhost=github.com\n", UsageError),
    ("CVE-2025-48386: a line without an end", b"protocol=https\nhost=" + b"a" * 70_000, UsageError),
    ("a decoded blank in the host", b"protocol=https\nhost=evil.example .github.com\n", CredentialNotFound),
    ("a literal %00 in the host", b"protocol=https\nhost=github.com%00.evil.example\n", CredentialNotFound),
    ("UTF-8 in the host", "protocol=https\nhost=g\u0131thub.com\n".encode(), CredentialNotFound),
    ("a user inside the host", b"protocol=https\nhost=github.com@evil.example\n", CredentialNotFound),
    ("a second @ in the url", b"url=https://a@github.com@evil.example/\n", CredentialNotFound),
]


class TestAttacks:
    @pytest.mark.parametrize("verb", ACTIONS)
    @pytest.mark.parametrize(("stdin", "error"), [pytest.param(stdin, error, id=why) for why, stdin, error in ATTACKS])
    def test_a_forged_request_gets_nothing(self, stdin: bytes, error: type[KeywrightError], verb: str) -> None:
        with pytest.raises(error) as caught:
            ask(stdin, verb)
        reply = GIT.failure(None, caught.value)
        assert reply.stdout == b""
        assert reply.message.isprintable()
        assert not any(place in reply.message for place in ("example", "github"))

    @pytest.mark.parametrize(
        ("stdin", "host"),
        [
            pytest.param(
                b"protocol=https\nhost=github.com.attacker.example\n", "github.com.attacker.example", id="suffix"
            ),
            pytest.param(b"protocol=https\nhost=notgithub.com\n", "notgithub.com", id="prefix"),
            pytest.param(b"protocol=https\nhost=github.com:8443\n", "github.com:8443", id="port"),
            pytest.param(b"url=https://github.com\\@evil.example/x\n", "evil.example", id="backslash in the user"),
            pytest.param(b"url=https://github.com%2f@evil.example/x\n", "evil.example", id="encoded slash in the user"),
        ],
    )
    def test_a_host_that_looks_like_another_keeps_its_own_name(self, stdin: bytes, host: str) -> None:
        url = ask(stdin).url
        assert url is not None
        assert url.host == host

    @given(st.binary(max_size=300), st.sampled_from(ACTIONS))
    @example(b"\r\n", "get")
    @example(b"=\n=\n", "erase")
    def test_no_bytes_make_it_fail_otherwise_than_by_contract(self, stdin: bytes, verb: str) -> None:
        try:
            request = ask(stdin, verb)
        except (UsageError, CredentialNotFound):
            return
        assert request.url is not None
        assert request.url.host

    @given(st.text(max_size=30).map(str.encode), st.sampled_from([b"protocol", b"host", b"path", b"username"]))
    def test_no_control_byte_ever_reaches_a_request(self, value: bytes, key: bytes) -> None:
        fields = {b"protocol": b"https", b"host": b"github.com", key: value}
        try:
            request = ask(b"".join(name + b"=" + text + b"\n" for name, text in fields.items()))
        except (UsageError, CredentialNotFound):
            return
        said = f"{request.url}{request.asked}{request.username}"
        assert not any(ord(c) < 0x20 or ord(c) == 0x7F for c in said)


class TestAnswers:
    @pytest.mark.parametrize(
        ("accepts", "credential", "until", "expected"),
        [
            ((), PASSWORD, None, b"username=x-access-token\npassword=ghs_one\n"),
            (("state",), PASSWORD, None, b"username=x-access-token\npassword=ghs_one\n"),
            (
                (),
                PASSWORD,
                UNTIL,
                b"username=x-access-token\npassword=ghs_one\npassword_expiry_utc=1772370000\n",
            ),
            (
                ("authtype", "state"),
                PASSWORD,
                UNTIL,
                (
                    b"capability[]=authtype\nusername=x-access-token\npassword=ghs_one\n"
                    b"password_expiry_utc=1772370000\nephemeral=1\n"
                ),
            ),
            (
                ("authtype",),
                BEARER,
                UNTIL,
                (
                    b"capability[]=authtype\nauthtype=Bearer\ncredential=ghs_one\n"
                    b"password_expiry_utc=1772370000\nephemeral=1\n"
                ),
            ),
            ((), PASSWORD, ISSUED_AT, b"username=x-access-token\npassword=ghs_one\n"),
            ((), PASSWORD, ISSUED_AT - timedelta(days=1), b"username=x-access-token\npassword=ghs_one\n"),
            ((), PASSWORD, datetime(1960, 1, 1, tzinfo=UTC), b"username=x-access-token\npassword=ghs_one\n"),
        ],
    )
    def test_an_answer_is_these_bytes(
        self, accepts: tuple[str, ...], credential: Credential, until: datetime | None, expected: bytes
    ) -> None:
        assert GIT.answer(question(accepts=accepts), credential, until) == expected

    @pytest.mark.parametrize("bad", ["a\nb", "a\r", "\0", "a\r\nhost=evil.example"])
    def test_a_value_that_would_break_the_lines_is_refused(self, bad: str) -> None:
        for credential in (
            Credential(secret=Secret(bad), username="me", issued_at=ISSUED_AT),
            Credential(secret=Secret("ghs_one"), username=bad, issued_at=ISSUED_AT),
        ):
            with pytest.raises(Refused) as caught:
                GIT.answer(question(), credential, None)
            assert bad not in str(caught.value)

    def test_an_old_git_gets_no_bearer_token(self) -> None:
        with pytest.raises(Refused, match="bearer token"):
            GIT.answer(question(), BEARER, None)

    @pytest.mark.parametrize("username", ["", "somebody", "X-Access-Token"])
    def test_another_users_credential_is_not_handed_over(self, username: str) -> None:
        for credential in (PASSWORD, BEARER):
            with pytest.raises(CredentialNotFound) as caught:
                GIT.answer(question(username=username, accepts=("authtype",)), credential, None)
            assert GIT.failure(question(), caught.value) == Reply(b"", 0)

    def test_the_user_that_was_asked_for_is_served(self) -> None:
        assert GIT.answer(question(username="x-access-token"), PASSWORD, None).startswith(b"username=x-access-token\n")


class TestReplies:
    @pytest.mark.parametrize("is_minted", [True, False])
    @pytest.mark.parametrize("verb", [Verb.STORE, Verb.ERASE, Verb.UNKNOWN])
    def test_store_erase_and_the_unknown_are_silent(self, verb: Verb, is_minted: bool) -> None:
        assert GIT.done(Request(client=Client.GIT, verb=verb), is_minted=is_minted) == Reply(b"", 0)

    @pytest.mark.parametrize(
        ("args", "stdout", "exit_code"),
        [
            (["capability"], CAPABILITIES, 0),
            (["--help"], USAGE.encode(), 0),
            (["--version"], b"git-credential-keywright 0.1.0\n", 0),
            ([], b"", 2),
        ],
    )
    def test_what_is_asked_about_the_helper_is_told(self, args: list[str], stdout: bytes, exit_code: int) -> None:
        reply = GIT.done(GIT.parse(args, b"", {}), is_minted=False)
        assert (reply.stdout, reply.exit_code) == (stdout, exit_code)
        assert bool(reply.message) == bool(exit_code)

    def test_the_capabilities_are_in_their_own_grammar(self) -> None:
        assert CAPABILITIES == b"version 0\ncapability authtype\n"

    def test_what_is_not_ours_passes_in_silence_unless_a_person_can_mend_it(self) -> None:
        assert GIT.failure(None, CredentialNotFound("no route")) == Reply(b"", 0)
        reply = GIT.failure(None, CredentialNotFound("no route", mend="run `keywright login`"))
        assert reply == Reply(b"", 0, "no route; run `keywright login` [credential_not_found]")

    def test_every_other_failure_says_why_and_prints_nothing(self) -> None:
        error = Busy("another process is renewing").about("github-app:acme", "github.com")
        assert GIT.failure(None, error) == Reply(
            b"", 5, "github-app:acme for github.com: another process is renewing [busy]"
        )
