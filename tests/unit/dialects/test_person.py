"""What a person may ask, and what they are told."""

from datetime import UTC, datetime

import pytest

from keywright.credential import Credential
from keywright.dialects.person import PersonDialect
from keywright.errors import Refused, UsageError
from keywright.hit import question
from keywright.request import Client, Request, Url, Verb
from keywright.secret import Secret

ACME = Request(
    client=Client.PERSON, verb=Verb.GET, asked="github-app:acme", profile="github-app:acme", interactive=True
)
PLACE = Url(scheme="https", host="ghcr.io", path="acme")


@pytest.mark.parametrize(
    ("rest", "request_"),
    [
        ([], ACME),
        (["--url", "https://ghcr.io/acme"], ACME._replace(url=PLACE)),
        (["--force"], ACME._replace(is_forced=True)),
        (["--url", "https://ghcr.io/acme", "--force"], ACME._replace(url=PLACE, is_forced=True)),
    ],
)
def test_a_profile_is_asked_for_by_its_name(rest: list[str], request_: Request) -> None:
    assert PersonDialect().parse(["token", "github-app:acme", *rest], b"", {}) == request_


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["token"],
        ["token", ""],
        ["token", "--force"],
        ["token", "", "--force"],
        ["token", "a", "b"],
        ["token", "a", "--url"],
        ["token", "a", "--url", "--force"],
        ["token", "a", "--url", "https://x y"],
        ["token", "a", "--force", "--force"],
        ["token", "a", "--force", "--url", "https://x"],
        ["tokens", "a"],
    ],
)
def test_anything_else_is_refused_with_how_to_ask(args: list[str]) -> None:
    with pytest.raises(UsageError, match=r"run `keywright token PROFILE \[--url URL\] \[--force\]`"):
        PersonDialect().parse(args, b"", {})


def test_the_plain_question_and_the_forced_one_are_two_questions() -> None:
    plain, forced = (question("keywright", ["token", "a", *rest], {}, None) for rest in ([], ["--force"]))
    assert plain
    assert plain != forced


def test_the_answer_is_the_secret_and_a_line_break() -> None:
    credential = Credential(secret=Secret("s3cret"), issued_at=datetime(2030, 1, 1, tzinfo=UTC))
    assert PersonDialect().answer(ACME, credential, None) == b"s3cret\n"


@pytest.mark.parametrize("secret", ["", "a\nb", "a\0", "ä", "\x1b[0m"])
def test_what_does_not_fit_on_a_line_is_refused(secret: str) -> None:
    credential = Credential(secret=Secret(secret), issued_at=datetime(2030, 1, 1, tzinfo=UTC))
    with pytest.raises(Refused, match="do not fit on one line"):
        PersonDialect().answer(ACME, credential, None)


def test_a_failure_is_one_line_and_its_exit_code() -> None:
    reply = PersonDialect().failure(None, Refused("it said no", mend="ask it"))
    assert (reply.stdout, reply.exit_code, reply.message) == (b"", 1, "it said no; ask it [refused]")
